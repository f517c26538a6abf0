"""Arguments that a call needs unless it only confirms."""

from bitrix24_mcp.crm.errors import InvalidArguments, quoted
from bitrix24_mcp.tools.params import Arguments


def check_given(arguments: Arguments, *names: str) -> None:
    """Raises InvalidArguments that names those which are missing."""
    missing = [name for name in names if not getattr(arguments, name)]
    if missing:
        raise InvalidArguments(
            f"{quoted(missing).replace(' or ', ' and ').capitalize()} {'is' if len(missing) == 1 else 'are'} missing.",
            advice="Give everything again, or confirm alone for what was previewed.",
            code="INVALID_ARGUMENT",
            candidates=missing,
        )
