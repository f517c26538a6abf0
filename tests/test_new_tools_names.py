"""Names that are hard to tell apart: of linked records, of fields, of entities."""

from typing import Any, cast

import pytest

from assistants import Assistant, sql_over
from bitrix24_mcp.crm.catalogue.entities import BY_NAME
from bitrix24_mcp.crm.choices import Choice, choose
from bitrix24_mcp.crm.errors import InvalidArguments
from bitrix24_mcp.crm.fields import Fields
from bitrix24_mcp.crm.filters.syntax import Term, parse_filter
from bitrix24_mcp.crm.portal_values import FieldInfo
from bitrix24_mcp.demo import DemoPortal
from oracle import change, found_ids

pytestmark = pytest.mark.anyio

NAMES = {
    "ООО\u00a0«Неразрывный пробел»": "ООО «Неразрывный пробел»",
    "ООО  Два   пробела": "ООО Два пробела",
    "<b>Жирный</b> клиент": "Жирный клиент",
    "Очень длинное название завода железобетонных изделий, о котором никто не знает его начала и конца": "",
    "Очень длинное название завода железобетонных изделий, о котором никто не знает его конца": "",
}


@pytest.mark.parametrize("stored", NAMES)
async def test_a_company_is_found_by_its_name_whatever_its_spaces_and_length(
    stored: str, own_portal: DemoPortal, own_assistant: Assistant
) -> None:
    for number, name in enumerate(NAMES, start=1):
        change(own_portal.database, "update companies set title = ? where id = ?", name, number)
    change(own_portal.database, "update deals set companyId = 0, title = 'x'")
    company = list(NAMES).index(stored) + 1
    change(own_portal.database, "update deals set companyId = ? where id = 3", company)

    shown = await own_assistant.ask("get_item", entity="deals", id=3, select="companyId")
    for written in {stored, stored.replace("ё", "е"), NAMES[stored] or stored}:
        assert await found_ids(own_assistant, entity="deals", filter={"companyId": written}) == [3]
    again = await own_assistant.raw(
        "search_items", entity="deals", filter={"companyId": shown["items"][0]["companyId_name"]}, explain=True
    )
    content = cast("dict[str, Any]", again.structured_content)
    assert content.get("error", {}).get("code") == "AMBIGUOUS_VALUE" or (
        content["plan"]["filter"] == {"companyId": company}
    )


async def test_a_word_that_too_many_names_hold_is_the_one_that_is_named(
    own_portal: DemoPortal, own_assistant: Assistant
) -> None:
    change(own_portal.database, "update deals set title = 'Поставка ' || id")

    error = await own_assistant.fail("search_items", entity="quotes", filter={"dealId": "Поставка щебня"})

    assert error["message"].startswith("More than 500 deals have “Поставка” in their name.")


async def test_a_smart_process_called_like_another_entity_asks_which_is_meant(
    own_portal: DemoPortal, own_assistant: Assistant
) -> None:
    change(own_portal.database, "update smart_processes set title = 'Счета' where entityTypeId = 174")
    change(own_portal.database, "update smart_processes set title = 'deals' where entityTypeId = 156")
    deals = sql_over(own_portal.database)("select count(*) from deals")

    error = await own_assistant.fail("aggregate", entity="счета")
    shouted = await own_assistant.fail("aggregate", entity="Deals")

    assert error == {
        "code": "AMBIGUOUS_ENTITY",
        "message": "Several entities are called “счета”. Use the name or the entityTypeId: invoices, 174.",
        "candidates": ["invoices", "174"],
    }
    assert shouted["candidates"] == ["deals", "156"]
    assert [((await own_assistant.ask("aggregate", entity="deals"))["total"],)] == deals
    assert (await own_assistant.ask("describe_entity", entity="174"))["title"] == "Счета"


FIELDS = Fields(
    BY_NAME["deals"],
    [
        FieldInfo("amount", "double", "Сумма"),
        FieldInfo("ufCrm_1", "double", "Amount"),
        FieldInfo("ufCrm_2", "double", "% скидки"),
        FieldInfo("ufCrm_3", "string", "<b>Сумма,\u00a0руб</b>"),
        FieldInfo("ufCrm_4", "string", "  "),
    ],
)


@pytest.mark.parametrize(
    ("written", "field"),
    [
        ("amount", "amount"),
        ("сумма", "amount"),
        ("% скидки", "ufCrm_2"),
        ("Сумма, руб", "ufCrm_3"),
    ],
)
def test_a_label_as_it_is_shown_names_its_field(written: str, field: str) -> None:
    assert FIELDS.resolve(written) == field
    assert parse_filter({written: 5}) == [Term(written, "eq", 5)]


def test_a_label_that_spells_another_fields_name_asks_back() -> None:
    with pytest.raises(InvalidArguments) as caught:
        FIELDS.resolve("AMOUNT")

    assert (caught.value.code, caught.value.candidates) == ("AMBIGUOUS_FIELD", ("amount", "ufCrm_1"))


@pytest.mark.parametrize("nothing", ["", "  ", "\u200b"])
def test_no_word_names_no_field(nothing: str) -> None:
    with pytest.raises(InvalidArguments) as caught:
        FIELDS.resolve(nothing)

    assert caught.value.code == "UNKNOWN_FIELD"


OFFERED = (Choice("41", "42"), Choice("42", "Да"), Choice("43", "<i>Да</i>"), Choice("44", ""), Choice("45", "today"))


@pytest.mark.parametrize(
    ("written", "codes"),
    [
        ("42", ["42"]),
        (42, ["42"]),
        ("да", ["42", "43"]),
        ("<i>Да</i>", ["42", "43"]),
        ("today", ["45"]),
        ("  TODAY ", ["45"]),
    ],
)
def test_a_code_comes_before_a_name_and_equal_names_all_count(written: object, codes: list[str]) -> None:
    """So what asks for one of several is asked back, and no code can be hidden behind a name."""
    assert [choice.code for choice in choose(written, OFFERED, "list")] == codes


@pytest.mark.parametrize("nothing", ["$gt", "4", "да да"])
def test_what_is_neither_code_nor_name_is_no_value(nothing: str) -> None:
    with pytest.raises(InvalidArguments) as caught:
        choose(nothing, OFFERED, "list")

    assert caught.value.code == "UNKNOWN_VALUE"
    assert "<i>" not in str(caught.value)
