"""A Portal and a Writer over Bitrix24's own REST: by an incoming webhook, or by an OAuth application."""
