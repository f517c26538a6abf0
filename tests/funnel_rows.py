"""Funnels as plain SQL and Python's own statistics know them, in the words of `funnel_report`."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import ROUND_HALF_UP, Decimal
from itertools import pairwise
from statistics import median, quantiles
from typing import Any

from assistants import Sql

DAY = 86_400
NOW = datetime(2026, 7, 15, 9, tzinfo=UTC)
"""The demo portal's present."""


@dataclass(frozen=True)
class Kept:
    """Where the demo portal keeps one entity: its table and the fields in question."""

    table: str
    created: str
    amount: str = "opportunity"
    currency: str = "currencyId"
    stage: str = "stageId"
    moved: bool = False


KEPT = {
    "deals": Kept("deals", "createdAt", "amount", "currency", moved=True),
    "leads": Kept("leads", "createdTime", "amount", "currency", "statusId"),
    "quotes": Kept("quotes", "createdAt", "amount", "currency"),
    "invoices": Kept("invoices", "createdTime"),
    "174": Kept("items_174", "createdTime", moved=True),
    "156": Kept("items_156", "createdTime", moved=True),
}


def seconds(stored: str) -> int:
    return int(datetime.fromisoformat(stored).timestamp())


def tenth(value: Decimal) -> float:
    return float(value.quantize(Decimal("0.1"), ROUND_HALF_UP))


def share(part: int, whole: int) -> float | None:
    return tenth(Decimal(100 * part) / whole) if whole else None


def spread(name: str, times: Sequence[int]) -> dict[str, float]:
    """The median and the 90th percentile in days; empty without times."""
    if not times:
        return {}
    exact = [Decimal(each) / DAY for each in times]
    ninth = quantiles(exact, n=10, method="inclusive")[8] if len(exact) > 1 else exact[0]
    return {f"median_{name}": tenth(median(exact)), f"p90_{name}": tenth(ninth)}


def block(sql: Sql, entity: str, directory: str, where: str, stuck_days: int = 30) -> dict[str, Any]:
    """A funnel's figures over the rows that the condition leaves, its stages as its directory lists them."""
    kept = KEPT[entity]
    moved = "movedTime" if kept.moved else "null"
    rows = sql(f"select {kept.stage}, {moved}, {kept.amount}, {kept.currency} from {kept.table} where {where}")
    stages = sql("select statusId, name, semantics from statuses where entityId = ? order by sort", directory)
    outcome = {code: {"S": "won", "F": "lost"}.get(semantics, "in progress") for code, _, semantics in stages}
    count = {word: sum(outcome[row[0]] == word for row in rows) for word in ("in progress", "won", "lost")}
    won: dict[str, Decimal] = {}
    for stage, _, amount, currency in rows:
        if outcome[stage] == "won":
            won[currency] = won.get(currency, Decimal(0)) + Decimal(str(amount))
    there = int(NOW.timestamp())
    found: list[dict[str, Any]] = []
    for code, name, _ in stages:
        held = [row for row in rows if row[0] == code]
        found.append({"code": code, "name": name, "semantics": outcome[code], "records": len(held)})
        if kept.moved and held and outcome[code] == "in progress":
            ages = [there - seconds(row[1]) for row in held]
            found[-1] |= {**spread("days", ages), "stuck": sum(age > stuck_days * DAY for age in ages)}
    return {
        "entered": len(rows),
        "in_progress": count["in progress"],
        "won": count["won"],
        "lost": count["lost"],
        "conversion": share(count["won"], len(rows)),
        "win_rate": share(count["won"], count["won"] + count["lost"]),
        "won_amount": [
            {"currency": currency, "sum": float(round(amount, 2))} for currency, amount in sorted(won.items())
        ],
        "stages": found if rows else [],
    }


def stuck_of_any_age(sql: Sql, entity: str, stuck_days: int = 30, where: str = "true") -> list[int]:
    """The ids of the records that have been in an open stage for longer, whenever they were created."""
    kept = KEPT[entity]
    rows = sql(
        f"select id from {kept.table} where {where} and {kept.stage} in (select statusId from statuses where semantics"
        f" is null) and movedTime < strftime('%Y-%m-%dT%H:%M:%SZ', '2026-07-15T09:00:00Z', '-{stuck_days} days')"
        " order by id"
    )
    return [row[0] for row in rows]


def history(sql: Sql, where: str) -> dict[str, dict[str, Any]]:
    """By stage, what the history of the deals that the condition leaves tells of stays that are over."""
    reached: dict[str, set[int]] = {}
    stays: dict[str, list[int]] = {}
    for (deal,) in sql(f"select id from deals where {where}"):
        steps = sql("select stageId, createdAt from stage_history where ownerId = ? order by id", deal)
        for stage, _ in steps:
            reached.setdefault(stage, set()).add(deal)
        for (stage, since), (_, until) in pairwise(steps):
            stays.setdefault(stage, []).append(seconds(until) - seconds(since))
    return {
        stage: {
            "reached": len(deals),
            "stays": len(stays.get(stage, [])),
            **spread("stay_days", stays.get(stage, [])),
        }
        for stage, deals in reached.items()
    }
