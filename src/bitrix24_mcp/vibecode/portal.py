"""The Portal over the gateway: each question in the fewest calls, each answer checked for what was left out."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal, InvalidOperation
from typing import Any, cast

from bitrix24_mcp.crm.conjunction import as_filter
from bitrix24_mcp.crm.entities import DEALS
from bitrix24_mcp.crm.entity import Entity
from bitrix24_mcp.crm.portal import (
    Condition,
    Currency,
    FieldInfo,
    FigureGroup,
    Figures,
    Funnel,
    Identity,
    MeasureRequest,
    NamedId,
    Record,
    RecordPage,
    RecordQuery,
    Sort,
    Status,
    WorkflowPage,
)
from bitrix24_mcp.vibecode.client import GatewayClient
from bitrix24_mcp.vibecode.envelope import Answer, Json
from bitrix24_mcp.vibecode.errors import unexpected
from bitrix24_mcp.vibecode.requests import AT_MOST, body_of, filter_query, path_of, query_of, sort_of
from bitrix24_mcp.vibecode.schema import field_list

_WORKFLOW_COLUMNS = {
    "id": "ID",
    "templateId": "TEMPLATE_ID",
    "startedBy": "STARTED_BY",
    "started": "STARTED",
    "modified": "MODIFIED",
    "lockedUntil": "OWNED_UNTIL",
    "moduleId": "MODULE_ID",
    "entity": "ENTITY",
    "documentId": "DOCUMENT_ID",
}
_MEANINGS = {"success": "S", "failure": "F", "apology": "F", "process": ""}
_LISTED_BY_PARAMETERS = {"calendar-events", "files"}
"""Entities whose required conditions are query parameters of the list route (docs/entity-api, special entities)."""


class GatewayPortal:
    """A portal behind the VibeCode gateway."""

    def __init__(self, client: GatewayClient) -> None:
        self._client = client

    def now(self) -> datetime:
        """The gateway's present moment."""
        return self._client.now()

    async def identity(self) -> Identity:
        """`GET /v1/me`."""
        me = (await self._client.get("me")).record()
        user = me.get("currentUser")
        user_id = str(cast("Json", user).get("bitrixUserId")) if isinstance(user, dict) else ""
        return Identity(
            portal=str(me.get("portal") or ""),
            scopes=tuple(str(scope) for scope in cast("list[Any]", me.get("scopes") or [])),
            access_mode=str(me.get("accessMode") or ""),
            user_id=int(user_id) if user_id.isdecimal() else None,
            key_type=str(me.get("type") or ""),
        )

    async def time_zone(self) -> str:
        """`GET /v1/users/me`."""
        rows = (await self._client.get("users/me")).rows()
        return str(rows[0].get("timeZone") or "") if rows else ""

    async def smart_processes(
        self, conditions: Sequence[Condition] = (), sort: Sequence[Sort] = ()
    ) -> tuple[Record, ...]:
        """`GET /v1/smart-processes`; several conditions go to `/search`, which takes a body."""
        if len(conditions) > 1:
            query = RecordQuery(DEALS, tuple(conditions), tuple(sort), limit=AT_MOST)
            body = {name: value for name, value in body_of(query).items() if name != "autoWindow"}
            answer = await self._client.post("smart-processes/search", body)
        else:
            order = [("sort", sort_of(sort))] if sort else []
            answer = await self._client.get(
                "smart-processes", [*filter_query(conditions), *order, ("limit", str(AT_MOST))]
            )
        return tuple(answer.rows())

    async def smart_process_fields(self) -> tuple[FieldInfo, ...]:
        """`GET /v1/smart-processes/fields`."""
        return field_list((await self._client.get("smart-processes/fields")).data)

    async def fields(self, entity: Entity) -> tuple[FieldInfo, ...]:
        """`GET /v1/{entity}/fields`."""
        return field_list((await self._client.get(f"{path_of(entity)}/fields")).data)

    async def statuses(self, directory: str | None) -> tuple[Status, ...]:
        """`GET /v1/statuses`, of one directory or of all."""
        narrowed = [("filter[entityId]", directory)] if directory is not None else []
        limit = "500" if directory is not None else str(AT_MOST)
        answer = await self._client.get("statuses", [*narrowed, ("sort", "sort"), ("limit", limit)])
        rows = _whole(answer, "directory values")
        found = [_status(row) for row in rows if directory is None or row.get("entityId") == directory]
        return tuple(sorted(found, key=lambda status: status.sort))

    async def funnels(self, entity: Entity) -> tuple[Funnel, ...]:
        """`GET /v1/deal-categories` for deals, `GET /v1/categories/:entityTypeId` for every other entity."""
        if entity.name == DEALS.name:
            answer = await self._client.get("deal-categories", [("sort", "sort"), ("limit", str(AT_MOST))])
            found = [
                Funnel(int(row["id"]), str(row.get("name") or ""), default=int(row["id"]) == 0) for row in answer.rows()
            ]
            # Live portals leave out the default funnel, which always exists (docs/entities/deal-categories).
            return tuple(
                found if any(funnel.default for funnel in found) else [Funnel(0, "General", default=True), *found]
            )
        rows = (await self._client.get(f"categories/{entity.entity_type_id}")).rows()
        return tuple(
            Funnel(int(row["id"]), str(row.get("name") or ""), row.get("isDefault") in {True, "Y"}) for row in rows
        )

    async def users(self, ids: Sequence[int]) -> tuple[NamedId, ...]:
        """`POST /v1/users/search`."""
        body = {"filter": {"id": {"$in": list(ids)}}, "select": ["id", "name", "lastName"], "limit": max(len(ids), 1)}
        rows = (await self._client.post("users/search", body)).rows()
        return tuple(NamedId(int(row["id"]), _person(row)) for row in rows)

    async def currencies(self) -> tuple[Currency, ...]:
        """`GET /v1/currencies`."""
        rows = _whole(await self._client.get("currencies", [("limit", str(AT_MOST))]), "currencies")
        return tuple(Currency(str(row["id"]), row.get("base") in {True, "Y"}) for row in rows)

    async def search(self, query: RecordQuery) -> RecordPage:
        """`POST …/search`, or the list route where conditions are its parameters."""
        path = path_of(query.entity)
        if query.entity.name in _LISTED_BY_PARAMETERS:
            answer = await self._client.get(path, query_of(query))
        else:
            answer = await self._client.post(f"{path}/search", body_of(query))
        _check_nothing_left_out(answer)
        rows = answer.rows()
        if len(rows) > query.limit:
            raise unexpected("The portal sent more records than were asked for.")
        return RecordPage(tuple(rows), answer.total(), answer.has_more(query.offset, query.limit))

    async def count(self, entity: Entity, conditions: Sequence[Condition]) -> int:
        """`POST …/aggregate` without functions: one fast call, exact at any size."""
        figures = await self.aggregate(entity, conditions, (), ())
        return figures.total

    async def aggregate(
        self,
        entity: Entity,
        conditions: Sequence[Condition],
        measures: Sequence[MeasureRequest],
        group_by: Sequence[str],
    ) -> Figures:
        """`POST …/aggregate` in its canonical form."""
        body: dict[str, Any] = {}
        if measures:
            body["aggregate"] = [{"field": each.field, "function": each.function} for each in measures]
        if conditions:
            body["filter"] = as_filter(conditions)
        if group_by:
            body["groupBy"] = list(group_by)
        data = (await self._client.post(f"{path_of(entity)}/aggregate", body)).record()
        try:
            return _figures(data, measures, group_by)
        except (KeyError, TypeError, ValueError, InvalidOperation):
            raise unexpected("The portal sent figures in a form that the contract does not know.") from None

    async def workflows(self, template_id: int | None, started_by: int | None, offset: int) -> WorkflowPage:
        """`GET /v1/workflows`: 50 instances, most recently modified first."""
        query = [("templateId", template_id), ("startedBy", started_by), ("offset", offset or None)]
        answer = await self._client.get("workflows", [(name, str(value)) for name, value in query if value is not None])
        rows = [{name: row.get(raw) for name, raw in _WORKFLOW_COLUMNS.items()} for row in answer.rows()]
        return WorkflowPage(tuple(rows), answer.total())

    async def workflow_templates(self) -> tuple[NamedId, ...]:
        """`GET /v1/bizproc-templates`."""
        answer = await self._client.get("bizproc-templates", [("select", "id,name"), ("limit", str(AT_MOST))])
        return tuple(NamedId(int(row["id"]), str(row.get("name") or "")) for row in _whole(answer, "templates"))


