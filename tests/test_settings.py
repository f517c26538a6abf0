"""Settings are read once; a wrong one is named, an empty one is not set, and no secret shows."""

from collections.abc import Mapping

import pytest
from pydantic import ValidationError

from bitrix24_mcp.settings import GATEWAY, Settings, SettingsError, version
from bitrix24_mcp.vibecode.credentials import Credentials

KEY = {"VIBECODE_API_KEY": "vibe_api_x"}
WEBHOOK = "https://company.bitrix24.com/rest/1/abc123/"
DOORS = {
    "gateway": KEY,
    "webhook": {"BITRIX24_WEBHOOK_URL": WEBHOOK},
    "account": {
        "BITRIX24_PORTAL": "company.bitrix24.com",
        "BITRIX24_CLIENT_ID": "local.1",
        "BITRIX24_CLIENT_SECRET": "x",
    },
}
NAMES = [
    "VIBECODE_API_KEY",
    "VIBECODE_SESSION_TOKEN",
    "VIBECODE_BASE_URL",
    "BITRIX24_WEBHOOK_URL",
    "BITRIX24_PORTAL",
    "BITRIX24_PLAN",
    "BITRIX24_MCP_TIME_ZONE",
    "BITRIX24_MCP_MAX_TOKENS",
    "BITRIX24_MCP_MAX_CALLS",
    "BITRIX24_MCP_MAX_SECONDS",
    "BITRIX24_MCP_TOOLS",
    "BITRIX24_MCP_LOG_LEVEL",
]


def read(environment: Mapping[str, str]) -> tuple[object, ...]:
    chosen = Settings.of(environment)
    secrets = (chosen.api_key.get_secret_value(), chosen.session_token.get_secret_value())
    costs = (chosen.max_tokens, chosen.max_calls, chosen.max_seconds)
    doors = (chosen.base_url, chosen.webhook_url.get_secret_value(), chosen.portal, chosen.plan)
    return (*secrets, *doors, chosen.time_zone, *costs, chosen.tools, chosen.log_level)


DEFAULTS = ("", "", GATEWAY, "", "", "", "", 4_000, 100, 120, frozenset[str](), "WARNING")


@pytest.mark.parametrize("value", ["", " ", "\n"])
def test_empty_means_not_set(value: str) -> None:
    assert read(dict.fromkeys(NAMES, value)) == DEFAULTS
    assert read({"PATH": "/bin", "HOME": "", "BITRIX24_MCP_SOMETHING_ELSE": "x"}) == DEFAULTS


@pytest.mark.parametrize(
    ("name", "written", "value"),
    [
        ("VIBECODE_API_KEY", " vibe_api_x\n", "vibe_api_x"),
        ("VIBECODE_SESSION_TOKEN", "vibe_session_y", "vibe_session_y"),
        ("VIBECODE_BASE_URL", "https://gateway.example/", "https://gateway.example"),
        ("VIBECODE_BASE_URL", "http://127.0.0.1:8000", "http://127.0.0.1:8000"),
        ("BITRIX24_WEBHOOK_URL", WEBHOOK, WEBHOOK),
        ("BITRIX24_PORTAL", "https://Company.bitrix24.com/stream/", "company.bitrix24.com"),
        ("BITRIX24_PLAN", "Enterprise", "enterprise"),
        ("BITRIX24_MCP_TIME_ZONE", "Europe/Moscow", "Europe/Moscow"),
        ("BITRIX24_MCP_MAX_TOKENS", "300", 300),
        ("BITRIX24_MCP_MAX_TOKENS", "50000", 50_000),
        ("BITRIX24_MCP_MAX_CALLS", "5", 5),
        ("BITRIX24_MCP_MAX_SECONDS", "3600", 3_600),
        ("BITRIX24_MCP_TOOLS", "search_items, aggregate,,", frozenset({"search_items", "aggregate"})),
        ("BITRIX24_MCP_LOG_LEVEL", "debug", "DEBUG"),
    ],
)
def test_each_variable_sets_its_own_value_and_nothing_else(name: str, written: str, value: object) -> None:
    expected: list[object] = list(DEFAULTS)
    expected[NAMES.index(name)] = value

    assert read({name: written}) == tuple(expected)


