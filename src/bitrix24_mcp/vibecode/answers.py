"""What the gateway's answers mean, and whether they are whole and of a form that the contract knows."""

import math
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, cast

from bitrix24_mcp.crm.errors import UnexpectedAnswer
from bitrix24_mcp.crm.portal_values import Funnel, GroupCounts, Identity, Person, RateLimits, Status
from bitrix24_mcp.pacing.budget import Stated
from bitrix24_mcp.sending.failures import unexpected
from bitrix24_mcp.vibecode.envelope import Answer, Json

_MEANINGS = {"success": "S", "failure": "F", "apology": "F", "process": ""}


@contextmanager
def known_form() -> Generator[None]:
    """Turns whatever fails while an answer is read into the one error for an answer of another form."""
    try:
        yield
    except (KeyError, TypeError, ValueError, AttributeError, ArithmeticError):
        raise unexpected("The portal sent an answer in a form that the contract does not know.") from None


def identity_of(me: Json) -> Identity:
    """Whose key it is, from `/v1/me` (docs/keys-auth)."""
    user = me.get("currentUser")
    user_id = str(cast("Json", user).get("bitrixUserId")) if isinstance(user, dict) else ""
    return Identity(
        portal=str(me.get("portal") or ""),
        scopes=tuple(str(scope) for scope in cast("list[Any]", me.get("scopes") or [])),
        access_mode=str(me.get("accessMode") or ""),
        user_id=int(user_id) if user_id.isdecimal() else None,
        key_type=str(me.get("type") or ""),
        per_second=_per_second(me.get("rateLimit")),
    )


def _per_second(rate_limit: Any) -> int | None:
    said = cast("Json", rate_limit).get("requestsPerSecond") if isinstance(rate_limit, dict) else None
    return said if type(said) is int else None


def limits_of(stated: Stated | None, now: float) -> RateLimits:
    """What is left of the window, as the headers of the latest answer said (docs/keys-auth)."""
    if stated is None:
        return RateLimits()
    return RateLimits(stated.limit, stated.remaining, max(0, math.ceil(stated.ends - now)))


def funnel_of(row: Json, *, default: bool) -> Funnel:
    """A funnel, from either of the two lists of them."""
    return Funnel(int(row["id"]), str(row.get("name") or ""), default=default)


def check_nothing_left_out(answer: Answer) -> None:
    """A page from which the gateway dropped rows is no answer (docs/filtering, windows)."""
    if answer.meta.get("truncated") is True or answer.meta.get("windowErrors"):
        raise unexpected("The portal left records out of its answer.")


def whole(answer: Answer, what: str, most: int) -> list[Json]:
    """All rows of a list of `most` at most, complete in one answer; raises UnexpectedAnswer when it is not."""
    rows = counted(answer, what)
    if answer.goes_on() and len(rows) < most:
        raise more_than_one_answer(what)
    return rows


def counted(answer: Answer, what: str) -> list[Json]:
    """The rows of a list that is complete as far as the portal counted; raises UnexpectedAnswer when it is not."""
    check_nothing_left_out(answer)
    rows, total = answer.rows(), answer.total()
    if total is not None and total > len(rows):
        raise more_than_one_answer(what)
    return rows


def more_than_one_answer(what: str) -> UnexpectedAnswer:
    """The error for a list that had to be complete in one answer."""
    return unexpected(f"The portal has more {what} than one answer holds.")


def number(stored: Any) -> int | None:
    """A number that may come as text; None where there is none."""
    return None if stored in {None, ""} else int(stored)


def status_of(row: Mapping[str, Any]) -> Status:
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
        id=number(row.get("id")),
        initial_name=str(row.get("nameInit") or ""),
        color=str(row.get("color") or ""),
    )


def person(row: Mapping[str, Any]) -> str:
    """What to call a user: the full name, else the e-mail address; empty when neither is given."""
    name = f"{row.get('name') or ''} {row.get('lastName') or ''}".strip()
    return name or str(row.get("email") or "")


def person_of(row: Mapping[str, Any]) -> Person:
    """A user; only one who is known to be dismissed counts as such."""
    name, last_name, email = (str(row.get(part) or "").strip() for part in ("name", "lastName", "email"))
    return Person(int(row["id"]), name, last_name, email, active=row.get("active") not in {False, "N", "false", "0"})


def group_counts_of(data: Json, group_by: Sequence[str]) -> GroupCounts:
    """The groups of an aggregate; its `meta` stands inside `data` (docs/entity-api, aggregation)."""
    meta = cast("Json", data["meta"])
    rows = cast("list[Json]", data["groups"]) if group_by else []
    groups = tuple(({name: row[name] for name in group_by}, int(row["count"])) for row in rows)
    cut = meta.get("truncated") is True or meta.get("groupsTruncated") is True
    return GroupCounts(groups, int(meta["totalRecords"]), complete=not cut)
