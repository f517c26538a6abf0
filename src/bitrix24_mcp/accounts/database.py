"""The tables of accounts, and the file that holds them."""

from pathlib import Path

from bitrix24_mcp.accounts import failures
from bitrix24_mcp.storage.database import Database

_FILE = "accounts.sqlite3"
_TABLES = """
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


def database_in(folder: Path) -> Database:
    """The database of accounts in a folder.

    It is refused when others may change it: who can write a portal's address there is sent its tokens.
    """
    return Database(folder / _FILE, [_TABLES], failures.WORDS)
