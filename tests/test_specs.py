"""tool_specs is an executable contract: what is served, what is sent, what is answered, and the README's table."""

import json
from typing import Any, cast

import httpx
import pytest
import respx
from mcp import Client
from mcp.client.stdio import StdioServerParameters
from mcp_types import Tool

from assistants import ROOT, assistant_for
from bitrix24_mcp.tools import TOOLS
from installed import COMMAND

pytestmark = pytest.mark.anyio

SPECS = ROOT / "tool_specs"
README = ROOT / "README.md"
NAMES = [tool.name for tool in TOOLS]
GATEWAY = "https://gateway.example"
MENDED = "run `uv run pytest tests/test_specs.py --write-specs` and read the diff"
TOOL_LIST_BYTES = 14_000
"""Ceiling of the whole list without output schemas: 3,500 tokens of JSON at 4 bytes."""
BEGIN, END = "<!-- tools: generated from tool_specs -->", "<!-- end of tools -->"


def read_spec(name: str) -> dict[str, Any]:
    return json.loads((SPECS / f"{name}.json").read_text(encoding="utf-8"))


def examples() -> list[Any]:
    return [
        pytest.param(name, example, id=f"{name}: {example['ask']}")
        for name in NAMES
        if (SPECS / f"{name}.json").exists()
        for example in read_spec(name)["examples"]
    ]


def as_json(tool: Tool) -> dict[str, Any]:
    return tool.model_dump(mode="json", by_alias=True, exclude_none=True)


def table() -> str:
    rows = [f"| `{name}` | {read_spec(name)['tool']['description']} |" for name in NAMES]
    return "\n".join([BEGIN, "| tool | what it answers |", "|---|---|", *rows, END])


async def served(url: str) -> list[dict[str, Any]]:
    async with assistant_for(url) as assistant:
        return [as_json(tool) for tool in (await assistant.client.list_tools()).tools]


@pytest.fixture(autouse=True, scope="session")
def written(request: pytest.FixtureRequest) -> None:
    """Writes the tool half of every spec and the README's table, only when asked."""
    if not request.config.getoption("--write-specs"):
        return
    for tool in [as_json(tool.on_the_wire()) for tool in TOOLS]:
        path = SPECS / f"{tool['name']}.json"
        held: list[Any] = read_spec(tool["name"])["examples"] if path.exists() else []
        text = json.dumps({"tool": tool, "examples": held}, ensure_ascii=False, indent=2)
        path.write_text(f"{text}\n", encoding="utf-8")
    readme = README.read_text(encoding="utf-8")
    before, _, rest = readme.partition(BEGIN)
    README.write_text(f"{before}{table()}{rest.partition(END)[2]}", encoding="utf-8")


async def test_the_server_serves_exactly_the_specs() -> None:
    files = sorted(path.stem for path in SPECS.iterdir())

    assert files == sorted(NAMES), f"a spec is missing or left over: {MENDED}"
    assert await served(GATEWAY) == [read_spec(name)["tool"] for name in NAMES], MENDED


async def test_the_installed_command_serves_the_specs_over_stdio() -> None:
    environment = {"VIBECODE_API_KEY": "vibe_api_nobody", "VIBECODE_BASE_URL": GATEWAY}
    async with Client(StdioServerParameters(command=COMMAND, args=["serve"], env=environment)) as client:
        listed = (await client.list_tools()).tools

    assert [as_json(tool) for tool in listed] == [read_spec(name)["tool"] for name in NAMES]


@pytest.mark.parametrize(("name", "example"), examples())
@respx.mock(base_url=GATEWAY, assert_all_called=False)
async def test_an_example_sends_and_returns_what_it_says(
    name: str, example: dict[str, Any], respx_mock: respx.MockRouter
) -> None:
    received = iter(example["receives"])

    def play(_: httpx.Request) -> httpx.Response:
        answer = next(received)
        return httpx.Response(answer["status"], json=answer["body"], headers=answer.get("headers"))

    route = respx_mock.route().mock(side_effect=play)
    async with assistant_for(GATEWAY) as assistant:
        result = await assistant.raw(name, **example["arguments"])

    assert [sent(call.request) for call in cast("list[respx.models.Call]", list(route.calls))] == example["sends"]
    assert result.structured_content == example["returns"]
    assert result.is_error == ("error" in example["returns"])


def sent(request: httpx.Request) -> dict[str, Any]:
    assert request.headers["X-Api-Key"] == "vibe_api_demo"
    query: dict[str, Any] = {}
    for key, value in request.url.params.multi_items():
        assert key not in query, "a repeated query parameter breaks silently"
        query[key] = value
    body = json.loads(request.content) if request.content else None
    said = {"method": request.method, "path": request.url.path, "query": query, "body": body}
    return {part: value for part, value in said.items() if value not in (None, {})}


@pytest.mark.parametrize("name", NAMES)
def test_a_spec_keeps_the_house_rules(name: str) -> None:
    spec = read_spec(name)
    tool, schema = spec["tool"], spec["tool"]["inputSchema"]

    assert len(spec["examples"]) >= 1
    assert set(tool["annotations"]) == {"readOnlyHint", "destructiveHint", "idempotentHint", "openWorldHint"}
    assert len(tool["description"]) <= 600
    assert not {"anyOf", "oneOf", "allOf", "$ref"} & set(schema)
    assert "$ref" not in json.dumps(tool)
    assert [each for each in schema["properties"] if not schema["properties"][each].get("description")] == []
    assert schema["additionalProperties"] is False
    assert tool["outputSchema"]["type"] == "object"


def test_the_whole_list_stays_within_its_budget() -> None:
    tools = [read_spec(name)["tool"] for name in NAMES]
    listed = [{key: value for key, value in tool.items() if key != "outputSchema"} for tool in tools]

    assert len(json.dumps(listed, ensure_ascii=False, separators=(",", ":")).encode()) <= TOOL_LIST_BYTES


@pytest.mark.parametrize("name", NAMES)
def test_a_tool_has_one_name_everywhere(name: str) -> None:
    assert (ROOT / "src" / "bitrix24_mcp" / "tools" / f"{name}.py").exists()
    assert (ROOT / "tests" / "tools" / f"test_{name}.py").exists()


def test_the_readme_holds_the_generated_table() -> None:
    assert table() in README.read_text(encoding="utf-8"), MENDED
