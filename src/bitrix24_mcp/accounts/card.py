"""The OAuth application of the operator: what its card in the portal says, and which hosts it trusts."""

from dataclasses import dataclass, field
from urllib.parse import urlencode

from bitrix24_mcp.accounts.addresses import AUTHORIZATION_HOSTS, origin


@dataclass(frozen=True, slots=True)
class Card:
    """Client id and secret of a registered application; the secret does not show in a repr.

    `further_hosts`: authorisation servers besides Bitrix24's own that may be given the secret. `return_hosts`: where a
    browser may be sent after connecting, besides this machine.
    """

    client_id: str
    client_secret: str = field(repr=False)
    further_hosts: tuple[str, ...] = ()
    return_hosts: tuple[str, ...] = ()

    def trusts(self, host: str) -> bool:
        """Whether this authorisation server may be given the client secret."""
        return host in AUTHORIZATION_HOSTS or host in self.further_hosts

    def link(self, portal: str, state: str) -> str:
        """Where a person allows the application into the portal (docs: settings/oauth)."""
        return f"{origin(portal)}/oauth/authorize/?{urlencode({'client_id': self.client_id, 'state': state})}"
