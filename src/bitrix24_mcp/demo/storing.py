"""Records as both doors add, change and remove them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from bitrix24_mcp.demo import checking, effects, multifields, times
from bitrix24_mcp.demo.database import equals
from bitrix24_mcp.demo.values import to_column

if TYPE_CHECKING:
    from collections.abc import Mapping
    from sqlite3 import Row

    from bitrix24_mcp.demo.gateway import Gateway
    from bitrix24_mcp.demo.schema import Entity, Field
    from bitrix24_mcp.demo.values import Column

_ON_CREATE = {
    "created": "now",
    "updated": "now",
    "moved": "now",
    "creator": "user",
    "updater": "user",
    "mover": "user",
    "owner": "user",
}
_ON_UPDATE = {"updated": "now", "updater": "user"}


def add(portal: Gateway, user: int, entity: Entity, values: Mapping[str, Column]) -> Column:
    """The key of a new record with these values, defaults beside them; `user` is who makes it."""
    checking.check_references(portal.database, entity, values)
    row: dict[str, Column] = {}
    for field in entity.fields:
        row[field.name] = to_column(field, field.default if not field.multiple else [])
    given = {name: value for name, value in values.items() if value is not None}
    row |= _filled(user, entity, _ON_CREATE) | _numbered(portal, entity, None, given)
    if not entity.text_key:
        row[entity.key] = row.get(entity.key) or _next_key(portal, entity)
    with portal.database.together():
        effects.before_create(portal, entity, row)
        portal.database.insert(entity.table, row)
        effects.after_change(portal, entity, None, row)
    return row[entity.key]


def change(portal: Gateway, user: int, entity: Entity, before: Row, values: Mapping[str, Column]) -> None:
    """Save what is really new in these values; when nothing is, nothing is saved and nobody is named as its author."""
    checking.check_references(portal.database, entity, _news(entity, before, values))
    wanted = _numbered(portal, entity, before, values)
    effects.before_update(portal, user, entity, before, wanted)
    changes = _news(entity, before, wanted)
    if not changes:
        return
    changes |= _filled(user, entity, _ON_UPDATE)
    with portal.database.together():
        portal.database.update(entity.table, equals(entity.key, before[entity.key]), changes)
        effects.after_change(portal, entity, before, {**dict(before), **changes})


def remove(portal: Gateway, entity: Entity, key: int | str) -> bool:
    """Whether there was such a record to remove; its number is not given again."""
    effects.before_delete(portal, entity, key)
    if not entity.text_key:
        portal.database.highest(entity.table, entity.key)
    if not portal.database.delete(entity.table, equals(entity.key, key)):
        return False
    effects.after_delete(portal, entity, key)
    return True


def _filled(user: int, entity: Entity, rules: Mapping[str, str]) -> dict[str, Column]:
    values: dict[str, Column] = {"now": times.stored(times.NOW), "user": user}
    return {field.name: values[rules[field.fill]] for field in entity.fields if field.fill in rules}


def _next_key(portal: Gateway, entity: Entity) -> int:
    following = portal.database.next_number(entity.table, entity.key)
    # Types made through the API get even numbers from 1030 on (docs/entities/smart-processes).
    return max(following + following % 2, 1030) if entity.path == "smart-processes" else following


def _numbered(portal: Gateway, entity: Entity, before: Row | None, values: Mapping[str, Column]) -> dict[str, Column]:
    """The values with phones and the like numbered."""
    found = dict(values)
    for name, column in values.items():
        if entity.by_name[name].kind == "multifield":
            old = multifields.kept(before[name] if before else None)
            parts = multifields.kept(str(column or "[]"))
            found[name] = multifields.column(multifields.numbered(parts, old, portal.multifield_numbers))
    return found


def _news(entity: Entity, before: Row, values: Mapping[str, Column]) -> dict[str, Column]:
    return {
        name: value
        for name, value in values.items()
        if name != entity.key and not _same(entity.by_name[name], before[name], value)
    }


def _same(field: Field, old: Column, new: Column) -> bool:
    """Whether two values of a column mean one: an empty text is as good as none, JSON may be spaced as it likes."""
    if field.kind in ("list", "multifield", "object"):
        return json.loads(str(old or "[]")) == json.loads(str(new or "[]"))
    return (old if old != "" else None) == (new if new != "" else None)
