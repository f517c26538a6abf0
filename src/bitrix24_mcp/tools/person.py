"""The person behind a client: whether and how they can be asked whether something may be written."""

from dataclasses import dataclass
from typing import Protocol


class Person(Protocol):
    """Whom a call comes from."""

    @property
    def client(self) -> str:
        """The client's name, as it introduced itself; empty where it did not."""
        ...

    @property
    def can_be_asked(self) -> bool:
        """Whether the client can show its user a question."""
        ...

    @property
    def answers(self) -> str:
        """The code of the question that this call answers; empty where it answers none."""
        ...

    async def agrees(self, question: str, code: str) -> bool:
        """Asks, and gives whether they agree. Raises InputNeeded where the question must be an answer of its own."""
        ...


@dataclass(frozen=True, slots=True)
class InputNeeded(Exception):
    """The call ends here with a question; the client asks its user and calls once more with the answer and the code."""

    question: str
    code: str


@dataclass(frozen=True, slots=True)
class Nobody:
    """A client that cannot ask its user anything."""

    client: str = ""
    can_be_asked: bool = False
    answers: str = ""

    async def agrees(self, question: str, code: str) -> bool:
        """Never: there is nobody to ask."""
        del question, code
        return False


NOBODY = Nobody()
