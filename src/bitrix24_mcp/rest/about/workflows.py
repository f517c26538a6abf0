"""Running workflow instances and workflow templates (bizproc.workflow.instances, bizproc.workflow.template.list).

Both are open to administrators of the portal only.
"""

from collections.abc import Awaitable, Sequence
from typing import Any, TypeVar

from bitrix24_mcp.crm.errors import PermissionRefused
from bitrix24_mcp.crm.portal_values import Condition, NamedId, Operator, Record, Sort, WorkflowPage, WorkflowQuery
from bitrix24_mcp.rest.access.protocol import Kind
from bitrix24_mcp.rest.calling.calls import RestCall
from bitrix24_mcp.rest.calling.envelope import Json
from bitrix24_mcp.rest.calling.forms import known_form, text, whole_number
from bitrix24_mcp.rest.calling.lists import Lists

T = TypeVar("T")

_COLUMNS = {
    "id": "ID",
    "modified": "MODIFIED",
    "lockedUntil": "OWNED_UNTIL",
    "moduleId": "MODULE_ID",
    "entity": "ENTITY",
    "documentId": "DOCUMENT_ID",
    "started": "STARTED",
    "startedBy": "STARTED_BY",
    "templateId": "TEMPLATE_ID",
}
_NUMBERS = frozenset({"startedBy", "templateId"})
_ORDERED = _COLUMNS.keys() - {"moduleId", "entity", "documentId"}
"""Fields that every database orders as this program does; of texts with marks in them that is not known."""
_PREFIXES: dict[Operator, str] = {"eq": "", "gt": ">", "gte": ">=", "lt": "<", "lte": "<="}
"""`!` is left out: whether it finds instances without a value is not documented."""
_NEWEST_FIRST = (Sort("modified", descending=True), Sort("id"))


def filters(condition: Condition) -> bool:
    """Whether the portal chooses by this condition; one on an empty value is none that it documents."""
    value = condition.value
    return (
        condition.field in _COLUMNS
        and condition.operator in _PREFIXES
        and not isinstance(value, tuple | bool)
        and value != ""
    )


def orders(sort: Sequence[Sort]) -> bool:
    """Whether the portal gives instances in this order."""
    return all(step.field in _ORDERED for step in sort)


async def instances(query: WorkflowQuery, kind: Kind, lists: Lists) -> WorkflowPage:
    """Fifty instances from the query's offset on. Raises PermissionRefused for a user who is no administrator."""
    [answer] = await _for_administrators(lists.answers(_instances_call(query)), kind)
    with known_form():
        rows = tuple(_instance(row) for row in answer.rows())
    return WorkflowPage(rows, answer.total)


async def templates(kind: Kind, lists: Lists) -> tuple[NamedId, ...]:
    """The templates by id and name. Raises PermissionRefused for a user who is no administrator."""
    call = RestCall("bizproc.workflow.template.list", {"select": ["ID", "NAME"], "order": {"ID": "ASC"}})
    rows = await _for_administrators(lists.all(call), kind)
    with known_form():
        return tuple(NamedId(int(row["ID"]), text(row, "NAME")) for row in rows)


def _instances_call(query: WorkflowQuery) -> RestCall:
    sort = query.sort or _NEWEST_FIRST
    params: dict[str, Any] = {
        "select": list(_COLUMNS.values()),
        "order": {_COLUMNS[step.field]: "DESC" if step.descending else "ASC" for step in sort},
        "filter": {f"{_PREFIXES[each.operator]}{_COLUMNS[each.field]}": each.value for each in query.conditions},
        **({"start": query.offset} if query.offset else {}),
    }
    return RestCall("bizproc.workflow.instances", params)


def _instance(row: Json) -> Record:
    return {name: whole_number(row.get(raw)) if name in _NUMBERS else row.get(raw) for name, raw in _COLUMNS.items()}


async def _for_administrators(asked: Awaitable[T], kind: Kind) -> T:
    try:
        return await asked
    except PermissionRefused as refused:
        if refused.code == "INSUFFICIENT_SCOPE":
            raise _without_scope(kind) from None
        if refused.code != "ACCESS_DENIED":
            raise
        raise PermissionRefused(
            "Bitrix24 shows workflows to administrators of the portal only, and this user is none.",
            advice="Set a webhook that an administrator created."
            if kind == "webhook"
            else "Run `bitrix24-mcp connect` again as an administrator.",
            code=refused.code,
        ) from None


def _without_scope(kind: Kind) -> PermissionRefused:
    """Said with the other half: who only ticked the scope would be refused again."""
    return PermissionRefused(
        "Workflows need the scope bizproc, which was not granted, and a user who administers the portal.",
        advice="Set a webhook that an administrator created with the scope bizproc."
        if kind == "webhook"
        else "Tick bizproc on the application's card, then run `bitrix24-mcp connect` again as an administrator.",
        code="INSUFFICIENT_SCOPE",
    )
