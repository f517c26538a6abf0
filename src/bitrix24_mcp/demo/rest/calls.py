"""A REST call inside the portal, free of HTTP, so that a batch can make calls of its own."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from bitrix24_mcp.demo.gateway import Gateway

Json = dict[str, object]


class PhpObject(Json):
    """An object that is printed as one even when it is empty; PHP prints an empty array, our `{}`, as `[]`."""


@dataclass(frozen=True, slots=True)
class Caller:
    """With whose rights a call runs: the owner of a webhook, or the user who gave an application access."""

    user_id: int
    admin: bool  # portal administrator: workflows
    crm_admin: bool  # may see every record and the smart-process types
    scopes: frozenset[str]
    application: bool = False  # an OAuth application rather than a webhook


@dataclass(frozen=True, slots=True)
class Call:
    """One method with its parameters, brackets unfolded; keys as they were sent."""

    method: str
    params: Json
    caller: Caller
    portal: Gateway
    root: str = ""  # the address that methods are appended to; of a webhook, with its code
    token: str = ""  # the access token, where the call came with one

    def link(self, method: str, query: str) -> str:
        """An address to download a file from, which holds the caller's credential as the portal's own do."""
        auth = f"auth={self.token}&" if self.token else ""
        return f"{self.root}{method}.json?{auth}{query}"


@dataclass(frozen=True, slots=True)
class Result:
    """What stands under `result`, and beside it where the method counts and pages."""

    result: object
    total: int | None = None
    next: int | None = None


@dataclass(frozen=True, slots=True)
class Method:
    """What a method answers; `scopes`: any one of them opens it, none = every credential may call it."""

    scopes: tuple[str, ...]
    run: Callable[[Call], Result]


class RestError(Exception):
    """A refusal in REST's own terms: the `error` slot, which may be empty, its description and the HTTP status."""

    def __init__(self, code: str | int, description: str, status: int = 400) -> None:
        super().__init__(description)
        self.code = code
        self.description = description
        self.status = status
