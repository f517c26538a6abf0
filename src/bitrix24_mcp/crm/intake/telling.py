"""What became of an answer, as a tool tells it."""

from typing import Any

from bitrix24_mcp.crm.errors import PortalError
from bitrix24_mcp.crm.intake.making import Part, Submitted
from bitrix24_mcp.crm.intake.steps import link
from bitrix24_mcp.crm.text import plain

_SURE: frozenset[str] = frozenset({"found", "made"})


def told(submitted: Submitted, portal: str) -> dict[str, Any]:
    """Each record with its id and card, the operations for undo, the latest first, and why something is missing.

    Raises the portal's error where it refused the first of what was to be made, so that nothing was.
    """
    stopped = next((part for part in submitted.parts if part.fate not in _SURE), None)
    made = [part for part in submitted.parts if part.fate == "made"]
    if stopped is not None and stopped.fate == "refused" and stopped.error is not None and not made:
        raise _refused(stopped.error, stopped)
    already = all(part.fate == "found" for part in submitted.parts)
    return {
        **{part.target: _record(part, portal) for part in submitted.parts if part.fate in _SURE},
        "already": already or None,
        "operations": [part.operation for part in reversed(submitted.parts) if part.operation] or None,
        "stopped": _why(submitted, stopped) if stopped is not None else None,
        "notes": list(submitted.notes) or None,
    }


def _record(part: Part, portal: str) -> dict[str, Any]:
    shown = {
        "id": part.id,
        "called": plain(part.called, 80),
        "link": link(portal, part.target, part.id or 0),
        "made": part.fate == "made",
        "found": part.how,
    }
    return {name: each for name, each in shown.items() if each != ""}


def _why(submitted: Submitted, stopped: Part) -> str:
    error = f" {stopped.error}" if stopped.error is not None else ""
    left = [part.target for part in submitted.parts if part.fate == "not sent" and part is not stopped]
    rest = f" After that the {' and the '.join(left)} were not sent." if len(left) > 1 else ""
    rest = rest or (f" After that the {left[0]} was not sent." if left else "")
    again = "Call submit_intake again with the same answer"
    match stopped.fate:
        case "unknown":
            number = f", operation {stopped.operation}" if stopped.operation else ""
            return (
                f"Nobody knows whether the {stopped.target} was made{number}.{error}{rest} {again} in three minutes: "
                "it looks first, and goes on from there."
            )
        case "refused":
            return (
                f"The {stopped.target} was not made.{error}{rest} {again} when that is mended: it goes on from there."
            )
        case _:
            return f"The {stopped.target} was not sent.{error}{rest} {again}: it goes on from there."


def _refused(error: PortalError, part: Part) -> PortalError:
    number = f" The journal has it as operation {part.operation}." if part.operation else ""
    return type(error)(
        f"The {part.target} was not made. {error.message}",
        advice=f"{error.advice}{number}",
        code=error.code,
        candidates=error.candidates,
        next_call=error.next_call,
    )
