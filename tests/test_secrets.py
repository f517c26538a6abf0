"""Whatever happens, the key and the session token are in no output, log or error."""

import json
import logging
from pathlib import Path
from typing import Any, get_args

import pytest

from assistants import Assistant, assistant_for
from bad_input import BAD_CALLS
from bitrix24_mcp.demo import DemoPortal, Fault
from bitrix24_mcp.demo.faults import FaultKind
from bitrix24_mcp.settings import Settings
from bitrix24_mcp.tools import TOOLS
from bitrix24_mcp.vibecode.client import GatewayClient
from writing_assistants import writing_assistant_for
from written_calls import answers_under, kept_in

pytestmark = pytest.mark.anyio

KEY, APP, SESSION = "vibe_api_demo", "vibe_app_demo", "vibe_session_demo"
SECRETS = (KEY, APP, SESSION)
GOOD_CALLS: dict[str, dict[str, Any]] = {
    "list_smart_processes": {"filter": {"isStagesEnabled": True}},
    "get_status_items": {"entity": "deals", "refresh": True},
    "list_workflows": {"limit": 2},
    "search_items": {"entity": "deals", "limit": 2},
    "aggregate": {"entity": "deals", "measures": [{"function": "sum", "field": "amount"}]},
    "describe_entity": {"entity": "deals"},
    "get_item": {"entity": "deals", "ids": [1, 2], "include": ["company", "history"]},
    "funnel_report": {"entity": "deals", "created": "last_month", "history": True},
    "get_portal_info": {},
}


@pytest.fixture
def everything_logged(caplog: pytest.LogCaptureFixture) -> pytest.LogCaptureFixture:
    caplog.set_level(logging.DEBUG)
    return caplog


async def said(assistant: Assistant, tool: str, arguments: dict[str, Any]) -> str:
    return (await assistant.raw(tool, **arguments)).model_dump_json()


def leaked(text: str) -> list[str]:
    return [secret for secret in SECRETS if secret in text]


def test_every_tool_is_driven() -> None:
    assert list(GOOD_CALLS) == [tool.name for tool in TOOLS]


@pytest.mark.parametrize("kind", get_args(FaultKind))
async def test_no_fault_brings_a_secret_to_light(
    kind: FaultKind, own_portal: DemoPortal, everything_logged: pytest.LogCaptureFixture
) -> None:
    texts: list[str] = []
    async with assistant_for(own_portal.url, APP, VIBECODE_SESSION_TOKEN=SESSION, patience=0.2) as assistant:
        for path in ("*/search", "*"):
            for tool, arguments in GOOD_CALLS.items():
                own_portal.inject(Fault(kind=kind, path=path, times=None, seconds=0.4))
                texts.append(await said(assistant, tool, arguments))
                own_portal.clear_faults()

    assert leaked("".join(texts)) == []
    assert leaked(everything_logged.text) == []


@pytest.mark.parametrize("kind", get_args(FaultKind))
async def test_no_fault_of_a_write_brings_a_secret_to_light(
    kind: FaultKind, own_portal: DemoPortal, tmp_path: Path, everything_logged: pytest.LogCaptureFixture
) -> None:
    """Neither in an answer or a log nor in the journal."""
    async with writing_assistant_for(
        "gateway", own_portal.url, tmp_path, key=APP, patience=0.2, VIBECODE_SESSION_TOKEN=SESSION
    ) as assistant:
        texts = await answers_under(kind, assistant, own_portal)
    kept = kept_in(tmp_path)

    assert "write_items" in kept
    assert leaked("".join(texts)) == leaked(everything_logged.text) == leaked(kept) == []
    assert [where for where in (*texts, kept) if own_portal.url in where] == []


async def test_no_wrong_call_brings_a_secret_to_light(
    portal: DemoPortal, everything_logged: pytest.LogCaptureFixture
) -> None:
    async with assistant_for(portal.url) as assistant:
        texts = [await said(assistant, call.tool, dict(call.arguments)) for call in BAD_CALLS]

    assert leaked("".join(texts)) == []
    assert leaked(everything_logged.text) == []


async def test_a_secret_in_the_arguments_comes_back_in_no_log(
    portal: DemoPortal, everything_logged: pytest.LogCaptureFixture
) -> None:
    async with assistant_for(portal.url) as assistant:
        await assistant.raw("search_items", entity="deals", filter={"title": "customer Ivanova 4111"})

    assert "Ivanova" not in everything_logged.text


def test_settings_and_client_show_no_secret() -> None:
    settings = Settings.of({"VIBECODE_API_KEY": APP, "VIBECODE_SESSION_TOKEN": SESSION})
    shown = [repr(settings), str(settings), settings.model_dump_json(), repr(settings.credentials())]

    assert leaked("".join([*shown, repr(vars(GatewayClient(settings.credentials())))])) == []


async def test_a_failing_call_says_nothing_of_the_address(own_portal: DemoPortal) -> None:
    own_portal.inject(Fault(kind="secret_echo", path="/v1/deals/search", times=None))
    async with assistant_for(own_portal.url) as assistant:
        error = await assistant.fail("search_items", entity="deals", filter={"title": {"$contains": "Ivanova"}})

    assert error["code"] == "INVALID_PARAMS"
    assert "http" not in json.dumps(error)
    assert KEY not in json.dumps(error)
