"""Before anything of MCP is read: who calls, how much at once, and how slowly a body comes."""

from collections.abc import Mapping

import anyio
import httpx
import pytest
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.types import Message, Receive, Scope, Send

from bitrix24_mcp.callers.caller import Caller, CannotTell, NotServed, Refused, Unrecognised
from bitrix24_mcp.callers.guard import CALLER, Guard
from bitrix24_mcp.settings import Settings
from bitrix24_mcp.web import security_for

pytestmark = pytest.mark.anyio

JSON = {"Content-Type": "application/json"}


class ByName:
    """Knows everybody who gives a name."""

    challenge = "Name"

    def check(self) -> None: ...

    async def recognise(self, headers: Mapping[str, str]) -> Caller:
        if not headers.get("name"):
            raise Unrecognised("Say your name.")
        return Caller(headers["name"], headers["name"], Settings.of({}))


async def echo(scope: Scope, receive: Receive, send: Send) -> None:
    request = Request(scope, receive)
    body = (await request.body()).decode()
    if body == "wait":
        await anyio.sleep(0.3)
    text = f"{scope[CALLER].name} {request.user.display_name}: {body}"
    await PlainTextResponse(text)(scope, receive, send)


def client_of(guard: Guard, host: str = "localhost") -> httpx.AsyncClient:
    return httpx.AsyncClient(transport=httpx.ASGITransport(guard), base_url=f"http://{host}")


def guard_with(*hosts: str, at_once: int = 2, patience: float = 5) -> Guard:
    return Guard(echo, ByName(), security_for(hosts), at_once=at_once, patience=patience)


async def test_a_recognised_caller_comes_through_with_the_whole_body() -> None:
    async with client_of(guard_with()) as http:
        answer = await http.post("/", content=b"a body", headers={**JSON, "Name": "anna"})

    assert (answer.status_code, answer.text) == (200, "anna anna: a body")


async def test_more_calls_than_one_may_have_under_way_are_refused_and_others_are_not() -> None:
    statuses: list[tuple[str, int]] = []

    async def post(name: str) -> None:
        answer = await http.post("/", content=b"wait", headers={**JSON, "Name": name})
        statuses.append((name, answer.status_code))

    async with client_of(guard_with()) as http:
        async with anyio.create_task_group() as calls:
            for name in ("anna", "anna", "anna", "boris"):
                calls.start_soon(post, name)
        await post("anna")

    assert sorted(statuses) == [("anna", 200), ("anna", 200), ("anna", 200), ("anna", 429), ("boris", 200)]


async def test_a_body_that_does_not_come_is_not_waited_for() -> None:
    sent: list[Message] = []

    async def receive() -> Message:
        await anyio.sleep_forever()
        raise AssertionError

    async def send(message: Message) -> None:
        sent.append(message)

    headers = [(b"host", b"localhost"), (b"content-type", b"application/json"), (b"name", b"anna")]
    scope = {"type": "http", "method": "POST", "path": "/", "query_string": b"", "headers": headers}
    await guard_with(patience=0.1)(scope, receive, send)

    assert sent[0]["status"] == 408


@pytest.mark.parametrize(
    ("host", "origin", "status"),
    [
        ("mcp.example.com", None, 200),
        ("mcp.example.com:8443", "https://mcp.example.com:8443", 200),
        ("localhost:8023", "http://localhost:8023", 200),
        ("mcp.example.com", "http://mcp.example.com", 403),
        ("mcp.example.com", "https://other.example.com", 403),
        ("other.example.com", None, 421),
    ],
)
async def test_only_the_hosts_that_the_operator_named_are_answered(host: str, origin: str | None, status: int) -> None:
    headers = {**JSON, "Name": "anna", **({"Origin": origin} if origin else {})}
    async with client_of(guard_with("mcp.example.com"), host) as http:
        answer = await http.post("/", content=b"", headers=headers)

    assert answer.status_code == status


@pytest.mark.parametrize(
    ("refused", "status", "headers"),
    [
        (Unrecognised("Who?"), 401, {"www-authenticate": "Name"}),
        (Unrecognised("Who?", {"WWW-Authenticate": "Name again"}), 401, {"www-authenticate": "Name again"}),
        (NotServed("Not you."), 403, {}),
        (CannotTell("Later.", {"Retry-After": "5"}), 503, {"retry-after": "5"}),
    ],
)
async def test_each_refusal_has_its_code_its_headers_and_its_text(
    refused: Refused, status: int, headers: dict[str, str]
) -> None:
    class Refusing(ByName):
        async def recognise(self, headers: Mapping[str, str]) -> Caller:
            del headers
            raise refused

    async with client_of(Guard(echo, Refusing(), security_for())) as http:
        answer = await http.post("/", content=b"", headers=JSON)

    told = {name: answer.headers[name] for name in ("www-authenticate", "retry-after") if name in answer.headers}
    assert (answer.status_code, told, answer.json()["error"]["message"]) == (status, headers, str(refused))
