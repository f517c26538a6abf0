"""The tables of accounts, and their rows."""

from datetime import datetime

from bitrix24_mcp.accounts import failures
from bitrix24_mcp.accounts.account import Account
from bitrix24_mcp.accounts.addresses import host_of
from bitrix24_mcp.storage.database import Connection, Row

TABLES = """
create table accounts (
  id integer primary key,
  member_id text not null unique,
  portal text not null,
  user_id integer,
  client_endpoint text not null,
  authorization_host text not null,
  scopes text not null,
  created_at text not null,
  deleted integer not null default 0,
  stale integer not null default 0,
  tokens blob
);
create table spent_states (nonce text primary key, expires integer not null);
"""


"""They are refused when others may change them: who can write a portal's address there is sent its tokens."""
_SELECT = """
select id, member_id, portal, user_id, client_endpoint, authorization_host, scopes, created_at, deleted, stale, tokens
from accounts
"""


async def rows(connection: Connection, where: str, **values: object) -> list[Row]:
    """The accounts of a condition."""
    return await connection.fetch(_SELECT + where, values)


async def connected(connection: Connection, portal: str) -> Row:
    """The account of a portal's address; KeyRefused when it is not connected."""
    wanted = host_of(portal) or portal
    found = await rows(connection, "where deleted = 0 order by id")
    for row in found:
        if row["portal"] == wanted:
            return row
    raise failures.not_connected(wanted, [row["portal"] for row in found])


def account_of(row: Row) -> Account:
    """The account of a row; PortalUnavailable when another program wrote it."""
    try:
        created_at = datetime.fromisoformat(row["created_at"])
    except (TypeError, ValueError):
        raise failures.store_unusable(
            "The stored accounts hold something that this program did not write.",
            "Choose another folder with BITRIX24_MCP_DATA_DIR, and connect the portals again.",
        ) from None
    return Account(
        id=row["id"],
        member_id=row["member_id"],
        portal=row["portal"],
        user_id=row["user_id"],
        client_endpoint=row["client_endpoint"],
        authorization_host=row["authorization_host"],
        scopes=tuple(row["scopes"].split()),
        created_at=created_at,
        deleted=bool(row["deleted"]),
        stale=bool(row["stale"]),
    )
