"""What the portal says about itself, read once and kept for five minutes. Never records."""

from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from copy import copy
from dataclasses import dataclass, replace
from datetime import UTC, datetime, tzinfo
from typing import Any, Literal, TypeVar, cast
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import anyio

from bitrix24_mcp import usage
from bitrix24_mcp.crm.catalogue.entity import Entity
from bitrix24_mcp.crm.errors import NotFound, PermissionRefused
from bitrix24_mcp.crm.fields import Fields
from bitrix24_mcp.crm.kept import LIFETIME, Kept, Marks
from bitrix24_mcp.crm.portal import Descriptions, Portal, SharedDescriptions
from bitrix24_mcp.crm.portal_values import Currency, Funnel, Identity, NamedId, Person, Record, Status
from bitrix24_mcp.crm.text import plain

T = TypeVar("T")
ZoneSource = Literal["setting", "user", "data", "default"]


@dataclass(frozen=True, slots=True)
class Stage:
    """A stage of an entity: its stored code, its name, "S"/"F"/"" and its funnel (None where there are none)."""

    code: str
    name: str
    semantics: str
    funnel: int | None


class Metadata:
    """Cached descriptions of one portal as one key sees it; concurrent questions share one read."""

    def __init__(
        self, portal: Portal, *, zone: str = "", whose: str = "", shared: SharedDescriptions | None = None
    ) -> None:
        """`zone`: IANA name that overrides what the portal says; empty to ask the portal.

        `whose`: a word for the one caller that it is for, where callers are told apart; their cursors are theirs alone.
        `shared`: the same portal's descriptions, where other servers keep them as well.
        """
        self.whose = whose
        self._portal = portal
        self._shared = shared
        self._described: Descriptions = shared or portal
        self._zone = zone
        lifetime = shared.lifetime if shared else LIFETIME
        self._kept = Kept[Any](lifetime)
        self._users = Kept[str](lifetime)
        self._awaited: set[int] = set()
        self._locks: dict[Any, anyio.Lock] = {}
        self._forgotten = 0
        self._stands_still = False
        self.present: datetime | None = None
        """The moment at which time stands still, once it was asked for."""
        self._refused = Marks()
        self.unhelpful = Marks()
        """Ways to figures that were refused or left records out, so that they are not tried again and again."""

    @property
    def portal(self) -> Portal:
        """The portal that is described, for what must not be kept."""
        return self._portal

    def forget(self) -> None:
        """Drops everything, so that the next question reads the portal again; what is being read is not kept."""
        self._forgotten += 1
        if self._shared:
            self._shared.forget()
        self._kept.clear()
        self._users.clear()
        self._refused.clear()
        self.unhelpful.clear()

    async def identity(self) -> Identity:
        """Whose key this is."""
        return await self._once("identity", self._described.identity)

    async def smart_processes(self) -> tuple[Record, ...]:
        """All smart-process types."""
        return await self._once("smart-processes", self._described.smart_processes)

    async def smart_process_fields(self, types: Entity) -> Fields:
        """The fields of the smart-process types themselves."""

        async def read() -> Fields:
            return Fields(types, await self._described.smart_process_fields())

        return await self._once("smart-process fields", read)

    async def fields(self, entity: Entity) -> Fields:
        """The fields of an entity."""

        async def read() -> Fields:
            described = await self._described.fields(entity) if entity.has_field_list else ()
            return Fields(entity, described)

        return await self._once(("fields", entity.name), read)

    async def directory(self, name: str) -> tuple[Status, ...]:
        """The values of one directory in their order; empty when there is no such directory, which is not kept."""
        return await self._once(("directory", name), lambda: self._described.statuses(name), keep_empty=False)

    async def directories(self) -> Mapping[str, tuple[Status, ...]]:
        """Every directory with its values."""

        async def read() -> Mapping[str, tuple[Status, ...]]:
            grouped: dict[str, list[Status]] = {}
            for status in await self._described.statuses(None):
                grouped.setdefault(status.directory, []).append(status)
            return {name: tuple(sorted(found, key=lambda each: each.sort)) for name, found in grouped.items()}

        return await self._once("directories", read)

    async def funnels(self, entity: Entity) -> tuple[Funnel, ...]:
        """The funnels of an entity."""
        return await self._once(("funnels", entity.name), lambda: self._described.funnels(entity))

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
            return tuple(sorted(await self._described.currencies(), key=lambda each: (not each.base, each.code)))

        return await self._once("currencies", read)

    async def workflow_templates(self) -> tuple[NamedId, ...]:
        """The workflow templates."""
        return await self._once("templates", self._described.workflow_templates)

    async def users(self, ids: Sequence[int]) -> dict[int, str]:
        """Names of the users the key may see; the others are absent."""
        named = self._known(ids)
        if unknown := set(ids) - named.keys():
            self._awaited |= unknown
            async with self._alone("users"):
                named |= self._known(ids)  # somebody may have read them while this call waited
                if unknown := set(ids) - named.keys():
                    named |= await self._read_users(self._awaited | unknown)
        return {user: name for user in ids if (name := named.get(user))}

    def _known(self, ids: Sequence[int]) -> dict[int, str]:
        found = {user: self._users.fresh(user) for user in ids}
        return {user: held.value for user, held in found.items() if held is not None}

    async def _read_users(self, wanted: set[int]) -> dict[int, str]:
        """Those that this call and all that wait behind it are waiting for; empty names for the invisible."""
        since, lifetime = self._forgotten, self._users.lifetime
        try:
            found = await self._described.users(sorted(wanted))
        except PermissionRefused:  # which others do not keep for us
            found, lifetime = (), LIFETIME
        names = dict.fromkeys(wanted, "") | {user.id: user.name or _numbered(user.id) for user in found}
        self._keep_names(names, since, lifetime)
        self._awaited -= wanted
        return names

    def _keep_names(self, names: Mapping[int, str], since: int, lifetime: float) -> None:
        """Keeps the names, unless all was forgotten since their reading began, at `since` times."""
        if since == self._forgotten:
            self._users.keep(names, lifetime)

    async def people(self) -> tuple[Person, ...]:
        """Every user that the key may see, dismissed ones included."""

        async def read() -> tuple[Person, ...]:
            since = self._forgotten
            found = tuple(
                replace(person, name=plain(person.name), last_name=plain(person.last_name))
                for person in await self._described.people()
            )
            names = {person.id: person.called or _numbered(person.id) for person in found}
            self._keep_names(names, since, self._users.lifetime)
            return found

        return await self._once("people", read)

    def still(self, present: datetime | None = None) -> "Metadata":
        """The same for one piece of work, during which it is that moment, or the one when it is first asked for."""
        other = copy(self)
        other._stands_still, other.present = True, present  # noqa: SLF001 - it is one of us
        return other

    async def now(self) -> datetime:
        """The portal's present moment in its own zone."""
        if not self._stands_still:
            return await self._now()
        if self.present is None:
            self.present = await self._now()
        return self.present.astimezone(await self.zone())

    async def _now(self) -> datetime:
        zone, source = await self.zone_and_source()
        if source == "setting":
            # The portal's clock is known from its first answer on, and nothing may have been asked yet.
            with suppress(PermissionRefused, NotFound):
                await self.identity()
        return self._portal.now().astimezone(zone)

    async def zone(self) -> tzinfo:
        """The portal's zone: the setting, else the current user's, else the offset seen in data, else UTC."""
        return (await self.zone_and_source())[0]

    async def zone_and_source(self) -> tuple[tzinfo, ZoneSource]:
        """The portal's zone and where it comes from; `default` is UTC, because nobody said anything."""

        async def read() -> tuple[tzinfo, ZoneSource]:
            if zone := _zone(self._zone):
                return zone, "setting"
            if zone := _zone(await self._users_zone()):
                return zone, "user"
            zone = await self._offset_in_data()
            return (zone, "data") if zone else (UTC, "default")

        return await self._once("zone", read)

    async def _users_zone(self) -> str:
        if "user's zone" in self._refused:
            return ""
        try:
            return await self._described.time_zone()
        except (PermissionRefused, NotFound):
            self._refused.add("user's zone")
            return ""

    async def _offset_in_data(self) -> tzinfo | None:
        if "offset" in self._refused:
            return None
        try:
            return await self._described.offset()
        except PermissionRefused:
            self._refused.add("offset")
            return None

    async def _once(self, key: Any, read: Callable[[], Awaitable[T]], *, keep_empty: bool = True) -> T:
        kept = self._kept.fresh(key)
        if kept or not self._shared:
            usage.looked_up(kept=kept is not None)
        if kept:  # without a lock, so that calls at once stay together
            return cast("T", kept.value)
        async with self._alone(key):
            if kept := self._kept.fresh(key):
                return cast("T", kept.value)
            since = self._forgotten
            value = await read()
            if since == self._forgotten and (value or keep_empty):
                self._kept.keep({key: value})
            return value

    @asynccontextmanager
    async def _alone(self, key: Any) -> AsyncGenerator[None]:
        """One reader a key; its lock is gone with the last of those who wait for it."""
        lock = self._locks.setdefault(key, anyio.Lock())
        try:
            async with lock:
                yield
        finally:
            if not lock.locked() and self._locks.get(key) is lock:
                del self._locks[key]


def _stages(statuses: Sequence[Status], funnel: int | None) -> tuple[Stage, ...]:
    return tuple(Stage(each.code, each.name, each.semantics, funnel) for each in statuses)


def _numbered(user: int) -> str:
    """What to call a user who has neither a name nor an address."""
    return f"user #{user}"


def _zone(name: str) -> tzinfo | None:
    if not name:
        return None
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError):
        return None
