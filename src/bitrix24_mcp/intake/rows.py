"""Rules as JSON of their own codes and ids, in which Cyrillic can be read; moments are ISO in UTC."""

import json
from collections.abc import Mapping
from dataclasses import asdict, fields
from datetime import UTC, datetime
from typing import Any, cast, get_args

from bitrix24_mcp.crm.intake.rule import IntakeRule, Target
from bitrix24_mcp.crm.intake.rules import KeptRule, Made

TABLES = """
create table rules (
  portal text not null,
  quiz integer not null,
  rule text not null,
  created_at text not null,
  changed_at text not null,
  primary key (portal, quiz)
);
create table submissions (
  portal text not null,
  quiz integer not null,
  answer text not null,
  attempt text not null,
  claimed_until text not null,
  primary key (portal, quiz, answer)
);
create table made (
  portal text not null,
  quiz integer not null,
  answer text not null,
  target text not null,
  record integer not null,
  operation integer not null,
  primary key (portal, quiz, answer, target)
);
"""
_NAMES = {each.name for each in fields(IntakeRule)}


def rule_text(rule: IntakeRule) -> str:
    """The rule as it is kept."""
    told = json.dumps(asdict(rule), ensure_ascii=False)
    return told.encode("utf-8", "backslashreplace").decode("utf-8")  # half a character means the same so, within JSON


def rule_of(row: Mapping[str, Any]) -> KeptRule:
    """The rule of a row; ValueError or TypeError when another program wrote it."""
    told: dict[str, Any] = json.loads(row["rule"])
    if set(told) != _NAMES or told["quiz"] != row["quiz"]:
        raise ValueError("not a rule of ours")
    told["tags"] = {name: tuple(texts) for name, texts in told["tags"].items()}
    return KeptRule(
        IntakeRule(**told),
        datetime.fromisoformat(row["created_at"]),
        datetime.fromisoformat(row["changed_at"]),
    )


def made_of(row: Mapping[str, Any]) -> tuple[Target, Made]:
    """The kind of a record that was made, and the record."""
    if row["target"] not in get_args(Target):
        raise ValueError("not a record of ours")
    return cast("Target", row["target"]), Made(row["record"], row["operation"])


def written(moment: datetime) -> str:
    """The moment as it is kept; such texts sort as moments do."""
    return moment.astimezone(UTC).isoformat(timespec="microseconds")
