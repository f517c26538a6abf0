"""Whatever happens, a webhook's code, tokens and the client secret are in no output, log, error or traceback."""

import logging
import pickle
import ssl
import traceback
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, get_args

import httpx
import pytest
import respx

from assistants import Assistant, TestTime, direct_assistant_for
from bad_input import BAD_CALLS
from bitrix24_mcp.accounts.exchange import Exchange
from bitrix24_mcp.crm.errors import PortalError
from bitrix24_mcp.demo import DemoPortal, Fault
from bitrix24_mcp.demo.faults import FaultKind
from bitrix24_mcp.pacing.bucket import Bucket
from bitrix24_mcp.rest.access.webhook import Webhook
from bitrix24_mcp.rest.calling.client import RestClient
from bitrix24_mcp.settings import Settings
from connected import connected_assistant_for, leaked, secrets_of
from connecting import CLIENT_SECRET, card_for, environment
from test_secrets import GOOD_CALLS
from two_doors import ENTITIES, REQUIRED
from writing_assistants import writing_assistant_for
from written_calls import answers_under, kept_in

pytestmark = pytest.mark.anyio

CODE = "demo-admin"
EVERYTHING = ["company", "contact", "lead", "deal", "products", "comments", "activities", "history"]
DOORS = ["webhook", "account"]
FAULTY: Mapping[str, Sequence[tuple[str, int]]] = {
    "webhook": [("/rest/*", 0), ("/rest/*", 2), ("*/batch", 0)],
    "account": [("/rest/*", 0), ("/oauth/*", 0)],
}
"""Which request of a call goes wrong: where, and after how many there. An account sends the
same calls, with tokens."""
Json = dict[str, Any]


@asynccontextmanager
async def opened(door: str, portal: DemoPortal, folder: Path, patience: float = 60) -> AsyncGenerator[Assistant]:
    if door == "webhook":
        async with direct_assistant_for(portal.url, patience=patience) as assistant:
            yield assistant
    else:
        async with connected_assistant_for(portal, folder / "data", patience=patience) as assistant:
            yield assistant


@pytest.fixture
def everything_logged(caplog: pytest.LogCaptureFixture) -> pytest.LogCaptureFixture:
    """Every logger at DEBUG, those of the HTTP library by name."""
    for name in ("", "httpx", "httpcore", "httpcore.http11", "httpcore.connection", "anyio", "asyncio", "mcp"):
        caplog.set_level(logging.DEBUG, logger=name or None)
    return caplog


async def said(assistant: Assistant, tool: str, arguments: Mapping[str, Any]) -> str:
    """Structured content and text of an answer."""
    return (await assistant.raw(tool, **arguments)).model_dump_json()


@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize("kind", get_args(FaultKind))
async def test_no_fault_brings_a_secret_to_light(
    kind: FaultKind,
    door: str,
    own_portal: DemoPortal,
    tmp_path: Path,
    everything_logged: pytest.LogCaptureFixture,
) -> None:
    texts: list[str] = []
    async with opened(door, own_portal, tmp_path, patience=0.1) as assistant:
        for path, after in FAULTY[door]:
            for tool, arguments in GOOD_CALLS.items():
                own_portal.inject(Fault(kind=kind, path=path, after=after, times=2, seconds=0.2))
                if path == "/oauth/*":
                    own_portal.expire_tokens()
                texts.append(await said(assistant, tool, arguments))
                own_portal.clear_faults()
        secrets = secrets_of(own_portal)

    assert leaked("".join(texts), secrets) == []
    assert leaked(everything_logged.text, secrets) == []


@pytest.mark.parametrize("kind", get_args(FaultKind))
async def test_no_fault_of_a_write_brings_a_secret_to_light(
    kind: FaultKind, own_portal: DemoPortal, tmp_path: Path, everything_logged: pytest.LogCaptureFixture
) -> None:
    """Neither in an answer or a log nor in the journal."""
    async with writing_assistant_for("rest", own_portal.url, tmp_path, patience=0.2) as assistant:
        texts = await answers_under(kind, assistant, own_portal)
    kept, secrets = kept_in(tmp_path), secrets_of(own_portal)

    # A method that is blocked for its working time is not asked again for ten minutes, so nothing comes to be written.
    assert ("write_items" in kept) == (kind != "operation_limit")
    assert CODE in secrets
    assert leaked("".join(texts) + everything_logged.text + kept, secrets) == []
    assert [where for where in (*texts, kept) if own_portal.url in where] == []


