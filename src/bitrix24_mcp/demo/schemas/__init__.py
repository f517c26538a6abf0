"""Every entity of the demo portal, declared as data."""

from bitrix24_mcp.demo.schemas.registry import Registry

__all__ = ["Registry"]
