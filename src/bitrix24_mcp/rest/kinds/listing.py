"""Records of kinds that have list methods of their own, and what those methods cannot do, done over all their rows."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any, cast

from bitrix24_mcp.crm.catalogue.entity import Entity
from bitrix24_mcp.crm.errors import InvalidArguments, PortalError, quoted
from bitrix24_mcp.crm.fields import Fields
from bitrix24_mcp.crm.filters.matching import in_order, matches
from bitrix24_mcp.crm.portal_values import Condition, FieldInfo, Record, RecordPage, RecordQuery, Sort
from bitrix24_mcp.rest.calling.batch import MOST_CALLS
from bitrix24_mcp.rest.calling.calls import RestCall
from bitrix24_mcp.rest.calling.client import RestClient
from bitrix24_mcp.rest.calling.envelope import Json
from bitrix24_mcp.rest.calling.forms import text
from bitrix24_mcp.rest.calling.lists import Lists
from bitrix24_mcp.rest.calling.reads import Reads
from bitrix24_mcp.rest.kinds.kind import Kind, KindColumns, Known
from bitrix24_mcp.rest.reading.columns import Columns
from bitrix24_mcp.rest.reading.dialects import ROWS
from bitrix24_mcp.rest.reading.filters import filter_of
from bitrix24_mcp.rest.reading.listing import DialectListing, Planned
from bitrix24_mcp.rest.reading.question import AT_MOST, Question

LOOKED_THROUGH = 10_000
"""Rows that are read to choose or order them here: two hundred pages, which four requests bring."""
NO_SUCH_METHOD = "ERROR_METHOD_NOT_FOUND"
_YES = (True, "Y")
"""How a description says that something holds of a field."""
_BY_ID = (Sort("id"),)
_BEHIND = Condition("id", "gt", 0)
"""What a page that goes on behind another one is asked by."""
_A_LOOK = 1 + -(-(LOOKED_THROUGH // ROWS - 1) // MOST_CALLS)
"""The first page, and batches of the others."""


class KindListing(DialectListing):
    """One kind of record. What its method can be asked is asked of it; the rest is done here, over all its rows."""

    def __init__(self, entity: Entity, kind: Kind, client: RestClient, reads: Reads) -> None:
        kind = replace(kind, dialect=replace(kind.dialect, all_columns=KindColumns(kind, kind.fields).every))
        super().__init__(entity, client, reads, kind.dialect, self._describe)
        self.kind = kind
        self.lists = Lists(reads)
        self._filtered = Columns(each.column(each.filtered) for each in kind.fields)

    async def plan(self, query: RecordQuery) -> Planned | None:
        """One call for what its method answers with one page."""
        return await super().plan(query) if self._asked(query.conditions, query.sort) else None

    async def search(self, query: RecordQuery) -> RecordPage:
        """By its method, or chosen and ordered here from all that the method chooses."""
        if self._asked(query.conditions, query.sort):
            return await super().search(query)
        chosen, pieces = await self._chosen(query.conditions, query.sort)
        rows = in_order(chosen, query.sort or _BY_ID, await self._fields())
        limit = min(query.limit, AT_MOST)
        page = tuple(_columns(row, query.select) for row in rows[query.offset : query.offset + limit])
        return RecordPage(page, len(rows), has_more=len(rows) > query.offset + limit, pieces=pieces)

    async def count(self, conditions: Sequence[Condition]) -> int:
        """By the method's total, or counted here."""
        if self._asked(conditions, ()):
            return await super().count(conditions)
        return len((await self._chosen(conditions, ()))[0])

    def requests(self, conditions: Sequence[Condition]) -> int:
        """One, or those that bring all rows to look through."""
        return 1 if self._asked([*conditions, _BEHIND], _BY_ID) else _A_LOOK

    async def question(self, query: RecordQuery) -> Question:
        """The query in the method's words; of the conditions, those that it takes."""
        return Question(query, self.kind.dialect, await self.columns(), self.filter(query.conditions))

    def filter(self, conditions: Sequence[Condition]) -> dict[str, Any]:
        """The filter for those of the conditions that the method takes."""
        taken = [self.kind.written(each) for each in conditions if self.kind.takes(each)]
        return filter_of(taken, self._filtered, self.kind.dialect, self._client.offset)

    async def everything(self, conditions: Sequence[Condition]) -> list[Json]:
        """All rows that the method chooses by the conditions it takes; InvalidArguments when they are too many."""
        dialect, columns = self.kind.dialect, await self.columns()
        parts = {dialect.filter: self.filter(conditions), dialect.select: list(dialect.all_columns)}
        given = {name: value for name, value in parts.items() if name and value}
        order = dialect.order([(columns["id"].asked, False)])
        call = RestCall(dialect.method, {**dialect.fixed, **given, **order})
        return await self.lists.all(call, *dialect.path, key=columns["id"].read, most=LOOKED_THROUGH)

    def _asked(self, conditions: Sequence[Condition], sort: Sequence[Sort]) -> bool:
        return (
            bool(self.kind.filterable or self.kind.filterable is None)
            and all(map(self.kind.takes, conditions))
            and self.kind.orders(sort)
        )

    async def _chosen(self, conditions: Sequence[Condition], sort: Sequence[Sort]) -> tuple[list[Record], int]:
        """The rows that meet the conditions, and in how many readings one after the other those looked through came."""
        rows, columns, fields = await self.everything(conditions), await self.columns(), await self._fields()
        if self.kind.scoped:
            _check_told(rows, [*(each.field for each in conditions), *(step.field for step in sort)], columns)
        chosen = [row for row in map(columns.row, rows) if all(_meets(row, each, fields) for each in conditions)]
        return chosen, max(1, -(-len(rows) // ROWS))

    async def _fields(self) -> Fields:
        """The fields as far as comparing needs them, which is never more than what is known of them anyway."""
        return Fields(self.entity, [_info(each) for each in self.kind.fields])

    async def _describe(self) -> tuple[tuple[FieldInfo, ...], Columns]:
        told = await self._told() if self.kind.described else {}
        fields = (*self.kind.fields, *_user_fields(told, self.kind.fields))
        return tuple(_info(each, told.get(each.asked)) for each in fields), KindColumns(self.kind, fields)

    async def _told(self) -> Json:
        """What the portal calls the fields; nothing where it has no method that tells."""
        [outcome] = await self.lists.outcomes([RestCall(self.kind.described)])
        if not isinstance(outcome, PortalError):
            return outcome.record(*self.kind.described_at)
        if outcome.code != NO_SUCH_METHOD:
            raise outcome
        return {}


def _check_told(rows: Sequence[Json], names: Sequence[str], columns: Columns) -> None:
    told = {key for row in rows for key in row}
    hidden = [name for name in dict.fromkeys(names) if columns[name].read not in told]
    if rows and hidden:
        raise InvalidArguments(
            f"The portal tells no {quoted(hidden)} here, so that nothing can be chosen or ordered by it.",
            advice="Its scope may hide it: user_brief shows no contact data, user_basic no last sign-in. Leave it out, "
            "or ask for the scope user.",
            code="NOT_OVER_REST",
        )


def _columns(row: Record, names: Sequence[str]) -> Record:
    return {name: row.get(name) for name in dict.fromkeys(("id", *names))} if names else row


def _meets(row: Record, condition: Condition, fields: Fields) -> bool:
    """Whether a row meets a condition; of several values in a field any one counts, all for what it must not be."""
    held: object = row.get(condition.field)
    values = (cast("list[Any]", held) or [None]) if isinstance(held, list) else [held]
    met = [matches({condition.field: value}, [condition], fields) for value in values]
    return all(met) if condition.operator in {"ne", "nin"} else any(met)


def _info(field: Known, told: Any = None) -> FieldInfo:
    """A field as tools know it. The portal tells its label, alone or in a description."""
    described = cast("Json", told) if isinstance(told, dict) else {"title": told}
    return FieldInfo(
        field.name,
        field.type,
        title=text(described, "title"),
        read_only=described.get("isReadOnly") is True,
        multiple=field.multiple,
        required=any(described.get(name) in _YES for name in ("isRequired", "required")),
        immutable=described.get("isImmutable") in _YES,
    )


def _user_fields(told: Json, fields: Iterable[Known]) -> list[Known]:
    """Fields that the portal's administrators added, where their types are told."""
    known = {each.asked for each in fields}
    added = {name: cast("Json", each) for name, each in told.items() if isinstance(each, dict) and name not in known}
    return [
        Known(name, text(each, "type"), name, multiple=each.get("isMultiple") is True)
        for name, each in added.items()
        if name.startswith("UF_")
    ]