@pytest.mark.parametrize("door", DOORS)
async def test_no_wrong_call_brings_a_secret_to_light(
    door: str, own_portal: DemoPortal, tmp_path: Path, everything_logged: pytest.LogCaptureFixture
) -> None:
    async with opened(door, own_portal, tmp_path) as assistant:
        texts = [await said(assistant, call.tool, call.arguments) for call in BAD_CALLS]

    assert leaked("".join(texts) + everything_logged.text, secrets_of(own_portal)) == []


@pytest.mark.parametrize("door", DOORS)
async def test_no_column_of_any_record_holds_a_secret(
    door: str, own_portal: DemoPortal, tmp_path: Path, everything_logged: pytest.LogCaptureFixture
) -> None:
    """The portal prints the caller's own proof into the addresses of files."""
    texts: list[str] = []
    async with opened(door, own_portal, tmp_path) as assistant:
        for entity in ENTITIES:
            texts += [
                await said(assistant, tool, arguments) for tool, arguments in await everything_of(entity, assistant)
            ]
    secrets = secrets_of(own_portal)

    assert {CODE} <= secrets if door == "webhook" else len(secrets) > 3
    assert leaked("".join(texts) + everything_logged.text, secrets) == []
    assert "urlMachine" not in "".join(texts)


async def everything_of(entity: str, assistant: Assistant) -> list[tuple[str, Json]]:
    """Calls for every column of an entity, also one by one where the portal does not tell some of them."""
    described = await assistant.ask("describe_entity", entity=entity, detail=True, max_tokens=50_000)
    columns = [name for group in described["fields"].values() for name in group]
    narrowed: Json = {"filter": REQUIRED[entity]} if entity in REQUIRED else {}
    ids: list[int | str] = ["RUB"] if entity == "currencies" else [1, 2, 3]
    listing: Json = {"entity": entity, "limit": 60, "max_tokens": 50_000, **narrowed}
    single: Json = {"entity": entity, "ids": ids, "max_tokens": 50_000}
    return [
        ("search_items", {**listing, "select": columns}),
        *(("search_items", {**listing, "select": [column]}) for column in columns if "UF" in column or "rl" in column),
        ("get_item", {**single, "select": columns}),
        ("get_item", single),
        *(("get_item", {**single, "include": [name]}) for name in EVERYTHING),
    ]


ECHO = "https://portal.example/rest/1/wh00k-s3cret-c0de/crm.controller.item.getFile?auth=wh00k-s3cret-c0de"


async def test_a_portal_that_repeats_the_code_in_any_value_is_not_repeated() -> None:
    """As a plain text, in an object, in a list, in a key, in upper case beside it."""
    fields = {name: {"type": "string", "title": ECHO} for name in ("title", "ufCrm_1", "ufCrm_2")}
    row = {"id": 1, "title": ECHO, "ufCrm_1": {"id": 5, "name": ECHO, ECHO: 1}, "ufCrm_2": [ECHO, ECHO.upper()]}
    settings = Settings.of({"BITRIX24_WEBHOOK_URL": "https://portal.example/rest/1/wh00k-s3cret-c0de/"})
    with respx.mock(base_url=settings.webhook().endpoint) as portal:
        portal.post("crm.item.fields").respond(json={"result": {"fields": {"id": {"type": "integer"}, **fields}}})
        portal.post("crm.item.list").respond(json={"result": {"items": [row]}, "total": 1})
        portal.post("crm.item.get").respond(json={"result": {"item": row}})
        async with RestClient(settings.webhook(), budget=Bucket(clock=TestTime().clock)) as client:
            answers = [
                await client.call("crm.item.list", {"entityTypeId": 2}),
                await client.call("crm.item.fields", {"entityTypeId": 2}),
                await client.call("crm.item.get", {"entityTypeId": 2, "id": 1}),
            ]

    assert leaked(repr(answers), {"wh00k-s3cret-c0de"}) == []
    assert answers[0].rows("items")[0]["id"] == 1


