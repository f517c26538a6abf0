"""Answers made of several parts, of which the key may not be allowed to read every one."""

from collections.abc import Awaitable
from typing import TypeVar

from bitrix24_mcp.crm.errors import InvalidArguments, NotFound, PermissionRefused, RequestRefused

T = TypeVar("T")


class Parts:
    """Reads parts one by one; `not_read` says which were refused and why."""

    def __init__(self) -> None:
        self.not_read: dict[str, str] = {}

    async def read(self, part: str, question: Awaitable[T], otherwise: T, *, offered: bool = True) -> T:
        """The part, or `otherwise` where the key may not read it. Every other error is the caller's.

        `offered`: whether every portal has this part; one that does not refuses the question itself.
        """
        try:
            return await question
        except (PermissionRefused, InvalidArguments, NotFound, RequestRefused) as error:
            if offered and not isinstance(error, PermissionRefused):
                raise
            self.not_read[part] = f"{error.message} [{error.code}]"
            return otherwise
