"""The Writer over the gateway: one change by its own route, several in one batch, nothing repeated blindly."""

from collections.abc import Mapping, Sequence
from typing import Any, cast

from bitrix24_mcp.crm.catalogue.entity import Entity
from bitrix24_mcp.crm.errors import InvalidArguments
from bitrix24_mcp.crm.portal_changes import Action, Change, Outcome
from bitrix24_mcp.sending.changes import Sender, outcome_of
from bitrix24_mcp.sending.failures import Failure, of_unexpected, unexpected
from bitrix24_mcp.sending.lane import MOST_CALLS, Mark
from bitrix24_mcp.vibecode.batching import CANNOT, refusal_in_batch
from bitrix24_mcp.vibecode.changed import changed
from bitrix24_mcp.vibecode.client import GatewayClient
from bitrix24_mcp.vibecode.envelope import Answer
from bitrix24_mcp.vibecode.errors import Refusal
from bitrix24_mcp.vibecode.requested_changes import ChangeRequest, request_of, takes
from bitrix24_mcp.vibecode.retry import of_refusal

_NO_BATCH = frozenset({"INVALID_REQUEST", "NOT_FOUND", "HTTP_404", "ERROR_LOOP_DETECTED"})
"""Codes of a batch that was not read, is not offered, or is blocked for others before it: its calls go alone."""


class GatewayWriter:
    """Changes a portal through the VibeCode gateway. What comes back is never raised: it stands in the outcomes."""

    changes_at_once = MOST_CALLS

    def __init__(self, client: GatewayClient) -> None:
        self._client = client
        self._sender = Sender[ChangeRequest, Answer](
            client.budget.clock, self._alone, self._together, lambda request: request.entry is not None
        )

    def takes(self, action: Action, entity: Entity) -> bool:
        """Whether there is a route for it."""
        return takes(action, entity)

    async def send(self, changes: Sequence[Change]) -> Sequence[Outcome]:
        """`POST`, `PATCH` and `DELETE` of one record, `POST /v1/batch` for several; workflows one after another."""
        taken = [change for change in changes if takes(change.action, change.entity)]
        answers = iter(await self._sender.send([request_of(change) for change in taken]))
        return [
            _outcome(change, next(answers))
            if takes(change.action, change.entity)
            else Outcome("refused", error=_not_offered(change))
            for change in changes
        ]

    async def _alone(self, request: ChangeRequest) -> Answer | Failure:
        return await self._client.change(request.method, request.path, request.query, request.body)

    async def _together(self, requests: Sequence[ChangeRequest]) -> Sequence[Answer | Failure | Mark]:
        answer = await self._client.changes([request.entry or {} for request in requests])
        if isinstance(answer, Failure):
            alone = answer.sure and answer.error.code in _NO_BATCH
            return [Mark.ALONE if alone else answer] * len(requests)
        told = _object(answer.data)
        return [await self._of_call(told, str(place)) for place in range(len(requests))]

    async def _of_call(self, told: Mapping[str, Any], name: str) -> Answer | Failure | Mark:
        """What a batch says of one of its calls. Nothing, or both yes and no, leaves the fate of the change open."""
        results, errors = _object(told.get("results")), _object(told.get("errors"))
        if (name in results) == (name in errors):
            return of_unexpected(unexpected("The portal left a call of a batch unanswered."))
        if name in results:
            return Answer(results[name], {})
        return await self._refused(refusal_in_batch(_object(errors[name])))

    async def _refused(self, refusal: Refusal | Failure) -> Failure | Mark:
        if isinstance(refusal, Failure):
            return refusal
        if refusal.code in CANNOT:
            return Mark.ALONE
        failure = of_refusal(refusal)
        if failure.wait is not None:
            await self._client.budget.pause(failure.wait)
        return failure


def _outcome(change: Change, answer: Answer | Failure) -> Outcome:
    outcome = changed(change, answer) if isinstance(answer, Answer) else answer
    return outcome_of(outcome) if isinstance(outcome, Failure) else outcome


def _not_offered(change: Change) -> InvalidArguments:
    return InvalidArguments(
        f"The gateway cannot {change.action} that for {change.entity.plural}.",
        advice="Do it in the portal itself.",
        code="UNSUPPORTED_ENTITY",
    )


def _object(value: Any) -> Mapping[str, Any]:
    return cast("Mapping[str, Any]", value) if isinstance(value, dict) else {}
