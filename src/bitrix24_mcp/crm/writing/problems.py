"""Everything that is wrong with a piece of work, told at once."""

from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from bitrix24_mcp.crm.errors import InvalidArguments, PermissionRefused

T = TypeVar("T")
_SHOWN = 12
"""Problems that are told in words; the rest is counted."""


class Problems:
    """What is wrong, by record. `add` and `keep` collect, `check` raises."""

    def __init__(self, label: Callable[[int], str]) -> None:
        """`label`: what a record is called within a message, by its place; empty where there is only one."""
        self._label = label
        self._found: list[tuple[int, str, InvalidArguments]] = []

    def add(self, place: int, error: InvalidArguments) -> None:
        """Notes a problem of a record."""
        self._found.append((place, self._label(place), error))

    async def keep(self, place: int, work: Coroutine[Any, Any, T], otherwise: T, field: str = "") -> T:
        """What the work gives; `otherwise` where it says that the arguments are wrong, which is noted.

        `field`: what the work is about, for errors that do not name it.
        """
        try:
            return await work
        except InvalidArguments as error:
            self.add(place, error if field in str(error) else _about(field, error))
        except PermissionRefused as error:  # names that this key may not read: the id would do
            self.add(place, InvalidArguments(error.message, advice=error.advice, code=error.code))
        return otherwise

    def of(self, place: int) -> bool:
        """Whether something is wrong with this record."""
        return any(each == place for each, _, _ in self._found)

    def check(self) -> None:
        """Raises one InvalidArguments for all that was found; with a single problem it is that one."""
        if not self._found:
            return
        found = sorted(self._found, key=lambda each: each[0])
        _, label, first = found[0]
        if len(found) == 1 and not label:
            raise first
        told = list(dict.fromkeys(_told(label, error) for _, label, error in found))
        more = f" And {len(told) - _SHOWN} more problems." if len(told) > _SHOWN else ""
        raise InvalidArguments(
            f"Nothing was written: {len(told)} problem{'' if len(told) == 1 else 's'}. {' '.join(told[:_SHOWN])}{more}",
            advice="Mend them and call again.",
            code=first.code if len({error.code for _, _, error in self._found}) == 1 else "INVALID_RECORDS",
            candidates=first.candidates if len(self._found) == 1 else (),
            next_call=first.next_call,
        )


def _about(field: str, error: InvalidArguments) -> InvalidArguments:
    return InvalidArguments(
        f"{field}: {error.message}",
        advice=error.advice,
        code=error.code,
        candidates=error.candidates,
        next_call=error.next_call,
    )


def _told(label: str, error: InvalidArguments) -> str:
    return f"{label}: {error.message} {error.advice}" if label else f"{error.message} {error.advice}"
