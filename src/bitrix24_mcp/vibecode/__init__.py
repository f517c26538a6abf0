"""A Portal and a Writer over the VibeCode gateway. Knows nothing of MCP."""
