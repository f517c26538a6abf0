"""The gateway's envelope, with all the forms in which it has been seen (docs/entity-api)."""

from dataclasses import dataclass
from typing import Any, cast

from bitrix24_mcp.sending.bodies import json_object
from bitrix24_mcp.sending.failures import unexpected
from bitrix24_mcp.vibecode.errors import Refusal

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Answer:
    """A success: its `data`, its `meta`, and the counted total (None when the gateway did not count)."""

    data: Any
    meta: Json
    top_total: Any = None

    def rows(self) -> list[Json]:
        """The records; a single one may come as a bare object."""
        if self.data is None:
            raise unexpected("The portal answered without data.")
        held: object = self.data
        found = cast("list[Any]", held) if isinstance(held, list) else [held]
        if not all(isinstance(row, dict) for row in found):
            raise unexpected("The portal sent something else than records.")
        return cast("list[Json]", found)

    def total(self, offset: int = 0) -> int | None:
        """How many records match in all, where it can be believed beside the rows that begin at `offset`.

        Zero beside rows has been seen and means that nobody counted; `hasMore` is to be relied on.
        """
        said = self.meta.get("total")
        said = self.top_total if said is None else said
        if type(said) is not int:
            return None
        count = len(self.rows())
        missed = said < offset + count or (said == offset + count and self.meta.get("hasMore") is True)
        return None if count and missed else said

    def has_more(self, offset: int, asked: int) -> bool:
        """Whether records follow those of this answer."""
        count = len(self.rows())
        total = self.total(offset)
        if count == 0:
            if self.meta.get("hasMore") is True and total != 0:
                raise unexpected("The portal says that there are records, and sent none.")
            return False
        if total is not None:
            return total > offset + count
        said = self.meta.get("hasMore")
        return said if isinstance(said, bool) else count >= asked

    def goes_on(self, offset: int = 0) -> bool:
        """Whether rows follow that nobody counted; zero beside rows and `hasMore` has been seen on short lists."""
        return self.total(offset) is None and self.meta.get("hasMore") is True and bool(self.rows())

    def record(self) -> Json:
        """The single object of the answer."""
        held: object = self.data
        if isinstance(held, dict):
            return cast("Json", held)
        raise unexpected("The portal sent something else than a record.")


def read(status: int, body: bytes, retry_after: str) -> Answer | Refusal:
    """What an HTTP answer means. Raises UnexpectedAnswer when it is no envelope, such as a sign-in page."""
    envelope = json_object(body)
    if envelope is None:
        if status >= 400:
            return Refusal(status, "", "", _seconds(retry_after))
        raise unexpected("The portal answered with something that is not JSON.")
    error = envelope.get("error")
    if status >= 400 or envelope.get("success") is False:
        told = cast("Json", error) if isinstance(error, dict) else {}
        said = _seconds(retry_after) or _seconds(str(told.get("retryAfter") or ""))
        code = str(told.get("code") or "")
        return Refusal(status, code, str(told.get("message") or ""), said, _calls(envelope.get("data")))
    if status >= 300 or envelope.get("success") is not True:
        raise unexpected("The portal answered in a form that the gateway's contract does not know.")
    meta = envelope.get("meta")
    return Answer(envelope.get("data"), cast("Json", meta) if isinstance(meta, dict) else {}, envelope.get("total"))


def _calls(data: Any) -> Json | None:
    """Of a batch in which every call failed, the errors by the id of the call (docs/batch)."""
    errors = cast("Json", data).get("errors") if isinstance(data, dict) else None
    return cast("Json", errors) if isinstance(errors, dict) and errors else None


def _seconds(text: str) -> float | None:
    try:
        seconds = float(text)
    except ValueError:
        return None
    return seconds if seconds >= 0 else None
