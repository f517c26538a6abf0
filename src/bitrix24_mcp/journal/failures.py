"""What can go wrong with the journal, as errors of the CRM."""

from collections.abc import Generator
from contextlib import contextmanager

from bitrix24_mcp.crm.errors import PortalUnavailable
from bitrix24_mcp.storage.words import Words

WORDS = Words(
    code="JOURNAL_UNUSABLE",
    broken="The journal of changes in {path} cannot be used: {reason}.",
    busy="Another process is using the journal of changes.",
    newer="The journal of changes was written by a newer version of this program.",
    open_to_others="{path} can be changed by other users of this machine, so nobody could rely on the journal in it.",
    closing="Run `chmod {mode} {path}`.",
)
NOTHING_WRITTEN = "Nothing was written to the portal."
NOTHING_MORE_WRITTEN = "Nothing more was written to the portal."
OUTCOME_LOST = "The portal was asked, and the journal may lack what became of it: look there before asking again."


@contextmanager
def meaning(consequence: str) -> Generator[None]:
    """Errors of the journal say besides what they mean for the portal."""
    try:
        yield
    except PortalUnavailable as error:
        raise PortalUnavailable(f"{error.message} {consequence}", advice=error.advice, code=error.code) from None


def not_of_ours(where: str) -> PortalUnavailable:
    """The file holds what this program never writes."""
    return WORDS.unusable(
        f"The journal of changes in {where} holds something that this program did not write.",
        "Put that file aside, or choose another folder with BITRIX24_MCP_DATA_DIR.",
    )


def gone(number: int, where: str) -> PortalUnavailable:
    """The file no longer holds what was kept in it."""
    return WORDS.unusable(
        f"The journal of changes in {where} does not hold what was kept of operation {number}: the file was replaced.",
        "Put the file back, or go on with the new one and look at the portal for what the lost operation did.",
    )
