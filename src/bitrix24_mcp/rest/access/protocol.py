"""How a client may call a portal: where to, and with which proof."""

from collections.abc import Mapping
from typing import Literal, Protocol

Kind = Literal["webhook", "oauth"]


class Access(Protocol):
    """An incoming webhook, or an OAuth application's account."""

    @property
    def endpoint(self) -> str:
        """What a method's name is appended to, with a slash at its end. Never shown: it may hold a webhook's code."""
        ...

    @property
    def portal(self) -> str:
        """The portal's host, with the port where that is not the usual one; harmless."""
        ...

    @property
    def kind(self) -> Kind:
        """Which of the two it is; the ways to mend a refusal differ."""
        ...

    @property
    def loopback(self) -> bool:
        """Whether the portal runs on this machine; then no proxy of the environment is asked."""
        ...

    async def parameters(self) -> Mapping[str, str]:
        """What is added to a body: nothing, or `auth` with a token. Raises PortalError."""
        ...

    async def renewed(self, spent: Mapping[str, str]) -> bool:
        """After a refused token: renews what `parameters` gave, once for all callers; False = that cannot be done."""
        ...
