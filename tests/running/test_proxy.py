"""The proxy in front of replicas: the real nginx with the configuration of deploy/."""

import datetime as dt
import ipaddress
import re
import socket
import ssl
import subprocess
import threading
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from tempfile import TemporaryDirectory

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from bitrix24_mcp.demo import DemoPortal
from callers.shared_server import as_holder, calling, token_for
from installed import COMMAND
from running.proxy import TEMPLATES, proxy, variables
from running.replicas import ADDRESSES, free_port_of_all, replica

HOST = "mcp.example.com"


@contextmanager
def certificates() -> Generator[Path]:
    """A folder that the proxy's user may read."""
    with TemporaryDirectory(prefix="bitrix24-mcp-certificates-") as name:
        Path(name).chmod(0o755)
        yield Path(name)


def serial_at(port: int) -> int:
    """Of the certificate that a client is shown."""
    shown = ssl.get_server_certificate(("127.0.0.1", port), timeout=15)
    return x509.load_pem_x509_certificate(shown.encode()).serial_number


@contextmanager
def serving(port: int, env: Mapping[str, str]) -> Generator[list[subprocess.Popen[str]]]:
    """The installed command as a replica at each address; stopped as a container is."""
    command = [COMMAND, "serve", "--transport", "http", "--port", str(port), "--host"]
    servers = [
        subprocess.Popen([*command, address], env=dict(env), stderr=subprocess.PIPE, text=True) for address in ADDRESSES
    ]
    try:
        for server in servers:
            assert server.stderr is not None
            assert "Serving MCP" in server.stderr.readline()
        yield servers
    finally:
        for server in servers:
            server.terminate()
            server.communicate(timeout=30)


