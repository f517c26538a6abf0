"""Every business question of evals/ is answered as SQL answers it, and the programs there judge answers rightly."""

import sys
from collections.abc import Generator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

import grade
import replay
from assistants import DOORS
from bitrix24_mcp.demo import DemoPortal
from cases import Question, expected, questions
from paths import WrongPath, put, read
from verdicts import AMBIGUOUS, UNKNOWN, graded, replayed, right

QUESTIONS = questions()
BY_ID = {question.id: question for question in QUESTIONS}
ANSWER: Mapping[str, Any] = {
    "total": 2,
    "rows": [
        {"currency": "RUB", "sum_amount": 10.5, "count": 3},
        {"currency": "EUR", "sum_amount": 1.5, "count": 4},
        {"count": 1},
    ],
}


@pytest.fixture(scope="module")
def full_portal() -> Generator[DemoPortal]:
    """The portal that the questions are about: the default one."""
    with DemoPortal.start(limits=False) as started:
        yield started


def perfect(portal: DemoPortal) -> dict[str, Any]:
    """What somebody who is always right would write."""
    return {
        question.id: (AMBIGUOUS if expected(question, portal) else UNKNOWN)
        if question.error
        else expected(question, portal)
        for question in QUESTIONS
    }


@pytest.mark.anyio
@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize("question", QUESTIONS, ids=lambda question: question.id)
async def test_the_tools_answer_as_sql_does(question: Question, door: str, full_portal: DemoPortal) -> None:
    async with DOORS[door](full_portal.url) as assistant:
        results = await replay.answers_of(question, assistant.client.call_tool)

    answers = [replay.structured(result) for result in results]
    assert replayed(question, answers, expected(question, full_portal)) == ""


def test_the_questions_are_many_in_both_languages_and_no_two_are_the_same() -> None:
    languages = [question.lang for question in QUESTIONS]

    assert len(BY_ID) == len({question.ask for question in QUESTIONS}) == len(QUESTIONS) >= 64
    assert 0.4 <= languages.count("ru") / len(QUESTIONS) <= 0.6


