"""What stands in the body of an answer."""

import json
from typing import Any, cast


def json_object(body: bytes) -> dict[str, Any] | None:
    """The JSON object that a body is; None for anything else, such as a sign-in page."""
    try:
        parsed: Any = json.loads(body)
    except (ValueError, RecursionError):
        return None
    return cast("dict[str, Any]", parsed) if isinstance(parsed, dict) else None
