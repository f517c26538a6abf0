"""The Dockerfile as its instructions, and its build stage carried out below a folder instead of an empty disk."""

import json
import re
import shlex
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from string import Template
from typing import Any

from assistants import ROOT

TEXT = (ROOT / "deploy" / "Dockerfile").read_text("utf-8")
BASE_PATH = "/usr/local/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
"""The search path of the image that both stages begin with."""
FOLDERS = re.compile(r"(?<![\w.])/(app|build|callers|data)\b")
"""What the image has of its own at the top of its disk."""


@dataclass(frozen=True)
class Stage:
    """The instructions after a FROM, in order: the word and what follows it."""

    base: str
    steps: Sequence[tuple[str, str]]

    def of(self, word: str) -> list[str]:
        return [rest for each, rest in self.steps if each == word]

    def words(self, word: str) -> list[str]:
        """The exec form of the one instruction of that kind; of HEALTHCHECK its command."""
        [text] = self.of(word)
        listed: Any = json.loads(text[text.index("[") :])
        return listed

    @property
    def environment(self) -> dict[str, str]:
        values = {"PATH": BASE_PATH}
        for text in self.of("ENV"):
            for name, _, value in (pair.partition("=") for pair in shlex.split(text)):
                values[name] = Template(value).substitute(values)
        return values


def stages() -> list[Stage]:
    text = re.sub(r"^\s*#.*\n", "", TEXT, flags=re.MULTILINE).replace("\\\n", " ")
    steps = [(word, rest.strip()) for word, _, rest in (line.partition(" ") for line in text.splitlines() if line)]
    begins = [place for place, (word, _) in enumerate(steps) if word == "FROM"]
    ends = [*begins[1:], len(steps)]
    return [Stage(steps[begin][1], steps[begin + 1 : end]) for begin, end in zip(begins, ends, strict=True)]


def below(folder: Path, text: str) -> str:
    """The text with the image's own folders put below another."""
    return FOLDERS.sub(rf"{folder}/\1", text)


def build(folder: Path, environment: Mapping[str, str]) -> None:
    """Copies and synchronises as the build stage says, but for uv, which is there already.

    `environment`: by which this machine finds uv, a Python and the package registry.
    """
    stage = stages()[0]
    said = {name: below(folder, value) for name, value in stage.environment.items() if name != "PATH"}
    env = {**environment, **said}
    here = folder
    for word, rest in stage.steps:
        if word == "WORKDIR":
            here = Path(below(folder, rest))
            here.mkdir()
        elif word == "COPY":
            *sources, target = rest.split()
            for source in sources:
                _copy(ROOT / source, here / target)
        elif word == "RUN" and "uv sync" in rest:
            command = re.sub(r"--mount=\S+", "", rest)
            subprocess.run(command, shell=True, cwd=here, env=env, check=True, capture_output=True)  # noqa: S602 - ours


def _copy(source: Path, target: Path) -> None:
    if source.is_dir():
        shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"))
    else:
        shutil.copy(source, target)


def let_through(source: str) -> bool:
    """Whether .dockerignore lets the build see it."""
    return f"!{source}" in (ROOT / ".dockerignore").read_text("utf-8").splitlines()
