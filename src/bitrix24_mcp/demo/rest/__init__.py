"""Bitrix24's own REST over the same data: what a portal without a gateway answers."""
