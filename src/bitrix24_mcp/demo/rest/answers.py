"""Whether an answer completes a task of a workflow (bizproc.task.complete)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

from bitrix24_mcp.demo.rest.calls import RestError
from bitrix24_mcp.demo.rest.parameters import elements
from bitrix24_mcp.demo.values import ValueRefused, comparable

if TYPE_CHECKING:
    from bitrix24_mcp.demo.rest.calls import Json
    from bitrix24_mcp.demo.schema import Kind

_NAMES = {"yes": 1, "no": 2, "ok": 3, "cancel": 4}
_ALLOWED = {
    "ApproveActivity": (1, 2),
    "ReviewActivity": (3,),
    "RequestInformationActivity": (3,),
    "RequestInformationOptionalActivity": (3, 4),
}
_REFUSING = (2, 4)
# CommentRequired: always, when approved, when rejected.
_COMMENT_NEEDED = {"Y": (1, 2, 3, 4), "YA": (1, 3), "YR": _REFUSING}
_KINDS: dict[str, Kind] = {
    "int": "integer",
    "double": "real",
    "date": "date",
    "datetime": "datetime",
    "bool": "boolean",
    "user": "text",
}


@dataclass(frozen=True, slots=True)
class Answered:
    """What somebody sent."""

    status: object
    comment: str
    fields: Json


def check_answer(activity: str, parameters: Json, answer: Answered) -> int:
    """The answer as the task keeps it: 1 approved, 2 rejected, 3 done."""
    status = _status(answer.status)
    if status not in _ALLOWED[activity]:
        raise RestError("ERROR_TASK_VALIDATION", "incorrect STATUS")
    if status in _COMMENT_NEEDED.get(str(parameters["CommentRequired"]), ()) and not answer.comment.strip():
        raise _failed(str(parameters["CommentLabel"]), "is required")
    if status not in _REFUSING:
        for field in elements(parameters.get("Fields")):
            _check_field(cast("Json", field), answer.fields)
    return 2 if status in _REFUSING else status


def _status(sent: object) -> int:
    text = str(sent).strip().lower()
    return _NAMES.get(text, int(text) if text.isdecimal() else 0)


def _check_field(field: Json, sent: Json) -> None:
    values = [value for value in elements(sent.get(str(field["Id"]))) if value != ""]
    if not values and field["Required"]:
        raise _failed(str(field["Name"]), "is required")
    for value in values:
        options = cast("Json | None", field["Options"])
        if options is not None and str(value) not in options:
            raise _failed(str(field["Name"]), "has an invalid value")
        try:
            comparable(_KINDS.get(str(field["Type"]), "text"), value)
        except ValueRefused as wrong:
            raise _failed(str(field["Name"]), "has an invalid value") from wrong


def _failed(title: str, reason: str) -> RestError:
    return RestError("ERROR_TASK_EXECUTION", f'The field "{title}" {reason}.')
