"""The drive: REST lists what lies in one folder, and nothing else (disk.folder.getchildren, disk.storage.getlist)."""

from collections.abc import Iterable, Sequence

from bitrix24_mcp.crm.errors import NotFound, PortalError
from bitrix24_mcp.crm.portal_values import Condition
from bitrix24_mcp.rest.calling.calls import RestCall
from bitrix24_mcp.rest.calling.envelope import Json
from bitrix24_mcp.rest.calling.lists import Lists, answered, too_many
from bitrix24_mcp.rest.kinds.listing import LOOKED_THROUGH, KindListing
from bitrix24_mcp.rest.kinds.required import value_of, values_of

_STORAGES = RestCall("disk.storage.getlist")


class FileListing(KindListing):
    """Files of one folder."""

    async def everything(self, conditions: Sequence[Condition]) -> list[Json]:
        """The files that lie directly in the folder."""
        folder = value_of("folderId", conditions, self.entity)
        return [row for row in await _children([folder], self.lists) if row.get("TYPE") == "file"]


class FolderListing(KindListing):
    """Folders: those in one folder, those named by their ids, or all, found by a walk from the storages' roots."""

    async def everything(self, conditions: Sequence[Condition]) -> list[Json]:
        """The folders. Raises InvalidArguments when the drive holds too many of them to walk through."""
        if parents := values_of("parentId", conditions):
            return _folders(await _children(parents, self.lists))
        if ids := values_of("id", conditions):
            return await _named(ids, self.lists)
        storages = await self.lists.all(_STORAGES)
        wanted = {str(each) for each in values_of("storageId", conditions) or (row.get("ID") for row in storages)}
        roots = [row.get("ROOT_OBJECT_ID") for row in storages if str(row.get("ID")) in wanted]
        return await self._below(await _named([each for each in roots if each], self.lists))

    async def _below(self, roots: list[Json]) -> list[Json]:
        found = {str(row.get("ID")): row for row in roots}
        level = list(found)
        while level:
            rows = _folders(await _children(level, self.lists))
            level = [each for row in rows if (each := str(row.get("ID"))) not in found]
            found |= {str(row.get("ID")): row for row in rows}
            if len(found) > LOOKED_THROUGH:
                raise too_many(len(found))
        return list(found.values())


def _folders(rows: Iterable[Json]) -> list[Json]:
    return [row for row in rows if row.get("TYPE") == "folder"]


async def _children(folders: Sequence[object], lists: Lists) -> list[Json]:
    """What lies in the folders; their first pages share requests."""
    calls = [RestCall("disk.folder.getchildren", {"id": folder, "order": {"ID": "ASC"}}) for folder in folders]
    rows: list[Json] = []
    for call, outcome in zip(calls, await lists.outcomes(calls), strict=True):
        if isinstance(outcome, NotFound):
            continue
        answer = answered(outcome)
        rows += answer.rows() if answer.next is None else await lists.all(call, most=LOOKED_THROUGH)
    return rows


async def _named(ids: Sequence[object], lists: Lists) -> list[Json]:
    """The folders with these ids; one that is not there is left out."""
    outcomes = await lists.outcomes([RestCall("disk.folder.get", {"id": each}) for each in ids])
    failed = [each for each in outcomes if isinstance(each, PortalError) and not isinstance(each, NotFound)]
    if failed:
        raise failed[0]
    return [outcome.record() for outcome in outcomes if not isinstance(outcome, PortalError)]
