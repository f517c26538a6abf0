"""The person at the terminal, who is asked before a command writes."""

import sys
from dataclasses import dataclass
from importlib import metadata

from bitrix24_mcp.commands.terminal import Terminal
from bitrix24_mcp.settings import SettingsError


@dataclass(frozen=True, slots=True)
class TerminalUser:
    """Whoever typed the command; with `--yes` they have agreed beforehand."""

    terminal: Terminal
    yes: bool = False
    can_be_asked: bool = True
    answers: str = ""

    @property
    def client(self) -> str:
        """The command line, with its version."""
        return f"command line {metadata.version('bitrix24-mcp')}"

    async def agrees(self, question: str, code: str) -> bool:
        """Shows what would be written and waits for a yes; raises SettingsError where nobody can say it."""
        del code
        self.terminal.complain(question)
        if self.yes:
            return True
        if not sys.stdin.isatty():
            raise SettingsError("Nothing was written: nobody is at the terminal to agree. Add --yes to do it.")
        self.terminal.complain("Write this? [y/N]")
        return sys.stdin.readline().strip().casefold() in {"y", "yes", "д", "да"}
