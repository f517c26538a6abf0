"""A program as a container runs it: the first process, alone on a network, on a disk that takes no writing."""

import os
import shutil
import signal
import subprocess
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

USER = 10001
"""The Dockerfile's: no user of this machine."""
_APART = ["unshare", "--mount", "--net", "--pid", "--fork", "--kill-child", "--mount-proc"]
_BEGIN = 'mount --bind "$1" "$1" && mount -o remount,bind,ro / && ip link set lo up && shift && exec "$@"'
_AS_USER = [
    *("setpriv", f"--reuid={USER}", f"--regid={USER}", "--clear-groups"),
    *("--no-new-privs", "--bounding-set=-all", "--inh-caps=-all"),
]
_SYSTEM = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


@dataclass(frozen=True)
class Machine:
    """The running program, by its number on this machine."""

    program: subprocess.Popen[str]
    first: int
    environment: Mapping[str, str]

    def beside(self, *command: str, **more: str) -> list[str]:
        """The command on the same network, as the same user, with the same environment and more."""
        env = [f"{name}={value}" for name, value in {**self.environment, **more}.items()]
        return ["nsenter", "--net", f"--target={self.first}", *_AS_USER, "env", "-i", *env, *command]

    def stop(self) -> int:
        """Asks the program to end as a container engine does, and gives its exit code."""
        os.kill(self.first, signal.SIGTERM)
        return self.program.wait(30)


@contextmanager
def folder_for_user() -> Generator[Path]:
    """A folder that every user may enter; those below it are for the user alone."""
    with TemporaryDirectory(prefix="bitrix24-mcp-image-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        for each in ("data", "callers"):
            (folder / each).mkdir(mode=0o700)
            shutil.chown(folder / each, USER, USER)
        yield folder


@contextmanager
def machine(command: Sequence[str], environment: Mapping[str, str], writable: Path) -> Generator[Machine]:
    """Runs the command with no environment but this; only the one folder can be written to."""
    env = [f"{name}={value}" for name, value in environment.items()]
    arguments = [*_APART, "sh", "-c", _BEGIN, "sh", str(writable), *_AS_USER, "env", "-i", *env, *command]
    with subprocess.Popen(arguments, env={"PATH": _SYSTEM}, stderr=subprocess.PIPE, text=True) as program:
        try:
            assert program.stderr is not None
            said = program.stderr.readline()
            assert "Serving MCP" in said, said + program.stderr.read()
            first = int(Path(f"/proc/{program.pid}/task/{program.pid}/children").read_text("ascii"))
            yield Machine(program, first, environment)
        finally:
            program.kill()  # and with it what it started


def python_for_user() -> str:
    """A Python that the user may run; where there is none, or no machine of its own, the test is skipped, not in CI."""
    pythons = [path for path in ("/usr/bin/python3", "/usr/local/bin/python3") if Path(path).exists()]
    right = "import sys; sys.exit(sys.version_info < (3, 11))"
    try:
        subprocess.run([*_APART, "ip", "link", "set", "lo", "up"], check=True, capture_output=True)
        return next(
            each for each in pythons if not subprocess.run([*_AS_USER, each, "-c", right], check=False).returncode
        )
    except (OSError, subprocess.CalledProcessError, StopIteration):
        (pytest.fail if os.environ.get("CI") else pytest.skip)("needs root and a Python for all")  # noqa: TID251 - tests
