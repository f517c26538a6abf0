"""Calls of the tools that write, for tests that are about something else: what is asked, and with which faults."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from bitrix24_mcp.demo import DemoPortal, Fault
from bitrix24_mcp.demo.faults import FaultKind
from writing_assistants import WritingAssistant

Json = dict[str, Any]
WRITING_CALLS: Sequence[tuple[str, Json]] = (
    ("write_items", {"entity": "deals", "action": "create", "items": [{"title": "A", "amount": 5}]}),
    (
        "write_items",
        {"entity": "contacts", "action": "update", "items": [{"id": 1, "phone": "+7 1"}, {"id": 2, "post": "A"}]},
    ),
    ("write_items", {"entity": "contracts", "action": "delete", "ids": [1, 2]}),
    ("add_comment", {"entity": "deals", "id": 5, "text": "A"}),
    ("run_workflow", {"action": "start", "template": 12, "entity": "deals", "id": 7}),
    ("undo", {}),
    ("undo", {"operation": 1}),
)
"""A good call of each tool that both doors offer, in each of its ways."""


async def answers_under(kind: FaultKind, writing: WritingAssistant, portal: DemoPortal) -> list[str]:
    """Every answer, while a fault strikes each call as a whole, and each confirmation from its beginning on."""
    texts: list[str] = []

    async def ask(tool: str, **arguments: Any) -> Json:
        result = await writing.raw(tool, **arguments)
        texts.append(result.model_dump_json())
        return result.structured_content or {}

    for tool, arguments in WRITING_CALLS:
        portal.inject(Fault(kind, times=2, seconds=0.3))
        await ask(tool, **arguments)
        portal.clear_faults()
        previewed = await ask(tool, **arguments)
        for after in (0, 1):
            portal.inject(Fault(kind, times=2, seconds=0.3, after=after))
            if code := previewed.get("confirm"):
                await ask(tool, confirm=code)
            portal.clear_faults()
            previewed = await ask(tool, **arguments)
    return texts


def kept_in(folder: Path) -> str:
    """All that the files of a journal hold, as far as it can be read as text."""
    return "".join(path.read_bytes().decode("utf-8", "replace") for path in folder.iterdir() if path.is_file())
