"""Finds an entity by the path of its route."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bitrix24_mcp.demo.schemas.automation import AUTOMATION
from bitrix24_mcp.demo.schemas.catalogue import CATALOGUE
from bitrix24_mcp.demo.schemas.clients import CLIENTS
from bitrix24_mcp.demo.schemas.deals import DEALS
from bitrix24_mcp.demo.schemas.directories import DIRECTORIES
from bitrix24_mcp.demo.schemas.items import ITEM_TYPES
from bitrix24_mcp.demo.schemas.papers import PAPERS
from bitrix24_mcp.demo.schemas.people import PEOPLE
from bitrix24_mcp.demo.schemas.sales import SALES
from bitrix24_mcp.demo.schemas.work import WORK

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bitrix24_mcp.demo.schema import Entity

_DECLARED = (DEALS, *SALES, *CLIENTS, *ITEM_TYPES, *DIRECTORIES, *AUTOMATION, *PEOPLE, *WORK, *CATALOGUE, *PAPERS)


class Registry:
    """The entities of one portal; a smart-process type created at run time joins them."""

    def __init__(self) -> None:
        self._by_path = {entity.path: entity for entity in _DECLARED}

    def __iter__(self) -> Iterator[Entity]:
        return iter(tuple(self._by_path.values()))

    def __getitem__(self, path: str) -> Entity:
        return self._by_path[path]

    def get(self, path: str) -> Entity | None:
        """The entity of a path such as `deals` or `items/174`, if there is one."""
        return self._by_path.get(path)

    def add(self, entity: Entity) -> None:
        """Make a new entity reachable."""
        self._by_path[entity.path] = entity

    def remove(self, path: str) -> None:
        """Make an entity unreachable."""
        self._by_path.pop(path, None)
