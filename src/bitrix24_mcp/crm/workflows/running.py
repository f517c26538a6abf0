"""Running workflow instances: what `list_workflows` answers.

The portal pages by offsets over a list that moves while it is read (bizproc.workflow.instances). What it does not
choose or order itself is chosen and ordered here, over all pages.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Any

from bitrix24_mcp.crm import cursors
from bitrix24_mcp.crm.dates import parse_moment, shown
from bitrix24_mcp.crm.errors import InvalidArguments, quoted
from bitrix24_mcp.crm.fields import fold
from bitrix24_mcp.crm.filters.conditions import resolve_filter
from bitrix24_mcp.crm.filters.conjunction import as_filter, conjoin
from bitrix24_mcp.crm.filters.date_conditions import counted_from
from bitrix24_mcp.crm.filters.matching import in_order, matches
from bitrix24_mcp.crm.filters.people import user_id
from bitrix24_mcp.crm.labels import user_names
from bitrix24_mcp.crm.metadata import Metadata
from bitrix24_mcp.crm.portal import Portal
from bitrix24_mcp.crm.portal_values import Condition, Record, Scalar, Sort, WorkflowQuery
from bitrix24_mcp.crm.reading.progress import Report, silent
from bitrix24_mcp.crm.records.absent import absent
from bitrix24_mcp.crm.records.sorting import resolve_sort, stable
from bitrix24_mcp.crm.resolve import resolve_entity
from bitrix24_mcp.crm.shape import fitting, tokens
from bitrix24_mcp.crm.text import plain
from bitrix24_mcp.crm.workflows.documents import CLASSES, document
from bitrix24_mcp.crm.workflows.instances import FIELDS, MARK, Instances, Place, read_instances
from bitrix24_mcp.crm.workflows.templates import check_template, template_id

STUCK_AFTER = timedelta(minutes=5)
"""A lock that far in the past means a stuck instance (bizproc.workflow.instances, OWNED_UNTIL)."""
SYSTEM = 0
"""Who started an instance that no person started."""

_NEWEST_FIRST = (Sort("modified", descending=True), Sort("id"))


@dataclass(frozen=True, slots=True)
class WorkflowQuestion:
    """What is asked, as the caller wrote it; `limit` counts instances, `budget` tokens of the whole answer."""

    template: str | None
    started_by: str | None
    document: tuple[str, int] | None
    stuck: bool | None
    filter: Mapping[str, Any] | None
    sort: Any
    limit: int
    cursor: str
    budget: int


@dataclass(frozen=True, slots=True)
class FoundWorkflows:
    """Shaped instances; `total` counts all that match, None where they were not all read."""

    items: list[dict[str, Any]]
    total: int | None
    next_cursor: str | None
    note: str | None


@dataclass(frozen=True, slots=True)
class _Wanted:
    """The question resolved. `asked` is the part that the portal answers, `local` whether anything is left of it."""

    conditions: tuple[Condition, ...]
    document: dict[str, Any] | None
    stuck: bool | None
    sort: tuple[Sort, ...]
    asked: WorkflowQuery

    def holds(self, row: Record, now: datetime) -> bool:
        """Whether the row is one of those asked for, at this moment."""
        if self.document is not None and _document(row) != self.document:
            return False
        if self.stuck is not None and _stuck(row, now) is not self.stuck:
            return False
        return matches(row, self.conditions, FIELDS)

    @property
    def template(self) -> str:
        """The id of the only template asked for; empty when there is none."""
        values = (each.value for each in self.conditions if each.field == "templateId" and each.operator == "eq")
        return str(next(values, ""))

    @property
    def local(self) -> bool:
        chosen_here = self.conditions != self.asked.conditions or self.document is not None or self.stuck is not None
        return chosen_here or self.sort != self.asked.sort


async def running(
    question: WorkflowQuestion, portal: Portal, metadata: Metadata, report: Report = silent
) -> FoundWorkflows:
    """One page of the running instances that match, each instance once over all pages.

    Raises InvalidArguments for an unknown template, field or operator, and PermissionRefused for a key whose user
    is no administrator.
    """
    since = await counted_from(question.filter, FIELDS, question.cursor, metadata)
    wanted = await _resolve(question, since, portal, metadata)
    whose = [metadata.whose] if metadata.whose else []
    binding = [as_filter(wanted.conditions), wanted.document, wanted.stuck, question.sort, *whose]
    cursor = cursors.decode(question.cursor, binding) if question.cursor else None
    place = Place.of(cursor, wanted.sort)

    def chosen(rows: Sequence[Record]) -> list[Record]:
        # The portal's clock is known only from its first answer on.
        now = portal.now()
        return [row for row in rows if wanted.holds(row, now)]

    def left(rows: Sequence[Record]) -> list[Record]:
        return [row for row in in_order(chosen(rows), wanted.sort, FIELDS) if place.ahead(row)]

    def enough(rows: Sequence[Record]) -> bool:
        return not (wanted.local or place.needs_all) and len(left(rows)) > question.limit

    read = await read_instances(portal, wanted.asked, enough, report)
    if not read.rows and (asked := wanted.template):
        await check_template(asked, metadata)
    ahead = left(read.rows)
    matching = len(chosen(read.rows))
    total = matching if read.whole else (read.total if matching == len(read.rows) else None)
    page = ahead[: question.limit]
    now = portal.now()
    items = await _shaped(page, now, metadata)
    count = fitting(items, question.budget - tokens(question.cursor), beside=MARK)
    more = count < len(ahead) or not read.whole
    following = cursors.encode(place.behind(page[:count], read, now), binding, since) if more and count else None
    note = _note(read, count, len(page)) or (await absent(wanted.conditions, FIELDS, metadata) if not items else "")
    return FoundWorkflows(items[:count], total, following, note or None)


async def _resolve(question: WorkflowQuestion, since: datetime | None, portal: Portal, metadata: Metadata) -> _Wanted:
    given: list[Condition] = []
    if question.template is not None:
        given.append(Condition("templateId", "eq", await template_id(question.template, metadata)))
    if question.started_by is not None:
        given.append(Condition("startedBy", "eq", await _starter(question.started_by, metadata)))
    on: dict[str, Any] | None = None
    if question.document is not None:
        entity = await resolve_entity(question.document[0], metadata)
        on = {"entity": entity.name, "id": question.document[1]}
    asked = [_in_classes(each) for each in await resolve_filter(question.filter, FIELDS, metadata, since)]
    conditions = conjoin((*given, *asked))
    sort = stable(resolve_sort(question.sort, FIELDS)) if question.sort else _NEWEST_FIRST
    pushed = tuple(each for each in conditions if portal.filters_workflows(each))
    asked = WorkflowQuery(pushed, sort if portal.orders_workflows(sort) else ())
    return _Wanted(conditions, on, question.stuck, sort, asked)


async def _starter(written: str, metadata: Metadata) -> int:
    return SYSTEM if fold(written) == "system" else await user_id(written, "started_by", metadata)


async def _shaped(rows: Sequence[Record], now: datetime, metadata: Metadata) -> list[dict[str, Any]]:
    if not rows:
        return []
    zone = await metadata.zone()
    templates = {each.id: plain(each.name) for each in await metadata.workflow_templates()}
    starters = sorted({row["startedBy"] for row in rows} - {SYSTEM, None})
    people = {**await user_names(starters, metadata), SYSTEM: "system"}
    return [_item(row, now, zone, templates, people) for row in rows]


def _item(
    row: Record, now: datetime, zone: tzinfo, templates: Mapping[int, str], people: Mapping[int, str]
) -> dict[str, Any]:
    template: int | None = row["templateId"]
    starter: int | None = row["startedBy"]
    return {
        "id": str(row["id"]),
        **({} if template is None else _template(template, templates)),
        "document": _document(row),
        **({} if starter is None else {"startedBy": starter, "startedBy_name": people[starter]}),
        **{name: shown(str(row[name]), zone) for name in ("started", "modified", "lockedUntil") if row.get(name)},
        "stuck": _stuck(row, now),
    }


def _template(template: int, names: Mapping[int, str]) -> dict[str, Any]:
    return {"templateId": template, **({"templateId_name": names[template]} if template in names else {})}


def _in_classes(condition: Condition) -> Condition:
    """Entities by the tools' own names become document classes, and modules are written small."""
    if condition.field not in {"entity", "moduleId"}:
        return condition

    def one(value: Scalar) -> Scalar:
        word = str(value)
        if condition.field == "moduleId":
            return word.casefold()
        if known := CLASSES.get(word.casefold()):
            return known
        if condition.operator == "contains" or any(character.isupper() for character in word):
            return word
        raise InvalidArguments(
            f"There is no document class for “{word[:60]}”.",
            advice=f"Use {quoted(list(CLASSES))}, a class of Bitrix24's own, or the argument document for one record.",
            code="INVALID_VALUE",
            candidates=list(CLASSES),
        )

    value = condition.value
    return replace(condition, value=tuple(map(one, value)) if isinstance(value, tuple) else one(value))


def _document(row: Record) -> dict[str, Any]:
    return document(str(row.get("moduleId") or ""), row.get("documentId"))


def _stuck(row: Record, now: datetime) -> bool:
    locked = parse_moment(str(row.get("lockedUntil") or ""), UTC)
    return locked is not None and now - locked > STUCK_AFTER


def _note(read: Instances, count: int, on_page: int) -> str | None:
    notes: list[str] = []
    if not read.steady:
        notes.append(
            "INCOMPLETE: the list kept changing while it was read; an instance may be missing or already finished. "
            "Ask again."
        )
    if count < on_page:
        notes.append(
            f"Ended after {count} of {on_page} instances to keep within the token budget; next_cursor continues there."
        )
    return " ".join(notes) or None
