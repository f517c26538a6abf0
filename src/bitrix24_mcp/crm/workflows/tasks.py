"""Workflow tasks: what a running workflow waits for somebody to do (bizproc.task.list)."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from bitrix24_mcp.crm.catalogue.entity import Entity

WAITING = 0
"""USER_STATUS of a task that its person has not completed (bizproc.task.list)."""
TASKS = Entity(
    name="workflow-tasks", label="Workflow tasks", singular="workflow task", scope="bizproc", has_field_list=False
)
ANSWERS: Mapping[str, Mapping[str, int]] = MappingProxyType(
    {
        "ApproveActivity": {"yes": 1, "no": 2},
        "ReviewActivity": {"ok": 3},
        "RequestInformationActivity": {"ok": 3},
        "RequestInformationOptionalActivity": {"ok": 3, "cancel": 4},
    }
)
"""By kind of task: the answers that it takes, and their codes (bizproc.task.complete)."""
COMMENT_NEEDED: Mapping[str, frozenset[str]] = MappingProxyType(
    {"Y": frozenset({"yes", "no", "ok", "cancel"}), "YA": frozenset({"yes", "ok"}), "YR": frozenset({"no", "cancel"})}
)
"""By what a task says of comments, the answers that need one: all, only agreeing, only refusing (bizproc.task.list)."""


def answers_of(task: Mapping[str, Any]) -> Mapping[str, int]:
    """The answers that a task takes, with their codes; none where its kind is not known."""
    return ANSWERS.get(str(task.get("activity") or ""), {})
