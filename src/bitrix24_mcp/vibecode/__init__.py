"""A Portal over the VibeCode gateway. Knows nothing of MCP."""
