"""Rules of the house that no linter knows."""

import ast
import re
import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import get_args

import pytest

import bitrix24_mcp
from assistants import ROOT
from bitrix24_mcp.demo.faults import FaultKind
from bitrix24_mcp.settings import version

SOURCES = sorted((ROOT / "src" / "bitrix24_mcp").rglob("*.py"))
LONGEST = 300


def codes_of(modules: Sequence[ast.Module]) -> set[str]:
    """Every text that is given to an error as its code, by itself or as a constant."""
    nodes = [node for module in modules for node in ast.walk(module)]
    constants = {
        node.targets[0].id: node.value.value
        for node in nodes
        if isinstance(node, ast.Assign)
        and isinstance(node.targets[0], ast.Name)
        and isinstance(node.value, ast.Constant)
    }
    values = [node.value for node in nodes if isinstance(node, ast.keyword) and node.arg == "code"]
    given = [
        part for value in values for part in ((value.body, value.orelse) if isinstance(value, ast.IfExp) else [value])
    ]
    told = {part.value for part in given if isinstance(part, ast.Constant)}
    told |= {constants.get(part.id) for part in given if isinstance(part, ast.Name)}
    return {text for text in told if isinstance(text, str) and re.fullmatch("[A-Z]+_?[A-Z_]+", text)}


@pytest.mark.parametrize("source", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_source_file_can_be_held_in_the_head(source: Path) -> None:
    lines = source.read_text(encoding="utf-8").splitlines()

    assert len(lines) <= LONGEST


def test_the_version_stands_in_one_place() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]

    assert project["version"] == version()
    assert not hasattr(bitrix24_mcp, "__version__")


def test_the_readme_names_every_code_of_ours() -> None:
    modules = [ast.parse(source.read_text("utf-8")) for source in SOURCES if "demo" not in source.parts]
    table = (ROOT / "README.md").read_text(encoding="utf-8")

    ours = codes_of(modules)

    assert len(ours) > 50
    assert {code for code in ours if f"`{code}`" not in table} == set()


def test_the_readme_names_every_fault_of_the_demo_portal() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")

    assert [kind for kind in get_args(FaultKind) if f"`{kind}`" not in readme] == []
