"""Stages by what they mean: won, lost or in progress, whatever the funnel calls them."""

from collections.abc import Collection, Sequence
from dataclasses import replace

from bitrix24_mcp.crm.catalogue.sales import OUTCOMES
from bitrix24_mcp.crm.choices import Choice, choices, described, said
from bitrix24_mcp.crm.errors import InvalidArguments
from bitrix24_mcp.crm.fields import Fields, fold
from bitrix24_mcp.crm.filters.syntax import Term
from bitrix24_mcp.crm.metadata import Metadata
from bitrix24_mcp.crm.portal_values import Condition

_WORDS = {"won": "S", "lost": "F", "in progress": ""} | {
    word: "" if outcome == "P" else outcome for outcome, words in OUTCOMES.items() for word in words
}
_NAMES = {"S": "won", "F": "lost"}


def with_outcomes(term: Term, offered: Sequence[Choice], funnels: frozenset[int] | None) -> Term:
    """The term with every word for an outcome, where no stage is called so, as the stages that mean it."""
    inside = [each for each in offered if funnels is None or each.funnel is None or each.funnel in funnels]
    written = [
        code
        for each in term.values
        for code in (_stages_of(each, inside) if _is_word(each, inside, offered) else [each])
    ]
    if written == term.values:
        return term
    operator = {"eq": "in", "ne": "nin"}.get(term.operator, term.operator)
    return replace(term, operator=operator, value=written)  # pyright: ignore[reportArgumentType] - one of the operators


async def of_one_funnel(
    conditions: Sequence[Condition], used: Collection[str] | None, fields: Fields, metadata: Metadata
) -> str:
    """A sentence where a stage that ends a deal was asked for, which other funnels have under another code; else empty.

    “Won” may be the name of one funnel's stage, or a code without a funnel in it, while the caller means all that was
    won. `used` are the fields whose values were names.
    """
    if any(fields.kind(each.field) == "funnel" for each in conditions):
        return ""
    for condition in conditions:
        by_name = condition.field in (used or ())
        if fields.kind(condition.field) != "stage" or condition.operator != "eq":
            continue
        if ":" in str(condition.value) and not by_name:
            continue
        offered = await choices(fields, condition.field, metadata)
        asked = next((each for each in offered if each.code == condition.value and each.semantics), None)
        if asked and any(each.semantics == asked.semantics and each.funnel != asked.funnel for each in offered):
            every = "stageSemanticId" if "stageSemanticId" in fields else condition.field
            return (
                f"{condition.field} {described(asked)} is a stage of one funnel; for all funnels filter by "
                f"{every}: {_NAMES[asked.semantics]}."
            )
    return ""


def _is_word(written: object, inside: Sequence[Choice], offered: Sequence[Choice]) -> bool:
    """Whether a word for an outcome is no stage of these funnels, nor the very code of another funnel's stage."""
    a_code = any(str(each.code) == str(written) for each in offered)
    return fold(str(written)) in _WORDS and not a_code and not said(written, inside)


def _stages_of(written: object, offered: Sequence[Choice]) -> list[str | int]:
    found = [each.code for each in offered if each.semantics == _WORDS[fold(str(written))]]
    if not found:
        raise InvalidArguments(
            f"No stage means {written}.",
            advice=f"The stages are {', '.join(map(described, offered[:12]))}.",
            code="UNKNOWN_VALUE",
            candidates=[str(each.code) for each in offered[:12]],
        )
    return found
