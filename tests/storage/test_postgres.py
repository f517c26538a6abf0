"""A database for several replicas: made once, brought up to date, one writer at a time, explained, and found again."""

import re
from typing import Any

import anyio
import psycopg
import pytest

from bitrix24_mcp.crm.errors import PortalUnavailable
from bitrix24_mcp.storage.postgres import PostgresDatabase, Server
from bitrix24_mcp.storage.words import Words
from postgres_places import replica
from services import database_address, postgres_server

pytestmark = pytest.mark.anyio

WORDS = Words(
    code="NOTES_UNUSABLE",
    broken="The notes in {path} cannot be used: {reason}.",
    busy="Somebody writes notes.",
    newer="The notes are newer.",
    open_to_others="",
    closing="",
)
FIRST = "create table notes (id integer primary key, text text, picture blob);"
SECOND = "alter table notes add column colour text; update notes set colour = 'white';"
ADD = "insert into notes (text) values (:text)"
ALL = "select text from notes order by id"


def notes(server: Server, *steps: str) -> PostgresDatabase:
    return server.database("notes", steps or [FIRST], WORDS)


async def write(database: PostgresDatabase, text: str) -> None:
    async with database.writing() as connection:
        await connection.change(ADD, {"text": text})


async def read(database: PostgresDatabase, query: str = ALL) -> list[list[Any]]:
    async with database.reading() as connection:
        return [list(row.values()) for row in await connection.fetch(query)]


async def test_what_one_replica_wrote_another_reads(address: str) -> None:
    async with replica(address) as one, replica(address) as other:
        await write(notes(one), "Кирпич: 100 %, :text, half a \0 character")

        assert await read(notes(other)) == [["Кирпич: 100 %, :text, half a \\x00 character"]]


async def test_values_and_bytes_come_back_as_they_were(address: str) -> None:
    async with replica(address) as server, notes(server).writing() as connection:
        add = "insert into notes (text, picture) values (:text, :picture) returning id, text, picture"
        values = {"text": None, "picture": b"\0\xff'"}

        assert await connection.fetch(add, values) == [{"id": 1, "text": None, "picture": b"\0\xff'"}]


async def test_texts_sort_as_their_bytes_do(address: str) -> None:
    async with replica(address) as server:
        for text in ("b", "A", "a", "B", "2026-07-15T09:00:00.5", "2026-07-15T09:00:00"):
            await write(notes(server), text)

        found = [row[0] for row in await read(notes(server), "select text from notes order by text")]

    assert found == ["2026-07-15T09:00:00", "2026-07-15T09:00:00.5", "A", "B", "a", "b"]


async def test_replicas_that_begin_together_make_the_tables_once_and_bring_older_ones_up_to_date(address: str) -> None:
    async with replica(address) as one, replica(address) as other:
        await write(notes(one), "one")
        databases = [notes(server, FIRST, SECOND) for server in (one, other, one, other)]
        async with anyio.create_task_group() as group:
            for database in databases:
                group.start_soon(database.check)

        assert await read(databases[1], "select text, colour from notes") == [["one", "white"]]
        assert await read(databases[0], "select kind, version from versions") == [["notes", 2]]


async def test_a_step_that_fails_leaves_the_tables_at_the_version_they_had(address: str) -> None:
    async with replica(address) as server:
        await write(notes(server), "one")

        with pytest.raises(PortalUnavailable, match=r"refused a statement \(42P07\)"):
            await read(notes(server, FIRST, f"{SECOND} create table notes (id integer);"))

        assert await read(notes(server), "select * from notes") == [[1, "one", None]]


async def test_tables_of_a_newer_version_are_left_alone(address: str) -> None:
    async with replica(address) as server:
        await write(notes(server, FIRST, SECOND), "one")

        with pytest.raises(PortalUnavailable, match="The notes are newer"):
            await read(notes(server))


