"""A filter against the portal's own fields and values: what it means there, or why it cannot be asked."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any

from bitrix24_mcp.crm.choices import OWNER_TYPES, Choice, choices, choose, described, said, single
from bitrix24_mcp.crm.errors import InvalidArguments, quoted
from bitrix24_mcp.crm.fields import UNORDERED, Fields, fold, spelling
from bitrix24_mcp.crm.filters import date_conditions, values
from bitrix24_mcp.crm.filters.conjunction import as_filter, conjoin
from bitrix24_mcp.crm.filters.lookups import with_ids
from bitrix24_mcp.crm.filters.outcomes import with_outcomes
from bitrix24_mcp.crm.filters.people import with_user_ids
from bitrix24_mcp.crm.filters.syntax import Term, parse_filter
from bitrix24_mcp.crm.metadata import Metadata
from bitrix24_mcp.crm.portal_values import Condition, Scalar

_CLOSED = frozenset({"stage", "funnel", "status", "list", "currency", "owner type"})
_SECOND = timedelta(seconds=1)


async def resolve_filter(
    raw: Mapping[str, Any] | None, fields: Fields, metadata: Metadata, now: datetime | None = None
) -> tuple[Condition, ...]:
    """The conditions that a filter means on this portal, all of which must hold; one of each kind per field.

    Relative dates count from `now`, left out from the portal's present moment.
    Raises InvalidArguments, before any data is read, for an unknown field, operator or value, a stage that is not
    in the funnel asked for, or a condition that the portal needs or cannot apply.
    """
    terms = [Term(fields.resolve(term.name), term.operator, term.value) for term in parse_filter(raw)]
    for term in terms:
        _check_operator(term, fields)
    _check_required(terms, fields)
    terms = [await with_user_ids(await with_ids(term, fields, metadata), fields, metadata) for term in terms]
    present = await date_conditions.present(terms, fields, metadata, now)
    offered = {
        term.name: await choices(fields, term.name, metadata)
        for term in terms
        if fields.kind(term.name) in _CLOSED and term.operator != "contains"
    }
    for name, choices_there in offered.items():
        if fields.kind(name) == "stage" and not choices_there:
            raise InvalidArguments(
                f"{fields.entity.title} have no stages.", advice="Leave that condition out.", code="NO_STAGES"
            )
    funnels = _funnels_asked(terms, fields, offered)
    terms = [
        with_outcomes(term, offered[term.name], funnels)
        if term.name in offered and fields.kind(term.name) == "stage"
        else term
        for term in terms
    ]
    meant = [
        condition
        for term in terms
        for condition in _meaning(term, fields, present, offered.get(term.name, ()), funnels)
    ]
    return conjoin(meant, {term.name for term in terms if fields[term.name].multiple})


def translated(raw: Mapping[str, Any] | None, conditions: Sequence[Condition]) -> dict[str, Any] | None:
    """The conditions of those fields where resolving a filter put something else in place of what was written.

    A name became a code, a date in words its bounds, a label the field it stands for. In the gateway's `$` form;
    None when everything is as it was written.
    """
    written: dict[str, list[Any]] = {}
    for term in parse_filter(raw):
        written.setdefault(spelling(term.name), []).extend(term.values)
    changed = {each.field for each in conditions if _changed(each, written.get(spelling(each.field), []))}
    return as_filter([each for each in conditions if each.field in changed]) or None


def _changed(condition: Condition, written: Sequence[Any]) -> bool:
    texts = {fold(str(each)) for each in written}
    stored = condition.value if isinstance(condition.value, tuple) else (condition.value,)
    return any(fold(str(value)) not in texts and not any(_same(each, value) for each in written) for value in stored)


def _same(written: Any, stored: Scalar) -> bool:
    """Whether a value is what was written in another spelling: 5 and "5.0", true and "Y", noon here or in UTC."""
    if isinstance(stored, bool):
        return True
    with suppress(ValueError, TypeError, OverflowError):
        if isinstance(stored, int | float):
            return float(written) == stored
        here, there = datetime.fromisoformat(str(written).strip()), datetime.fromisoformat(str(stored))
        return here.tzinfo is not None and abs(here - there) < _SECOND
    return False


def _meaning(
    term: Term, fields: Fields, present: datetime, offered: tuple[Choice, ...], funnels: frozenset[int] | None
) -> list[Condition]:
    kind = fields.kind(term.name)
    if kind == "datetime":
        if term.several:
            raise InvalidArguments(
                f"{term.name} holds moments and takes one range, not a list.",
                advice="Use $gte and $lt.",
                code="UNSUPPORTED_FILTER",
            )
        return date_conditions.moments(term.name, term.operator, term.value, present)
    if kind == "date" and term.several:
        return date_conditions.any_of(term.name, term.operator, term.values, present)
    if kind == "date":
        return date_conditions.days(term.name, term.operator, term.value, present)

    def one(written: Any) -> Scalar:
        if offered:
            return _chosen(term, values.scalar(term.name, "other", written), offered, funnels)
        return values.scalar(term.name, kind, written)

    chosen = tuple(dict.fromkeys(one(written) for written in term.values))
    return [Condition(term.name, term.operator, chosen if term.several else chosen[0])]


def _chosen(term: Term, written: Scalar, offered: tuple[Choice, ...], funnels: frozenset[int] | None) -> Scalar:
    inside = [each for each in offered if funnels is None or each.funnel is None or each.funnel in funnels]
    elsewhere = any(str(each.code) == str(written) and each not in inside for each in offered)
    if not elsewhere and (found := said(written, inside)):
        return single(found, written, term.name).code
    found = choose(written, offered, term.name)
    if funnels is not None and term.operator in {"eq", "in"}:
        raise InvalidArguments(
            f"The stage {described(found[0])} is not in the funnel asked for.",
            advice=f"That funnel's stages are {', '.join(map(described, inside[:12]))}.",
            code="STAGE_OF_ANOTHER_FUNNEL",
            candidates=[str(each.code) for each in inside],
        )
    return single(found, written, term.name).code


def _funnels_asked(
    terms: Sequence[Term], fields: Fields, offered: Mapping[str, tuple[Choice, ...]]
) -> frozenset[int] | None:
    """The funnels that the filter allows; None when it does not say."""
    asked: frozenset[int] | None = None
    for term in terms:
        if fields.kind(term.name) != "funnel" or term.operator not in {"eq", "in"} or not offered.get(term.name):
            continue
        chosen = (single(choose(each, offered[term.name], term.name), each, term.name) for each in term.values)
        ids = frozenset(int(choice.code) for choice in chosen)
        asked = ids if asked is None else asked & ids
    return asked


def _check_operator(term: Term, fields: Fields) -> None:
    kind = fields.kind(term.name)
    entity = fields.entity
    if entity.filterable is not None and term.name not in entity.filterable:
        raise InvalidArguments(
            f"The portal ignores conditions on {term.name} of {entity.name}.",
            advice=f"It filters them only by {quoted(entity.filterable)}; choose among the records it gives.",
            code="UNSUPPORTED_FILTER",
            candidates=entity.filterable,
        )
    ordering = term.operator in {"gt", "gte", "lt", "lte"}
    if ordering and (kind in UNORDERED or fields[term.name].multiple):
        raise InvalidArguments(
            f"{term.name} has no less and more.",
            advice="Give the value itself, or a list of values.",
            code="UNSUPPORTED_OPERATOR",
        )
    if term.operator == "contains" and kind not in {"string", "other"}:
        raise InvalidArguments(
            f"$contains looks into texts, and {term.name} is none.",
            advice="Give the value itself, or a list of values.",
            code="UNSUPPORTED_OPERATOR",
        )


def _check_required(terms: Sequence[Term], fields: Fields) -> None:
    entity = fields.entity
    given = {term.name for term in terms if term.operator == "eq"}
    missing = [name for name in entity.required if name not in given]
    if missing:
        example = ", ".join(f'"{name}": …' for name in entity.required)
        hints = "".join(_values_of(name, fields) for name in missing)
        raise InvalidArguments(
            f"The portal lists {entity.name} only for a given {' and '.join(entity.required)}.",
            advice=f"Add to the filter: {{{example}}}.{hints}",
            code="MISSING_REQUIRED_FILTER",
            candidates=missing,
        )


def _values_of(name: str, fields: Fields) -> str:
    """What may stand there, in words; empty where the list is open."""
    known = OWNER_TYPES if name == fields.entity.owner_type_field else fields.entity.values.get(name, {})
    return f" {name} is {quoted(list(known))}." if known else ""
