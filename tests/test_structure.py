"""Rules of the house that no linter knows."""

import re
import tomllib
from pathlib import Path
from typing import get_args

import pytest

import bitrix24_mcp
from assistants import ROOT
from bitrix24_mcp.demo.faults import FaultKind
from bitrix24_mcp.settings import version

SOURCES = sorted((ROOT / "src" / "bitrix24_mcp").rglob("*.py"))
LONGEST = 300


@pytest.mark.parametrize("source", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_source_file_can_be_held_in_the_head(source: Path) -> None:
    lines = source.read_text(encoding="utf-8").splitlines()

    assert len(lines) <= LONGEST


def test_the_version_stands_in_one_place() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]

    assert project["version"] == version()
    assert not hasattr(bitrix24_mcp, "__version__")


def test_the_readme_names_every_code_of_ours() -> None:
    ours = {
        code
        for source in SOURCES
        if "demo" not in source.parts
        for code in re.findall(r'code="([A-Z_]+)"', source.read_text("utf-8"))
    }
    table = (ROOT / "README.md").read_text(encoding="utf-8")

    assert {code for code in ours if f"`{code}`" not in table} == set()


def test_the_readme_names_every_fault_of_the_demo_portal() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")

    assert [kind for kind in get_args(FaultKind) if f"`{kind}`" not in readme] == []
