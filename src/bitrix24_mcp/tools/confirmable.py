"""What the tools that write take and answer, besides what each of them is about."""

from typing import Annotated, Any

from pydantic import Field

from bitrix24_mcp.tools.declare import Reply
from bitrix24_mcp.tools.params import Arguments


class Confirmable(Arguments):
    """Arguments of a tool that writes."""

    preview: Annotated[bool, Field(strict=True, description="Only show what would be written")] = False
    confirm: Annotated[
        str, Field(max_length=20, description="The code that a preview gave, once the user has agreed to it; alone")
    ] = ""

    def wanted(self) -> dict[str, Any]:
        """What is wanted, without how it is confirmed, as far as it was given."""
        return self.model_dump(mode="json", exclude={"preview", "confirm"}, exclude_defaults=True)


class Previewed(Reply):
    """What would be written, before and after by name; `confirm` carries it out within `expires_in` seconds."""

    preview: dict[str, Any]
    confirm: str | None = None
    expires_in: int | None = None
    note: str


class WriteReply(Reply):
    """What was written: `operation` is its number in the journal, for undo.

    `done`, `refused`, `unknown`, `not_sent` count records; `ids` are those that were written, in order; `problems` say
    what became of the others, and which fields the portal did not take.
    """

    operation: int | None = None
    done: int
    refused: int | None = None
    unknown: int | None = None
    not_sent: int | None = None
    ids: list[int | str] | None = None
    unchanged: int | None = None
    problems: list[dict[str, Any]] | None = None
    note: str | None = None


REPLIES: tuple[type[Reply], ...] = (Previewed, WriteReply)
