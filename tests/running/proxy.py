"""The real nginx with the configuration of deploy/, rendered as its image does, in front of whatever listens there."""

import json
import os
import re
import shutil
import subprocess
import time
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import yaml

from assistants import ROOT
from running.names import name_server
from services import Service, free_port, program

DEPLOY = ROOT / "deploy"
TEMPLATES = sorted((DEPLOY / "nginx").glob("*.template"))
_USER = 101
"""That of the image."""
_MAIN = """\
daemon off;
pid {folder}/nginx.pid;
error_log {folder}/error.log;
events {{ worker_connections 1024; }}
http {{
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    include {folder}/*.conf;
}}
"""
"""What the image's own nginx.conf has, with the folder in place of /tmp and /etc/nginx."""


@dataclass(frozen=True)
class Proxy:
    """The port of 127.0.0.1 on which it listens, and the file of its log."""

    port: int
    log: Path

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def logged(self, lines: int) -> list[dict[str, Any]]:
        """So many lines of its log; nginx writes one a moment after it has answered."""
        ends = time.monotonic() + 20
        while len(found := self.log.read_text("utf-8").splitlines()) < lines and time.monotonic() < ends:
            time.sleep(0.02)
        return [json.loads(each) for each in found]


def variables() -> dict[str, str]:
    """What compose.yaml gives to the proxy's templates, unless .env says otherwise."""
    [text] = [yaml.safe_load((DEPLOY / "compose.yaml").read_text("utf-8"))["services"]["proxy"]["environment"]]
    return {name: re.sub(r"\$\{\w+:-(.*)\}", r"\1", value) for name, value in text.items()}


def rendered(template: Path, values: Mapping[str, str]) -> str:
    """The template with the values in place, and nothing else touched: `envsubst` with those names."""
    return re.sub(r"\$\{(\w+)\}", lambda found: values.get(found[1], found[0]), template.read_text("utf-8"))


@contextmanager
def proxy(addresses: Sequence[str], port: int, *, more: str = "", certificates: str = "/none") -> Generator["Proxy"]:
    """In front of what listens on that port at the addresses; `more`: what follows the proxy's own, such as ssl."""
    ours = free_port()
    with TemporaryDirectory(prefix="bitrix24-mcp-proxy-") as name, name_server(addresses) as names:
        folder = Path(name)
        values = {
            "PROXY_LISTEN": f"127.0.0.1:{ours} {more}",
            "PROXY_REPLICAS": f"server:{port}",
            "PROXY_RESOLVER": names,
            "PROXY_CERTIFICATES": certificates,
            "PROXY_LOG": f"{name}/access.log",
        }
        assert values.keys() == {each for each in variables() if each.startswith("PROXY_")}
        for template in TEMPLATES:
            (folder / template.stem).write_text(rendered(template, values), "utf-8")
        (folder / "nginx.main").write_text(_MAIN.format(folder=folder), "utf-8")
        as_user = [] if os.geteuid() else ["setpriv", f"--reuid={_USER}", f"--regid={_USER}", "--clear-groups"]
        if as_user:
            shutil.chown(folder, _USER, _USER)
        command = [*as_user, program("nginx"), "-p", name, "-e", f"{name}/error.log", "-c", f"{name}/nginx.main"]
        checked = subprocess.run([*command, "-t"], capture_output=True, text=True, check=False)
        assert checked.returncode == 0, checked.stderr + (folder / "error.log").read_text("utf-8")
        service = Service(command, ours)
        try:
            service.start()
            yield Proxy(ours, folder / "access.log")
        finally:
            service.interrupt()
