"""tool_specs is an executable contract: what is served, what is sent, what is answered, and the README's table."""

import json
import re
from pathlib import Path
from typing import Any, cast

import httpx
import pytest
import respx
from mcp import Client
from mcp.client.stdio import StdioServerParameters
from mcp_types import Tool

from assistants import ROOT, Assistant, assistant_for
from bitrix24_mcp.crm.intake.rule import IntakeRule
from bitrix24_mcp.tools import TOOLS
from bitrix24_mcp.tools.intake import INTAKE_TOOLS
from bitrix24_mcp.tools.writing import WRITING_TOOLS
from installed import COMMAND
from writing_assistants import Door, specified_assistant

pytestmark = pytest.mark.anyio

SPECS = ROOT / "tool_specs"
README = ROOT / "README.md"
READING = [tool.name for tool in TOOLS]
WRITING = [tool.name for tool in WRITING_TOOLS]
INTAKE = [tool.name for tool in INTAKE_TOOLS]
NAMES = [*READING, *WRITING, *INTAKE]
GATEWAY = "https://gateway.example"
MENDED = "run `uv run pytest tests/test_specs.py --write-specs` and read the diff"
TOOL_LIST_BYTES = 14_000
"""Ceiling of the whole list without output schemas: 3,500 tokens of JSON at 4 bytes."""
WRITING_LIST_BYTES = 8_000
"""What the tools that write add to the list where they are offered: 2,000 tokens."""
INTAKE_LIST_BYTES = 4_000
"""What the tools for intake rules add where the operator wants them: 1,000 tokens."""
TABLES = {
    "tools": ("what it answers", READING),
    "writing tools": ("what it does", WRITING),
    "intake tools": ("what it does", INTAKE),
}
"""The README's generated tables: what they are called, their second heading, their tools."""
MARK = re.compile(r"[0-9a-f]{16}-(\d+)")
_RANDOM = ((re.compile(r"[2-9A-HJ-NP-Z]{4}-[2-9A-HJ-NP-Z]{4}"), "CODE"), (MARK, r"MARK-\1"))
"""What differs from call to call, and what stands for it in a spec."""


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


def table(name: str) -> str:
    heading, tools = TABLES[name]
    rows = [f"| `{tool}` | {read_spec(tool)['tool']['description']} |" for tool in tools]
    begin, end = f"<!-- {name}: generated from tool_specs -->", f"<!-- end of {name} -->"
    return "\n".join([begin, f"| tool | {heading} |", "|---|---|", *rows, end])


def specified(answer: Any) -> Any:
    """The answer as a spec has it: marks and codes, which are new each time, have names there."""
    text = json.dumps(answer, ensure_ascii=False)
    for pattern, name in _RANDOM:
        text = pattern.sub(name, text)
    return json.loads(text)


@pytest.fixture(autouse=True, scope="session")
def written(request: pytest.FixtureRequest) -> None:
    """Writes the tool half of every spec and the README's table, only when asked."""
    if not request.config.getoption("--write-specs"):
        return
    for tool in [as_json(tool.on_the_wire()) for tool in (*TOOLS, *WRITING_TOOLS, *INTAKE_TOOLS)]:
        path = SPECS / f"{tool['name']}.json"
        held: list[Any] = read_spec(tool["name"])["examples"] if path.exists() else []
        text = json.dumps({"tool": tool, "examples": held}, ensure_ascii=False, indent=2)
        path.write_text(f"{text}\n", encoding="utf-8")
    readme = README.read_text(encoding="utf-8")
    for name in TABLES:
        before, _, rest = readme.partition(f"<!-- {name}: generated from tool_specs -->")
        readme = f"{before}{table(name)}{rest.partition(f'<!-- end of {name} -->')[2]}"
    README.write_text(readme, encoding="utf-8")


async def test_the_server_serves_exactly_the_specs(tmp_path: Path) -> None:
    files = sorted(path.stem for path in SPECS.iterdir())

    assert files == sorted(NAMES), f"a spec is missing or left over: {MENDED}"
    async with assistant_for(GATEWAY) as assistant:
        assert await served(assistant) == [read_spec(name)["tool"] for name in READING], MENDED
    async with specified_assistant("rest", GATEWAY, tmp_path) as assistant:
        assert await served(assistant) == [read_spec(name)["tool"] for name in NAMES], MENDED


async def served(assistant: Assistant) -> list[dict[str, Any]]:
    return [as_json(tool) for tool in (await assistant.client.list_tools()).tools]


async def test_the_installed_command_serves_the_specs_over_stdio() -> None:
    environment = {"VIBECODE_API_KEY": "vibe_api_nobody", "VIBECODE_BASE_URL": GATEWAY}
    async with Client(StdioServerParameters(command=COMMAND, args=["serve"], env=environment)) as client:
        listed = (await client.list_tools()).tools

    assert [as_json(tool) for tool in listed] == [read_spec(name)["tool"] for name in READING]


@pytest.mark.parametrize(("name", "example"), examples())
@respx.mock(base_url=GATEWAY, assert_all_called=False)
async def test_an_example_sends_and_returns_what_it_says(
    name: str, example: dict[str, Any], respx_mock: respx.MockRouter, tmp_path: Path
) -> None:
    received = iter(example["receives"])
    marks: dict[str, str] = {}

    def play(request: httpx.Request) -> httpx.Response:
        answer = next(received)
        marks.update({f"MARK-{found[1]}": found[0] for found in MARK.finditer(request.content.decode())})
        body = json.dumps(answer["body"])
        for written, mark in marks.items():  # the portal gives back the mark that it was sent
            body = body.replace(written, mark)
        return httpx.Response(answer["status"], json=json.loads(body), headers=answer.get("headers"))

    route = respx_mock.route().mock(side_effect=play)
    door: Door = example.get("door", "gateway")
    opened = (
        assistant_for(GATEWAY)
        if name in READING
        else specified_assistant(door, GATEWAY, tmp_path, rule=kept(example), **example.get("settings", {}))
    )
    async with opened as assistant:
        result = await assistant.raw(name, **example["arguments"])

    calls = [sent(call.request, door) for call in cast("list[respx.models.Call]", list(route.calls))]
    assert specified(calls) == example["sends"]
    assert specified(result.structured_content) == example["returns"]
    assert result.is_error == ("error" in example["returns"])


def kept(example: dict[str, Any]) -> IntakeRule | None:
    """The intake rule that an example begins with."""
    return IntakeRule(**example["rule"]) if "rule" in example else None


def sent(request: httpx.Request, door: Door) -> dict[str, Any]:
    if door == "gateway":
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


@pytest.mark.parametrize(
    ("names", "most"), [(READING, TOOL_LIST_BYTES), (WRITING, WRITING_LIST_BYTES), (INTAKE, INTAKE_LIST_BYTES)]
)
def test_the_whole_list_stays_within_its_budget(names: list[str], most: int) -> None:
    tools = [read_spec(name)["tool"] for name in names]
    listed = [{key: value for key, value in tool.items() if key != "outputSchema"} for tool in tools]

    assert len(json.dumps(listed, ensure_ascii=False, separators=(",", ":")).encode()) <= most


@pytest.mark.parametrize("name", NAMES)
def test_a_tool_has_one_name_everywhere(name: str) -> None:
    assert (ROOT / "src" / "bitrix24_mcp" / "tools" / f"{name}.py").exists()
    assert (ROOT / "tests" / "tools" / f"test_{name}.py").exists()


@pytest.mark.parametrize("name", TABLES)
def test_the_readme_holds_the_generated_table(name: str) -> None:
    assert table(name) in README.read_text(encoding="utf-8"), MENDED