@pytest.mark.parametrize(
    ("name", "written", "belongs"),
    [
        ("VIBECODE_API_KEY", "two words", "must be one word of plain characters"),
        ("VIBECODE_API_KEY", "ключ", "must be one word of plain characters"),
        ("VIBECODE_SESSION_TOKEN", "line\nbreak", "must be one word of plain characters"),
        ("VIBECODE_SESSION_TOKEN", "bell\x07", "must be one word of plain characters"),
        ("VIBECODE_BASE_URL", "http://gateway.example", "must use https"),
        ("VIBECODE_BASE_URL", "gateway.example", "must start with https://"),
        ("VIBECODE_BASE_URL", "https://me:S3CRET@gateway.example", "must be a plain address"),
        ("VIBECODE_BASE_URL", "https://gateway.example:port", "must start with https://"),
        ("VIBECODE_BASE_URL", "https://[::1", "must start with https://"),
        ("BITRIX24_WEBHOOK_URL", "https://company.bitrix24.com", "is the address of a portal, not of a webhook"),
        ("BITRIX24_WEBHOOK_URL", "http://company.bitrix24.com/rest/1/S3CRET/", "must use https"),
        ("BITRIX24_WEBHOOK_URL", "https://company.bitrix24.com/rest/S3CRET/", "lacks the user id"),
        ("BITRIX24_PLAN", "free", "'' or 'enterprise'"),
        ("BITRIX24_PORTAL", "https://", "must be a portal's address, such as company.bitrix24.com"),
        ("BITRIX24_MCP_TIME_ZONE", "Moscow", "must be an IANA time zone such as Europe/Moscow"),
        ("BITRIX24_MCP_TIME_ZONE", "../etc/passwd", "must be an IANA time zone such as Europe/Moscow"),
        ("BITRIX24_MCP_TIME_ZONE", "Europe", "must be an IANA time zone such as Europe/Moscow"),
        ("BITRIX24_MCP_MAX_TOKENS", "many", "valid integer"),
        ("BITRIX24_MCP_MAX_TOKENS", "299", "greater than or equal to 300"),
        ("BITRIX24_MCP_MAX_TOKENS", "50001", "less than or equal to 50000"),
        ("BITRIX24_MCP_MAX_CALLS", "4", "greater than or equal to 5"),
        ("BITRIX24_MCP_MAX_SECONDS", "3601", "less than or equal to 3600"),
        (
            "BITRIX24_MCP_REDIS",
            "http://:S3CRET@redis.example",
            "must be the address of a Redis server, such as redis://",
        ),
        ("BITRIX24_MCP_DATABASE", "mysql://me:S3CRET@db.example/x", "must be the address of a PostgreSQL database"),
        ("BITRIX24_MCP_REPLICAS", "0", "greater than or equal to 1"),
        ("BITRIX24_MCP_LOG_LEVEL", "loud", "'DEBUG', 'INFO', 'WARNING' or 'ERROR'"),
    ],
)
def test_a_wrong_value_names_its_variable_and_what_belongs_there(name: str, written: str, belongs: str) -> None:
    with pytest.raises(SettingsError) as refused:
        Settings.of({**KEY, name: written})

    assert str(refused.value).startswith(f"{name}: ")
    assert str(refused.value).endswith(".")
    assert belongs in str(refused.value)
    assert "S3CRET" not in str(refused.value)
    assert (refused.value.__cause__, refused.value.__context__) == (None, None)


def test_settings_cannot_be_changed() -> None:
    with pytest.raises(ValueError, match="frozen"):
        Settings.of(KEY).max_tokens = 5  # pyright: ignore[reportAttributeAccessIssue] - the claim


