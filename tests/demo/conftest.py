"""Portals for the tests: one that is only read, a fresh one for tests that change it or inject faults."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from bitrix24_mcp.demo import DemoPortal

from .demo_client import Client, Clock

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture(scope="session", autouse=True)
def template_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Templates of these tests go to a folder of their own."""
    folder = tmp_path_factory.mktemp("cache")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(folder))
        yield folder


@pytest.fixture(scope="session")
def portal(template_cache: Path) -> Iterator[DemoPortal]:
    assert template_cache.exists()
    with DemoPortal.start(deals=300, limits=False) as running:
        yield running


@pytest.fixture(scope="session")
def client(portal: DemoPortal) -> Iterator[Client]:
    with Client(portal) as made:
        yield made


@pytest.fixture
def own_portal() -> Iterator[DemoPortal]:
    with DemoPortal.start(deals=300, limits=False) as running:
        yield running


@pytest.fixture
def own(own_portal: DemoPortal) -> Iterator[Client]:
    with Client(own_portal) as made:
        yield made
