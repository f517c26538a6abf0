"""Records that change while figures are computed: at chosen requests, through the portal's own write routes."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any

import httpx

from bitrix24_mcp.crm.catalogue.entity import Entity
from bitrix24_mcp.crm.portal_values import Condition, GroupCounts, RecordPage, RecordQuery
from bitrix24_mcp.demo.data.people import STAFF
from bitrix24_mcp.vibecode.client import GatewayClient
from bitrix24_mcp.vibecode.portal import GatewayPortal
from oracle import change

QUIET = "2026-07-01T00:00:00Z"
"""A moment long before the demo portal's present."""


RUBLES = {"currency": "RUB"}
NEWS = {"categoryId": 0, "stageId": "NEW"}
LOST = {"categoryId": 0, "stageId": "LOSE"}
Act = Callable[["Writer"], None]


@dataclass
class Writer:
    """Somebody else at work on the portal; `ids` are the records to work on, `asked` counts a question's requests."""

    url: str
    ids: list[int] = field(default_factory=list[int])
    asked: int = 0
    _schedule: Sequence[tuple[int, Act]] = ()
    _after_each: Callable[[], None] = lambda: None

    def __post_init__(self) -> None:
        self._http = httpx.Client(base_url=self.url, headers={"X-Api-Key": "vibe_api_demo"}, trust_env=False)

    def close(self) -> None:
        self._http.close()

    def plan(self, schedule: Sequence[tuple[int, Act]], after_each: Callable[[], None]) -> None:
        """What to do before which of the requests that follow, and what to do after each deed."""
        self._schedule, self._after_each, self.asked = schedule, after_each, 0

    def before_a_request(self) -> None:
        """Does what is due."""
        for place, act in self._schedule:
            if place == self.asked:
                act(self)
                self._after_each()
        self.asked += 1

    def post(self, path: str, body: dict[str, Any]) -> int:
        return int(self._http.post(f"/v1/{path}", json=body).raise_for_status().json()["data"]["id"])

    def patch(self, path: str, body: dict[str, Any]) -> None:
        self._http.patch(f"/v1/{path}", json=body).raise_for_status()

    def delete(self, path: str) -> None:
        self._http.delete(f"/v1/{path}").raise_for_status()


class WatchedPortal(GatewayPortal):
    """A gateway with small pages, so that few records take many requests, and a writer at work between them."""

    def __init__(self, client: GatewayClient, writer: Writer, page: int) -> None:
        super().__init__(client)
        self.page_at_most = self.piece_at_most = page
        self.figures_at_most = page
        self._writer = writer

    async def search(self, query: RecordQuery) -> RecordPage:
        self._writer.before_a_request()
        return await super().search(query)

    async def group_counts(
        self, entity: Entity, conditions: Sequence[Condition], group_by: Sequence[str]
    ) -> GroupCounts:
        self._writer.before_a_request()
        return await super().group_counts(entity, conditions, group_by)


def quiet(database: Path, table: str, changed: str) -> None:
    """As if all changes so far had been made long ago."""
    change(database, f'update "{table}" set {changed} = ? where {changed} > ?', QUIET, QUIET)


def random_act(dice: Random) -> Act:
    """One change of one deal: made, removed, moved to another stage, person or day, or worth something else."""
    kind = dice.choice(("create", "create", "delete", "delete", "amount", "amount", "stage", "stage", "owner", "date"))
    place, amount = dice.choice((0.0, 1.0, dice.random(), dice.random())), round(dice.random() * 1e6, 2)
    stage, owner = dice.choice(("NEW", "WON", "LOSE", "PREPARATION")), dice.choice(STAFF)
    day = f"2026-0{dice.randint(1, 7)}-1{dice.randint(0, 9)}"
    values: dict[str, Any] = {
        "amount": amount, "currency": dice.choice(("RUB", "EUR")), "assignedById": owner, "stageId": stage,
        "categoryId": 0, "closedAt": day,
    }  # fmt: skip

    def act(writer: Writer) -> None:
        if kind == "create":
            writer.ids.append(writer.post("deals", {"title": "New", **values}))
            return
        target = writer.ids[min(int(place * len(writer.ids)), len(writer.ids) - 1)]
        match kind:
            case "delete":
                writer.ids.remove(target)
                writer.delete(f"deals/{target}")
            case "amount":
                writer.patch(f"deals/{target}", {"amount": amount})
            case "stage":
                writer.patch(f"deals/{target}", {"categoryId": 0, "stageId": stage})
            case "owner":
                writer.patch(f"deals/{target}", {"assignedById": owner})
            case _:
                writer.patch(f"deals/{target}", {"closedAt": day})

    return act


def patch(place: int, **values: Any) -> Act:
    """Other values for the deal at a place of the list."""
    return lambda writer: writer.patch(f"deals/{writer.ids[place]}", values)


def delete(place: int) -> Act:
    """The deal at a place of the list goes."""
    return lambda writer: writer.delete(f"deals/{writer.ids[place]}")


def create(**values: Any) -> Act:
    """A deal of five roubles comes, unless the values say otherwise."""

    def act(writer: Writer) -> None:
        writer.ids.append(writer.post("deals", {"title": "New", "amount": 5, **RUBLES, **values}))

    return act
