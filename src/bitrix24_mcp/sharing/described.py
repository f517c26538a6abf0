"""What a portal says of itself, read by one of a caller's replicas for all of them. No record ever passes here."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from datetime import timedelta, timezone, tzinfo
from typing import Any, TypeVar

import anyio

from bitrix24_mcp import usage
from bitrix24_mcp.crm.catalogue.entity import Entity
from bitrix24_mcp.crm.errors import NotFound, PermissionRefused
from bitrix24_mcp.crm.kept import LIFETIME, Kept
from bitrix24_mcp.crm.portal import Portal
from bitrix24_mcp.crm.portal_values import Currency, FieldInfo, Funnel, Identity, NamedId, Person, Record, Status
from bitrix24_mcp.sharing import forms
from bitrix24_mcp.sharing.answers import Answers, Turn
from bitrix24_mcp.sharing.forms import Form
from bitrix24_mcp.sharing.link import Absent, Link

T = TypeVar("T")

_HERE = 10.0
"""Seconds that a replica uses what it was told without asking Redis again: as long does it miss what others forget."""


class Described:
    """A portal's descriptions, shared with the other replicas that serve the same caller.

    It raises what the portal raises, and keeps no error. While Redis is absent the portal is asked, and what was told
    before stays good for as long as it would have been.
    """

    lifetime = _HERE

    def __init__(self, portal: Portal, link: Link, whose: str, *, lease: float = 15, patience: float = 15) -> None:
        """`whose`: a word for the one caller, with all that decides what the portal tells them, that tells nothing.

        `lease` and `patience`: see `Answers`.
        """
        life = LIFETIME - _HERE
        self._portal = portal
        self._answers = Answers(link, f"{whose}:{forms.edition()}", life=life, lease=lease, patience=patience)
        self._remembered = Kept[Any](life)
        self._fields: dict[str, tuple[FieldInfo, ...]] = {}
        self._alone = anyio.Lock()
        self._forgotten = 0
        self._passed_on = 0

    def forget(self) -> None:
        """Has the next question read the portal again, also on the other replicas; what is being read is not kept."""
        self._forgotten += 1
        self._remembered.clear()

    async def identity(self) -> Identity:
        """Whose key this is."""
        return await self._told("identity", forms.IDENTITY, self._portal.identity)

    async def time_zone(self) -> str:
        """The current user's zone."""
        return await self._told("time zone", forms.TEXT, self._portal.time_zone)

    async def offset(self) -> tzinfo | None:
        """The offset in which the portal writes moments."""

        async def read() -> float | None:
            await self._hear()  # an offset may be known from the first answer on
            zone = await self._portal.offset()
            shift = zone.utcoffset(None) if zone else None
            return None if shift is None else shift.total_seconds()

        seconds = await self._told("offset", forms.OFFSET, read)
        return None if seconds is None else timezone(timedelta(seconds=seconds))

    async def smart_processes(self) -> tuple[Record, ...]:
        """All smart-process types."""
        return await self._told("smart processes", forms.RECORDS, self._portal.smart_processes)

    async def smart_process_fields(self) -> tuple[FieldInfo, ...]:
        """The fields of a smart-process type itself."""
        return await self._told("smart-process fields", forms.FIELDS, self._portal.smart_process_fields)

    async def fields(self, entity: Entity) -> tuple[FieldInfo, ...]:
        """The fields of an entity's records; the portal hears when another replica was told other ones."""

        async def read() -> tuple[FieldInfo, ...]:
            self._fields[entity.name] = found = await self._portal.fields(entity)
            return found

        told = await self._told(f"fields of {entity.name}", forms.FIELDS, read)
        if self._fields.get(entity.name) != told:
            self._fields[entity.name] = told
            self._portal.fields_changed(entity)
        return told

    async def statuses(self, directory: str | None) -> tuple[Status, ...]:
        """The values of one directory, which are not kept when there are none, or of all directories."""
        name = "directories" if directory is None else f"directory {directory}"

        async def read() -> tuple[Status, ...]:
            return await self._portal.statuses(directory)

        return await self._told(name, forms.STATUSES, read, keep_empty=directory is None)

    async def funnels(self, entity: Entity) -> tuple[Funnel, ...]:
        """The funnels of an entity."""
        return await self._told(f"funnels of {entity.name}", forms.FUNNELS, lambda: self._portal.funnels(entity))

    async def currencies(self) -> tuple[Currency, ...]:
        """The portal's currencies."""
        return await self._told("currencies", forms.CURRENCIES, self._portal.currencies)

    async def workflow_templates(self) -> tuple[NamedId, ...]:
        """The workflow templates."""
        return await self._told("workflow templates", forms.NAMED, self._portal.workflow_templates)

    async def people(self) -> tuple[Person, ...]:
        """Every user that the key may see."""
        return await self._told("people", forms.PEOPLE, self._portal.people)

    async def users(self, ids: Sequence[int]) -> tuple[NamedId, ...]:
        """Names of those of the users that the key may see; only those whom no replica has asked for are read."""
        names = {f"user {each}": each for each in ids}

        async def read(missing: Sequence[str]) -> Mapping[str, NamedId | None]:
            found = await self._portal.users([names[name] for name in missing])
            return dict.fromkeys(missing) | {f"user {each.id}": each for each in found}

        told = await self._all_told("users", tuple(names), forms.USER, read)
        return tuple(user for name in names if (user := told[name]) is not None)

    async def _told(self, name: str, form: Form[T], read: Callable[[], Awaitable[T]], *, keep_empty: bool = True) -> T:
        kept = True

        async def read_it(_: Sequence[str]) -> Mapping[str, T]:
            nonlocal kept
            kept = False
            usage.looked_up(kept=False)
            return {name: await read()}

        told = await self._all_told(name, (name,), form, read_it, keep_empty=keep_empty)
        if kept:
            usage.looked_up(kept=True)
        return told[name]

    async def _all_told(
        self,
        topic: str,
        names: Sequence[str],
        form: Form[T],
        read: Callable[[Sequence[str]], Awaitable[Mapping[str, T]]],
        *,
        keep_empty: bool = True,
    ) -> dict[str, T]:
        """What is known of these names, and what `read` makes of the others."""
        since = self._forgotten
        turn, told = await self._known(topic, names, form)
        async with turn:
            if missing := [name for name in names if name not in told]:
                found = await read(missing)
                lasting = {name: value for name, value in found.items() if keep_empty or value}
                await turn.keep(form.written(lasting))
                self._remember(lasting, self._remembered.lifetime, since)
                told |= found
            else:
                await self._hear()
        return told

    async def _known(self, topic: str, names: Sequence[str], form: Form[T]) -> tuple[Turn, dict[str, T]]:
        """What is known of these names, and the turn to ask for the others; a text that is of no use is dropped."""
        since = self._forgotten
        try:
            await self._pass_on()
            turn = await self._answers.turn(topic, names)
            told = form.read_all(turn.told)
            if not turn.leased and (useless := turn.told.keys() - told.keys()):
                await self._answers.drop(topic, tuple(useless))
                turn = await self._answers.turn(topic, names)
                told = form.read_all(turn.told)
        except Absent:
            return Turn({}, {}), {name: held.value for name in names if (held := self._remembered.fresh(name))}
        for name, value in told.items():
            self._remember({name: value}, turn.seconds[name], since)
        return turn, told

    def _remember(self, values: Mapping[str, Any], seconds: float, since: int) -> None:
        if since == self._forgotten:
            self._remembered.keep(values, seconds)

    async def _pass_on(self) -> None:
        """Tells the other replicas that all was forgotten, before anything else is asked. Raises Absent."""
        if self._passed_on == self._forgotten:
            return
        async with self._alone:
            if self._passed_on != (wanted := self._forgotten):
                await self._answers.forget()
                self._passed_on = wanted

    async def _hear(self) -> None:
        """Asks the portal itself, unless it has answered: only then are its clock and its offset known here."""
        if self._portal.heard:
            return
        async with self._alone:
            if not self._portal.heard:
                with suppress(PermissionRefused, NotFound):
                    await self._portal.identity()
