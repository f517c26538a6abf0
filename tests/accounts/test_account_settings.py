"""What connecting a portal needs is set by name, and a wrong value is named."""

import sys
from pathlib import Path

import pytest

from bitrix24_mcp.accounts.card import Card
from bitrix24_mcp.settings import Settings, SettingsError

CARD = {"BITRIX24_CLIENT_ID": "local.app", "BITRIX24_CLIENT_SECRET": "S3CRET"}


def test_the_card_holds_what_is_set() -> None:
    chosen = Settings.of(
        {
            **CARD,
            "BITRIX24_MCP_AUTHORIZATION_HOSTS": "https://OAuth.own.example/, 127.0.0.1:8024",
            "BITRIX24_MCP_RETURN_HOSTS": "app.example",
        }
    )

    assert chosen.card() == Card("local.app", "S3CRET", ("oauth.own.example", "127.0.0.1:8024"), ("app.example",))
    assert "S3CRET" not in f"{chosen!r} {chosen.card()!r} {chosen.model_dump_json()}"


@pytest.mark.parametrize("missing", list(CARD))
def test_without_an_application_it_is_said_how_to_get_one(missing: str) -> None:
    chosen = Settings.of({**CARD, missing: ""})

    assert not chosen.has_card
    with pytest.raises(SettingsError, match="Register one in the portal"):
        chosen.card()


@pytest.mark.parametrize(
    ("name", "written", "belongs"),
    [
        ("BITRIX24_MCP_AUTHORIZATION_HOSTS", "two words", "must be hosts, comma-separated"),
        ("BITRIX24_MCP_RETURN_HOSTS", "https://me:S3CRET@app.example", "must be hosts, comma-separated"),
        ("BITRIX24_CLIENT_SECRET", "S3CRET in words", "must be one word of plain characters"),
    ],
)
def test_a_wrong_value_names_its_variable(name: str, written: str, belongs: str) -> None:
    with pytest.raises(SettingsError) as refused:
        Settings.of({**CARD, name: written})

    assert str(refused.value).startswith(f"{name}: {belongs}")
    assert "S3CRET" not in str(refused.value)


@pytest.mark.skipif(sys.platform in {"win32", "darwin"}, reason="elsewhere the system names another folder")
@pytest.mark.parametrize(
    ("environment", "folder"),
    [
        ({}, Path.home() / ".local" / "share" / "bitrix24-mcp"),
        ({"XDG_DATA_HOME": "/data/of/ann"}, Path("/data/of/ann/bitrix24-mcp")),
        ({"XDG_DATA_HOME": "data"}, Path.home() / ".local" / "share" / "bitrix24-mcp"),
        ({"XDG_DATA_HOME": "/data/of/ann", "BITRIX24_MCP_DATA_DIR": "/srv/bitrix"}, Path("/srv/bitrix")),
        ({"BITRIX24_MCP_DATA_DIR": "~/bitrix"}, Path.home() / "bitrix"),
    ],
)
def test_accounts_are_kept_where_the_system_keeps_data_unless_a_folder_is_named(
    environment: dict[str, str], folder: Path
) -> None:
    assert Settings.of(environment).data_folder == folder
