"""Problems by what they are about: a part of a rule, an answer to a question."""

from collections.abc import Coroutine
from typing import Any, TypeVar

from bitrix24_mcp.crm.errors import InvalidArguments
from bitrix24_mcp.crm.writing.problems import Problems

T = TypeVar("T")


class NamedProblems(Problems):
    """Collects what is wrong under names; `check` raises all of it as one error."""

    def __init__(self) -> None:
        self._names: list[str] = []
        super().__init__(self._names.__getitem__)

    async def of_part(self, name: str, work: Coroutine[Any, Any, T], otherwise: T) -> T:
        """What the work gives; `otherwise` where it says that this part is wrong, which is noted."""
        self._names.append(name)
        return await self.keep(len(self._names) - 1, work, otherwise)

    def check(self) -> None:
        """Raises one InvalidArguments for all that was found; a single problem keeps its own words and code."""
        if len(self._found) == 1:
            [(_, name, error)] = self._found
            raise InvalidArguments(
                f"{name}: {error.message}",
                advice=error.advice,
                code=error.code,
                candidates=error.candidates,
                next_call=error.next_call,
            )
        super().check()

    @property
    def told(self) -> list[str]:
        """Each problem in words."""
        return [f"{name}: {error.message} {error.advice}" for _, name, error in self._found]
