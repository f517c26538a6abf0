"""The drive: storages, and what lies in a folder (disk.storage.getlist, disk.folder.getchildren, disk.file.get)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bitrix24_mcp.demo.database import Slice, equals
from bitrix24_mcp.demo.rest.calls import Method, RestError, Result
from bitrix24_mcp.demo.rest.parameters import entries, whole
from bitrix24_mcp.demo.rest.tables import conditions, reading
from bitrix24_mcp.demo.rest.tables.shape import Column, Table, columns, fixed
from bitrix24_mcp.demo.schemas.papers import FILES, FOLDERS, STORAGES

if TYPE_CHECKING:
    from collections.abc import Callable

    from bitrix24_mcp.demo.rest.calls import Call, Json

_DISK = ("disk",)
_STORAGES = Table(
    STORAGES,
    (
        *columns(
            {
                "ID": "id",
                "NAME": "name",
                "ENTITY_TYPE": "entityType",
                "ENTITY_ID": "entityId",
                "ROOT_OBJECT_ID": "rootFolderId",
            }
        ),
        *fixed({"CODE": None, "MODULE_ID": "disk"}),
    ),
)
_KEPT_NOWHERE = {"CODE": None, "DELETED_TYPE": "0", "DELETE_TIME": None, "DELETED_BY": "0"}
_FOLDERS = Table(
    FOLDERS,
    (
        *columns(
            {
                "ID": "id",
                "NAME": "name",
                "STORAGE_ID": "storageId",
                "PARENT_ID": "parentId",
                "CREATE_TIME": "createTime",
                "UPDATE_TIME": "updateTime",
                "CREATED_BY": "createdBy",
                "UPDATED_BY": "createdBy",
            }
        ),
        Column("TYPE", fixed="folder"),
        *fixed({**_KEPT_NOWHERE, "DETAIL_URL": "https://demo.bitrix24.ru/docs/path/"}),
    ),
)
_FILES = Table(
    FILES,
    (
        *columns(
            {
                "ID": "id",
                "NAME": "name",
                "STORAGE_ID": "storageId",
                "PARENT_ID": "folderId",
                "SIZE": "size",
                "CREATE_TIME": "createTime",
                "UPDATE_TIME": "updateTime",
                "CREATED_BY": "createdBy",
                "UPDATED_BY": "createdBy",
            },
            Column("SIZE", "size", filterable=False),
        ),
        Column("TYPE", fixed="file"),
        *fixed(
            {
                **_KEPT_NOWHERE,
                "GLOBAL_CONTENT_VERSION": "1",
                # A real portal puts credentials into this address.
                "DOWNLOAD_URL": "https://demo.bitrix24.ru/rest/download.json?auth=demo-download-secret",
                "DETAIL_URL": "https://demo.bitrix24.ru/docs/file/",
            }
        ),
    ),
)


def _children(call: Call) -> Result:
    """Folders and files that lie directly in a folder."""
    return _inside(call, whole(_existing(call, _FOLDERS)["ID"]))


def _storage_children(call: Call) -> Result:
    """Folders and files at the top of a storage."""
    return _inside(call, whole(_existing(call, _STORAGES)["ROOT_OBJECT_ID"]))


def _inside(call: Call, folder: int) -> Result:
    """A page of what lies in the folder: folders before files unless an order is given."""
    rows = [*_matching(call, _FOLDERS, folder), *_matching(call, _FILES, folder)]
    for name, direction in reversed(list(entries(reading.parameter(call, "order")))):
        if name in _FOLDERS.by_name and name in _FILES.by_name:
            rows.sort(key=lambda row: _sortable(row[name]), reverse=str(direction).lower() == "desc")
    start = max(0, whole(reading.parameter(call, "start")))
    more = start + reading.PAGE < len(rows)
    return Result(rows[start : start + reading.PAGE], len(rows), start + reading.PAGE if more else None)


def _matching(call: Call, table: Table, folder: int) -> list[Json]:
    parent = table.field(table.by_name["PARENT_ID"]).name
    found = equals(parent, folder) & conditions.where(table, reading.parameter(call, "filter"))
    names = tuple(table.entity.by_name)
    rows = call.portal.database.rows(table.entity.table, names, found, Slice("id"))
    return [reading.shown_row(table, row, tuple(table.by_name)) for row in rows]


def _sortable(value: object) -> tuple[int, str]:
    """Numbers by their size though they are text, all else as text."""
    text = str(value)
    return (int(text), "") if text.isdecimal() else (0, text)


def _existing(call: Call, table: Table) -> Json:
    wanted = reading.parameter(call, "id")
    if wanted in (None, ""):
        raise RestError("ERROR_ARGUMENT", "Invalid value of parameter {Parameter #0}")
    found = reading.one(call, table)
    if found is None:
        raise RestError("ERROR_NOT_FOUND", f"Could not find entity with id `{wanted}`")
    return found


def _get(table: Table) -> Callable[[Call], Result]:
    return lambda call: Result(_existing(call, table))


def _fields(table: Table) -> Callable[[Call], Result]:
    def described(_call: Call) -> Result:
        known = [column for column in table.columns if column.field]
        return Result(
            {
                column.name: {"TYPE": table.field(column).type, "USE_IN_FILTER": column.filterable, "USE_IN_SHOW": True}
                for column in known
            }
        )

    return described


METHODS = {
    "disk.storage.getlist": Method(_DISK, lambda call: reading.listed(call, _STORAGES)),
    "disk.storage.get": Method(_DISK, _get(_STORAGES)),
    "disk.storage.getfields": Method(_DISK, _fields(_STORAGES)),
    "disk.storage.getchildren": Method(_DISK, _storage_children),
    "disk.folder.getchildren": Method(_DISK, _children),
    "disk.folder.get": Method(_DISK, _get(_FOLDERS)),
    "disk.folder.getfields": Method(_DISK, _fields(_FOLDERS)),
    "disk.file.get": Method(_DISK, _get(_FILES)),
    "disk.file.getfields": Method(_DISK, _fields(_FILES)),
}
