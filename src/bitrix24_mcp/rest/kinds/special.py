"""Kinds of records whose lists are unlike all others: calendars, catalogues, currencies, document templates."""

from collections.abc import Collection, Sequence
from datetime import UTC, timedelta
from typing import Any, cast

from bitrix24_mcp.crm.dates import parse_moment
from bitrix24_mcp.crm.errors import InvalidArguments, PortalError
from bitrix24_mcp.crm.portal_values import Condition, Sort
from bitrix24_mcp.rest.calling.calls import RestCall
from bitrix24_mcp.rest.calling.envelope import Json
from bitrix24_mcp.rest.calling.forms import known_form
from bitrix24_mcp.rest.kinds.listing import NO_SUCH_METHOD, KindListing
from bitrix24_mcp.rest.kinds.required import value_of, values_of

_EARLIEST, _LATEST = "1970-01-01", "2038-01-01"
"""Days between which all events lie; without any, only those of four months come (calendar.event.get)."""
_A_DAY = timedelta(days=1)
_CALENDARS = {"company": "company_calendar"}
_CATALOGUES = RestCall("catalog.catalog.list", {"select": ["iblockId"]})


class CalendarListing(KindListing):
    """Events of one calendar. A recurring one comes once for each time; it counts once, with its first time."""

    async def everything(self, conditions: Sequence[Condition]) -> list[Json]:
        """All events of the owner between the days that the conditions leave, which come at once."""
        kind = str(value_of("type", conditions, self.entity))
        params = {
            "type": _CALENDARS.get(kind, kind),
            "ownerId": value_of("ownerId", conditions, self.entity),
            "from": _day(conditions, {"gt", "gte", "eq"}, -_A_DAY) or _EARLIEST,
            "to": _day(conditions, {"lt", "lte", "eq"}, _A_DAY) or _LATEST,
        }
        [answer] = await self.lists.answers(RestCall(self.kind.dialect.method, params))
        with known_form():
            rows = sorted(answer.rows(), key=lambda row: int(row["DATE_FROM_TS_UTC"]), reverse=True)
            return [{**row, "CAL_TYPE": kind} for row in {row["ID"]: row for row in rows}.values()]


class CurrencyListing(KindListing):
    """Currencies, which all come at once and are not counted."""

    async def everything(self, conditions: Sequence[Condition]) -> list[Json]:  # noqa: ARG002 - it takes none
        """All of them."""
        [answer] = await self.lists.answers(RestCall(self.kind.dialect.method))
        return answer.rows()


class TemplateListing(KindListing):
    """Document templates, whose rows are a map by their ids."""

    async def everything(self, conditions: Sequence[Condition]) -> list[Json]:  # noqa: ARG002 - it takes none
        """All of them, page by page."""
        found: dict[str, Json] = {}
        start: int | None = 0
        while start is not None:
            params = {"order": {"id": "ASC"}, **({"start": start} if start else {})}
            [answer] = await self.lists.answers(RestCall(self.kind.dialect.method, params))
            with known_form():
                found |= {str(row["id"]): row for row in _of_map(answer.record().get("templates"))}
            start = answer.next if (answer.next or 0) > start else None
        return list(found.values())


class CatalogueListing(KindListing):
    """Products of the trade catalogue, which is several: one of goods, one of their variants (catalog.product.list)."""

    def filter(self, conditions: Sequence[Condition]) -> dict[str, Any]:
        """The filter, in which the catalogue stands without a prefix."""
        return {
            name.removeprefix("=") if name == "=iblockId" else name: value
            for name, value in super().filter(conditions).items()
        }

    def _asked(self, conditions: Sequence[Condition], sort: Sequence[Sort]) -> bool:
        return len(values_of("iblockId", conditions)) == 1 and super()._asked(conditions, sort)

    async def everything(self, conditions: Sequence[Condition]) -> list[Json]:
        """The products of every catalogue, or of those that are named."""
        named, others = values_of("iblockId", conditions), [each for each in conditions if each.field != "iblockId"]
        rows: list[Json] = []
        for catalogue in named or await self._catalogues():
            rows += await super().everything([*others, Condition("iblockId", "eq", catalogue)])
        return rows

    async def _catalogues(self) -> list[int]:
        [outcome] = await self.lists.outcomes([_CATALOGUES])
        if isinstance(outcome, PortalError):
            if outcome.code != NO_SUCH_METHOD:
                raise outcome
            raise InvalidArguments(
                "Bitrix24's REST lists the products of one catalogue at a time, and does not say which there are.",
                advice="Add the condition iblockId with the catalogue's id to the filter.",
                code="NOT_OVER_REST",
            )
        with known_form():
            return [int(row["iblockId"]) for row in outcome.rows("catalogs")]


def _day(conditions: Sequence[Condition], operators: Collection[str], shift: timedelta) -> str:
    """The day that a bound of an event's beginning or end lies on, with one to spare; empty where there is none."""
    moments = [
        moment
        for each in conditions
        if each.field in {"from", "to"}
        and each.operator in operators
        and (moment := parse_moment(str(each.value), UTC)) is not None
    ]
    found = [moment.date() + shift for moment in moments]
    return (min(found) if shift < timedelta(0) else max(found)).isoformat() if found else ""


def _of_map(held: Any) -> list[Json]:
    """The rows of a map by their ids; an empty one comes as a list, and so does one by places."""
    values = cast("Json", held).values() if isinstance(held, dict) else cast("list[Any]", held or [])
    return [cast("Json", row) for row in values]
