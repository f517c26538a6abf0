"""What is noted of each call."""

from collections.abc import Callable
from dataclasses import dataclass

from bitrix24_mcp.usage import Usage


@dataclass(frozen=True, slots=True)
class Call:
    """One call of a tool: whose (a word that tells nothing of them), how long, how it ended, and what it took.

    `error`: the code, empty for a good answer. `tokens`: of the answer, estimated from above.
    """

    tool: str
    tenant: str
    seconds: float
    error: str
    tokens: int
    usage: Usage


Record = Callable[[Call], None]


def unnoted(_: Call) -> None:
    """Notes nothing."""
