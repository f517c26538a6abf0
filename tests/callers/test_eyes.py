"""What a caller sees has a word, the same at each replica, from which neither they nor their way to it can be told."""

import pytest

from bitrix24_mcp.callers.caller import Caller
from bitrix24_mcp.callers.own_keys import OwnKeys
from bitrix24_mcp.settings import Settings

WAY = {"VIBECODE_API_KEY": "vibe_api_of_the_operator", "VIBECODE_BASE_URL": "https://gateway.example"}


def eyes(id_: str = "token anna", **more: str) -> str:
    return Caller(id_, "anna", Settings.of({**WAY, **more})).eyes


def test_it_is_the_same_at_each_replica() -> None:
    assert eyes() == eyes(BITRIX24_MCP_MAX_TOKENS="500", BITRIX24_MCP_ALLOW_WRITES="true")


@pytest.mark.parametrize(
    "other",
    [
        {"id_": "token boris"},
        {"VIBECODE_API_KEY": "vibe_api_of_another"},
        {"VIBECODE_SESSION_TOKEN": "a-session"},
        {"VIBECODE_BASE_URL": "https://other.example"},
        {"BITRIX24_WEBHOOK_URL": "https://company.example/rest/1/a-webhook/"},
        {"BITRIX24_PORTAL": "company.bitrix24.com"},
        {"BITRIX24_PLAN": "enterprise"},
    ],
)
def test_it_differs_with_all_that_decides_what_is_seen(other: dict[str, str]) -> None:
    assert eyes(**other) != eyes()


@pytest.mark.anyio
async def test_it_differs_for_each_key_and_session() -> None:
    keys = OwnKeys(Settings.of({}))
    seen = {
        (await keys.recognise({"x-api-key": key, "authorization": f"Bearer {session}"})).eyes
        for key in ("vibe_app_a", "vibe_app_b")
        for session in ("a", "b")
    }
    assert len(seen) == 4


def test_nothing_can_be_told_from_it() -> None:
    word = eyes()
    assert len(word) == 64
    assert not any(each in word for each in ("anna", "vibe", "operator", "gateway"))
