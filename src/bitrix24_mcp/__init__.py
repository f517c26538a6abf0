"""An MCP server that lets AI assistants work with a Bitrix24 portal."""
