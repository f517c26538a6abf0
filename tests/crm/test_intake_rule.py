"""Rules of questionnaires by themselves: how they are written, which tags a field takes, how they are kept."""

from typing import Any, cast

import pytest

from bitrix24_mcp.crm.catalogue.entity import Entity
from bitrix24_mcp.crm.catalogue.sales import DEALS
from bitrix24_mcp.crm.errors import InvalidArguments
from bitrix24_mcp.crm.fields import Fields
from bitrix24_mcp.crm.intake.mapping import check_tags
from bitrix24_mcp.crm.intake.named import NamedProblems
from bitrix24_mcp.crm.intake.rule import IntakeRule, quiz_number
from bitrix24_mcp.crm.intake.rules import Answered
from bitrix24_mcp.crm.intake.written import WrittenRule, as_written, questions_of, tags_of, written_rule
from bitrix24_mcp.crm.metadata import Metadata
from bitrix24_mcp.crm.portal_values import FieldInfo, Option
from questionnaires import WHOLE_RULE

pytestmark = pytest.mark.anyio

_FIELDS = Fields(
    DEALS,
    [
        FieldInfo("title", "string", "Название"),
        FieldInfo("UF_CRM_WORDS", "string", "Метки", multiple=True),
        FieldInfo(
            "UF_CRM_LIST", "enumeration", "Теги", multiple=True, options=(Option("1", "Опт"), Option("2", "VIP"))
        ),
        FieldInfo("UF_CRM_OWN", "rest_7_crm_pena_tag", "Теги опроса", multiple=True),
        FieldInfo("UF_CRM_LOCKED", "string", "Закрыто", multiple=True, read_only=True),
        FieldInfo("UF_CRM_DAYS", "date", "Дни", multiple=True),
        FieldInfo("UF_CRM_ONE", "string", "Одна метка"),
    ],
)


class _Described:
    """What checking tags asks of the portal's description."""

    async def fields(self, entity: Entity) -> Fields:
        del entity
        return _FIELDS


async def checked(tags: dict[str, list[str]]) -> tuple[dict[str, tuple[str, ...]], list[str]]:
    problems = NamedProblems()
    found = await check_tags(tags, DEALS, problems, cast("Metadata", _Described()))
    return found, problems.told


async def test_a_field_of_several_texts_takes_any_tag() -> None:
    assert await checked({"Метки": ["новый клиент", "Опт"], "UF_CRM_OWN": ["x"]}) == (
        {"UF_CRM_WORDS": ("новый клиент", "Опт"), "UF_CRM_OWN": ("x",)},
        [],
    )


async def test_a_list_takes_its_own_values_and_keeps_their_codes() -> None:
    found, problems = await checked({"Теги": ["VIP", "1", "vip", "Розница"]})

    assert found == {"UF_CRM_LIST": ("2", "1")}
    assert [problem.partition(".")[0] for problem in problems] == ["tags"]
    assert "Розница" in problems[0]


@pytest.mark.parametrize("name", ["title", "UF_CRM_LOCKED", "UF_CRM_DAYS", "UF_CRM_ONE", "UF_CRM_NONE"])
async def test_no_other_field_takes_tags(name: str) -> None:
    found, problems = await checked({name: ["VIP"]})

    assert (found, len(problems)) == ({}, 1)


@pytest.mark.parametrize("written", [1, "1", " 42 ", 2**31 - 1])
def test_the_number_of_a_questionnaire_is_whole_and_above_0(written: Any) -> None:
    assert quiz_number(written) == int(written)


@pytest.mark.parametrize("written", [0, -1, "0", "-1", "1.0", 1.0, "x", "", None, True, [], {}, 2**31, "9" * 30, "１"])
def test_anything_else_is_no_number_of_one(written: Any) -> None:
    with pytest.raises(InvalidArguments) as raised:
        quiz_number(written)
    assert raised.value.code == "INVALID_QUIZ"


def test_both_ways_to_write_fields_mean_the_same() -> None:
    theirs = {
        "deal": {"QuestionID": {"1": "UF_A"}},
        "contact": {"ContactRuleMap": {"name": "UF_N"}, "QuestionID": {"2": "UF_B"}},
    }
    ours = {"deal": {"1": "UF_A"}, "contact": {"2": "UF_B"}, "contact_names": {"name": "UF_N"}}

    assert (
        questions_of(theirs)
        == questions_of(ours)
        == ({"deal": {"1": "UF_A"}, "contact": {"2": "UF_B"}}, {"name": "UF_N"})
    )


def test_fields_that_are_named_empty_are_left_out() -> None:
    assert questions_of({"deal": {"1": "", "2": None, " 3 ": " UF_C "}, "lead": {}}) == ({"deal": {"3": "UF_C"}}, {})


def test_a_tag_is_named_once() -> None:
    assert tags_of({"F": [" VIP ", "VIP", 5], "G": "один"}) == {"F": ["VIP", "5"], "G": ["один"]}


def test_a_pasted_rule_says_what_our_names_say() -> None:
    assert written_rule({"source": "WEB", "funnel": None}, WHOLE_RULE) == WrittenRule(
        quiz=17,
        responsible="2",
        source="WEB",
        lead=False,
        lead_status="",
        funnel=5,
        stage="C5:NEW",
        type="SALE",
        fields=WHOLE_RULE["FieldsRule"],
        tags={"UF_CRM_1700000004": ["302"]},
    )


def test_a_kept_rule_reads_as_it_was_written() -> None:
    rule = IntakeRule(
        3, 2, "CALL", lead=False, funnel=0, stage="NEW", type="SALE", fields={"deal": {"1": "UF_A"}},
        contact_names={"name": "UF_N"}, tags={"UF_T": ("VIP",)},
    )  # fmt: skip
    written = as_written(rule)

    assert questions_of(written.fields) == ({"deal": {"1": "UF_A"}}, {"name": "UF_N"})
    assert tags_of(written.tags) == {"UF_T": ["VIP"]}
    assert (written.quiz, written.funnel, written.stage, written.lead_status) == (3, 0, "NEW", "")


def test_no_two_answers_share_a_mark() -> None:
    marks = {Answered("p", quiz, answer).mark for quiz in (1, 12, 112) for answer in ("1", "2-1", "12", "1-1")}

    assert len(marks) == 12
