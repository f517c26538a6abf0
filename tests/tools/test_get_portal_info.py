"""`get_portal_info`: whose eyes the answers come from, and what the key leaves closed."""

import subprocess
from typing import Any

import pytest
import respx

from assistants import DEALS, Assistant, Sql, assistant_for
from bitrix24_mcp.demo import DemoPortal, Fault
from installed import COMMAND, settings_for

GATEWAY = "https://gateway.example"
pytestmark = pytest.mark.anyio

SCOPES = ["bizproc", "calendar", "catalog", "crm", "department", "disk", "documentgenerator", "sale", "sonet_group",
          "task", "tasks", "user", "vibe:ai"]  # fmt: skip
WITHOUT_CRM = {
    "missing_scope": "crm",
    "tools": ["list_smart_processes", "get_status_items"],
    "entities": ["deals", "leads", "contacts", "companies", "quotes", "invoices", "activities", "timelines",
                 "products", "product-sections", "requisites", "requisite-presets", "bank-details", "currencies",
                 "smart processes"],
}  # fmt: skip
CLOSED_TO_USER_SCOPE = [
    WITHOUT_CRM,
    {"missing_scope": "bizproc", "tools": ["list_workflows"]},
    {"missing_scope": "tasks", "entities": ["tasks"]},
    {"missing_scope": "department", "entities": ["departments"]},
    {"missing_scope": "sonet_group", "entities": ["workgroups"]},
    {"missing_scope": "calendar", "entities": ["calendar-events"]},
    {"missing_scope": "disk", "entities": ["files", "folders", "storages"]},
    {"missing_scope": "catalog", "entities": ["catalog-products"]},
    {"missing_scope": "sale", "entities": ["orders"]},
    {"missing_scope": "documentgenerator", "entities": ["documents", "doc-templates"]},
]


def full(sql: Sql, **changed: Any) -> dict[str, Any]:
    """The whole answer for the demo key, with what is different."""
    [(first, last)] = sql("select name, lastName from users where id = 1")
    told = {
        "portal": "demo.bitrix24.ru",
        "user": {"id": 1, "name": f"{first} {last}"},
        "key_type": "personal",
        "access_mode": "READWRITE",
        "scopes": SCOPES,
        "tools_unavailable": [],
        "time_zone": {"name": "Europe/Moscow", "from": "user"},
        "now": "2026-07-15T12:00:00+03:00",
        "currencies": dict(sql("select id, fullName from currencies order by base desc, id")),
        "base_currency": "RUB",
        "requests": {"limit": 300, "remaining": 300, "resets_in": 0, "per_second": 10},
        **changed,
    }
    return {name: value for name, value in told.items() if value is not None}


async def test_everything_that_the_portal_says_is_there(assistant: Assistant, sql: Sql) -> None:
    assert await assistant.ask("get_portal_info") == full(sql)


async def test_a_read_only_key_says_so(portal: DemoPortal, sql: Sql) -> None:
    async with assistant_for(portal.url, "vibe_api_demo_readonly") as assistant:
        assert await assistant.ask("get_portal_info") == full(sql, access_mode="READONLY")


async def test_an_app_key_says_so(portal: DemoPortal, sql: Sql) -> None:
    async with assistant_for(portal.url, "vibe_app_demo", VIBECODE_SESSION_TOKEN="vibe_session_demo") as assistant:
        assert await assistant.ask("get_portal_info") == full(sql, key_type="oauth_app")


async def test_another_persons_key_names_that_person(portal: DemoPortal, sql: Sql) -> None:
    async with assistant_for(portal.url, "vibe_api_demo_user") as assistant:
        answer = await assistant.ask("get_portal_info")

    [(first, last)] = sql("select name, lastName from users where id = 57")
    assert answer["user"] == {"id": 57, "name": f"{first} {last}"}


async def test_scopes_that_are_missing_say_what_they_close(portal: DemoPortal, sql: Sql) -> None:
    async with assistant_for(portal.url, "vibe_api_demo_noscope") as assistant:
        answer = await assistant.ask("get_portal_info")
        offered = {tool.name for tool in (await assistant.client.list_tools()).tools}

    refused = answer.pop("not_read")
    assert list(refused) == ["currencies"]
    assert refused["currencies"].endswith("[SCOPE_DENIED]")
    unavailable = answer.pop("tools_unavailable")
    assert [{**each, "tools": known(each)} for each in unavailable] == [
        {**each, "tools": known(each)} for each in CLOSED_TO_USER_SCOPE
    ]
    assert {name for each in unavailable for name in each.get("tools", [])} <= offered
    assert answer == full(sql, scopes=["user"], tools_unavailable=None, currencies=None, base_currency=None)


