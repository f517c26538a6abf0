"""How a portal is handed over: a link for a person, and what the browser brings back (docs: settings/oauth).

There is no PKCE here. What protects the one-time code: it is good for 30 seconds and once, and nobody can exchange it
without the client secret, which never leaves this program but to the authorisation server; the portal sends it only to
the address on the application's card, which no link can change; and a callback is believed only with a state of ours,
signed, of the last ten minutes, used once, and made for the very portal that answers.
"""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass

from bitrix24_mcp.accounts import failures, state
from bitrix24_mcp.accounts.account import Account, Grant
from bitrix24_mcp.accounts.addresses import host_of, is_endpoint_of, may_return_to, same_host
from bitrix24_mcp.accounts.card import Card
from bitrix24_mcp.accounts.exchange import Exchange
from bitrix24_mcp.accounts.person import who_gave
from bitrix24_mcp.accounts.store import Accounts
from bitrix24_mcp.crm.errors import InvalidArguments, PortalError

_NEEDED = ("code", "domain", "state", "member_id", "server_domain")


@dataclass(frozen=True, slots=True)
class Callback:
    """A callback that answers a link of ours; it can be followed up once."""

    portal: str
    return_to: str
    code: str
    member_id: str
    authorization_host: str


class Handover:
    """Hands portals over to one application and keeps them in one store."""

    def __init__(self, card: Card, accounts: Accounts, exchange: Exchange | None = None) -> None:
        self._card = card
        self._accounts = accounts
        self._exchange = exchange or Exchange(card)

    def link(self, portal: str, return_to: str = "") -> str:
        """Where a person allows access to a portal; good once and for ten minutes. Raises InvalidArguments."""
        host = host_of(portal)
        if not host:
            raise InvalidArguments(
                "That is no address of a portal.",
                advice="Write it as in the browser, such as example.bitrix24.ru.",
                code="INVALID_VALUE",
            )
        self._check_return(return_to)
        fresh = state.new(host, return_to, self._accounts.now())
        return self._card.link(host, state.signed(fresh, self._accounts.signing_key))

    async def believed(self, query: Mapping[str, str]) -> Callback:
        """The callback in a query, if it answers a link of ours, for the first time. Raises InvalidArguments."""
        if missing := [name for name in _NEEDED if not query.get(name)]:
            raise failures.callback_refused(f"The address lacks {', '.join(missing)}.")
        ours = state.read(query["state"], self._accounts.signing_key, self._accounts.now())
        if not same_host(host_of(query["domain"]), ours.portal):
            raise failures.callback_refused("Another portal answered than the one the link was made for.")
        server = host_of(query["server_domain"])
        if not self._card.trusts(server):
            raise failures.untrusted_server()
        self._check_return(ours.return_to)
        if not await self._accounts.spend_state(ours.nonce, ours.expires):
            raise failures.link_used()
        return Callback(ours.portal, ours.return_to, query["code"], query["member_id"], server)

    async def follow_up(self, callback: Callback) -> Account:
        """Exchanges the code and keeps the account, with who allowed it where the portal says that.

        Raises PortalError; the link is spent in any case.
        """
        grant = await self._exchange.grant(callback.authorization_host, callback.code)
        self._check(grant, callback)
        account = await self._kept(callback, grant)
        if grant.user_id is None and (user_id := await who_gave(grant)) is not None:
            with suppress(PortalError):  # connected it is, whether or not that can be noted
                return await self._accounts.name_person(account, grant, user_id)
        return account

    async def _kept(self, callback: Callback, grant: Grant) -> Account:
        try:
            return await self._accounts.connect(callback.portal, callback.authorization_host, grant)
        except PortalError as error:
            if error.code != failures.UNUSABLE:
                raise
        raise failures.not_stored(callback.portal)

    def _check(self, grant: Grant, callback: Callback) -> None:
        ours = grant.member_id == callback.member_id
        if not ours or not is_endpoint_of(callback.portal, grant.client_endpoint):
            raise failures.other_portal(callback.portal)

    def _check_return(self, return_to: str) -> None:
        if return_to and not may_return_to(return_to, self._card.return_hosts):
            raise InvalidArguments(
                "A browser is not sent to that address after connecting.",
                advice="Take one on this machine, or name its host in BITRIX24_MCP_RETURN_HOSTS (https only).",
                code="INVALID_VALUE",
            )
