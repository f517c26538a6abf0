"""Access through an OAuth application: a connected account's token, renewed when the portal calls it expired.

The portal asks that tokens are renewed only then, not by a timer (docs: settings/oauth). Renewing spends the old pair,
so it is done once: in this process by a lock, across processes under the store's own lock with a second look at what is
stored, and from the request on it is not broken off when the call that needed it is cancelled.

What is stored counts, and is looked at for every call: an account that is disconnected opens nothing from then on, and
what another process renewed is used. Only a pair that could not be stored is kept here, until it can.
"""

from collections.abc import Mapping

import anyio

from bitrix24_mcp.accounts import failures
from bitrix24_mcp.accounts.account import Account, Grant, Tokens
from bitrix24_mcp.accounts.addresses import host_of, is_loopback
from bitrix24_mcp.accounts.exchange import SPENT, Exchange
from bitrix24_mcp.accounts.store import Accounts, Held
from bitrix24_mcp.crm.errors import KeyRefused, PortalError
from bitrix24_mcp.rest.access.protocol import Kind


class Application:
    """How a client may call a connected portal. No token shows in a repr."""

    def __init__(self, account: Account, accounts: Accounts, exchange: Exchange) -> None:
        self._account = account
        self._accounts = accounts
        self._exchange = exchange
        self._tokens: Tokens | None = None
        self._unstored: tuple[Grant, Tokens] | None = None  # and what it takes the place of
        self._lock = anyio.Lock()
        self._tries = 0
        self._failure: PortalError | None = None

    @property
    def endpoint(self) -> str:
        """What a method's name is appended to."""
        return self._account.client_endpoint

    @property
    def portal(self) -> str:
        """The portal's host."""
        return self._account.portal

    @property
    def kind(self) -> Kind:
        """An application's account."""
        return "oauth"

    @property
    def loopback(self) -> bool:
        """Whether the portal runs on this machine."""
        return is_loopback(host_of(self.endpoint))

    async def parameters(self) -> Mapping[str, str]:
        """The token that a body carries. KeyRefused when the account is stale, disconnected or unreadable."""
        await self._store_after_all()
        self._tokens = self._unstored[0].tokens if self._unstored else await self._accounts.tokens(self._account)
        return {"auth": self._tokens.access}

    async def renewed(self, spent: Mapping[str, str]) -> bool:
        """Sees to it that `parameters` gives another token than the spent one: True, or a PortalError.

        One caller renews; who waited for it finds it done, or shares its failure. KeyRefused when only a person can
        help; then the account is marked stale.
        """
        tries = self._tries
        async with self._lock:
            if self._tokens is None or self._tokens.access == spent.get("auth"):
                if self._failure is not None and self._tries > tries:
                    raise self._failure
                await self._try(spent.get("auth", ""))
        return True

    async def _try(self, spent: str) -> None:
        self._tries += 1
        self._failure = None
        try:
            await self._renew(spent)
        except PortalError as error:
            self._failure = error
            raise

    async def _renew(self, spent: str) -> None:
        granted, stored = None, None
        try:
            async with self._accounts.held(self._account) as held:
                stored = held.tokens
                present = self._present(stored)
                if present.access != spent:  # another process was quicker
                    self._tokens = present
                    return
                with anyio.CancelScope(shield=True):  # what the answer holds exists nowhere else
                    granted = await self._granted(held, present)
                if granted is not None:
                    self._tokens = granted.tokens
                    await held.keep(granted)
        except PortalError as error:
            if granted is None or stored is None or error.code != failures.UNUSABLE:
                raise
            self._unstored = granted, stored
            raise failures.not_stored(self.portal) from None
        self._unstored = None
        if granted is None:
            raise failures.stale(self.portal)

    def _present(self, stored: Tokens) -> Tokens:
        """The pair that is good now: the stored one, or the unstored one that took its place."""
        if self._unstored and self._unstored[1] == stored:
            return self._unstored[0].tokens
        return stored

    async def _granted(self, held: Held, present: Tokens) -> Grant | None:
        """The new pair; None when the present one is dead, which is noted then."""
        try:
            granted = await self._exchange.renew(self._account.authorization_host, present)
        except KeyRefused as error:
            if error.code != SPENT:
                raise
            await held.give_up()
            return None
        if granted.member_id != self._account.member_id:
            raise failures.other_portal(self.portal)
        return granted

    async def _store_after_all(self) -> None:
        """Stores the pair that could not be stored when it came, if that is possible now; it was said then."""
        late = self._unstored
        if late is None:
            return
        try:
            await self._accounts.keep_late(self._account, *late)
        except PortalError:
            return
        if self._unstored is late:  # else a newer one came meanwhile
            self._unstored = None
