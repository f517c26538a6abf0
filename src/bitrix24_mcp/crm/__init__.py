"""The portal in its own words: entities, fields, filters, figures. Knows neither MCP nor HTTP."""
