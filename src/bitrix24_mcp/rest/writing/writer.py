"""The Writer over REST: one change by its own method, several in one batch, nothing repeated blindly."""

import json
from collections.abc import Iterator, Sequence

from bitrix24_mcp.crm.catalogue.entity import Entity
from bitrix24_mcp.crm.errors import InvalidArguments, PortalError
from bitrix24_mcp.crm.portal_changes import Action, Change, Outcome
from bitrix24_mcp.rest.calling.batch import MOST_CALLS
from bitrix24_mcp.rest.calling.calls import RestCall
from bitrix24_mcp.rest.calling.client import RestClient
from bitrix24_mcp.rest.calling.envelope import Answer
from bitrix24_mcp.rest.reading.columns import Columns
from bitrix24_mcp.rest.writing.names import FieldNames, check_known
from bitrix24_mcp.rest.writing.outcomes import outcome
from bitrix24_mcp.rest.writing.records import methods_of, record_call
from bitrix24_mcp.rest.writing.workflows import has_workflows, workflow_call
from bitrix24_mcp.sending.changes import Sender
from bitrix24_mcp.sending.failures import Failure
from bitrix24_mcp.sending.lane import Mark

_NOT_IN_A_BATCH = "ERROR_BATCH_METHOD_NOT_ALLOWED"
_NO_COLUMNS = Columns(())
Prepared = RestCall | PortalError


class RestWriter:
    """Changes a portal by its own REST. What comes back is never raised: it stands in the outcomes."""

    changes_at_once = MOST_CALLS

    def __init__(self, client: RestClient) -> None:
        self._client = client
        self._names = FieldNames(client)
        self._sender = Sender[RestCall, Answer](client.budget.clock, client.once, self._together, carried)

    def takes(self, action: Action, entity: Entity) -> bool:
        """Whether there is a method for it."""
        match action:
            case "create" | "update" | "delete":
                return methods_of(entity) is not None
            case "start":
                return has_workflows(entity)
            case "terminate" | "complete":
                return True

    async def send(self, changes: Sequence[Change]) -> Sequence[Outcome]:
        """The method alone for one change, one batch for several; what a batch cannot carry goes by itself."""
        try:
            columns = await self._columns(changes)
        except PortalError as error:
            return [Outcome("refused", error=error) for _ in changes]
        prepared = [self._prepared(change, columns) for change in changes]
        calls = [each for each in prepared if isinstance(each, RestCall)]
        answers = iter(await self._sender.send(calls))
        return [
            outcome(change, _told(each, answers), columns, _path(change))
            for change, each in zip(changes, prepared, strict=True)
        ]

    async def _columns(self, changes: Sequence[Change]) -> Columns:
        """The columns of what is to be written; none where nothing is."""
        written = [each for each in changes if each.action in {"create", "update"} and self._takes(each)]
        names = {name for change in written for name in change.values}
        return await self._names.of(written[0].entity, names) if written else _NO_COLUMNS

    def _prepared(self, change: Change, columns: Columns) -> Prepared:
        """The call that makes a change, or why there is none."""
        methods = methods_of(change.entity)
        try:
            if not self._takes(change):
                raise _not_offered(change)
            if change.action not in {"create", "update", "delete"} or methods is None:
                return workflow_call(change)
            check_known(change.values, columns, change.entity)
            return record_call(change, methods, columns, self._client.offset)
        except InvalidArguments as error:
            return error

    def _takes(self, change: Change) -> bool:
        return self.takes(change.action, change.entity)

    async def _together(self, calls: Sequence[RestCall]) -> Sequence[Answer | Failure | Mark]:
        told = await self._client.together(calls)
        return [Mark.ALONE if _is_refused_by_batch(each) else each for each in told]


def carried(call: RestCall) -> bool:
    """Whether a batch can carry a call so that the method gets what it would get alone."""
    if any(value is None or value in ([], (), {}) for value in call.params.values()):
        return False
    try:
        json.dumps(call.params, allow_nan=False)
        return bool(call.command) and not call.refers
    except (TypeError, ValueError, RecursionError):
        return False


def _told(prepared: Prepared, answers: Iterator[Answer | Failure]) -> Answer | Failure | PortalError:
    return prepared if isinstance(prepared, PortalError) else next(answers)


def _path(change: Change) -> str:
    methods = methods_of(change.entity)
    return methods.record if methods and change.action in {"create", "update", "delete"} else ""


def _is_refused_by_batch(outcome: Answer | Failure) -> bool:
    return isinstance(outcome, Failure) and outcome.error.code == _NOT_IN_A_BATCH


def _not_offered(change: Change) -> InvalidArguments:
    return InvalidArguments(
        f"Bitrix24's REST cannot {change.action} that for {change.entity.plural}.",
        advice="Do it in the portal itself.",
        code="UNSUPPORTED_ENTITY",
    )
