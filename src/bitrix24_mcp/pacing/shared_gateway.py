"""The pace of portals behind a gateway, and the windows of keys, for all replicas together."""

from contextlib import suppress

from bitrix24_mcp.pacing.budget import KeyGrants, Limits, PortalPace, Window
from bitrix24_mcp.pacing.ledger import LEASE, KeyWindow, Ledger, Rules, base_name, micro, portal_names
from bitrix24_mcp.pacing.shared import Shared
from bitrix24_mcp.pacing.turns import Clock, Turn
from bitrix24_mcp.sharing.link import Absent, Link

_KNOWN_FOR = 12 * 3_600_000
"""Milliseconds for which replicas remember whose a key is."""
_READ = "return redis.call('GET', KEYS[1])"
_WRITE = "return redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])"


class SharedGateway:
    """One gateway as all replicas see it: `host` names it, `replicas` are as many as run at one time at most.

    Keys are told apart by words that tell nothing of them. `lease`: seconds after which a request counts as answered
    whose replica has not said so.
    """

    def __init__(
        self, link: Link, host: str, replicas: int, *, clock: Clock | None = None, lease: float = LEASE
    ) -> None:
        self.replicas = replicas
        self._lease = lease
        self.clock = clock or Clock()
        self._link = link
        self._host = host

    def pace(self, portal: str, limits: Limits | None = None, *, part: Limits | None = None) -> "SharedPace":
        """The pace of a portal. `part`: what each replica keeps to while Redis is away, if not to an equal one."""
        limits = limits or Limits()
        part = part or limits.shared_by(self.replicas)
        rules = Rules(limits.in_flight, 1 / limits.per_second, limits.any_second, lease=self._lease)

        def alone(turns: list[Turn]) -> PortalPace:
            return PortalPace(part, clock=self.clock, turns=turns)

        ledger = Ledger(self._link, portal_names(self._host, portal), rules, alone, self.clock)
        return SharedPace(self, ledger, part.in_flight)

    def window(self, window: Window) -> KeyWindow:
        """Where the turns of a key are kept."""
        key = self._key(window.key)
        return KeyWindow((f"{key}:window", f"{key}:held"), window.limits.per_window, window.limits.window)

    async def portal_of(self, key: str) -> str:
        """The portal of a key that a replica has learnt; empty where none has, or Redis is away."""
        try:
            return await self._link.run(_READ, [f"{self._key(key)}:portal"]) or ""
        except Absent:
            return ""

    async def learn(self, key: str, portal: str) -> None:
        """Tells all replicas whose a key is."""
        with suppress(Absent):
            await self._link.run(_WRITE, [f"{self._key(key)}:portal"], [portal, _KNOWN_FOR])

    def _key(self, key: str) -> str:
        return f"{base_name(self._host)}:key:{key}"


class SharedPace:
    """The pace of one portal, shared by all its keys and all replicas.

    A replica that alone has lost Redis, while the others have not, adds its part to what those send.
    """

    def __init__(self, gateway: SharedGateway, ledger: Ledger, in_flight_alone: int) -> None:
        self.clock = gateway.clock
        self._gateway = gateway
        self._ledger = ledger
        self._in_flight_alone = in_flight_alone

    def of(self, window: Window) -> KeyGrants:
        """Where the turns of a key on this portal are granted."""
        key = self._gateway.window(window)
        return _SharedKey(self._ledger, window, key, self._in_flight_alone, self._gateway.replicas)


class _SharedKey(Shared):
    """The turns of one key. Its part of the window is kept to as long as not all that others sent is known."""

    def __init__(self, ledger: Ledger, window: Window, key: KeyWindow, in_flight_alone: int, replicas: int) -> None:
        super().__init__(ledger, key, in_flight_alone)
        self._window = window
        self._window_name = key.names[0]
        self._replicas = replicas

    async def hold(self, seconds: float) -> None:
        """The key is not used for so long."""
        self._window.hold(seconds)
        await self._ledger.ask("hold", self._key, micro(seconds))

    def _delay_of_key(self) -> float:
        now = self._ledger.clock.now()
        if now >= self._ledger.sure_from:
            return 0.0
        return self._window.earliest_of(self._replicas, self._ledger.alone_since) - now

    def _note(self, turn: Turn) -> None:
        self._ledger.note(turn, self._window_name)
        self._window.note(turn)

    def _told(self, left: int) -> None:
        self._window.left(left)
