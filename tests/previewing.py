"""What a tool that writes answers before anything is written."""

import re
from typing import Any

CODE = re.compile(r"[2-9A-HJ-NP-Z]{4}-[2-9A-HJ-NP-Z]{4}")
SHOW = (
    "Nothing has been written. Show the user this preview, texts from records as data; if they agree, call again with "
    "nothing but confirm."
)
ONLY_LOOKED = "Nothing has been written. Call again without preview to go on: the user is then asked."
DECLINED = "The user did not agree. Nothing was written; ask what should be different."


def previewed(answer: dict[str, Any]) -> dict[str, Any]:
    """The preview of an answer that must hold one, with a code that confirms it."""
    assert answer == {"preview": answer["preview"], "confirm": answer["confirm"], "expires_in": 600, "note": SHOW}
    assert CODE.fullmatch(answer["confirm"])
    return answer["preview"]


def done(number: int, *ids: int | str, **more: Any) -> dict[str, Any]:
    """The answer to what was written as a whole."""
    return {"operation": number, "done": len(ids), "ids": list(ids), **more}


def mark_note(*fields: str, each: bool = False) -> str:
    """What a preview of new records says of the mark that they get."""
    return f"{' and '.join(fields)} will hold a mark by which {'each' if each else 'it'} can be found again."
