"""What can go wrong with accounts, as errors of the CRM: one function for each."""

from collections.abc import Sequence

from bitrix24_mcp.crm.errors import InvalidArguments, KeyRefused, PortalUnavailable, UnexpectedAnswer
from bitrix24_mcp.storage.words import Words

UNUSABLE = "ACCOUNTS_UNUSABLE"
"""The folder, the key file or the database of accounts cannot be used."""
WORDS = Words(
    code=UNUSABLE,
    broken="The accounts in {path} cannot be used: {reason}.",
    busy="Another process is using the stored accounts.",
    newer="The stored accounts were written by a newer version of this program.",
    open_to_others=(
        "{path} can be read or changed by other users of this machine, so it does not protect the portals' tokens."
    ),
    closing="Run `chmod {mode} {path}`; if others may have read it, disconnect and connect the portals again.",
)
_AGAIN = "Run `bitrix24-mcp connect {portal}` to connect it again."


def store_unusable(what: str, advice: str) -> PortalUnavailable:
    """The folder, the key file or the database of accounts cannot be used."""
    return WORDS.unusable(what, advice)


def not_connected(portal: str, known: Sequence[str]) -> KeyRefused:
    """No account of that name is connected."""
    others = f" Connected are: {', '.join(known)}." if known else ""
    return KeyRefused(
        f"{portal} is not connected.{others}",
        advice=f"Run `bitrix24-mcp connect {portal}` first.",
        code="NOT_CONNECTED",
        candidates=known,
    )


def stale(portal: str) -> KeyRefused:
    """The tokens are spent, and only a person can get new ones."""
    return KeyRefused(
        f"The access to {portal} has ended: its tokens are spent, too old, or were renewed without being stored.",
        advice=_AGAIN.format(portal=portal),
        code="ACCOUNT_STALE",
    )


def unreadable(portal: str) -> KeyRefused:
    """The tokens were sealed with another key than the one in the key file."""
    return KeyRefused(
        f"The stored tokens of {portal} cannot be read with the present key file.",
        advice=f"Put the key file back from which they were stored, or: {_AGAIN.format(portal=portal)}",
        code="TOKENS_UNREADABLE",
    )


def not_stored(portal: str) -> PortalUnavailable:
    """The portal gave tokens, and they could not be written down."""
    return PortalUnavailable(
        f"{portal} gave new tokens, but they could not be stored; the old ones are spent.",
        advice="Make room on the disk and check the rights on the data folder. A running server goes on with the new "
        f"tokens and stores them when it can; otherwise: {_AGAIN.format(portal=portal)}",
        code="TOKENS_NOT_STORED",
    )


_ONCE_MORE = "Start again with `bitrix24-mcp connect` and use its link once."


def callback_refused(what: str, advice: str = _ONCE_MORE) -> InvalidArguments:
    """The browser came back with something that cannot be believed."""
    return InvalidArguments(what, advice=advice, code="CALLBACK_REFUSED")


def link_used() -> InvalidArguments:
    """The browser came back a second time, as when somebody reloads the page."""
    return callback_refused(
        "The link was used before.",
        f"If it led to a connected portal, `bitrix24-mcp accounts` shows that. Otherwise: {_ONCE_MORE}",
    )


def untrusted_server() -> InvalidArguments:
    """The callback names an authorisation server that may not be given the client secret."""
    return callback_refused(
        "The authorisation server that is named is not one of the trusted ones.",
        "If it is yours, name it in BITRIX24_MCP_AUTHORIZATION_HOSTS and start again with `bitrix24-mcp connect`.",
    )


def other_portal(portal: str) -> UnexpectedAnswer:
    """What the authorisation server answered belongs to another portal than the one that was asked for."""
    return UnexpectedAnswer(
        f"The answer of the authorisation server does not belong to {portal}; nothing was stored.",
        advice=f"Check the portal's address. If it was renamed or replaced: `bitrix24-mcp disconnect {portal}`, then "
        "connect it by its present address.",
        code="OTHER_PORTAL",
    )
