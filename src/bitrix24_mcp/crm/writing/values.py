"""What a caller wants a field to hold becomes what the portal stores, or an error that says what belongs there."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, cast

from bitrix24_mcp.crm import dates
from bitrix24_mcp.crm.choices import choices, choose, single
from bitrix24_mcp.crm.errors import InvalidArguments
from bitrix24_mcp.crm.fields import Fields
from bitrix24_mcp.crm.filters import periods, values
from bitrix24_mcp.crm.filters.lookups import with_ids
from bitrix24_mcp.crm.filters.people import user_id
from bitrix24_mcp.crm.filters.syntax import Term
from bitrix24_mcp.crm.metadata import Metadata

LONGEST = 60_000
"""Characters of one text; Bitrix24 keeps long texts in fields of 64 KB."""
_CONTACT_KIND = "WORK"
"""The kind of a phone or an address that is given without one and is new (docs/entities/contacts)."""
_PARTS = frozenset({"value", "type"})


async def stored(name: str, written: Any, fields: Fields, metadata: Metadata, now: datetime, held: Any = None) -> Any:
    """The value, or the list of values, as the portal stores it; None, or no values, where the field is to be emptied.

    Names become codes and ids, dates in words count from `now`, the present in the portal's zone. Stages come back
    without a look at their funnel. A phone that the field `held` keeps what it is for where that is not stated.
    Raises InvalidArguments for what the field cannot hold.
    """
    info = fields[name]
    if written is None or written in ("", []):
        return emptied(name, fields)
    if info.type.casefold() == "file":
        raise InvalidArguments(
            f"{name} holds files, which cannot be written here.",
            advice="Leave it out, and attach the file in the portal.",
            code="INVALID_VALUE",
        )
    if fields.has_parts(name):
        return _with_kinds([_contact(name, each) for each in _several(written)], held)
    if info.multiple:
        return [await _single(name, each, fields, metadata, now) for each in _several(written)]
    if isinstance(written, list):
        raise _wrong(name, "one value, not a list")
    return await _single(name, written, fields, metadata, now)


def emptied(name: str, fields: Fields) -> Any:
    """What is stored in an empty field."""
    return [] if fields[name].multiple or fields.has_parts(name) else None


async def _single(name: str, written: Any, fields: Fields, metadata: Metadata, now: datetime) -> Any:
    kind = fields.kind(name)
    match kind:
        case "user":
            return await user_id(written, name, metadata)
        case "link":
            return (await with_ids(Term(name, "eq", written), fields, metadata)).value
        case "stage" | "funnel" | "status" | "list" | "currency" | "owner type":
            return await _chosen(name, written, fields, metadata)
        case "date":
            return _day(name, written, now)
        case "datetime":
            return _moment(name, written, now)
        case "money" if isinstance(written, dict):
            return values.scalar(name, "money", _money(name, cast("Mapping[str, Any]", written)))
        case _:
            found = values.scalar(name, kind, written)
            if isinstance(found, str) and len(found) > LONGEST:
                raise _wrong(name, f"a text of {LONGEST:,} characters at most")
            return found


async def _chosen(name: str, written: Any, fields: Fields, metadata: Metadata) -> Any:
    """The code of a value in a closed list; the value as it is where the portal does not close the list."""
    offered = await choices(fields, name, metadata)
    plain = values.scalar(name, "other", written)
    if offered:
        return single(choose(plain, offered, name), plain, name).code
    if fields.kind(name) == "funnel":
        raise InvalidArguments(
            f"{fields.entity.title} have no funnels, so {name} holds none.", advice="Leave it out.", code="NO_FUNNELS"
        )
    return plain


def _several(written: Any) -> list[Any]:
    return cast("list[Any]", written) if isinstance(written, list) else [written]


def _contact(name: str, written: Any) -> dict[str, str]:
    """A phone or an e-mail address, with what it is for where that is stated."""
    if isinstance(written, dict):
        told = cast("Mapping[str, Any]", written)
        lowered = {
            str(key).casefold().replace("valuetype", "type").replace("value_type", "type"): told[key] for key in told
        }
        if set(lowered) <= _PARTS and lowered.get("value"):
            kind = (
                {"VALUE_TYPE": str(values.scalar(name, "string", lowered["type"])).upper()}
                if lowered.get("type")
                else {}
            )
            return {"VALUE": str(values.scalar(name, "string", lowered["value"])), **kind}
        raise _wrong(name, 'texts, or objects such as {"value": "+7 …", "type": "MOBILE"}')
    return {"VALUE": str(values.scalar(name, "string", written))}


def _with_kinds(parts: Sequence[Mapping[str, Any]], held: Any) -> list[dict[str, Any]]:
    """Phones or addresses each with what it is for: as stated, else as it was held, else for work."""
    rows = [cast("Mapping[str, Any]", each) for each in cast("list[Any]", held or []) if isinstance(each, dict)]
    known = {str(each.get("VALUE")): each.get("VALUE_TYPE") for each in rows}
    return [{"VALUE_TYPE": known.get(each["VALUE"]) or _CONTACT_KIND, **each} for each in parts]


def _day(name: str, written: Any, now: datetime) -> str:
    span = periods.days(written, now.date())
    if span is None:
        raise dates.invalid_date(written)
    if span.beside.first != span.beside.last:
        raise _wrong(name, "one day, such as 2026-07-01 or +7d, not a period")
    return span.beside.first.isoformat()


def _moment(name: str, written: Any, now: datetime) -> str:
    if (away := periods.hours(written)) is not None:
        return dates.written(now + away)
    moment = dates.parse_moment(written, now.tzinfo) if isinstance(written, str) and now.tzinfo else None
    if moment is not None:
        return dates.written(moment.replace(microsecond=0))
    if periods.days(written, now.date()) is not None:
        raise _wrong(name, "a moment: give the time as well, such as 2026-07-01T18:00")
    raise dates.invalid_date(written)


def _money(name: str, told: Mapping[str, Any]) -> str:
    if set(told) != {"amount", "currency"}:
        raise _wrong(name, "an amount with its currency, such as 1500|RUB")
    return f"{told['amount']}|{told['currency']}"


def _wrong(name: str, wanted: str) -> InvalidArguments:
    return InvalidArguments(f"{name} takes {wanted}.", advice="Write it so and call again.", code="INVALID_VALUE")
