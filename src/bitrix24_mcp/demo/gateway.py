"""The state of one portal that all routes share."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from bitrix24_mcp.demo.schemas import Registry
from bitrix24_mcp.demo.schemas.items import items_entity

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from bitrix24_mcp.demo.database import Database

PORTAL_DOMAIN = "demo.bitrix24.ru"


@dataclass(frozen=True, slots=True)
class RestSwitches:
    """Which kind of portal speaks REST: its plan, what its methods cost, and which known quirks it has."""

    enterprise: bool = False  # True: a bucket of 250 that drains 5 a second
    costs: Mapping[str, float] = field(default_factory=dict[str, float])  # seconds of work by lower-case method name
    original_names_broken: bool = False  # True: `useOriginalUfNames` spoils `select`, as on some portals
    scope_status: int = 401  # the documentation says 403
    without_leads: bool = False  # True: the simple mode of the CRM
    emptying_broken: bool = False  # True: crm.item.update leaves user fields of several values that it should empty


@dataclass(frozen=True, slots=True)
class Switches:
    """Where the public documentation contradicts itself, which way this portal goes."""

    items_group_by: bool = True  # False: aggregates of smart-process items refuse groupBy
    total_zero: bool = False  # True: plain lists send total 0 although they have rows
    deal_category_zero: bool = True  # False: the default pipeline is missing from deal-categories
    workflow_document_list: bool = False  # True: DOCUMENT_ID is a list of three
    rest: RestSwitches = field(default_factory=RestSwitches)


@dataclass(frozen=True, slots=True)
class Gateway:
    """The database, what is declared about it, and the switches."""

    database: Database
    switches: Switches = field(default_factory=Switches)
    registry: Registry = field(default_factory=Registry)
    # Numbers that are given out once: of phones and the like, and of workflows that are started.
    multifield_numbers: Iterator[int] = field(default_factory=lambda: itertools.count(1_001))
    workflow_numbers: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    def add_items(self, entity_type_id: int) -> None:
        """Make the items of a new smart-process type reachable."""
        entity = items_entity(entity_type_id, None)
        if entity.table not in self.database.tables():
            self.database.create(entity)
        self.registry.add(entity)
