"""Directories with their values, funnels and currencies: how the portal's CRM is set up.

Stages come from `crm.status.list`, which alone tells what they mean. `crm.status.entity.items` serves directories
without meanings, and those whose list is refused; then what REST says of the success stage tells the rest.
"""

import re
from collections.abc import Mapping
from typing import Any, cast

from bitrix24_mcp.crm.catalogue.entity import Entity
from bitrix24_mcp.crm.errors import NotFound, PermissionRefused, PortalError, RequestRefused
from bitrix24_mcp.crm.portal_values import Currency, Funnel, Status
from bitrix24_mcp.rest.calling.calls import RestCall
from bitrix24_mcp.rest.calling.envelope import Json
from bitrix24_mcp.rest.calling.forms import known_form, text, whole_number
from bitrix24_mcp.rest.calling.lists import Lists
from bitrix24_mcp.rest.reading.values import flag

_STAGES = re.compile(r"STATUS|QUOTE_STATUS|INVOICE_STATUS|\w+_STAGE(?:_\d+)?")
"""Directories whose values have a meaning (docs: api-reference/crm/status)."""
_MEANINGS = {"SUCCESS": "S", "FAILURE": "F", "APOLOGY": "F"}
"""The words of EXTRA.SEMANTICS; every other one is of a stage in progress."""
_NO_DIRECTORY = re.compile(r"entityId|identifier of the directory", re.IGNORECASE)
_CLASSIC, _SIMPLE = 1, 2
_NO_FUNNELS = frozenset({"ENTITY_TYPE_NOT_SUPPORTED"})


async def statuses(directory: str | None, lists: Lists) -> tuple[Status, ...]:
    """The values of one directory in their order, or of all; empty when there is no such directory."""
    if directory is None:
        return await _listed({}, lists)
    if not _STAGES.fullmatch(directory):
        return await _values(directory, lists)
    try:
        return await _listed({"filter": {"ENTITY_ID": directory}}, lists)
    except PermissionRefused as refused:
        return await _stages(directory, lists, refused)


async def funnels(entity: Entity, lists: Lists) -> tuple[Funnel, ...]:
    """The funnels that the user may see (crm.category.list); none of an entity that cannot have any."""
    [outcome] = await lists.outcomes([RestCall("crm.category.list", {"entityTypeId": entity.entity_type_id})])
    if isinstance(outcome, PortalError):
        if outcome.code in _NO_FUNNELS:
            return ()
        raise outcome
    with known_form():
        rows = sorted(outcome.rows("categories"), key=lambda row: (whole_number(row.get("sort")) or 0, int(row["id"])))
        return tuple(
            Funnel(int(row["id"]), text(row, "name"), default=flag(row.get("isDefault")) or False) for row in rows
        )


async def leads_in_use(lists: Lists) -> bool | None:
    """Whether the CRM works in the classic mode (crm.enum.settings.mode); None where the user may not be told."""
    [outcome] = await lists.outcomes([RestCall("crm.settings.mode.get")])
    if isinstance(outcome, PermissionRefused | NotFound | RequestRefused):
        return None
    if isinstance(outcome, PortalError):
        raise outcome
    with known_form():
        return {_CLASSIC: True, _SIMPLE: False}.get(whole_number(outcome.result) or 0)


async def currencies(lists: Lists) -> tuple[Currency, ...]:
    """The portal's currencies (crm.currency.list, which is not paged)."""
    [answer] = await lists.answers(RestCall("crm.currency.list"))
    with known_form():
        return tuple(
            Currency(str(row["CURRENCY"]), flag(row.get("BASE")) or False, text(row, "FULL_NAME"))
            for row in answer.rows()
        )


async def _listed(chosen: Mapping[str, Any], lists: Lists) -> tuple[Status, ...]:
    """`crm.status.list`: everything that matches in one answer, in whatever number."""
    rows = await lists.all(RestCall("crm.status.list", {"order": {"SORT": "ASC", "ID": "ASC"}, **chosen}))
    with known_form():
        return tuple(sorted(map(_status_of, rows), key=lambda status: status.sort))


async def _values(directory: str, lists: Lists) -> tuple[Status, ...]:
    """`crm.status.entity.items`; where its refusal is in an unknown language, the list says what it means."""
    try:
        return await _items(directory, lists)
    except RequestRefused as refused:
        if _NO_DIRECTORY.search(refused.message):
            return ()
        return await _listed({"filter": {"ENTITY_ID": directory}}, lists)


async def _items(directory: str, lists: Lists) -> tuple[Status, ...]:
    [answer] = await lists.answers(RestCall("crm.status.entity.items", {"entityId": directory}))
    with known_form():
        found = [
            Status(directory, str(row["STATUS_ID"]), text(row, "NAME"), int(row["SORT"]), "") for row in answer.rows()
        ]
    return tuple(sorted(found, key=lambda status: status.sort))


async def _stages(directory: str, lists: Lists, refused: PermissionRefused) -> tuple[Status, ...]:
    """Stages where their list is refused; raises that refusal when REST does not say which one is the success."""
    try:
        found = await _items(directory, lists)
    except RequestRefused as unknown:
        if _NO_DIRECTORY.search(unknown.message):
            return ()
        raise refused from None
    [answer] = await lists.answers(RestCall("crm.status.entity.types"))
    success = next((_success(row) for row in answer.rows() if row.get("ID") == directory), "")
    place = next((place for place, status in enumerate(found) if status.code == success), None)
    if place is None:
        raise refused
    return tuple(_meant(status, at - place) for at, status in enumerate(found))


def _meant(status: Status, behind: int) -> Status:
    """A stage by its place: those behind the success are failures (docs: api-reference/crm/status)."""
    semantics = "" if behind < 0 else "F" if behind else "S"
    return Status(status.directory, status.code, status.name, status.sort, semantics)


def _success(row: Json) -> str:
    info = row.get("SEMANTIC_INFO")
    return str(cast("Json", info).get("FINAL_SUCCESS_FIELD") or "") if isinstance(info, dict) else ""


def _status_of(row: Json) -> Status:
    """A row of `crm.status.list`, whose numbers are texts; EXTRA is an empty list where there is none."""
    letter = text(row, "SEMANTICS").upper()
    extra = row.get("EXTRA")
    word = text(cast("Json", extra), "SEMANTICS").upper() if isinstance(extra, dict) else ""
    return Status(
        directory=str(row["ENTITY_ID"]),
        code=str(row["STATUS_ID"]),
        name=text(row, "NAME"),
        sort=whole_number(row.get("SORT")) or 0,
        semantics=letter if letter in {"S", "F"} else _MEANINGS.get(word, "") if letter != "P" else "",
        id=whole_number(row.get("ID")),
        initial_name=text(row, "NAME_INIT"),
        color=text(row, "COLOR"),
    )