def test_the_program_replays_over_stdio(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(sys, "argv", ["replay.py", "--only", "deals-all"])

    status = replay.main()

    header, _, row, total = capsys.readouterr().out.splitlines()
    assert status == 0
    assert header.startswith("| id | | calls | requests | ")
    assert row.startswith("| deals-all | ok | 1 | ")
    assert total.startswith("| total | 1 of 1 right | 1 | ")


def test_the_program_fails_on_a_wrong_answer(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    wrong = replace(BY_ID["money-dollars"], sql=["select 7"])
    monkeypatch.setattr(replay, "questions", lambda: [wrong])
    monkeypatch.setattr(sys, "argv", ["replay.py"])

    assert replay.main() == 1
    assert "| money-dollars | WRONG: answered 0, SQL says 7 | 1 | " in capsys.readouterr().out


def test_the_program_knows_its_questions(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(sys, "argv", ["replay.py", "--only", "the-weather"])

    assert replay.main() == 1
    assert capsys.readouterr().err == "no question has the id the-weather\n"


def test_what_is_asked_gives_no_answer_away() -> None:
    asked = yaml.safe_load(grade.ask())

    assert asked == [
        {"id": question.id, "lang": question.lang, "ask": question.ask, "answer": question.hint}
        for question in QUESTIONS
    ]


def test_the_answers_of_sql_get_the_full_score(full_portal: DemoPortal) -> None:
    verdicts = grade.grade(perfect(full_portal)).splitlines()

    assert verdicts == [
        *(f"{question.id}: right" for question in QUESTIONS),
        f"score: {len(QUESTIONS)} of {len(QUESTIONS)} (100%)",
    ]


@pytest.mark.parametrize("written", ["answers.yaml", "answers.json"])
def test_a_file_of_answers_is_graded(
    written: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    answers = tmp_path / written
    answers.write_text('{"deals-all": 12000, "money-dollars": 3, "the-weather": "fine"}', encoding="utf-8")
    monkeypatch.setattr(sys, "argv", ["grade.py", "grade", str(answers)])

    status = grade.main()

    lines = capsys.readouterr().out.splitlines()
    told = [line for line in lines if not line.endswith(": no answer")]
    assert status == 0
    assert told == [
        "deals-all: right",
        "money-dollars: wrong",
        "the-weather: no such question",
        f"score: 1 of {len(QUESTIONS)} (1%)",
    ]


@pytest.mark.parametrize(
    ("content", "problem"), [("[1, 2]", "holds no mapping from id to answer"), ("{", "cannot be read: ")]
)
def test_a_file_that_holds_no_answers_is_refused(
    content: str, problem: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    answers = tmp_path / "answers.yaml"
    answers.write_text(content, encoding="utf-8")
    monkeypatch.setattr(sys, "argv", ["grade.py", "grade", str(answers)])

    assert grade.main() == 1
    assert problem in capsys.readouterr().err


@pytest.mark.parametrize(
    ("form", "given", "wanted", "verdict"),
    [
        ("number", 10.009, 10.0, True),
        ("number", 10.02, 10.0, False),
        ("number", "10", 10, True),
        ("number", None, 0, False),
        ("number", [10], 10, False),
        ("text", "фёдор  беляев", "Федор Беляев", True),
        ("text", "Анна", "Ольга", False),
        ("text", "", None, True),
        ("list", ["a", 1], ["A", 1.0], True),
        ("list", [1, "a"], ["a", 1], False),
        ("list", ["a"], ["a", "b"], False),
        ("list", "a", ["a"], False),
        ("set", ["b", "a"], ["a", "b"], True),
        ("set", ["a", "a"], ["a", "b"], False),
        ("set", [["b", 2], ["a", 1]], [["a", 1], ["b", 2]], True),
        ("mapping", {"rub": 1.005, "null": 2}, {"RUB": 1, None: 2}, True),
        ("mapping", {"RUB": 1}, {"RUB": 1, "EUR": 2}, False),
        ("mapping", {"RUB": [1, 2]}, {"RUB": [1, 3]}, False),
        ("mapping", 1, {"RUB": 1}, False),
    ],
)
def test_an_answer_is_judged(form: Any, given: Any, wanted: Any, verdict: bool) -> None:  # noqa: FBT001 - a table's column
    assert right(replace(BY_ID["deals-all"], form=form), given, wanted) == verdict


@pytest.mark.parametrize(
    ("id_", "given", "verdict"),
    [
        ("person-namesakes-ru", "Ambiguous", True),
        ("person-namesakes-ru", "Ольга Иванова или Анна Иванова?", True),
        ("person-namesakes-ru", ["Ольга Иванова"], False),
        ("person-namesakes-ru", 73, False),
        ("person-unknown", "unknown", True),
        ("person-unknown", 0, False),
        ("person-unknown", "ambiguous", False),
    ],
)
def test_asking_back_is_an_answer(id_: str, given: Any, verdict: bool, full_portal: DemoPortal) -> None:  # noqa: FBT001
    assert graded(BY_ID[id_], given, expected(BY_ID[id_], full_portal)) == verdict


@pytest.mark.parametrize(
    ("answer", "problem"),
    [
        ({"total": 3}, "answered without an error, not AMBIGUOUS_VALUE"),
        ({"error": {"code": "UNKNOWN_VALUE", "message": "No."}}, "answered UNKNOWN_VALUE, not AMBIGUOUS_VALUE"),
        (
            {"error": {"code": "AMBIGUOUS_VALUE", "message": "2 (Ольга Иванова).", "candidates": ["2"]}},
            "does not offer [['5', 'Анна Иванова']] but says '2 (Ольга Иванова).'",
        ),
    ],
)
def test_a_refusal_without_its_candidates_is_wrong(
    answer: Mapping[str, Any], problem: str, full_portal: DemoPortal
) -> None:
    question = BY_ID["person-namesakes-ru"]

    assert replayed(question, [answer], expected(question, full_portal)) == problem


def test_a_refusal_where_an_answer_is_due_is_told() -> None:
    refused = {"error": {"code": "UNKNOWN_FIELD", "message": "There is no such field."}}

    assert replayed(BY_ID["deals-all"], [refused], 12_000) == "UNKNOWN_FIELD: There is no such field."


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("total", 2),
        ("@1.total", 1),
        ("rows[1].count", 4),
        ("rows[*].count", [3, 4, 1]),
        ("rows{currency}.sum_amount", {"RUB": 10.5, "EUR": 1.5, None: None}),
        ("rows[currency=EUR].count", 4),
        ("rows[currency=null].count", 1),
        ("rows[*].(currency,count)", [["RUB", 3], ["EUR", 4], [None, 1]]),
        ("rows{count}.(currency)", {3: ["RUB"], 4: ["EUR"], 1: [None]}),
    ],
)
def test_a_path_finds(path: str, found: Any) -> None:
    assert read(path, [{"total": 1}, ANSWER]) == found


@pytest.mark.parametrize(
    "path", ["rows[3].count", "items[0].id", "rows[currency=USD].count", "total.count", "rows[", "@3.total"]
)
def test_a_path_that_leads_nowhere_says_so(path: str) -> None:
    with pytest.raises(WrongPath):
        read(path, [ANSWER])


def test_a_path_never_drops_a_row_of_the_same_key() -> None:
    with pytest.raises(WrongPath, match="two rows have the same key"):
        read("rows{currency}.count", [{"rows": [{"currency": "RUB", "count": 1}, {"currency": "RUB", "count": 2}]}])


def test_an_argument_is_filled_where_it_belongs() -> None:
    assert put({"entity": "deals", "filter": {"closed": False}}, "filter.assignedById", [6, 12]) == {
        "entity": "deals",
        "filter": {"closed": False, "assignedById": [6, 12]},
    }
