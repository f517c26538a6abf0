"""A server that others can reach asks who they are; a combination of settings that cannot work is told at the start."""

import pytest

from bitrix24_mcp.settings import Settings, SettingsError

EVERYWHERE = "0.0.0.0"  # noqa: S104 - it is what must not be bound without asking who calls


@pytest.mark.parametrize(
    ("settings", "host", "sse", "said"),
    [
        ({}, EVERYWHERE, False, "would let everybody who reaches this machine use your portal"),
        ({"BITRIX24_MCP_HOSTS": "mcp.example.com"}, "::", False, "would let everybody"),
        ({"BITRIX24_MCP_AUTH": "token"}, EVERYWHERE, False, "set BITRIX24_MCP_HOSTS to the names"),
        ({"BITRIX24_MCP_AUTH": "key"}, "127.0.0.1", True, "legacy SSE transport"),
        (
            {"BITRIX24_MCP_AUTH": "KEY", "VIBECODE_API_KEY": "vibe_api_x"},
            "127.0.0.1",
            False,
            "leave VIBECODE_API_KEY, BITRIX24_WEBHOOK_URL and BITRIX24_PORTAL out",
        ),
    ],
)
def test_what_cannot_be_meant_is_refused(settings: dict[str, str], host: str, sse: bool, said: str) -> None:  # noqa: FBT001 - parametrised
    with pytest.raises(SettingsError, match=said):
        Settings.of(settings).check_http(host, sse=sse)


@pytest.mark.parametrize(
    ("settings", "host"),
    [
        ({}, "127.0.0.1"),
        ({"BITRIX24_MCP_AUTH": "none"}, "::1"),
        ({"BITRIX24_MCP_AUTH": "key"}, "localhost"),
        ({"BITRIX24_MCP_AUTH": "token", "BITRIX24_MCP_HOSTS": "mcp.example.com, b.example"}, EVERYWHERE),
    ],
)
def test_what_can_be_meant_is_taken(settings: dict[str, str], host: str) -> None:
    Settings.of(settings).check_http(host, sse=False)


def test_an_unknown_way_to_tell_callers_apart_is_refused() -> None:
    with pytest.raises(SettingsError, match="BITRIX24_MCP_AUTH"):
        Settings.of({"BITRIX24_MCP_AUTH": "password"})
