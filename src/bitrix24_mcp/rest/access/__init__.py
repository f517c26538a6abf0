"""Who calls a portal, and where: a webhook or an OAuth application."""
