"""What people call fields of items, where crm.item.fields does not say it: names and list values of user fields.

The classic lists tell labels only for a language that is named, and the portal's own is not told over REST, so the
first of a few that has them counts (crm.deal.userfield.list; userfieldconfig.list for invoices and smart processes).
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any, cast

from bitrix24_mcp.crm.catalogue.entity import Entity
from bitrix24_mcp.rest.calling.calls import RestCall
from bitrix24_mcp.rest.calling.envelope import Answer, Json
from bitrix24_mcp.rest.calling.lists import Lists, pages_behind
from bitrix24_mcp.rest.items.names import MULTIFIELDS, is_user_field, keeps_original_names

_LANGUAGES = ("ru", "en")
_OWNER = re.compile(r"UF_(CRM_(?:\d+|SMART_INVOICE))_.+")
"""What a user field of an item belongs to, by its name: that of a smart process has the number of its type."""


def titles_call(entity: Entity) -> list[RestCall]:
    """The call that tells what people call phones and e-mail addresses; none where there are none."""
    return [RestCall(f"crm.{entity.singular}.fields")] if entity.name in MULTIFIELDS else []


def titles_of(outcomes: Sequence[object]) -> dict[str, str]:
    """Titles by classic names, as far as the portal told them."""
    told = [outcome.record() for outcome in outcomes if isinstance(outcome, Answer)]
    held = {name: cast("Json", each) for fields in told for name, each in fields.items() if isinstance(each, dict)}
    return {name: str(each.get("title") or "") for name, each in held.items()}


async def completed(entity: Entity, fields: Mapping[str, Json], lists: Lists) -> dict[str, Json]:
    """The fields, with a title and list values for those user fields that came without. Nothing that fails is told."""
    if not any(_lacks(name, each) for name, each in fields.items()):
        return dict(fields)
    rows: dict[str, list[Json]] = {}
    for row in await _labels(_calls(entity, fields), [] if keeps_original_names(entity) else ["fields"], lists):
        rows.setdefault(_spelling(str(row.get("FIELD_NAME") or row.get("fieldName") or "")), []).append(row)
    return {name: _with(name, each, rows.get(_spelling(name), [])) for name, each in fields.items()}


async def _labels(calls: Sequence[RestCall], path: Sequence[str], lists: Lists) -> list[Json]:
    """The rows of all pages; a portal with thousands of user fields has hundreds of them."""
    rows: list[Json] = []
    further: list[RestCall] = []
    for call, outcome in zip(calls, await lists.outcomes(calls), strict=True):
        if isinstance(outcome, Answer):
            rows += outcome.rows(*path)
            further += pages_behind(call, outcome)
    for outcome in await lists.outcomes(further):
        rows += outcome.rows(*path) if isinstance(outcome, Answer) else []
    return rows


def _lacks(name: str, told: Json) -> bool:
    return is_user_field(name) and (
        _spelling(str(told.get("title") or "")) in {"", _spelling(name), _spelling(str(told.get("upperName") or ""))}
        or (told.get("type") == "enumeration" and not told.get("items"))
    )


def _calls(entity: Entity, fields: Mapping[str, Json]) -> list[RestCall]:
    if keeps_original_names(entity):
        method = f"crm.{entity.singular}.userfield.list"
        return [RestCall(method, {"filter": {"LANG": language}}) for language in _LANGUAGES]
    owners = {match[1] for each in fields.values() if (match := _OWNER.fullmatch(str(each.get("upperName") or "")))}
    return [
        RestCall(
            "userfieldconfig.list",
            {
                "moduleId": "crm",
                "filter": {"entityId": owner},
                "select": {"0": "*", "language": language},
                "order": {"id": "ASC"},
            },
        )
        for owner in sorted(owners)
        for language in _LANGUAGES
    ]


def _with(name: str, told: Json, rows: Sequence[Json]) -> Json:
    if not rows or not _lacks(name, told):
        return told
    label = next((text for row in rows if (text := _label(row))), "")
    items = told.get("items") or next((row["LIST"] for row in rows if row.get("LIST")), None)
    return {**told, **({"title": label} if label else {}), **({"items": items} if items else {})}


def _label(row: Json) -> str:
    """A label is a text, or one text a language."""
    told: Any = row.get("EDIT_FORM_LABEL") or row.get("editFormLabel")
    texts = cast("Json", told).values() if isinstance(told, dict) else (told,)
    return next((text for text in texts if isinstance(text, str) and text), "")


def _spelling(name: str) -> str:
    return name.replace("_", "").casefold()
