"""What a caller does all the time: reads, writes in two steps, and looks whether what it is told is its own."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from random import Random
from typing import Any, cast

import anyio

from replicas.calling import UNANSWERED, Connection, Json, Told
from replicas.ledger import Ledger, Write

_PAGE = 3
_PAGES = 3
"""How many pages of a list a caller reads in one go."""


@dataclass(frozen=True, slots=True)
class Worker:
    """One caller at work. `neighbour` is another person's connection, which tries to use what was given to this one."""

    connection: Connection
    neighbour: Connection
    ledger: Ledger
    random: Random

    async def work(self, goes_on: Callable[[], bool], rest: float) -> None:
        """One thing after another, with up to `rest` seconds between them."""
        deeds = [self.create, self.update, self.count, self.look, self.page, self.describe, self.list_operations]
        weights = [5, 4, 3, 3, 2, 1, 1]
        await anyio.sleep(self.random.uniform(0, rest))
        while goes_on():
            [deed] = self.random.choices(deeds, weights)
            await deed()
            await anyio.sleep(self.random.uniform(0, rest))

    async def create(self) -> None:
        """Makes a record."""
        write = self.ledger.begin("create")
        values = {"title": write.mark, "comments": write.mark, "amount": write.amount, "currency": "RUB"}
        await self._write(write, {"entity": "deals", "action": "create", "items": [values]})

    async def update(self) -> None:
        """Changes a record that it has made."""
        if not self.ledger.held:
            return await self.create()
        write = self.ledger.begin("update", self.random.choice(list(self.ledger.held)))
        values = {"id": write.record, "comments": write.mark, "amount": write.amount}
        return await self._write(write, {"entity": "deals", "action": "update", "items": [values]})

    async def _write(self, write: Write, arguments: Json) -> None:
        previewed = await self.connection.once("preview", "write_items", **arguments)
        code = previewed.content.get("confirm")
        if previewed.code or not code:
            write.code = previewed.code
            return
        if self.random.random() < 0.25:
            await self._steal_confirmation(code)
        write.fate = "asked"
        told = await self.connection.once("confirm", "write_items", confirm=code)
        self._settle(write, told)

    def _settle(self, write: Write, told: Told) -> None:
        ids = cast("Sequence[int]", told.content.get("ids") or (None,))
        if told.code in UNANSWERED:
            self.ledger.settle(write, "asked", code=told.code)
        elif told.code:
            self.ledger.settle(write, "refused", code=told.code)
        elif told.content.get("done") == 1:
            self.ledger.settle(write, "acknowledged", ids[0])
        else:
            self.ledger.settle(write, "unknown" if told.content.get("unknown") else "refused")

    async def _steal_confirmation(self, code: str) -> None:
        """Somebody else confirms with this caller's code: it is unknown to them, and stays good for this caller."""
        told = await self.neighbour.once("theft", "write_items", expected=["CONFIRMATION_UNKNOWN"], confirm=code)
        if not told.code:
            self.ledger.foreign.append(f"{self.neighbour.caller.name} confirmed {self.ledger.name}'s write: {told}")

    async def count(self) -> bool:
        """Counts and adds up its own records, and compares. False where it was not answered."""
        told = await self.connection.read(
            "aggregate",
            entity="deals",
            filter={"title": {"$contains": self.ledger.title}},
            measures=["count", "sum:amount"],
        )
        if told.code or not told.content["complete"]:
            return False
        rows = cast("Sequence[Mapping[str, Any]]", told.content["rows"])
        self._compare(sum(row["count"] for row in rows), sum(row.get("sum_amount") or 0 for row in rows))
        return True

    def _compare(self, count: int, amount: float) -> None:
        self.ledger.counted = count
        least, most = self.ledger.created, self.ledger.created + self.ledger.perhaps_created
        if not least <= count <= most:
            self.ledger.wrong.append(f"{self.ledger.name} has made {least} to {most} records and was told {count}")
        if self.ledger.amount is not None and amount != self.ledger.amount:
            self.ledger.wrong.append(f"{self.ledger.name} has written {self.ledger.amount} in all, was told {amount}")

    async def look(self) -> None:
        """Reads one of its records, and compares."""
        if not self.ledger.held:
            return
        id_ = self.random.choice(list(self.ledger.held))
        expected = self.ledger.held[id_]
        told = await self.connection.read("get_item", entity="deals", ids=[id_])
        items = [(item.get("comments"), item.get("amount")) for item in told.content.get("items", ())]
        if not told.code and items != [(expected.mark, expected.amount)]:
            self.ledger.wrong.append(f"{self.ledger.name} wrote {expected} and was told {told.content}")

    async def page(self) -> None:
        """Reads its records page by page; somebody else tries to go on with its cursor."""
        question: Json = {"entity": "deals", "filter": {"title": {"$contains": self.ledger.title}}, "limit": _PAGE}
        question |= {"select": ["id", "title"], "sort": "id"}
        seen: list[int] = []
        cursor: str | None = ""
        for _ in range(_PAGES):
            told = await self.connection.read("search_items", **question, **({"cursor": cursor} if cursor else {}))
            if told.code:
                return
            seen += self._own(told.content["items"])
            cursor = told.content.get("next_cursor")
            if not cursor:
                break
            await self._steal_cursor(question, cursor)
        if len(set(seen)) < len(seen):
            self.ledger.wrong.append(f"{self.ledger.name} was shown a record on two pages: {seen}")

    def _own(self, items: Sequence[Mapping[str, Any]]) -> list[int]:
        for item in items:
            if not str(item["title"]).startswith(self.ledger.title):
                self.ledger.foreign.append(f"{self.ledger.name} asked for its own and was shown {item}")
        return [int(item["id"]) for item in items]

    async def _steal_cursor(self, question: Json, cursor: str) -> None:
        if self.random.random() < 0.5:
            return
        told = await self.neighbour.once(
            "theft", "search_items", expected=["INVALID_CURSOR"], **question, cursor=cursor
        )
        if not told.code:
            self.ledger.foreign.append(f"{self.neighbour.caller.name} went on with {self.ledger.name}'s cursor")

    async def describe(self) -> None:
        """Asks for the fields."""
        await self.connection.read("describe_entity", entity="deals")

    async def list_operations(self) -> None:
        """Lists its operations: what was written by others is not among them. Looks up what nobody answered."""
        told = await self.connection.read("undo")
        for item in told.content.get("items", ()) if not told.code else ():
            self.ledger.listed.update(id_ for id_ in item.get("ids", ()) if isinstance(id_, int))
            if self.random.random() < 0.1:
                await self._steal_operation(int(item["operation"]))

    async def _steal_operation(self, number: int) -> None:
        told = await self.neighbour.once(
            "theft", "undo", expected=["UNKNOWN_OPERATION"], operation=number, preview=True
        )
        if not told.code:
            self.ledger.foreign.append(f"{self.neighbour.caller.name} may undo {self.ledger.name}'s {number}: {told}")
