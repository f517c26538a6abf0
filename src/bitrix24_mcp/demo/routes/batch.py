"""`POST /v1/batch`: up to fifty different calls in one request (docs/batch)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from bitrix24_mcp.demo.calls import Call, Json, Reply, as_list, as_object, success
from bitrix24_mcp.demo.errors import GatewayError
from bitrix24_mcp.demo.routes.disturbance import disturbed
from bitrix24_mcp.demo.routes.single import from_batch

if TYPE_CHECKING:
    from bitrix24_mcp.demo.gateway import Gateway

Dispatch = Callable[["Gateway", Call], Reply]

MOST_CALLS = 50
# Codes that say the call itself is wrong; when all calls are, so is the batch.
_INVALID = frozenset(
    {
        "UNKNOWN_ENTITY",
        "ACTION_NOT_SUPPORTED",
        "MISSING_ENTITY_ID",
        "MISSING_DYNAMIC_PARAM",
        "INVALID_DYNAMIC_PARAM",
        "USE_DEDICATED_ENTITY",
        "ENTITY_CUSTOM_ROUTES",
        "INVALID_CALL",
    }
)
_LIST_META = ("autoWindowed", "windowCount", "windowErrors")


@dataclass(slots=True)
class _Outcome:
    results: Json = field(default_factory=dict[str, object])
    totals: Json = field(default_factory=dict[str, object])
    errors: dict[str, Json] = field(default_factory=dict[str, Json])
    meta: Json = field(default_factory=dict[str, object])


def batch(gateway: Gateway, call: Call, dispatch: Dispatch) -> Reply:
    """Results, totals and errors by the id of the call; one failure does not fail the rest."""
    if call.key.kind == "management":
        call.key.require(("crm",))
    calls = _checked(call.payload)
    disturbance = disturbed(call, len(calls))
    outcome = _Outcome()
    for place, raw in enumerate(calls):
        name = str(as_object(raw).get("id", place))
        try:
            disturbance.strike(place)
            _run(gateway, call, dispatch, raw, name, outcome)
        except GatewayError as error:
            outcome.errors[name] = error.as_json()
    return _reply(outcome, len(calls))


def _checked(body: Json) -> list[object]:
    calls = as_list(body.get("calls"))
    if not calls:
        raise GatewayError("INVALID_REQUEST", "calls: Array must contain at least 1 element(s)")
    if len(calls) > MOST_CALLS:
        raise GatewayError("INVALID_REQUEST", f"calls: Array must contain at most {MOST_CALLS} element(s)")
    return calls


def _run(gateway: Gateway, outer: Call, dispatch: Dispatch, raw: object, name: str, outcome: _Outcome) -> None:
    call, action = from_batch(gateway, outer, raw)
    payload = dispatch(gateway, call).payload or {"data": True}
    data = payload["data"]
    # Of users, even a single one comes in an array.
    outcome.results[name] = [data] if (call.segments[0], action) == ("users", "get") else data
    meta = as_object(payload.get("meta"))
    if "total" in meta:
        outcome.totals[name] = meta["total"]
        outcome.meta[name] = {
            "total": meta["total"],
            "returned": len(as_list(data)),
            "hasMore": meta["hasMore"],
            "truncated": meta.get("truncated", False),
            **{key: meta[key] for key in _LIST_META if key in meta},
        }


def _reply(outcome: _Outcome, total: int) -> Reply:
    codes = {str(error["code"]) for error in outcome.errors.values()}
    failed = len(outcome.errors)
    if failed == total and codes <= _INVALID:
        return _refused("INVALID_REQUEST", "All calls in the batch failed validation", 400, outcome)
    if failed == total and codes == {"SCOPE_NOT_ALLOWED"}:
        return _refused("SCOPE_NOT_ALLOWED", "The key lacks the scope of every call", 403, outcome)
    summary = {"total": total, "succeeded": total - failed, "failed": failed}
    data = {"results": outcome.results, "totals": outcome.totals, "errors": outcome.errors}
    return success({**data, "summary": summary, "meta": outcome.meta})


def _refused(code: str, message: str, status: int, outcome: _Outcome) -> Reply:
    error = {"code": code, "message": message}
    return Reply({"success": False, "error": error, "data": {"errors": outcome.errors}}, status)
