"""A ready portal per size and seed, built once and copied for each instance."""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
import sys
import tempfile
from pathlib import Path

from bitrix24_mcp.demo.data.build import build

_HERE = Path(__file__).parent


def private_copy(deals: int, seed: int) -> Path:
    """A database of its own for one instance; the caller deletes it."""
    handle, name = tempfile.mkstemp(prefix="bitrix24-demo-", suffix=".sqlite")
    os.close(handle)
    copy = Path(name)
    try:
        shutil.copyfile(template(deals, seed), copy)
    except BaseException:
        copy.unlink(missing_ok=True)
        raise
    return copy


def template(deals: int, seed: int) -> Path:
    """The file to copy from, built first if it is not there."""
    name = f"demo-{_generator_version()}-{deals}-{seed}.sqlite"
    for folder in (_cache_folder(), Path(tempfile.gettempdir()) / "bitrix24-mcp"):
        path = folder / name
        if path.exists():
            return path
        with contextlib.suppress(OSError):
            folder.mkdir(parents=True, exist_ok=True)
            return _built(path, deals, seed)
    raise OSError(f"no folder to keep the demo data in: neither {_cache_folder()} nor the temp folder can be written")


def _built(path: Path, deals: int, seed: int) -> Path:
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=path.stem, suffix=".part")
    os.close(handle)
    part = Path(name)
    try:
        build(part, deals, seed)
        # Whoever finishes second replaces an equal file: the content depends on nothing but size and seed.
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
    return path


def _generator_version() -> str:
    """Changes whenever the code that makes the data does."""
    digest = hashlib.sha256()
    sources = [
        _HERE / "schema.py",
        _HERE / "times.py",
        *(_HERE / "schemas").glob("*.py"),
        *(_HERE / "data").glob("*.py"),
    ]
    for source in sorted(sources):
        digest.update(source.read_bytes())
    return digest.hexdigest()[:12]


def _cache_folder() -> Path:
    environment = os.environ  # noqa: TID251 -- where a user's caches go is a convention of the system, not a setting
    chosen = environment.get("XDG_CACHE_HOME") or (environment.get("LOCALAPPDATA") if sys.platform == "win32" else "")
    try:
        base = Path(chosen) if chosen else Path.home() / ".cache"
    except RuntimeError:  # no home folder is known
        base = Path(tempfile.gettempdir())
    return base / "bitrix24-mcp"