def write_certificate(folder: Path, serial: int) -> None:
    """A key, and a certificate for this machine that nobody else signed."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, HOST)])
    now = dt.datetime.now(dt.UTC)
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), serial)
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .sign(key, hashes.SHA256())
    )
    (folder / "fullchain.pem").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    (folder / "privkey.pem").write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )


def test_the_templates_take_all_that_compose_gives_and_nothing_more() -> None:
    given = {name for name in variables() if re.match(variables()["NGINX_ENVSUBST_FILTER"], name)}
    asked = {name for template in TEMPLATES for name in re.findall(r"\$\{(\w+)\}", template.read_text("utf-8"))}

    assert asked == given


def test_a_stream_goes_through_as_it_comes() -> None:
    """The replica says its second word only once the client has the first, and not how much will come."""
    port, heard = free_port_of_all(), threading.Event()

    def two_words(request: BaseHTTPRequestHandler) -> None:
        request.send_response(200)
        request.send_header("Content-Type", "text/event-stream")
        request.send_header("Connection", "close")
        request.end_headers()
        request.wfile.write(b"first")
        assert heard.wait(20)
        request.wfile.write(b"second")

    with (
        replica(ADDRESSES[0], port, two_words),
        proxy([ADDRESSES[0]], port) as ours,
        httpx.stream("POST", f"{ours.url}/mcp", timeout=15) as answer,
    ):
        words = answer.iter_raw()
        first = next(words)
        heard.set()

        assert (first, next(words)) == (b"first", b"second")


def test_both_replicas_are_asked_and_one_that_is_gone_costs_no_call() -> None:
    port = free_port_of_all()
    with proxy(ADDRESSES, port) as ours, httpx.Client(base_url=ours.url, timeout=15) as http:
        with replica(ADDRESSES[0], port):
            with replica(ADDRESSES[1], port):
                both = {http.post("/mcp", content=b"{}").text for _ in range(20)}
            one = [(answer.status_code, answer.text) for answer in (http.post("/mcp") for _ in range(20))]
        none = http.post("/mcp")

    assert both == set(ADDRESSES)
    assert one == [(200, ADDRESSES[0])] * 20
    assert none.status_code == 502


def test_a_call_that_was_sent_is_never_sent_again() -> None:
    """Both replicas take each request and go away without a word; only reading is tried twice."""
    port = free_port_of_all()

    def hang_up(request: BaseHTTPRequestHandler) -> None:
        request.close_connection = True
        request.connection.shutdown(socket.SHUT_RDWR)

    with (
        replica(ADDRESSES[0], port, hang_up) as first,
        replica(ADDRESSES[1], port, hang_up) as second,
        proxy(ADDRESSES, port) as ours,
    ):
        writing = httpx.post(f"{ours.url}/mcp", content=b"{}", timeout=15)
        reading = httpx.get(f"{ours.url}/healthz", timeout=15)

    asked = [line for line, _, _ in first.seen + second.seen]
    assert (writing.status_code, reading.status_code) == (502, 502)
    assert sorted(asked) == ["GET /healthz", "GET /healthz", "POST /mcp"]


def test_a_replica_learns_the_host_and_the_clients_address_and_no_client_can_forge_them() -> None:
    port = free_port_of_all()
    forged = {"X-Forwarded-For": "10.9.9.9", "X-Forwarded-Proto": "https", "X-Forwarded-Host": "evil.example"}
    with replica(ADDRESSES[0], port) as there, proxy([ADDRESSES[0]], port) as ours:
        headers = {**forged, "Host": HOST, "Authorization": "Bearer word", "X-Api-Key": "key"}
        figures = httpx.get(f"{ours.url}/metrics", headers=headers)
        httpx.post(f"{ours.url}/mcp?code=b", headers=headers, content=b"x" * 4_500_000, timeout=15)
        logged = ours.logged(2)

    [(line, seen, length)] = there.seen
    assert (line, length, figures.status_code) == ("POST /mcp?code=b", 4_500_000, 404)
    assert [(each["path"], each["status"]) for each in logged] == [("/metrics", 404), ("/mcp", 200)]
    assert logged[1]["request_id"] == seen["x-request-id"]
    assert logged[1]["replica"] == f"{ADDRESSES[0]}:{port}"
    told = ("host", "x-forwarded-host", "x-forwarded-for", "x-forwarded-proto", "authorization", "x-api-key")
    assert [seen[name] for name in told] == [HOST, HOST, "127.0.0.1", "http", "Bearer word", "key"]


def test_the_proxy_ends_tls_and_takes_a_renewed_certificate_at_once() -> None:
    port = free_port_of_all()
    with certificates() as folder, replica(ADDRESSES[0], port) as there:
        write_certificate(folder, 1001)
        with proxy([ADDRESSES[0]], port, more="ssl", certificates=str(folder)) as ours:
            trusted = ssl.create_default_context(cafile=str(folder / "fullchain.pem"))
            answer = httpx.post(f"https://127.0.0.1:{ours.port}/mcp", verify=trusted)
            before = serial_at(ours.port)
            write_certificate(folder, 1002)
            after = serial_at(ours.port)

    assert (answer.text, before, after) == (ADDRESSES[0], 1001, 1002)
    assert there.seen[0][1]["x-forwarded-proto"] == "https"


@pytest.mark.anyio
async def test_callers_go_on_when_a_replica_is_stopped(portal: DemoPortal, tmp_path: Path) -> None:
    """Two real servers; a client that was connected before goes on with whichever is there."""
    port, tokens = free_port_of_all(), tmp_path / "tokens"
    headers = {**as_holder(token_for("anna", tokens)), "Host": HOST}
    env = {
        "VIBECODE_BASE_URL": portal.url,
        "VIBECODE_API_KEY": "vibe_api_demo",
        "BITRIX24_MCP_AUTH": "token",
        "BITRIX24_MCP_TOKENS": str(tokens),
        "BITRIX24_MCP_HOSTS": HOST,
    }
    with (
        proxy(ADDRESSES, port) as ours,
        serving(port, env) as (first, _),
    ):
        async with calling(f"{ours.url}/mcp", headers) as caller:
            before = [(await caller.ask("aggregate", entity="deals"))["total"] for _ in range(4)]
            first.terminate()
            code = first.wait(30)
            after = [(await caller.ask("aggregate", entity="deals"))["total"] for _ in range(4)]

    assert (code, after) == (0, before)
    assert len(set(before)) == 1
