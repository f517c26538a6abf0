"""Rules and what was made of answers in a file, for all processes of this user. Each method is one transaction."""

import secrets
import sqlite3
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Self

from bitrix24_mcp.crm.intake.rule import IntakeRule, Target
from bitrix24_mcp.crm.intake.rules import LEASE, Answered, KeptRule, Made
from bitrix24_mcp.intake import failures, rows
from bitrix24_mcp.storage.database import Database
from bitrix24_mcp.storage.folder import prepare

_FILE = "intake.sqlite3"
_RULE = "select * from rules where portal = ? and quiz = ?"
_CREATE = "insert or ignore into rules values (:portal, :quiz, :rule, :now, :now)"
_CHANGE = "update rules set rule = :rule, changed_at = :now where portal = :portal and quiz = :quiz"
_CLAIM = """
insert into submissions values (:portal, :quiz, :answer, :attempt, :until)
on conflict do update set attempt = :attempt, claimed_until = :until where claimed_until <= :now
"""
_RENEW = """
update submissions set claimed_until = :until
where portal = :portal and quiz = :quiz and answer = :answer and attempt = :attempt
"""
_NOTE = """
insert into made values (:portal, :quiz, :answer, :target, :record, :operation)
on conflict do update set record = :record, operation = :operation
"""
_MADE = "select * from made where portal = ? and quiz = ? and answer = ?"


def _present() -> datetime:
    return datetime.now(UTC)


class SqliteIntake:
    """The `Intake` that a folder keeps. `in_folder` makes it; whatever it does may raise PortalError."""

    def __init__(self, path: Path, now: Callable[[], datetime]) -> None:
        self._path = path
        self._database = Database(path, [rows.TABLES], failures.WORDS)
        self._now = now

    @classmethod
    def in_folder(cls, folder: Path, *, now: Callable[[], datetime] = _present) -> Self:
        """The rules in a folder, which is made with its file where it is missing."""
        prepare(folder, failures.WORDS)
        intake = cls(folder / _FILE, now)
        with intake._database.reading():  # says at once what is wrong with the file
            return intake

    async def get(self, portal: str, quiz: int) -> KeptRule | None:
        """The rule of a questionnaire; None when it has none."""
        found = self._read(_RULE, portal, quiz)
        try:
            return rows.rule_of(found[0]) if found else None
        except (LookupError, TypeError, ValueError, AttributeError):
            raise failures.not_of_ours(self._path) from None

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
            taken = connection.execute(_CLAIM, _key(answered) | values).rowcount
        return attempt if taken else None

    async def release(self, answered: Answered, attempt: str) -> None:
        """Ends an attempt; whoever took its place keeps it."""
        async with self._database.writing() as connection:
            self._renew(connection, answered, attempt, self._now())

    async def note(self, answered: Answered, attempt: str, target: Target, made: Made) -> None:
        """Keeps what was made."""
        record = {"target": target, "record": made.id, "operation": made.operation}
        async with self._database.writing() as connection:
            connection.execute(_NOTE, _key(answered) | record)
            self._renew(connection, answered, attempt, self._now() + LEASE)

    async def made(self, answered: Answered) -> Mapping[Target, Made]:
        """What was made for an answer."""
        found = self._read(_MADE, answered.portal, answered.quiz, answered.answer)
        try:
            return dict(map(rows.made_of, found))
        except ValueError:
            raise failures.not_of_ours(self._path) from None

    async def _keep(self, statement: str, portal: str, rule: IntakeRule) -> bool:
        values = {"portal": portal, "quiz": rule.quiz, "rule": rows.rule_text(rule), "now": rows.written(self._now())}
        async with self._database.writing() as connection:
            return bool(connection.execute(statement, values).rowcount)

    def _renew(self, connection: sqlite3.Connection, answered: Answered, attempt: str, until: datetime) -> None:
        connection.execute(_RENEW, _key(answered) | {"attempt": attempt, "until": rows.written(until)})

    def _read(self, query: str, *values: Any) -> list[dict[str, Any]]:
        with self._database.reading() as connection:
            cursor = connection.execute(query, values)
            names = [column[0] for column in cursor.description]
            return [dict(zip(names, row, strict=True)) for row in cursor]


def _key(answered: Answered) -> dict[str, Any]:
    return {"portal": answered.portal, "quiz": answered.quiz, "answer": answered.answer}
