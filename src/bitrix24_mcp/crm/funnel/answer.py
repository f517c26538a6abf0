"""From counted records to the blocks of an answer: one for each funnel, its stages in their order."""

from typing import Any

from bitrix24_mcp.crm.funnel.question import Asked
from bitrix24_mcp.crm.funnel.reading import Read
from bitrix24_mcp.crm.funnel.statistics import MEDIAN, P90, days, percent, rounded
from bitrix24_mcp.crm.funnel.tally import FunnelTally, StageTally, meaning
from bitrix24_mcp.crm.shape import compact, fitting, tokens
from bitrix24_mcp.crm.text import plain

Block = dict[str, Any]
UNKNOWN_FUNNEL = "unknown funnel"
UNKNOWN_STAGE = "unknown stage"
_MONEY_DECIMALS = 2


def blocks_of(asked: Asked, found: Read) -> list[Block]:
    """All funnels, in the portal's order; those that it does not show come last, by id.

    Stages stand in their order, without records too where their funnel has any; those that it does not have come last.
    """
    names = {funnel.id: plain(funnel.name) for funnel in asked.funnels}
    ids = [*names, *sorted(each for each in found.tally.funnels if each is not None and each not in names)]
    ids += [None] if None in found.tally.funnels else []
    return [_block(asked, found, number, names) for number in ids]


def shown_blocks(blocks: list[Block], budget: int) -> tuple[list[Block], list[str]]:
    """The blocks that fit into a token budget, and sentences on what was left out.

    Stages without records go first, then the last funnels.
    """
    if fitting(blocks, budget) == len(blocks) and tokens(compact(blocks)) <= budget:
        return blocks, []
    notes = ["Stages without records are left out to keep within the token budget."]
    smaller: list[Block] = [{**block, "stages": [*filter(_used, block["stages"])]} for block in blocks]
    count = fitting(smaller, budget)
    if hidden := smaller[count:]:
        named = ", ".join(str(block.get("name") or block.get("id")) for block in hidden)
        rest = sum(block["entered"] for block in hidden)
        notes.append(f"Not shown: {named}, with {rest:,} records; ask for one with funnel.")
    return smaller[:count], notes


def _used(stage: Block) -> bool:
    return bool(stage["records"] or stage.get("reached"))


def _block(asked: Asked, found: Read, number: int | None, names: dict[int, str]) -> Block:
    tally = found.tally.funnels[number]
    entered, won, lost = tally.entered, tally.count("won"), tally.count("lost")
    named: Block = {}
    if asked.entity.has_funnels:
        named = {"id": number, "name": names.get(number, UNKNOWN_FUNNEL) if number is not None else UNKNOWN_FUNNEL}
    return {
        **named,
        "entered": entered,
        "in_progress": tally.count("in progress"),
        "won": won,
        "lost": lost,
        "conversion": percent(won, entered),
        "win_rate": percent(won, won + lost),
        "won_amount": _amounts(tally),
        "stages": _stages(asked, found, number, tally) if entered else [],
    }


def _amounts(tally: FunnelTally) -> list[Block]:
    return [
        {"currency": currency or None, "sum": rounded(amount, _MONEY_DECIMALS)}
        for currency, amount in sorted(tally.won.items())
    ]


def _stages(asked: Asked, found: Read, number: int | None, tally: FunnelTally) -> list[Block]:
    own = {each.code: each for each in asked.stages if each.funnel == number}
    others = sorted(tally.stages.keys() - own.keys())
    rows: list[Block] = []
    for code in [*own, *others]:
        stage, held = own.get(code), tally.stages.get(code, StageTally())
        semantics = meaning(stage) if stage else _agreed(held)
        row: Block = {"code": code or None, "name": plain(stage.name) if stage else UNKNOWN_STAGE}
        row |= {"semantics": semantics} if semantics else {}
        row["records"] = held.records
        rows.append(row | _times(asked, held) | (_history(held) if found.gaps else {}))
    return rows


def _agreed(held: StageTally) -> str:
    """What the records of an unknown stage say it means, all alike."""
    said = {outcome for outcome, count in held.outcomes.items() if count}
    return next(iter(said)) if len(said) == 1 else ""


def _times(asked: Asked, held: StageTally) -> Block:
    if not asked.moved_field or not held.outcomes["in progress"]:
        return {}
    times = {"median_days": days(held.ages, MEDIAN), "p90_days": days(held.ages, P90)} if held.ages else {}
    return {**times, "stuck": held.stuck}


def _history(held: StageTally) -> Block:
    stays: Block = {"reached": held.reached, "stays": len(held.stays)}
    if held.stays:
        stays |= {"median_stay_days": days(held.stays, MEDIAN), "p90_stay_days": days(held.stays, P90)}
    return stays
