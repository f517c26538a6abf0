"""Rules and what was made of answers, for all processes of this user or all replicas. Each method is a transaction."""

import secrets
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Self

from bitrix24_mcp.crm.intake.rule import IntakeRule, Target
from bitrix24_mcp.crm.intake.rules import LEASE, Answered, KeptRule, Made
from bitrix24_mcp.intake import failures, rows
from bitrix24_mcp.storage.database import Connection, Database, Place, Row
from bitrix24_mcp.storage.sqlite import Folder

_RULE = "select * from rules where portal = :portal and quiz = :quiz"
_CREATE = "insert into rules values (:portal, :quiz, :rule, :now, :now) on conflict do nothing"
_CHANGE = "update rules set rule = :rule, changed_at = :now where portal = :portal and quiz = :quiz"
_CLAIM = """
insert into submissions values (:portal, :quiz, :answer, :attempt, :until)
on conflict (portal, quiz, answer) do update set attempt = :attempt, claimed_until = :until
where submissions.claimed_until <= :now
"""
_RENEW = """
update submissions set claimed_until = :until
where portal = :portal and quiz = :quiz and answer = :answer and attempt = :attempt
"""
_NOTE = """
insert into made values (:portal, :quiz, :answer, :target, :record, :operation)
on conflict (portal, quiz, answer, target) do update set record = :record, operation = :operation
"""
_MADE = "select * from made where portal = :portal and quiz = :quiz and answer = :answer"


def _present() -> datetime:
    return datetime.now(UTC)


class StoredIntake:
    """The `Intake` that a database keeps. `kept_in` makes it; whatever it does may raise PortalError."""

    def __init__(self, database: Database, now: Callable[[], datetime]) -> None:
        self._database = database
        self._now = now

    @classmethod
    def kept_in(cls, place: Place, *, now: Callable[[], datetime] = _present) -> Self:
        """The rules in a place, with their tables made where they are missing."""
        return cls(place.database("intake", [rows.TABLES], failures.WORDS), now)

    @classmethod
    def in_folder(cls, folder: Path, *, now: Callable[[], datetime] = _present) -> Self:
        """The rules in a folder."""
        return cls.kept_in(Folder(folder), now=now)

    async def get(self, portal: str, quiz: int) -> KeptRule | None:
        """The rule of a questionnaire; None when it has none."""
        found = await self._read(_RULE, {"portal": portal, "quiz": quiz})
        try:
            return rows.rule_of(found[0]) if found else None
        except (LookupError, TypeError, ValueError, AttributeError):
            raise failures.not_of_ours(self._database.where) from None

    async def create(self, portal: str, rule: IntakeRule) -> bool:
        """Keeps a rule of a questionnaire that has none."""
        return await self._keep(_CREATE, portal, rule)

    async def change(self, portal: str, rule: IntakeRule) -> bool:
        """Keeps a rule in the place of another."""
        return await self._keep(_CHANGE, portal, rule)

    async def claim(self, answered: Answered) -> str | None:
        """Takes an answer for one attempt, unless another has it."""
        attempt = secrets.token_hex(8)
        now = self._now()
        values = {"attempt": attempt, "now": rows.written(now), "until": rows.written(now + LEASE)}
        async with self._database.writing() as connection:
            taken = await connection.change(_CLAIM, _key(answered) | values)
        return attempt if taken else None

    async def release(self, answered: Answered, attempt: str) -> None:
        """Ends an attempt; whoever took its place keeps it."""
        async with self._database.writing() as connection:
            await self._renew(connection, answered, attempt, self._now())

    async def note(self, answered: Answered, attempt: str, target: Target, made: Made) -> None:
        """Keeps what was made."""
        record = {"target": target, "record": made.id, "operation": made.operation}
        async with self._database.writing() as connection:
            await connection.change(_NOTE, _key(answered) | record)
            await self._renew(connection, answered, attempt, self._now() + LEASE)

    async def made(self, answered: Answered) -> Mapping[Target, Made]:
        """What was made for an answer."""
        found = await self._read(_MADE, _key(answered))
        try:
            return dict(map(rows.made_of, found))
        except ValueError:
            raise failures.not_of_ours(self._database.where) from None

    async def _keep(self, statement: str, portal: str, rule: IntakeRule) -> bool:
        values = {"portal": portal, "quiz": rule.quiz, "rule": rows.rule_text(rule), "now": rows.written(self._now())}
        async with self._database.writing() as connection:
            return bool(await connection.change(statement, values))

    async def _renew(self, connection: Connection, answered: Answered, attempt: str, until: datetime) -> None:
        await connection.change(_RENEW, _key(answered) | {"attempt": attempt, "until": rows.written(until)})

    async def _read(self, query: str, values: Mapping[str, Any]) -> list[Row]:
        async with self._database.reading() as connection:
            return await connection.fetch(query, values)


def _key(answered: Answered) -> dict[str, Any]:
    return {"portal": answered.portal, "quiz": answered.quiz, "answer": answered.answer}
