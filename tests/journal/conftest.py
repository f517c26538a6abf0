"""A journal in a folder of the test's own."""

from pathlib import Path

import pytest

from bitrix24_mcp.journal.store import StoredJournal
from connecting import Moment


@pytest.fixture
def moment() -> Moment:
    return Moment()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "data"


@pytest.fixture
def journal(folder: Path, moment: Moment) -> StoredJournal:
    return StoredJournal.in_folder(folder, now=moment)
