"""What is wrong with the setting for Redis is said by its name, and never with what it holds."""

import sys

import pytest

from bitrix24_mcp.commands.sharing import linked
from bitrix24_mcp.settings import Settings, SettingsError

pytestmark = pytest.mark.anyio


async def test_without_the_setting_there_is_no_link() -> None:
    async with linked(Settings.of({})) as link:
        assert link is None


async def test_without_the_extra_the_error_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in [name for name in sys.modules if name.partition(".")[0] == "redis"]:
        monkeypatch.delitem(sys.modules, module)
    monkeypatch.setitem(sys.modules, "redis", None)
    with pytest.raises(SettingsError) as error:
        async with linked(Settings.of({"BITRIX24_MCP_REDIS": "redis://127.0.0.1/0"})):
            pass

    assert str(error.value) == "BITRIX24_MCP_REDIS needs the extra team: install bitrix24-mcp[team]."


async def test_an_address_that_cannot_be_read_is_not_repeated() -> None:
    with pytest.raises(SettingsError, match="BITRIX24_MCP_REDIS must be the address") as error:
        async with linked(Settings.of({"BITRIX24_MCP_REDIS": "redis://:a-password@127.0.0.1:port/0"})):
            pass

    assert "a-password" not in str(error.value)
