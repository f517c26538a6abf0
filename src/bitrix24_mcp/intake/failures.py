"""What can go wrong with the file of rules, as errors of the CRM."""

from bitrix24_mcp.crm.errors import PortalUnavailable
from bitrix24_mcp.storage.words import Words

WORDS = Words(
    code="INTAKE_UNUSABLE",
    broken="The intake rules in {path} cannot be used: {reason}.",
    busy="Another process is using the intake rules.",
    newer="The intake rules were written by a newer version of this program.",
    open_to_others="{path} can be changed by other users of this machine, so nobody could rely on the rules in it.",
    closing="Run `chmod {mode} {path}`.",
)


def not_of_ours(where: str) -> PortalUnavailable:
    """The file holds what this program never writes."""
    return WORDS.unusable(
        f"The intake rules in {where} hold something that this program did not write.",
        "Put that file aside, or choose another folder with BITRIX24_MCP_DATA_DIR.",
    )
