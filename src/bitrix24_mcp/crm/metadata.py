"""What the portal says about itself, read once and kept for five minutes. Never records."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, tzinfo
from typing import Any, TypeVar, cast
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import anyio

from bitrix24_mcp.crm.dates import parse_moment
from bitrix24_mcp.crm.entity import Entity
from bitrix24_mcp.crm.errors import NotFound, PermissionRefused
from bitrix24_mcp.crm.fields import Fields
from bitrix24_mcp.crm.portal import Currency, Funnel, Identity, NamedId, Portal, Record, Status

T = TypeVar("T")

LIFETIME = 300.0
"""Seconds; the gateway keeps its own field lists as long (docs/entity-api, user fields in aggregates)."""


@dataclass(frozen=True, slots=True)
class Stage:
    """A stage of an entity: its stored code, its name, "S"/"F"/"" and its funnel (None where there are none)."""

    code: str
    name: str
    semantics: str
    funnel: int | None


@dataclass(slots=True)
class _Kept:
    value: Any
    until: float


class Metadata:
    """Cached descriptions of one portal as one key sees it; concurrent questions share one read."""

    def __init__(self, portal: Portal, *, zone: str = "") -> None:
        """`zone`: IANA name that overrides what the portal says; empty to ask the portal."""
        self._portal = portal
        self._zone = zone
        self._kept: dict[Any, _Kept] = {}
        self._locks: dict[Any, anyio.Lock] = {}
        self._users: dict[int, tuple[str, float]] = {}

    def forget(self) -> None:
        """Drops everything, so that the next question reads the portal again."""
        self._kept.clear()
        self._users.clear()

    async def identity(self) -> Identity:
        """Whose key this is."""
        return await self._once("identity", self._portal.identity)

    async def smart_processes(self) -> tuple[Record, ...]:
        """All smart-process types."""
        return await self._once("smart-processes", self._portal.smart_processes)

    async def smart_process_fields(self, types: Entity) -> Fields:
        """The fields of the smart-process types themselves."""

        async def read() -> Fields:
            return Fields(types, await self._portal.smart_process_fields())

        return await self._once("smart-process fields", read)

    async def fields(self, entity: Entity) -> Fields:
        """The fields of an entity."""

        async def read() -> Fields:
            described = await self._portal.fields(entity) if entity.has_field_list else ()
            return Fields(entity, described)

        return await self._once(("fields", entity.name), read)

    async def directory(self, name: str) -> tuple[Status, ...]:
        """The values of one directory in their order; empty when there is no such directory."""
        return await self._once(("directory", name), lambda: self._portal.statuses(name))

    async def directories(self) -> Mapping[str, tuple[Status, ...]]:
        """Every directory with its values."""

        async def read() -> Mapping[str, tuple[Status, ...]]:
            grouped: dict[str, list[Status]] = {}
            for status in await self._portal.statuses(None):
                grouped.setdefault(status.directory, []).append(status)
            return {name: tuple(sorted(found, key=lambda each: each.sort)) for name, found in grouped.items()}

        return await self._once("directories", read)

    async def funnels(self, entity: Entity) -> tuple[Funnel, ...]:
        """The funnels of an entity."""
        return await self._once(("funnels", entity.name), lambda: self._portal.funnels(entity))

    async def stages(self, entity: Entity) -> tuple[Stage, ...]:
        """Every stage of an entity, funnel by funnel, in order."""
        if not entity.stage_directory:
            return ()
        if not entity.has_funnels:
            return _stages(await self.directory(entity.stage_directory), None)
        funnels = await self.funnels(entity)
        if len(funnels) == 1:
            return _stages(await self.directory(entity.stages_of(funnels[0].id)), funnels[0].id)
        all_directories = await self.directories()
        found = ((funnel.id, all_directories.get(entity.stages_of(funnel.id), ())) for funnel in funnels)
        return tuple(stage for funnel, statuses in found for stage in _stages(statuses, funnel))

    async def currencies(self) -> tuple[Currency, ...]:
        """The portal's currencies, the base one first."""

        async def read() -> tuple[Currency, ...]:
            return tuple(sorted(await self._portal.currencies(), key=lambda each: (not each.base, each.code)))

        return await self._once("currencies", read)

    async def workflow_templates(self) -> tuple[NamedId, ...]:
        """The workflow templates."""
        return await self._once("templates", self._portal.workflow_templates)

    async def users(self, ids: Sequence[int]) -> dict[int, str]:
        """Names of the users the key may see; the others are absent."""
        now = anyio.current_time()
        wanted = {user for user in ids if self._users.get(user, ("", 0.0))[1] <= now}
        if wanted:
            try:
                found = await self._portal.users(sorted(wanted))
            except PermissionRefused:
                found = ()
            names = {user.id: user.name for user in found}
            self._users.update({user: (names.get(user, ""), now + LIFETIME) for user in wanted})
        return {user: self._users[user][0] for user in ids if self._users[user][0]}

    async def zone(self) -> tzinfo:
        """The portal's zone: the setting, else the current user's, else the offset seen in data, else UTC."""

        async def read() -> tzinfo:
            return _zone(self._zone) or _zone(await self._users_zone()) or await self._offset_in_data() or UTC

        return await self._once("zone", read)

    async def _users_zone(self) -> str:
        try:
            return await self._portal.time_zone()
        except (PermissionRefused, NotFound):
            return ""

    async def _offset_in_data(self) -> tzinfo | None:
        try:
            types = await self.smart_processes()
        except PermissionRefused:
            return None
        moments = (parse_moment(str(each.get("createdTime") or ""), UTC) for each in types)
        return next((moment.tzinfo for moment in moments if moment and moment.tzinfo is not UTC), None)

    async def _once(self, key: Any, read: Callable[[], Awaitable[T]]) -> T:
        lock = self._locks.setdefault(key, anyio.Lock())
        async with lock:
            kept = self._kept.get(key)
            if kept is None or kept.until <= anyio.current_time():
                kept = _Kept(await read(), anyio.current_time() + LIFETIME)
                self._kept[key] = kept
            return cast("T", kept.value)


def _stages(statuses: Sequence[Status], funnel: int | None) -> tuple[Stage, ...]:
    return tuple(Stage(each.code, each.name, each.semantics, funnel) for each in statuses)


def _zone(name: str) -> tzinfo | None:
    if not name:
        return None
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError):
        return None
