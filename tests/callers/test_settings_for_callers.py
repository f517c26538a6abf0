"""A server that others can reach asks who they are; a combination of settings that cannot work is told at the start."""

import pytest

from bitrix24_mcp.settings import Settings, SettingsError

OAUTH = {
    "BITRIX24_MCP_AUTH": "oauth",
    "BITRIX24_MCP_PUBLIC_URL": "https://mcp.example.com/mcp",
    "BITRIX24_MCP_OAUTH_ISSUER": "https://login.example.com/",
    "BITRIX24_MCP_PEOPLE": "people",
}
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
        (
            {"BITRIX24_MCP_AUTH": "oauth", "BITRIX24_MCP_PUBLIC_URL": "https://mcp.example.com/mcp"},
            EVERYWHERE,
            False,
            "set BITRIX24_MCP_OAUTH_ISSUER and BITRIX24_MCP_PEOPLE as well",
        ),
        (
            OAUTH | {"BITRIX24_MCP_OAUTH_CLIENT_ID": "x"},
            "127.0.0.1",
            False,
            "BITRIX24_MCP_OAUTH_CLIENT_SECRET are set together",
        ),
        (OAUTH | {"BITRIX24_PORTAL": "a.bitrix24.com"}, "127.0.0.1", False, "people have portals in a file: leave"),
        (OAUTH, "127.0.0.1", True, "legacy SSE transport"),
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
        (OAUTH, EVERYWHERE),
    ],
)
def test_what_can_be_meant_is_taken(settings: dict[str, str], host: str) -> None:
    Settings.of(settings).check_http(host, sse=False)


def test_an_unknown_way_to_tell_callers_apart_is_refused() -> None:
    with pytest.raises(SettingsError, match="BITRIX24_MCP_AUTH"):
        Settings.of({"BITRIX24_MCP_AUTH": "password"})


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("BITRIX24_MCP_PUBLIC_URL", "mcp.example.com/mcp"),
        ("BITRIX24_MCP_PUBLIC_URL", "http://mcp.example.com/mcp"),
        ("BITRIX24_MCP_PUBLIC_URL", "https://mcp.example.com/mcp?x=1"),
        ("BITRIX24_MCP_PUBLIC_URL", "https://mcp.example.com/mcp#x"),
        ("BITRIX24_MCP_PUBLIC_URL", 'https://mcp.example.com/a"b'),
        ("BITRIX24_MCP_PUBLIC_URL", "https://user@mcp.example.com/mcp"),
        ("BITRIX24_MCP_OAUTH_ISSUER", "http://login.example.com"),
        ("BITRIX24_MCP_OAUTH_ISSUER", "login.example.com"),
        ("BITRIX24_MCP_OAUTH_ISSUER", "https://login.example.com?tenant=1"),
        ("BITRIX24_MCP_OAUTH_SCOPE", "crm tasks"),
        ("BITRIX24_MCP_OAUTH_SCOPE", 'c"rm'),
        ("BITRIX24_MCP_OAUTH_CLIENT_SECRET", "two words"),
    ],
)
def test_an_address_or_a_word_that_cannot_be_one_is_refused_by_its_name(variable: str, value: str) -> None:
    with pytest.raises(SettingsError, match=f"^{variable}: must be "):
        Settings.of({variable: value})


def test_the_issuer_stays_as_it_is_written_and_the_servers_own_address_gets_one_form() -> None:
    settings = Settings.of(OAUTH | {"BITRIX24_MCP_PUBLIC_URL": "HTTPS://MCP.example.com:443/mcp/"})
    local = Settings.of(OAUTH | {"BITRIX24_MCP_PUBLIC_URL": "http://127.0.0.1:8023/mcp"})

    assert settings.oauth_issuer == "https://login.example.com/"
    assert (settings.public_url, settings.names) == ("https://mcp.example.com/mcp", ("mcp.example.com",))
    assert (local.public_url, local.names) == ("http://127.0.0.1:8023/mcp", ("127.0.0.1:8023",))