def test_no_secret_shows_in_any_text() -> None:
    webhook = WEBHOOK.replace("abc123", "S3CRET")
    secrets = {"VIBECODE_API_KEY": "vibe_app_S3CRET", "VIBECODE_SESSION_TOKEN": "vibe_session_S3CRET"}
    chosen = Settings.of({**secrets, "BITRIX24_WEBHOOK_URL": webhook})

    assert "S3CRET" not in f"{chosen} {chosen!r} {chosen.model_dump()} {chosen.model_dump_json()}"
    assert "S3CRET" not in f"{chosen.credentials()!r} {chosen.webhook()!r}"


@pytest.mark.parametrize("name", ["VIBECODE_API_KEY", "VIBECODE_SESSION_TOKEN"])
def test_a_wrong_secret_is_not_repeated(name: str) -> None:
    with pytest.raises(SettingsError) as refused:
        Settings.of({name: "S3CRET with spaces"})

    assert "S3CRET" not in f"{refused.value} {refused.value!r}"
    with pytest.raises(ValidationError) as invalid:
        Settings.model_validate({name: "S3CRET with spaces"})
    assert "S3CRET" not in str(invalid.value)


@pytest.mark.parametrize(
    ("environment", "credentials"),
    [
        (KEY, Credentials(GATEWAY, "vibe_api_x")),
        (
            {
                "VIBECODE_API_KEY": "vibe_app_x",
                "VIBECODE_SESSION_TOKEN": "s",
                "VIBECODE_BASE_URL": "http://localhost:1",
            },
            Credentials("http://localhost:1", "vibe_app_x", "s"),
        ),
    ],
    ids=["personal key", "app key"],
)
def test_the_credentials_hold_key_session_and_address(environment: Mapping[str, str], credentials: Credentials) -> None:
    assert Settings.of(environment).credentials() == credentials


@pytest.mark.parametrize("door", DOORS)
def test_the_door_is_the_one_that_is_set(door: str) -> None:
    chosen = Settings.of(DOORS[door])

    assert chosen.door == door
    chosen.check_door()


@pytest.mark.parametrize(("first", "second"), [("gateway", "webhook"), ("webhook", "account"), ("gateway", "account")])
def test_two_doors_at_once_are_refused_because_they_may_lead_to_two_portals(first: str, second: str) -> None:
    with pytest.raises(SettingsError) as refused:
        Settings.of({**DOORS[first], **DOORS[second]}).check_door()

    names = f"{next(iter(DOORS[first]))} and {next(iter(DOORS[second]))}"
    assert str(refused.value) == f"{names} are set, and each names a portal. Leave one of them."


def test_a_webhook_is_understood_with_a_method_at_its_end() -> None:
    chosen = Settings.of({"BITRIX24_WEBHOOK_URL": f"{WEBHOOK}profile.json"})

    assert chosen.webhook().endpoint == WEBHOOK


@pytest.mark.parametrize(
    ("environment", "named"),
    [
        ({}, ["VIBECODE_API_KEY", "BITRIX24_WEBHOOK_URL", "BITRIX24_PORTAL", "--demo"]),
        ({"VIBECODE_API_KEY": "vibe_app_x"}, ["VIBECODE_SESSION_TOKEN"]),
        ({"BITRIX24_PORTAL": "company.bitrix24.com"}, ["BITRIX24_CLIENT_ID", "BITRIX24_CLIENT_SECRET"]),
    ],
    ids=["nothing", "app key without a session", "account without an application"],
)
def test_what_is_missing_is_named_with_what_to_do(environment: Mapping[str, str], named: list[str]) -> None:
    with pytest.raises(SettingsError) as refused:
        Settings.of(environment).check_door()

    assert [word for word in named if word not in str(refused.value)] == []
    assert "vibe_app_x" not in str(refused.value)


def test_the_version_is_that_of_the_installed_package() -> None:
    assert version().count(".") == 2
