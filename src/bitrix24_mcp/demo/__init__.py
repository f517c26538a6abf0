"""The embedded demo portal: a local HTTP server that speaks the VibeCode gateway's contract over made-up data."""

from bitrix24_mcp.demo.app import create_app
from bitrix24_mcp.demo.faults import Fault
from bitrix24_mcp.demo.recording import RecordedRequest
from bitrix24_mcp.demo.server import DemoPortal

__all__ = ["DemoPortal", "Fault", "RecordedRequest", "create_app"]
