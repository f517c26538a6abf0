"""A filter is checked against the portal's fields and values, and names in it become codes, before any data is read."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

import pytest

from bitrix24_mcp.crm.errors import InvalidArguments
from bitrix24_mcp.crm.filters.conditions import translated
from bitrix24_mcp.crm.portal_values import Condition

pytestmark = pytest.mark.anyio

MeaningFor = Callable[[int | None, Any], Awaitable[Sequence[Condition]]]
Meaning = Callable[[Mapping[str, Any] | None], Awaitable[Sequence[Condition]]]
MeaningElsewhere = Callable[[str, Mapping[str, Any]], Awaitable[Sequence[Condition]]]


@pytest.mark.parametrize(
    ("raw", "meant"),
    [
        ({"TITLE": "x"}, [Condition("title", "eq", "x")]),
        ({"Name": "x"}, [Condition("title", "eq", "x")]),
        ({" сумма ": 5}, [Condition("amount", "eq", 5)]),
        ({">СУММА": 5}, [Condition("amount", "gt", 5)]),
        ({"UF_CRM_SCORE": 5}, [Condition("ufCrm_score", "eq", 5)]),
        ({"stage_id": "WON", "categoryId": 0}, [Condition("stageId", "eq", "WON"), Condition("categoryId", "eq", 0)]),
    ],
    ids=str,
)
async def test_a_field_is_found_by_name_label_or_user_field_code(
    raw: dict[str, Any], meant: list[Condition], meaning: Meaning
) -> None:
    assert await meaning(raw) == tuple(meant)


@pytest.mark.parametrize(
    ("raw", "meant"),
    [
        ({"stageId": "C5:WON"}, [Condition("stageId", "eq", "C5:WON")]),
        ({"stageId": "preparation"}, [Condition("stageId", "eq", "C5:PREPARATION")]),
        ({"!stageId": "Preparation"}, [Condition("stageId", "ne", "C5:PREPARATION")]),
        (
            {"categoryId": "partners", "stageId": "Won"},
            [Condition("categoryId", "eq", 5), Condition("stageId", "eq", "C5:WON")],
        ),
        (
            {"stageId": ["Won", "New"], "categoryId": [0]},
            [Condition("stageId", "in", ("WON", "NEW")), Condition("categoryId", "in", (0,))],
        ),
        (
            {"categoryId": 5, "stageId": {"$ne": "Won"}},
            [Condition("categoryId", "eq", 5), Condition("stageId", "ne", "C5:WON")],
        ),
        (
            {"categoryId": [0, "Partners"], "=categoryId": 5, "stageId": "Won"},
            [Condition("categoryId", "eq", 5), Condition("stageId", "eq", "C5:WON")],
        ),
        ({"categoryId": "5"}, [Condition("categoryId", "eq", 5)]),
        ({"sourceId": "website"}, [Condition("sourceId", "eq", "WEB")]),
        ({"sourceId": {"$nin": ["Call", "WEB"]}}, [Condition("sourceId", "nin", ("CALL", "WEB"))]),
        ({"ufCrm_colour": ["Red", 45, "red"]}, [Condition("ufCrm_colour", "in", ("44", "45"))]),
    ],
    ids=str,
)
async def test_names_become_codes(raw: dict[str, Any], meant: list[Condition], meaning: Meaning) -> None:
    assert await meaning(raw) == tuple(meant)


@pytest.mark.parametrize(
    ("written", "stored"),
    [
        ("Anna Baker", 1),
        ("baker  ANNA", 1),
        ("anna@example.org", 1),
        ("robot@example.org", 8),
        ("Anna", 1),
        ("елкина", 2),
        ("Ёлкин", 3),
        ("Ильич Кузнецов", 4),
        ("Кузнецов Пётр", 4),
        ("Maria", 5),
        ("me", 7),
        (" Я ", 7),
    ],
)
async def test_a_person_is_meant_by_name_first_whole_then_in_part(written: str, stored: int, meaning: Meaning) -> None:
    assert await meaning({"assignedById": written}) == (Condition("assignedById", "eq", stored),)


async def test_names_and_ids_of_people_stand_in_one_list(meaning: Meaning) -> None:
    assert await meaning({"assignedById": {"$nin": ["Baker", "2", 1]}}) == (Condition("assignedById", "nin", (1, 2)),)


@pytest.mark.parametrize(
    ("written", "code", "candidates", "advice"),
    [
        ("Кузнецова", "AMBIGUOUS_VALUE", ("6", "7"),
         "Use the id: 6 (Мария Кузнецова), 7 (Елена Кузнецова, dismissed)."),
        ("Stone", "AMBIGUOUS_VALUE", ("5", "9"), "Use the id: 5 (Anna Maria Stone), 9 (Stone)."),
        ("Bakr", "UNKNOWN_VALUE", ("1",), "The nearest are 1 (Anna Baker)."),
        ("Zzz", "UNKNOWN_VALUE", (), "Look through the users."),
        ("Ann", "UNKNOWN_VALUE", ("1", "5"), "The nearest are 1 (Anna Baker), 5 (Anna Maria Stone)."),
    ],
)  # fmt: skip
async def test_a_name_that_is_not_one_persons_asks_back(
    written: str, code: str, candidates: tuple[str, ...], advice: str, meaning: Meaning
) -> None:
    with pytest.raises(InvalidArguments) as refused:
        await meaning({"assignedById": written})

    assert (refused.value.code, refused.value.candidates, refused.value.advice) == (code, candidates, advice)


async def test_me_is_nobody_where_the_portal_does_not_say_whose_key_it_is(meaning_for: MeaningFor) -> None:
    with pytest.raises(InvalidArguments, match="does not say whose key this is") as refused:
        await meaning_for(None, {"assignedById": "me"})

    assert refused.value.code == "UNKNOWN_VALUE"
    assert await meaning_for(None, {"assignedById": "Baker"}) == (Condition("assignedById", "eq", 1),)


@pytest.mark.parametrize(
    ("raw", "used"),
    [
        (None, None),
        ({}, None),
        ({"stageId": "NEW", "categoryId": "0"}, None),
        ({"stageId": ["NEW"], "amount": {">=": 1}, "%title": "x"}, None),
        ({"stage_id": "c5:won", "UF_CRM_SCORE": "5"}, None),
        ({"opened": "yes", "probability": "10", "amount": {"$between": ["1e2", 200]}}, None),
        ({"amount": {"$gt": 5}, ">amount": 7}, None),
        ({"createdAt": {"$gte": "2026-07-01T00:00:00Z", "$lt": "2026-07-02T00:00:00.000+02:00"}}, None),
        ({"closedAt": {"$gte": "2026-07-01"}, "assignedById": 57}, None),
        ({"stageId": "Preparation", "amount": 5}, {"stageId": "C5:PREPARATION"}),
        ({"categoryId": "Partners", "stageId": "Won"}, {"categoryId": 5, "stageId": "C5:WON"}),
        ({"categoryId": [0, "Partners"], "sourceId": "WEB"}, {"categoryId": {"$in": [0, 5]}}),
        ({"assignedById": {"$ne": "Baker"}}, {"assignedById": {"$ne": 1}}),
        ({"Сумма": {"$gt": 5}}, {"amount": {"$gt": 5}}),
        ({"closedAt": "today"}, {"closedAt": "2026-07-15"}),
        ({"closedAt": 2025}, {"closedAt": {"$gte": "2025-01-01", "$lte": "2025-12-31"}}),
        ({"createdAt": {"$gte": "2026-07-01"}}, {"createdAt": {"$gte": "2026-07-01T00:00:00+02:00"}}),
        ({"createdAt": {"$gte": "2026-07-01T09:00"}}, {"createdAt": {"$gte": "2026-07-01T09:00:00+02:00"}}),
        (
            {"createdAt": "yesterday", "title": "x"},
            {"createdAt": {"$gte": "2026-07-14T00:00:00+02:00", "$lt": "2026-07-15T00:00:00+02:00"}},
        ),
        (
            {"createdAt": {"$gte": "2026-07-01T00:00:00Z", "$lt": "today"}},
            {"createdAt": {"$gte": "2026-07-01T00:00:00+00:00", "$lt": "2026-07-15T00:00:00+02:00"}},
        ),
    ],
    ids=str,
)
async def test_only_what_was_taken_for_something_else_is_said_again(
    raw: dict[str, Any] | None, used: dict[str, Any] | None, meaning: Meaning
) -> None:
    assert translated(raw, await meaning(raw)) == used


@pytest.mark.parametrize(
    ("raw", "code", "candidates"),
    [
        ({"amonut": 1}, "UNKNOWN_FIELD", ("amount",)),
        ({"Note": "x"}, "AMBIGUOUS_FIELD", ("comments", "ufCrm_odd")),
        ({"stageId": "Won"}, "AMBIGUOUS_VALUE", ("WON", "C5:WON")),
        ({"stageId": "Woon"}, "UNKNOWN_VALUE", ("WON",)),
        ({"sourceId": "Webseit"}, "UNKNOWN_VALUE", ("WEB",)),
        ({"ufCrm_colour": "Grean"}, "UNKNOWN_VALUE", ("45",)),
        ({"categoryId": "Partner"}, "UNKNOWN_VALUE", ("5",)),
        ({"stageId": "WON", "categoryId": 5}, "STAGE_OF_ANOTHER_FUNNEL", ("C5:NEW", "C5:PREPARATION", "C5:WON")),
    ],
    ids=str,
)
async def test_a_wrong_or_ambiguous_name_asks_back_with_the_candidates(
    raw: dict[str, Any], code: str, candidates: tuple[str, ...], meaning: Meaning
) -> None:
    with pytest.raises(InvalidArguments) as refused:
        await meaning(raw)

    assert (refused.value.code, refused.value.candidates[: len(candidates)]) == (code, candidates)
    assert candidates[0] in refused.value.advice


@pytest.mark.parametrize(
    "raw",
    [
        *({field: {operator: "1"}} for field in ("opened", "stageId", "sourceId", "ufCrm_colour", "ufCrm_budget")
          for operator in ("$gt", "$gte", "$lt", "$lte")),
        {"ufCrm_marks": {"$gt": 3}},
        {"ufCrm_marks": {"$between": [3, 4]}},
        *({field: {"$contains": "1"}} for field in ("amount", "id", "stageId", "opened", "assignedById", "createdAt",
          "closedAt", "companyId", "ufCrm_colour", "ufCrm_budget")),
    ],
    ids=str,
)  # fmt: skip
async def test_an_operator_that_the_field_cannot_take_is_refused(raw: dict[str, Any], meaning: Meaning) -> None:
    with pytest.raises(InvalidArguments) as refused:
        await meaning(raw)

    assert refused.value.code == "UNSUPPORTED_OPERATOR"
    assert refused.value.message.startswith(next(iter(raw))) or "looks into texts" in refused.value.message


async def test_several_conditions_hold_together_one_of_each_sort_per_field(meaning: Meaning) -> None:
    raw = {">=amount": 10, "amount": {"$lt": 99, "$gt": 20, "!": 50}, "%title": "x", "!=amount": 60}

    assert await meaning(raw) == (
        Condition("amount", "gt", 20),
        Condition("amount", "lt", 99),
        Condition("amount", "nin", (50, 60)),
        Condition("title", "contains", "x"),
    )


@pytest.mark.parametrize(
    ("entity", "raw", "missing"),
    [
        ("calendar-events", {"name": "x"}, ("type", "ownerId")),
        ("calendar-events", {"type": "user"}, ("ownerId",)),
        ("files", {}, ("folderId",)),
        ("timelines", {"entityType": "deal"}, ("entityId",)),
        ("timelines", {"entityType": "deal", "entityId": [1, 2]}, ("entityId",)),
    ],
)
async def test_a_condition_that_the_portal_needs_is_named(
    entity: str, raw: dict[str, Any], missing: tuple[str, ...], meaning_elsewhere: MeaningElsewhere
) -> None:
    with pytest.raises(InvalidArguments) as refused:
        await meaning_elsewhere(entity, raw)

    assert (refused.value.code, refused.value.candidates) == ("MISSING_REQUIRED_FILTER", missing)
    assert all(f'"{name}": …' in refused.value.advice for name in missing)


async def test_a_condition_that_the_portal_would_ignore_is_refused(meaning_elsewhere: MeaningElsewhere) -> None:
    with pytest.raises(InvalidArguments, match="The portal ignores conditions on comment of timelines") as refused:
        await meaning_elsewhere("timelines", {"entityType": "deal", "entityId": 1, "%comment": "x"})

    assert (refused.value.code, refused.value.candidates) == ("UNSUPPORTED_FILTER", ("entityType", "entityId"))


@pytest.mark.parametrize("written", [None, {"a": 1}, [[1]], {"$eq": {"a": 1}}, {"$in": [None]}], ids=str)
async def test_a_funnel_of_an_entity_without_funnels_is_still_checked(
    written: Any, meaning_elsewhere: MeaningElsewhere
) -> None:
    with pytest.raises(InvalidArguments) as refused:
        await meaning_elsewhere("invoices", {"categoryId": written})

    assert refused.value.code in {"INVALID_VALUE", "UNKNOWN_OPERATOR"}