def known(closed: dict[str, Any]) -> list[str]:
    """The tools that this test is about; others may need the same scope."""
    return [
        name
        for name in closed.get("tools", [])
        if name in {"list_smart_processes", "get_status_items", "list_workflows"}
    ]


@pytest.mark.parametrize("tool", ["list_smart_processes", "get_status_items", "list_workflows"])
async def test_a_tool_that_is_called_unavailable_is_refused(tool: str, portal: DemoPortal) -> None:
    async with assistant_for(portal.url, "vibe_api_demo_noscope") as assistant:
        assert (await assistant.fail(tool))["code"] == "SCOPE_DENIED"


async def test_only_offered_tools_are_called_unavailable(portal: DemoPortal) -> None:
    tools = "get_portal_info,list_workflows"
    async with assistant_for(portal.url, "vibe_api_demo_noscope", BITRIX24_MCP_TOOLS=tools) as assistant:
        unavailable = (await assistant.ask("get_portal_info"))["tools_unavailable"]

    assert [name for each in unavailable for name in each.get("tools", [])] == ["list_workflows"]


async def test_what_is_left_of_the_requests_is_as_the_latest_answer_said() -> None:
    with DemoPortal.start(deals=DEALS, limits=True) as portal:
        async with assistant_for(portal.url) as assistant:
            first = await assistant.ask("get_portal_info")
            second = await assistant.ask("get_portal_info")

    asked = [request.path for request in portal.requests]
    assert asked == ["/v1/me", "/v1/users/me", "/v1/currencies", "/v1/users/search", "/v1/me"]
    assert first["requests"] == {"limit": 300, "remaining": 296, "resets_in": 60, "per_second": 10}
    assert second["requests"]["remaining"] == 295


async def test_the_zone_can_come_from_the_setting(portal: DemoPortal, sql: Sql) -> None:
    async with assistant_for(portal.url, BITRIX24_MCP_TIME_ZONE="Asia/Vladivostok") as assistant:
        answer = await assistant.ask("get_portal_info")

    assert answer == full(
        sql, time_zone={"name": "Asia/Vladivostok", "from": "setting"}, now="2026-07-15T19:00:00+10:00"
    )


async def test_the_zone_can_come_from_data(own_portal: DemoPortal, own_assistant: Assistant, sql: Sql) -> None:
    own_portal.inject(Fault(kind="access_denied", path="/v1/users/me", times=None))

    assert await own_assistant.ask("get_portal_info") == full(sql, time_zone={"name": "UTC+03:00", "from": "data"})


async def test_without_any_word_of_a_zone_it_is_utc(own_portal: DemoPortal, own_assistant: Assistant, sql: Sql) -> None:
    for path in ("/v1/users/me", "/v1/smart-processes"):
        own_portal.inject(Fault(kind="access_denied", path=path, times=None))

    assert await own_assistant.ask("get_portal_info") == full(
        sql, time_zone={"name": "UTC", "from": "default"}, now="2026-07-15T09:00:00+00:00"
    )


@pytest.mark.respx(base_url=GATEWAY)
async def test_what_the_portal_does_not_say_is_left_out(respx_mock: respx.MockRouter) -> None:
    for path in ("me", "users/me"):
        respx_mock.get(f"/v1/{path}").respond(
            json={"success": True, "data": {}}, headers={"Date": "Wed, 15 Jul 2026 09:00:00 GMT"}
        )
    for path in ("currencies", "smart-processes"):
        respx_mock.get(f"/v1/{path}").respond(json={"success": True, "data": []})
    async with assistant_for(GATEWAY) as assistant:
        answer = await assistant.ask("get_portal_info")

    assert answer.pop("now").endswith("+00:00")
    assert answer == {"time_zone": {"name": "UTC", "from": "default"}}


@pytest.mark.parametrize(
    ("key", "code"),
    [
        ("vibe_api_nobody", "INVALID_API_KEY"),
        ("vibe_api_demo_expired", "KEY_EXPIRED"),
        ("vibe_live_demo", "MANAGEMENT_KEY_NO_ENTITY_ACCESS"),
    ],
)
async def test_a_key_that_opens_nothing_is_an_error(key: str, code: str, portal: DemoPortal) -> None:
    async with assistant_for(portal.url, key) as assistant:
        assert (await assistant.fail("get_portal_info"))["code"] == code


def test_doctor_says_the_same_of_missing_scopes(portal: DemoPortal) -> None:
    environment = settings_for(portal, "vibe_api_demo_noscope")
    done = subprocess.run([COMMAND, "doctor"], env=environment, capture_output=True, text=True, timeout=60, check=False)

    lines = [line.strip() for line in done.stdout.splitlines()]
    assert "without the scope bizproc: no list_workflows" in lines
    assert "without the scope tasks: no tasks" in lines
