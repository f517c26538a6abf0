"""The Portal over the gateway: each question in the fewest calls, each answer checked for what was left out."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import UTC, datetime, tzinfo
from typing import Any

from bitrix24_mcp.crm.catalogue.entities import BY_NAME
from bitrix24_mcp.crm.catalogue.entity import Entity
from bitrix24_mcp.crm.catalogue.sales import DEALS
from bitrix24_mcp.crm.dates import parse_moment
from bitrix24_mcp.crm.errors import InvalidArguments, NotFound, PermissionRefused, RequestRefused, UnexpectedAnswer
from bitrix24_mcp.crm.filters.conjunction import as_filter
from bitrix24_mcp.crm.portal_values import (
    Condition,
    Currency,
    FieldInfo,
    Funnel,
    GroupCounts,
    Identity,
    NamedId,
    Person,
    RateLimits,
    Record,
    RecordPage,
    RecordQuery,
    Sort,
    Status,
    WorkflowPage,
    WorkflowQuery,
)
from bitrix24_mcp.sending.failures import unexpected
from bitrix24_mcp.vibecode.answers import (
    check_nothing_left_out,
    counted,
    funnel_of,
    group_counts_of,
    identity_of,
    known_form,
    limits_of,
    number,
    person,
    person_of,
    status_of,
    whole,
)
from bitrix24_mcp.vibecode.calls import search_call
from bitrix24_mcp.vibecode.client import Query
from bitrix24_mcp.vibecode.envelope import Answer, Json
from bitrix24_mcp.vibecode.requests import (
    AT_MOST,
    PAGE_BEHIND_AN_OFFSET,
    filter_query,
    path_of,
    sort_of,
    which,
)
from bitrix24_mcp.vibecode.schema import field_list, labelled, nameless
from bitrix24_mcp.vibecode.single_reads import GatewaySingleReads, page_of

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
_NEWEST_FIRST = (Sort("modified", descending=True), Sort("id"))
_WITH_USER_FIELDS = {"deals", "leads", "contacts", "companies", "quotes"}
"""Entities whose user fields have a list of their own (docs/userfields)."""


class GatewayPortal(GatewaySingleReads):
    """A portal behind the VibeCode gateway."""

    page_at_most = AT_MOST
    piece_at_most = AT_MOST
    figures_at_most = AT_MOST
    reads_at_once = 2  # the gateway works on two requests at a time (docs/optimization)
    reads_a_request = 1

    def requests_a_look(self, entity: Entity, conditions: Sequence[Condition]) -> int:  # noqa: ARG002 - always one
        """One: the gateway chooses by every condition itself."""
        return 1

    def now(self) -> datetime:
        """The gateway's present moment."""
        return self._client.now()

    @property
    def heard(self) -> bool:
        """Whether the gateway has answered yet."""
        return self._client.heard

    def fields_changed(self, entity: Entity) -> None:
        """Nothing is known of them here: the gateway takes and gives them by their names."""

    def limits(self) -> RateLimits:
        """What the headers of the latest answer said."""
        return limits_of(self._client.budget.stated, self._client.budget.clock.now())

    async def identity(self) -> Identity:
        """`GET /v1/me`."""
        me = (await self._client.get("me")).record()
        with known_form():
            return identity_of(me)

    async def time_zone(self) -> str:
        """`GET /v1/users/me`."""
        rows = (await self._client.get("users/me")).rows()
        return str(rows[0].get("timeZone") or "") if rows else ""

    async def offset(self) -> tzinfo | None:
        """The offset of the smart-process types' dates; everything else comes in UTC (docs/smart-processes)."""
        moments = (parse_moment(str(each.get("createdTime") or ""), UTC) for each in await self.smart_processes())
        return next((moment.tzinfo for moment in moments if moment and moment.tzinfo is not UTC), None)

    async def smart_processes(
        self, conditions: Sequence[Condition] = (), sort: Sequence[Sort] = ()
    ) -> tuple[Record, ...]:
        """`GET /v1/smart-processes`; several conditions, or a list, go to `/search`, which takes a body."""
        if len(conditions) > 1 or any(isinstance(each.value, tuple) for each in conditions):
            body = which(conditions, sort)
            return tuple(
                await _to_the_end(
                    lambda place: self._client.post("smart-processes/search", {**body, **place}), "smart processes"
                )
            )
        order = [("sort", sort_of(sort))] if sort else []
        return tuple(await self._list("smart-processes", [*filter_query(conditions), *order], "smart processes"))

    async def smart_process_fields(self) -> tuple[FieldInfo, ...]:
        """`GET /v1/smart-processes/fields`."""
        return field_list((await self._client.get("smart-processes/fields")).data)

    async def fields(self, entity: Entity) -> tuple[FieldInfo, ...]:
        """`GET /v1/{entity}/fields`; where user fields come without labels, `GET /v1/userfields/{entity}` has them."""
        listed = field_list((await self._client.get(f"{path_of(entity)}/fields")).data)
        if entity.name not in _WITH_USER_FIELDS or not any(map(nameless, listed)):
            return listed
        try:
            rows = await self._list(f"userfields/{entity.name}", [], "user fields")
            with known_form():
                return labelled(listed, rows)
        except (PermissionRefused, NotFound, RequestRefused, UnexpectedAnswer):
            return listed

    async def statuses(self, directory: str | None) -> tuple[Status, ...]:
        """`GET /v1/statuses`, of one directory or of all."""
        narrowed = [("filter[entityId]", directory)] if directory is not None else []
        limit = 500 if directory is not None else AT_MOST
        rows = await self._list("statuses", [*narrowed, ("sort", "sort")], "directory values", limit)
        with known_form():
            found = [status for status in map(status_of, rows) if directory in {None, status.directory}]
        if rows and not found:
            raise unexpected("The portal sent values of other directories.")
        return tuple(sorted(found, key=lambda status: status.sort))

    async def funnels(self, entity: Entity) -> tuple[Funnel, ...]:
        """`GET /v1/deal-categories` for deals, `GET /v1/categories/:entityTypeId` for every other entity."""
        if entity.name != DEALS.name:
            rows = await self._list(f"categories/{entity.entity_type_id}", [], "funnels")
            with known_form():
                return tuple(funnel_of(row, default=row.get("isDefault") in {True, "Y"}) for row in rows)
        rows = await self._list("deal-categories", [("sort", "sort")], "funnels")
        with known_form():
            found = [funnel_of(row, default=int(row["id"]) == 0) for row in rows]
        # Live portals leave out the default funnel, which always exists (docs/entities/deal-categories).
        return tuple(found if any(funnel.default for funnel in found) else [Funnel(0, "General", default=True), *found])

    async def users(self, ids: Sequence[int]) -> tuple[NamedId, ...]:
        """`POST /v1/users/search`."""
        body = {
            "filter": {"id": {"$in": list(ids)}},
            "select": ["id", "name", "lastName", "email"],
            "limit": max(len(ids), 1),
        }
        rows = whole(await self._client.post("users/search", body), "users", most=len(ids))
        with known_form():
            return tuple(NamedId(int(row["id"]), person(row)) for row in rows)

    async def people(self) -> tuple[Person, ...]:
        """`POST /v1/users/search` by id, on behind the last one as long as there are more."""
        columns = ("id", "name", "lastName", "email", "active")
        found: dict[int, Person] = {}
        further: tuple[Condition, ...] = ()
        while True:
            page = await self.search(RecordQuery(BY_NAME["users"], further, (Sort("id"),), columns, AT_MOST))
            with known_form():
                fresh = {person.id: person for person in map(person_of, page.rows) if person.id not in found}
            found |= fresh
            if not page.has_more:
                return tuple(found.values())
            if not fresh:
                raise unexpected("The portal says that there are more users, and sends the same again.")
            further = (Condition("id", "gt", max(found)),)

    async def currencies(self) -> tuple[Currency, ...]:
        """`GET /v1/currencies`."""
        rows = await self._list("currencies", [], "currencies")
        with known_form():
            return tuple(
                Currency(str(row["id"]), row.get("base") in {True, "Y"}, str(row.get("fullName") or "")) for row in rows
            )

    async def search(self, query: RecordQuery) -> RecordPage:
        """`POST …/search`, or the list route where conditions are its parameters."""
        call = search_call(query)
        if call.body is None:
            return page_of(await self._client.get(call.path, call.query), query)
        return page_of(await self._client.post(call.path, call.body), query)

    async def count(self, entity: Entity, conditions: Sequence[Condition]) -> int:
        """`POST …/aggregate` without functions: one fast call, exact at any size."""
        return (await self.group_counts(entity, conditions, ())).total

    async def group_counts(
        self, entity: Entity, conditions: Sequence[Condition], group_by: Sequence[str]
    ) -> GroupCounts:
        """`POST …/aggregate` without functions, in its canonical form."""
        body: dict[str, Any] = {"filter": as_filter(conditions)} if conditions else {}
        if group_by:
            body["groupBy"] = list(group_by)
        data = (await self._client.post(f"{path_of(entity)}/aggregate", body)).record()
        with known_form():
            return group_counts_of(data, group_by)

    def filters_workflows(self, condition: Condition) -> bool:
        """By template and by who started them; 0, the system, might be taken for “none given” (docs/workflows)."""
        one = condition.operator == "eq" and isinstance(condition.value, int) and condition.value > 0
        return one and condition.field in {"templateId", "startedBy"}

    def orders_workflows(self, sort: Sequence[Sort]) -> bool:
        """Only by the latest change, and instances of one moment by their ids."""
        return tuple(sort) in {(), _NEWEST_FIRST[:1], _NEWEST_FIRST}

    async def workflows(self, query: WorkflowQuery) -> WorkflowPage:
        """`GET /v1/workflows`: 50 instances, most recently modified first."""
        asked = [(each.field, str(each.value)) for each in query.conditions]
        place = [("offset", str(query.offset))] if query.offset else []
        answer = await self._client.get("workflows", [*asked, *place])
        check_nothing_left_out(answer)
        rows = [{name: row.get(raw) for name, raw in _WORKFLOW_COLUMNS.items()} for row in answer.rows()]
        with known_form():
            numbered = [{**row, **{name: number(row[name]) for name in ("templateId", "startedBy")}} for row in rows]
        return WorkflowPage(tuple(numbered), answer.total(query.offset))

    async def workflow_templates(self) -> tuple[NamedId, ...]:
        """`GET /v1/bizproc-templates`."""
        rows = await self._list("bizproc-templates", [("select", "id,name")], "templates")
        with known_form():
            return tuple(NamedId(int(row["id"]), str(row.get("name") or "")) for row in rows)

    async def workflow_tasks(self, ids: Sequence[int] = ()) -> tuple[Record, ...]:  # noqa: ARG002 - whichever they are
        """Never: the gateway has no route for them (docs/automation)."""
        raise InvalidArguments(
            "The gateway does not give workflow tasks.",
            advice="Complete them in the portal, or connect by a webhook or an account.",
            code="NOT_WRITABLE",
        )

    async def _list(self, path: str, query: Query, what: str, limit: int = AT_MOST) -> list[Json]:
        return await _to_the_end(
            lambda place: self._client.get(path, [*query, *((name, str(at)) for name, at in place.items())]),
            what,
            limit,
        )


async def _to_the_end(
    ask: Callable[[Mapping[str, int]], Awaitable[Answer]], what: str, limit: int = AT_MOST
) -> list[Json]:
    """All rows of a list. Where nobody counted, it goes on as long as the gateway says that there are more."""
    answer, offset = await ask({"limit": limit}), 0
    rows = counted(answer, what)
    while answer.goes_on(offset) or (answer.total(offset) or 0) > len(rows):
        offset = len(rows)
        answer = await ask({"limit": PAGE_BEHIND_AN_OFFSET, "offset": offset})
        check_nothing_left_out(answer)
        further = [row for row in answer.rows() if row not in rows]
        if not further and (answer.rows() or answer.total(offset)):
            raise unexpected(f"The portal says that there are more {what}, and sends the same again.")
        rows += further
    return rows
