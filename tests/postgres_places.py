"""Places in PostgreSQL, as replicas open them."""

from collections.abc import AsyncGenerator, Generator
from contextlib import asynccontextmanager, contextmanager
from itertools import count

from bitrix24_mcp.storage.postgres import Server
from services import Service, database_address

_NUMBERS = count(1)


@contextmanager
def own_database(service: Service) -> Generator[str]:
    """The address of a database that is empty, and gone at the end."""
    import psycopg  # noqa: PLC0415 - tests that need no database do not load it

    name = f"of_test_{next(_NUMBERS)}"
    first = database_address(service)
    with psycopg.connect(first, autocommit=True) as connection:
        connection.execute(f"create database {name}".encode())
    yield first.removesuffix("bitrix24_mcp") + name
    with psycopg.connect(first, autocommit=True) as connection:
        connection.execute(f"drop database {name} with (force)".encode())


@asynccontextmanager
async def replica(address: str) -> AsyncGenerator[Server]:
    server = Server.at(address)
    assert server is not None
    async with server.lasting():
        yield server


def emptied(address: str) -> None:
    """Everything that replicas kept there is gone."""
    import psycopg  # noqa: PLC0415 - see above

    with psycopg.connect(address, autocommit=True) as connection:
        connection.execute("drop schema if exists bitrix24_mcp cascade")
