"""A value of the right kind is sent as the portal stores it; any other is refused with what belongs there."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

import pytest

from bitrix24_mcp.crm.errors import InvalidArguments
from bitrix24_mcp.crm.portal_values import Condition

pytestmark = pytest.mark.anyio

Meaning = Callable[[Mapping[str, Any] | None], Awaitable[Sequence[Condition]]]


@pytest.mark.parametrize(
    ("field", "written", "stored"),
    [
        ("id", 7, 7),
        ("id", "7", 7),
        ("id", " 7 ", 7),
        ("id", 7.0, 7),
        ("id", "9007199254740993", 9007199254740993),
        ("assignedById", "12", 12),
        ("amount", 1500, 1500),
        ("amount", 1500.5, 1500.5),
        ("amount", "1500.50", 1500.5),
        ("amount", "1e3", 1000),
        ("amount", -0.01, -0.01),
        ("ufCrm_score", "0", 0),
        ("opened", True, True),
        ("opened", "Y", True),
        ("opened", "yes", True),
        ("opened", 1, True),
        ("opened", False, False),
        ("opened", "n", False),
        ("opened", "False", False),
        ("opened", 0, False),
        ("title", "x", "x"),
        ("title", 5, "5"),
        ("title", " x ", " x "),
        ("currency", "RUB", "RUB"),
        ("currency", "rub", "RUB"),
        ("currency", "российский рубль", "RUB"),
        ("stageSemanticId", "won", "S"),
        ("stageSemanticId", "P", "P"),
        ("ufCrm_budget", "1500|RUB", "1500|RUB"),
        ("companyId", 0, 0),
        ("companyId", "3", 3),
        ("ufCrm_odd", "whatever", "whatever"),
    ],
)
async def test_a_value_is_sent_as_the_portal_stores_it(field: str, written: Any, stored: Any, meaning: Meaning) -> None:
    (condition,) = await meaning({field: written})

    assert condition == Condition(field, "eq", stored)
    assert type(condition.value) is type(stored)


@pytest.mark.parametrize(
    ("field", "written", "message"),
    [
        ("id", "seven", "id takes a whole number, not “seven”."),
        ("id", 7.5, "id takes a whole number, not “7.5”."),
        ("id", True, "id takes a whole number, not “True”."),
        ("assignedById", "12.5", "assignedById takes a user id, not “12.5”."),
        ("assignedById", 12.5, "assignedById takes a user id, not “12.5”."),
        ("assignedById", "?", "assignedById takes a user id, not “?”."),
        ("amount", "a lot", "amount takes a number, not “a lot”."),
        ("amount", "NaN", "amount takes a number, not “NaN”."),
        ("amount", float("inf"), "amount takes a number, not “inf”."),
        ("amount", False, "amount takes a number, not “False”."),
        ("opened", "maybe", "opened takes true or false, not “maybe”."),
        ("opened", 2, "opened takes true or false, not “2”."),
        ("title", True, "title takes a text, not “True”."),
    ],
)
async def test_a_value_of_another_kind_is_refused_with_what_belongs_there(
    field: str, written: Any, message: str, meaning: Meaning
) -> None:
    with pytest.raises(InvalidArguments) as refused:
        await meaning({field: written})

    assert (refused.value.message, refused.value.code) == (message, "INVALID_VALUE")


@pytest.mark.parametrize("field", ["id", "amount", "title", "opened", "assignedById", "companyId", "ufCrm_odd"])
@pytest.mark.parametrize("nothing", [None, "", [None], {"$ne": ""}], ids=str)
async def test_an_empty_value_is_refused_and_says_why(field: str, nothing: Any, meaning: Meaning) -> None:
    with pytest.raises(InvalidArguments, match="has an empty value") as refused:
        await meaning({field: nothing})

    assert refused.value.code == "INVALID_VALUE"


@pytest.mark.parametrize("field", ["id", "amount", "title", "opened", "assignedById", "companyId", "ufCrm_odd"])
@pytest.mark.parametrize("nested", [[[1]], {"$eq": {"a": 1}}, {"$in": [{"a": 1}]}], ids=str)
async def test_a_nested_value_is_refused(field: str, nested: Any, meaning: Meaning) -> None:
    with pytest.raises(InvalidArguments, match=f"{field} takes a single value, not something else") as refused:
        await meaning({field: nested})

    assert refused.value.code == "INVALID_VALUE"


@pytest.mark.parametrize(
    ("field", "monster"),
    [
        *((field, 10**400) for field in ("id", "amount", "assignedById", "ufCrm_score")),
        *((field, float(word)) for field in ("id", "amount", "companyId", "ufCrm_odd") for word in ("nan", "-inf")),
    ],
    ids=lambda value: str(value)[:12],
)
async def test_a_number_that_no_request_can_carry_is_refused(field: str, monster: float, meaning: Meaning) -> None:
    with pytest.raises(InvalidArguments) as refused:
        await meaning({field: monster})

    assert refused.value.code == "INVALID_VALUE"
