"""What is said when a file of ours cannot be used: the same troubles for each, in each one's own words."""

from dataclasses import dataclass
from pathlib import Path

from bitrix24_mcp.crm.errors import PortalUnavailable

_ANOTHER_FOLDER = "choose another folder with BITRIX24_MCP_DATA_DIR."


@dataclass(frozen=True, slots=True)
class Words:
    """The code and the sentences of one kind of file.

    `broken` may name `{path}` and `{reason}`, `open_to_others` names `{path}`, `closing` `{path}` and `{mode}`.
    """

    code: str
    broken: str
    busy: str
    newer: str
    open_to_others: str
    closing: str

    def unusable(self, what: str, advice: str) -> PortalUnavailable:
        """Anything that is wrong with the file, with what to do about it."""
        return PortalUnavailable(what, advice=advice, code=self.code)

    def refused(self, path: Path, error: Exception) -> PortalUnavailable:
        """SQLite or the operating system does not let the file be used."""
        return self.unusable(
            self.broken.format(path=path, reason=_reason(error)),
            f"Check the rights on the folder and the room on the disk, or {_ANOTHER_FOLDER}",
        )

    def unreachable(self, where: str, reason: str) -> PortalUnavailable:
        """The database server does not let its tables be used."""
        return self.unusable(
            self.broken.format(path=where, reason=reason),
            "Try again in a minute, or ask the operator of this server: once the database answers, so does this.",
        )

    def folder_refused(self, folder: Path, error: OSError) -> PortalUnavailable:
        """The operating system does not let the folder be used."""
        return self.unusable(
            f"{folder} cannot be used: {_reason(error)}.", f"Check the rights on it, or {_ANOTHER_FOLDER}"
        )

    def insecure(self, path: Path, mode: str) -> PortalUnavailable:
        """Others on this machine may change the file or the folder; `mode` is what it should have."""
        return self.unusable(self.open_to_others.format(path=path), self.closing.format(path=path, mode=mode))

    def in_use(self) -> PortalUnavailable:
        """Another process holds the file for too long."""
        return self.unusable(self.busy, "Try again in a minute.")

    def from_the_future(self) -> PortalUnavailable:
        """A newer version of this program wrote the file."""
        return self.unusable(self.newer, f"Update bitrix24-mcp, or {_ANOTHER_FOLDER}")


def _reason(error: Exception) -> str:
    return (error.strerror if isinstance(error, OSError) else None) or str(error)
