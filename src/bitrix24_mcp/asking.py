"""Asking the person behind a client through the protocol, in both of its forms (elicitation).

Up to 2025-11-25 the server asks while the call waits, where the connection has a way back; from 2026-07-28 on the call
ends with a question, and the client calls again with the answer (input-required results).
"""

from typing import Any

from mcp.server.context import ServerRequestContext
from mcp.shared.exceptions import MCPError
from mcp_types import (
    CallToolRequestParams,
    ElicitRequest,
    ElicitRequestFormParams,
    ElicitResult,
    InputRequiredResult,
)
from mcp_types.version import MODERN_PROTOCOL_VERSIONS

from bitrix24_mcp.crm.errors import InvalidArguments
from bitrix24_mcp.tools.person import InputNeeded

_KEY = "confirmation"
_SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {
        "confirm": {"type": "boolean", "title": "Write this", "description": "Nothing is written otherwise"}
    },
    "required": ["confirm"],
}


class ClientsUser:
    """The user of the client that made a call."""

    def __init__(self, request: ServerRequestContext[Any], params: CallToolRequestParams, caller: str = "") -> None:
        """`caller`: what the operator calls them."""
        self._caller = caller
        self._request = request
        self._params = params
        self._modern = request.protocol_version in MODERN_PROTOCOL_VERSIONS

    @property
    def client(self) -> str:
        """The caller's name, and the client's with its version, as it introduced itself."""
        told = self._request.session.client_params
        program = f"{told.client_info.name} {told.client_info.version}" if told is not None else ""
        return ", ".join(filter(None, (self._caller, program[:100])))

    @property
    def can_be_asked(self) -> bool:
        """Whether the client shows forms, and there is a way to ask."""
        capabilities = self._request.session.client_capabilities
        elicitation = capabilities.elicitation if capabilities is not None else None
        shows_forms = elicitation is not None and (elicitation.form is not None or elicitation.url is None)
        return shows_forms and (self._modern or self._request.session.can_send_request)

    @property
    def answers(self) -> str:
        """The code of the question that this call answers."""
        return self._params.request_state or "" if self._modern else ""

    async def agrees(self, question: str, code: str) -> bool:
        """Asks, or reads the answer that came with the call."""
        if not self._modern:
            return _agreed(await self._asked(question))
        if not self.answers:
            raise InputNeeded(question, code)
        return _agreed((self._params.input_responses or {}).get(_KEY))

    async def _asked(self, question: str) -> ElicitResult:
        try:
            return await self._request.session.elicit_form(question, _SCHEMA, self._request.request_id)
        except MCPError:  # the client's own words stay out: they are no text of ours
            raise InvalidArguments(
                "The client did not bring an answer from its user.",
                advice="Nothing was written. Ask the user whether to try again.",
                code="NOT_ASKED",
            ) from None


def asked(needed: InputNeeded) -> InputRequiredResult:
    """The answer to a call that ends with a question."""
    question = ElicitRequest(params=ElicitRequestFormParams(message=needed.question, requested_schema=_SCHEMA))
    return InputRequiredResult(input_requests={_KEY: question}, request_state=needed.code)


def _agreed(answer: Any) -> bool:
    """Only a person who accepts and ticks it agrees; declining, closing and an answer of another form are a no."""
    return (
        isinstance(answer, ElicitResult) and answer.action == "accept" and (answer.content or {}).get("confirm") is True
    )