def _check_nothing_left_out(answer: Answer) -> None:
    """A page from which the gateway dropped rows is no answer (docs/filtering, windows)."""
    if answer.meta.get("truncated") is True or answer.meta.get("windowErrors"):
        raise unexpected("The portal left records out of its answer.")


def _whole(answer: Answer, what: str) -> list[Json]:
    _check_nothing_left_out(answer)
    rows, total = answer.rows(), answer.total()
    if total is not None and total > len(rows):
        raise unexpected(f"The portal has more {what} than one answer holds.")
    return rows


def _status(row: Mapping[str, Any]) -> Status:
    """Semantics come as a letter (`null` or P, S, F) or as a word in `extra` (docs/entities/statuses)."""
    extra = row.get("extra")
    word = str(cast("Json", extra).get("SEMANTICS") or "") if isinstance(extra, dict) else ""
    letter = str(row.get("semantics") or "").upper() or _MEANINGS.get(word.casefold(), "")
    return Status(
        directory=str(row["entityId"]),
        code=str(row["statusId"]),
        name=str(row.get("name") or ""),
        sort=int(row.get("sort") or 0),
        semantics="" if letter == "P" else letter,
    )


def _person(row: Mapping[str, Any]) -> str:
    name = f"{row.get('name') or ''} {row.get('lastName') or ''}".strip()
    return name or str(row.get("email") or "")


def _figures(data: Json, measures: Sequence[MeasureRequest], group_by: Sequence[str]) -> Figures:
    meta = cast("Json", data["meta"])
    total = int(meta["totalRecords"])
    truncated = meta.get("truncated") is True
    processed = int(meta.get("recordsProcessed") or 0)
    if group_by:
        rows = cast("list[Json]", data["groups"])
        groups = tuple(_group(row, row, measures, group_by, int(row["count"])) for row in rows)
    else:
        covered = processed if truncated else int(data["count"])
        groups = (_group(data, {}, measures, (), covered),)
    return Figures(groups, total, processed, truncated, meta.get("groupsTruncated") is True)


def _group(
    row: Json, key: Json, measures: Sequence[MeasureRequest], group_by: Sequence[str], covered: int
) -> FigureGroup:
    aggregates = cast("Json", row.get("aggregates") or {})
    values = {(each.function, each.field): _decimal(aggregates, each) for each in measures}
    return FigureGroup({name: key[name] for name in group_by}, int(row["count"]), covered, values)


def _decimal(aggregates: Json, measure: MeasureRequest) -> Decimal | None:
    value = cast("Json", aggregates.get(measure.field) or {}).get(measure.function)
    return None if value is None else Decimal(str(value))
