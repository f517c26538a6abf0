"""How a portal's filters take moments.

The documentation shows ISO 8601 with an offset (crm.item.list). A portal has been reported whose filters understood
only plain text in the server's own time, and a condition that is not understood may be passed over: so the form is
tried before it is relied on, together with the first description of fields. No record was made after the year 2100.
"""

from collections.abc import Sequence
from datetime import UTC, datetime, tzinfo
from typing import Literal

from bitrix24_mcp.crm.errors import PortalError, UnexpectedAnswer
from bitrix24_mcp.rest.calling.calls import RestCall
from bitrix24_mcp.rest.calling.envelope import Answer

MomentForm = Literal["iso", "plain"]
_FAR = datetime(2100, 1, 1, tzinfo=UTC)
_FORMS: tuple[MomentForm, ...] = ("iso", "plain")
_PROBES = 3


class Moments:
    """What one portal was found to take; `iso` until something else is known.

    An order on from the first id and no counting: the three calls cost a portal of any size next to nothing.
    """

    def __init__(self) -> None:
        self._tried = 0
        self._known = False

    @property
    def form(self) -> MomentForm:
        """How to write moments. Raises UnexpectedAnswer for a portal that takes none of the forms."""
        if self._tried == len(_FORMS):
            raise UnexpectedAnswer(
                "The portal does not choose records by moments.",
                advice="Leave the dates out of the filter, or sort by the date and stop there.",
                code="UNEXPECTED_ANSWER",
            )
        return _FORMS[self._tried]

    def probe(self, entity_type_id: int | None, offset: tzinfo | None) -> list[RestCall]:
        """The calls that try the form: records after the year 2100, those before, any; none where it is known."""
        if self._known or self._tried == len(_FORMS):
            return []
        far = _written(self.form, _FAR.replace(tzinfo=offset or UTC))
        some = {"entityTypeId": entity_type_id, "select": ["id"], "order": {"id": "ASC"}, "start": -1}
        later, earlier = ({**some, "filter": {f"{side}createdTime": far}} for side in "><")
        return [RestCall("crm.item.list", params) for params in (later, earlier, some)]

    def learn(self, outcomes: Sequence[Answer | PortalError]) -> bool:
        """Notes what those calls brought; whether the next form is to be tried. Nothing is learnt of no records."""
        answers = [each for each in outcomes if isinstance(each, Answer)]
        if len(answers) < _PROBES:
            return False
        later, earlier, some = (bool(each.rows("items")) for each in answers)
        if not some and not later:
            return False
        self._known = not later and earlier
        self._tried += not self._known
        return not self._known and self._tried < len(_FORMS)


def _written(form: MomentForm, moment: datetime) -> str:
    """A moment of the portal's own time in that form."""
    return moment.isoformat(timespec="seconds") if form == "iso" else f"{moment:%Y-%m-%d %H:%M:%S}"
