"""Rules of the house that no linter knows."""

import tomllib
from pathlib import Path

import pytest

import bitrix24_mcp
from assistants import ROOT
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
