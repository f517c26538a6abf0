"""Stand-ins for replicas, which note what they are sent and answer as a test wants."""

import socket
import threading
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

ADDRESSES = ("127.0.0.2", "127.0.0.3")
"""On one port, as containers are."""
Answer = Callable[[BaseHTTPRequestHandler], None]


@dataclass
class Replica:
    """What one was sent: the first line's method and path, headers in lower case, the body's length."""

    address: str
    port: int
    seen: list[tuple[str, dict[str, str], int]] = field(default_factory=list[tuple[str, dict[str, str], int]])


def free_port_of_all() -> int:
    """A port that is free at each of the addresses."""
    with socket.socket() as first:
        first.bind((ADDRESSES[0], 0))
        port = first.getsockname()[1]
        with socket.socket() as second:
            second.bind((ADDRESSES[1], port))
    return port


def fine(request: BaseHTTPRequestHandler) -> None:
    """A short answer that names the replica."""
    body = request.connection.getsockname()[0].encode()
    request.send_response(200)
    request.send_header("Content-Length", str(len(body)))
    request.end_headers()
    request.wfile.write(body)


@contextmanager
def replica(address: str, port: int, answer: Answer = fine) -> Generator[Replica]:
    noted = Replica(address, port)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def handle_one_request(self) -> None:
            self.raw_requestline = self.rfile.readline(65_537)
            if not self.raw_requestline or not self.parse_request():
                self.close_connection = True
                return
            length = int(self.headers.get("Content-Length", "0"))
            self.rfile.read(length)
            headers = {name.lower(): value for name, value in self.headers.items()}
            noted.seen.append((f"{self.command} {self.path}", headers, length))
            answer(self)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
            """Tests print nothing."""

    class Server(ThreadingHTTPServer):
        daemon_threads = True

    server = Server((address, port), Handler)
    threading.Thread(target=server.serve_forever, args=[0.02], daemon=True).start()
    try:
        yield noted
    finally:
        server.shutdown()
        server.server_close()
