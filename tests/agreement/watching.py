"""A look into the journal at the very moment when a portal is asked to write: it must hold all that before."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from agreement.demanded import Demand, demanded
from agreement.kinds import BY_ENTITY
from agreement.noted import Noted, noted
from bitrix24_mcp.demo import DemoPortal
from bitrix24_mcp.demo.recording import RecordedRequest


@dataclass(frozen=True, slots=True)
class Sent:
    """A change that a request asked for, and the entry of the journal that stood for it then; None where none did."""

    demand: Demand
    entry: Noted | None


def _nothing(_: int) -> None:
    pass


class Requests(list[RecordedRequest]):
    """A portal's list of requests that looks into the journal of a folder whenever a request arrives that writes."""

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self._folder = folder
        self.sent: list[Sent] = []
        self._written = 0
        self._happens: Callable[[int], None] = _nothing

    def when_written(self, happens: Callable[[int], None]) -> None:
        """From now on this happens as soon as a request arrives that writes; it is told how many there were before."""
        self._written, self._happens = 0, happens

    def append(self, request: RecordedRequest, /) -> None:
        if demands := demanded(request):
            entries = noted(self._folder)
            self.sent += [Sent(each, entry_of(each, entries)) for each in demands]
            self._happens(self._written)
            self._written += 1
        super().append(request)


def watched(portal: DemoPortal, folder: Path) -> Requests:
    """The portal's requests from now on."""
    requests = Requests(folder)
    portal._parts.recorder.requests = requests  # pyright: ignore[reportPrivateUsage] - only there they are seen in time
    return requests


def entry_of(demand: Demand, entries: Sequence[Noted]) -> Noted | None:
    """The entry that stands for a change: one that is noted as open.

    Of the latest operation, an update that is done stands for fields that the portal did not take: they are sent again.
    """
    latest = entries[-1].operation if entries else 0
    standing = [
        each
        for each in entries
        if each.open or (each.state == "done" and each.action == "update" and each.operation == latest)
    ]
    return next((each for each in reversed(standing) if _stands_for(each, demand)), None)


def _stands_for(entry: Noted, demand: Demand) -> bool:
    if entry.action != demand.action:
        return False
    if demand.action == "start":
        return str(entry.values["templateId"]) in demand.texts
    if demand.entity != entry.entity:
        return False
    if demand.action == "create":
        return str(entry.values[BY_ENTITY[entry.entity].name]) in demand.texts
    return demand.key == str(entry.record_id)
