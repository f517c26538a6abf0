"""The embedded demo portal: made-up data over HTTP, as the VibeCode gateway and as Bitrix24's own REST serve it."""

from bitrix24_mcp.demo.app import create_app
from bitrix24_mcp.demo.faults import Fault
from bitrix24_mcp.demo.gateway import RestSwitches
from bitrix24_mcp.demo.recording import RecordedRequest
from bitrix24_mcp.demo.server import DemoPortal

__all__ = ["DemoPortal", "Fault", "RecordedRequest", "RestSwitches", "create_app"]