async def test_a_user_who_may_make_nothing_can_use_what_is_there(address: str) -> None:
    async with replica(address) as server:
        await write(notes(server), "one")
    with psycopg.connect(address, autocommit=True) as connection:
        connection.execute("drop role if exists guest")
        connection.execute("create role guest login")
        connection.execute("grant usage on schema bitrix24_mcp to guest")
        connection.execute("grant select, insert, update on all tables in schema bitrix24_mcp to guest")
        connection.execute("grant usage on all sequences in schema bitrix24_mcp to guest")

    async with replica(address.replace("bitrix24@", "guest@")) as server:
        await write(notes(server), "two")
        assert await read(notes(server)) == [["one"], ["two"]]
        with pytest.raises(PortalUnavailable, match="its user may not use these tables, or make them"):
            await server.database("other", ["create table others (id integer);"], WORDS).check()

    with psycopg.connect(address, autocommit=True) as connection:
        connection.execute("drop owned by guest")
        connection.execute("drop role guest")


async def test_an_error_within_undoes_all_of_it(address: str) -> None:
    async def fail(database: PostgresDatabase) -> None:
        async with database.writing() as connection:
            await connection.change(ADD, {"text": "lost"})
            raise NotImplementedError

    async with replica(address) as server:
        with pytest.raises(NotImplementedError):
            await fail(notes(server))

        assert await read(notes(server)) == []


async def test_only_one_writes_at_a_time_and_readers_go_on(address: str) -> None:
    async with replica(address) as one, replica(address) as other:
        await write(notes(one), "first")
        async with anyio.create_task_group() as group, notes(one).writing() as connection:
            group.start_soon(write, notes(other), "third")
            await connection.change(ADD, {"text": "second"})
            await anyio.sleep(0.3)
            assert await read(notes(other)) == [["first"]]

        assert await read(notes(one)) == [["first"], ["second"], ["third"]]


async def test_calls_that_are_cancelled_while_they_wait_or_write_keep_nothing_and_hold_nothing(address: str) -> None:
    async def slowly(database: PostgresDatabase) -> None:
        async with database.writing() as connection:
            await connection.change(ADD, {"text": "lost"})
            await anyio.sleep(30)

    async with replica(address) as server:
        database = notes(server)
        await database.check()
        for _ in range(3):
            async with anyio.create_task_group() as group:
                for _ in range(8):  # as many as there are connections
                    group.start_soon(slowly, database)
                await anyio.sleep(0.1)
                group.cancel_scope.cancel()

        with anyio.fail_after(20):
            await write(database, "kept")
            assert await read(database) == [["kept"]]


async def test_a_writer_that_dies_is_not_waited_for(address: str) -> None:
    async def die(database: PostgresDatabase) -> None:
        async with database.writing() as connection:
            [row] = await connection.fetch("select pg_backend_pid() as own")
            with psycopg.connect(address, autocommit=True) as killer:
                killer.execute("select pg_terminate_backend(%s)", [row["own"]])
            await connection.change(ADD, {"text": "lost"})

    async with replica(address) as one, replica(address) as other:
        with pytest.raises(PortalUnavailable, match="it does not answer"):
            await die(notes(one))

        await write(notes(other), "kept")
        assert await read(notes(one)) == [["kept"]]


async def test_a_server_that_is_away_is_said_to_be_and_found_again_without_its_address_being_told() -> None:
    with postgres_server() as service:
        address = database_address(service).replace("bitrix24@", "bitrix24:a-password@")
        async with replica(address) as server:
            database = notes(server)
            await write(database, "one")
            service.interrupt()
            with pytest.raises(PortalUnavailable) as told:
                await read(database)
            with pytest.raises(PortalUnavailable):
                await write(database, "lost")
            service.start()
            while True:
                try:
                    assert await read(database) == [["one"]]
                except PortalUnavailable:
                    await anyio.sleep(0.1)
                else:
                    break

    assert (told.value.code, told.value.message) == (
        "NOTES_UNUSABLE",
        "The notes in the database cannot be used: it does not answer.",
    )
    assert not re.search(r"a-password|127\.0\.0\.1|bitrix24:", f"{told.value} {told.value.advice}")


def test_what_is_no_address_is_refused_at_once() -> None:
    with pytest.raises(ValueError, match="not an address of a PostgreSQL database"):
        Server.at("postgresql://user:a-password@[host/name")
