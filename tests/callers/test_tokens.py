"""A file of tokens holds names and hashes; a token is shown once and known by its hash."""

import re
import stat
from pathlib import Path

import pytest

from bitrix24_mcp.callers.caller import Unrecognised
from bitrix24_mcp.callers.tokens import Tokens, add_token
from bitrix24_mcp.settings import Settings, SettingsError

pytestmark = pytest.mark.anyio

HASH = "a" * 64


def tokens_in(path: Path) -> Tokens:
    return Tokens(Settings.of({"BITRIX24_MCP_TOKENS": str(path)}))


async def test_a_token_is_known_by_its_name_and_the_file_does_not_hold_it(tmp_path: Path) -> None:
    file = tmp_path / "tokens"
    token, other = add_token("anna", file), add_token("Борис", file)

    caller = await tokens_in(file).recognise({"authorization": f"bearer  {token} "})
    assert (caller.id, caller.name) == ("token anna", "anna")
    assert (await tokens_in(file).recognise({"authorization": f"Bearer {other}"})).name == "Борис"
    assert re.fullmatch(r"anna [0-9a-f]{64}\nБорис [0-9a-f]{64}\n", file.read_text(encoding="utf-8"))
    assert token not in file.read_text(encoding="utf-8")
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


@pytest.mark.parametrize("name", ["", "two words", "a" * 61, "a\nb", "#x"])
def test_a_name_that_cannot_stand_in_a_line_is_refused(name: str, tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="A name takes letters"):
        add_token(name, tmp_path / "tokens")

    assert list(tmp_path.iterdir()) == []


def test_nobody_has_two_tokens(tmp_path: Path) -> None:
    add_token("anna", tmp_path / "tokens")

    with pytest.raises(SettingsError, match="anna has a token already"):
        add_token("anna", tmp_path / "tokens")


@pytest.mark.parametrize(
    "text", ["anna", f"anna {HASH[1:]}", f"anna {HASH} x", f"a b {HASH}", f"anna {HASH}\nanna {'b' * 64}"]
)
def test_a_file_with_a_line_that_is_none_is_refused_with_its_number(text: str, tmp_path: Path) -> None:
    (tmp_path / "tokens").write_text(f"# people\n\n{text}\n")

    with pytest.raises(SettingsError, match=r"BITRIX24_MCP_TOKENS: line [34] of tokens is not a name of its own"):
        tokens_in(tmp_path / "tokens")


async def test_a_file_that_goes_wrong_later_lets_nobody_in_until_it_is_right(tmp_path: Path) -> None:
    file = tmp_path / "tokens"
    token = add_token("anna", file)
    right, tokens = file.read_text(), tokens_in(file)
    for broken in (lambda: file.write_text("nonsense"), file.unlink):
        broken()
        with pytest.raises(Unrecognised, match=r"The server cannot tell who calls\. BITRIX24_MCP_TOKENS"):
            await tokens.recognise({"authorization": f"Bearer {token}"})

    file.write_text(f"{right}\n")
    assert (await tokens.recognise({"authorization": f"Bearer {token}"})).name == "anna"


def test_a_file_that_is_not_there_is_told_at_the_start(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="tokens cannot be read"):
        tokens_in(tmp_path / "tokens")
    with pytest.raises(SettingsError, match="Name the file of tokens in BITRIX24_MCP_TOKENS"):
        Tokens(Settings.of({}))
