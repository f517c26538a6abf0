"""Asks the questions of `questions.yaml`, and grades a file of answers against SQL.

uv run python evals/grade.py ask
uv run python evals/grade.py grade ANSWERS
"""

import argparse
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

import yaml

from bitrix24_mcp.demo import DemoPortal
from cases import Question, expected, questions
from verdicts import AMBIGUOUS, UNKNOWN, graded

_ABOUT = f"""\
# Questions about the demo portal, which `uv run bitrix24-mcp serve --demo` puts behind an MCP server.
# There it is 2026-07-15 12:00 in Moscow.
#
# Write a YAML or JSON mapping from id to answer, in the form that stands under `answer`: plain numbers, money with
# two decimals, names as the portal shows them, dates in ISO form, null for none. Where a name in the question fits
# several people, stages or companies, the answer is `{AMBIGUOUS}`; where there is none of that name, `{UNKNOWN}`.
"""


def ask() -> str:
    """The questions alone: id, language, text and the form of the answer."""
    asked = [{"id": each.id, "lang": each.lang, "ask": each.ask, "answer": each.hint} for each in questions()]
    return _ABOUT + yaml.safe_dump(asked, allow_unicode=True, sort_keys=False, width=120)


def grade(answers: Mapping[str, Any]) -> str:
    """A verdict per question and the score; a question without an answer counts as wrong."""
    asked = questions()
    with DemoPortal.start(limits=False) as portal:
        wanted = {question.id: expected(question, portal) for question in asked}
    verdicts = [_verdict(question, answers, wanted[question.id]) for question in asked]
    lines = [f"{question.id}: {verdict}" for question, verdict in zip(asked, verdicts, strict=True)]
    strange = [f"{name}: no such question" for name in answers if name not in wanted]
    score = verdicts.count("right")
    return "\n".join([*lines, *strange, f"score: {score} of {len(asked)} ({score / len(asked):.0%})\n"])


def _verdict(question: Question, answers: Mapping[str, Any], wanted: Any) -> str:
    if question.id not in answers:
        return "no answer"
    return "right" if graded(question, answers[question.id], wanted) else "wrong"


def main() -> int:
    """0 whenever the answers could be read, however wrong they are."""
    parser = argparse.ArgumentParser(description="Ask the questions of evals/questions.yaml, or grade answers to them.")
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("ask", help="print the questions")
    commands.add_parser("grade", help="grade answers").add_argument("answers", type=Path, metavar="ANSWERS")
    options = parser.parse_args()
    if options.command == "ask":
        sys.stdout.write(ask())
        return 0
    try:
        answers = yaml.safe_load(options.answers.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        sys.stderr.write(f"{options.answers} cannot be read: {error}\n")
        return 1
    if not isinstance(answers, dict):
        sys.stderr.write(f"{options.answers} holds no mapping from id to answer\n")
        return 1
    sys.stdout.write(grade({str(name): answer for name, answer in cast("dict[Any, Any]", answers).items()}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
