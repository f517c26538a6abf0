"""Reads that share requests over the gateway: fifty calls of a batch cost one unit of the rate budget (docs/batch)."""

from collections.abc import Mapping, Sequence
from typing import Any, cast

from bitrix24_mcp.crm.errors import InvalidArguments, NotFound, PermissionRefused, PortalError, RequestRefused
from bitrix24_mcp.sending.failures import Failure, of_unexpected, unexpected
from bitrix24_mcp.sending.lane import Lane, Mark
from bitrix24_mcp.vibecode.calls import Call
from bitrix24_mcp.vibecode.client import GatewayClient
from bitrix24_mcp.vibecode.envelope import Answer, Json
from bitrix24_mcp.vibecode.errors import Refusal
from bitrix24_mcp.vibecode.retry import of_refusal

CANNOT = frozenset({"UNKNOWN_ENTITY", "ACTION_NOT_SUPPORTED", "ENTITY_CUSTOM_ROUTES", "INVALID_CALL"})
"""Codes that say what a batch cannot do, not what the read's own route would say."""


class Reads:
    """The single reads of one connection. Equal reads are made once, also while the first is under way."""

    def __init__(self, client: GatewayClient) -> None:
        self._client = client
        self._lane = Lane[Call, Answer](client.budget, self._send)

    async def read(self, calls: Sequence[Call]) -> list[Answer | PortalError]:
        """The answer to each call, or the error in its place."""
        return await self._lane.read(calls)

    async def _send(self, calls: Sequence[Call]) -> Sequence[Answer | Failure | Mark]:
        if len(calls) == 1:
            return [await self._alone(calls[0])]
        try:
            data = (await self._client.batch([call.entry for call in calls])).record()
        except (NotFound, PermissionRefused, RequestRefused, InvalidArguments):
            return [Mark.ALONE] * len(calls)  # a batch that is refused as a whole says nothing of the single reads
        return [await self._meaning(outcome) for outcome in _outcomes(data, calls)]

    async def _alone(self, call: Call) -> Answer:
        if call.body is None:
            return await self._client.get(call.path, call.query)
        return await self._client.post(call.path, call.body)

    async def _meaning(self, outcome: Answer | Refusal | Failure) -> Answer | Failure | Mark:
        if isinstance(outcome, Refusal) and outcome.code in CANNOT:
            return Mark.ALONE
        if not isinstance(outcome, Refusal):
            return outcome
        failure = of_refusal(outcome)
        if failure.wait is not None:
            await self._client.budget.pause(failure.wait)
        return failure


def _outcomes(data: Json, calls: Sequence[Call]) -> list[Answer | Refusal | Failure]:
    """What a batch says of each of its calls; their ids are their places."""
    results, errors, meta, totals = (_object(data.get(name)) for name in ("results", "errors", "meta", "totals"))
    return [
        refusal_in_batch(_object(errors[name]))
        if name in errors
        else _answer(call, Answer(results[name], dict(_object(meta.get(name))), totals.get(name)))
        if name in results
        else of_unexpected(unexpected("The portal left a call of a batch unanswered."))
        for name, call in ((str(place), call) for place, call in enumerate(calls))
    ]


def _answer(call: Call, answer: Answer) -> Answer | Refusal:
    """In a batch, users have been seen under Bitrix24's own names (docs/batch): the route of its own must say."""
    data: object = answer.data
    row = _object(cast("list[Any]", data)[0] if isinstance(data, list) and data else data)
    if call.of_one_record and "ID" in row and "id" not in row:
        return Refusal(0, "ACTION_NOT_SUPPORTED", "", None)
    return answer


def refusal_in_batch(told: Mapping[str, Any]) -> Refusal | Failure:
    """What the error of one call of a batch is; it has no status of its own."""
    if not told.get("code"):
        return of_unexpected(unexpected("The portal refused a call of a batch without saying why."))
    after = told.get("retryAfter")
    wait = float(after) if isinstance(after, int | float) and after >= 0 else None
    return Refusal(0, str(told["code"]), str(told.get("message") or ""), wait)


def _object(value: Any) -> Mapping[str, Any]:
    return cast("Mapping[str, Any]", value) if isinstance(value, dict) else {}