BREAKS: Mapping[str, Callable[[httpx.Request], Exception]] = {
    "refused": lambda request: httpx.ConnectError(str(request.url)),
    "certificate": lambda request: _chained(httpx.ConnectError(str(request.url)), ssl.SSLCertVerificationError("x")),
    "read": lambda request: httpx.ReadError(str(request.url)),
    "protocol": lambda request: httpx.RemoteProtocolError(str(request.url)),
    "proxy": lambda request: httpx.ProxyError(str(request.url)),
    "timeout": lambda request: httpx.ReadTimeout(str(request.url)),
    "decoding": lambda request: httpx.DecodingError(str(request.url)),
}


def _chained(error: Exception, cause: Exception) -> Exception:
    error.__cause__ = cause
    return error


async def refusal_of(asking: Awaitable[object]) -> PortalError:
    with pytest.raises(PortalError) as failed:
        await asking
    return failed.value


def told(error: BaseException) -> str:
    """All that anybody can read of an error: itself, what it came from, its traceback, its pickled form."""
    chain: list[BaseException] = []
    each: BaseException | None = error
    while each is not None and each not in chain:
        chain.append(each)
        each = each.__cause__ or (None if each.__suppress_context__ else each.__context__)
    texts = [f"{link} {link!r} {vars(link)}" for link in chain]
    return "".join([*texts, *traceback.format_exception(error), repr(pickle.dumps(vars(error)))])


@pytest.mark.parametrize("how", BREAKS)
async def test_no_broken_connection_tells_the_address(how: str) -> None:
    """Though the HTTP library's own error holds all of it."""
    webhook = Webhook("https://portal.example/rest/1/wh00k-s3cret-c0de/")

    def broken(request: httpx.Request) -> httpx.Response:
        raise BREAKS[how](request)

    with respx.mock() as portal:
        portal.post(host="portal.example").mock(side_effect=broken)
        portal.get(host="oauth.bitrix.info").mock(side_effect=broken)
        async with RestClient(webhook, budget=Bucket(clock=TestTime().clock)) as client:
            errors = [
                await refusal_of(client.call("profile")),
                await refusal_of(Exchange(card_for("x")).grant("oauth.bitrix.info", "0ne-time-c0de")),
            ]
            shown = f"{client!r} {vars(client)} {webhook!r}"

    assert leaked(shown + "".join(map(told, errors)), {"wh00k-s3cret", CLIENT_SECRET, "0ne-time-c0de"}) == []


@pytest.mark.parametrize(
    "location",
    [
        "https://elsewhere.example/rest/1/wh00k-s3cret-c0de/profile",
        "https://xn--zzzz.example/rest/1/wh00k-s3cret-c0de/profile",
        "http://[wh00k-s3cret-c0de",
        "http://portal.example/rest/1/wh00k-s3cret-c0de/profile",
    ],
)
async def test_a_redirect_takes_the_code_nowhere(location: str, everything_logged: pytest.LogCaptureFixture) -> None:
    webhook = Webhook("https://portal.example/rest/1/wh00k-s3cret-c0de/")
    with respx.mock() as portal:
        portal.post(host="portal.example", scheme="https").respond(302, headers={"Location": location})
        async with RestClient(webhook, budget=Bucket(clock=TestTime().clock)) as client:
            error = await refusal_of(client.call("profile"))

    assert leaked(told(error) + everything_logged.text, {"wh00k-s3cret"}) == []


async def test_settings_and_whatever_is_made_of_them_show_no_secret(tmp_path: Path) -> None:
    webhook = Settings.of({"BITRIX24_WEBHOOK_URL": f"https://portal.example/rest/1/{CODE}/"})
    account = Settings.of(environment(tmp_path, "portal.example", BITRIX24_PORTAL="portal.example"))
    card = account.card()
    shown = [
        *(f"{each!r} {each} {each.model_dump_json()}" for each in (webhook, account)),
        f"{webhook.webhook()!r} {card!r} {vars(Exchange(card))}",
    ]

    assert leaked("".join(shown), {CODE, CLIENT_SECRET}) == []
