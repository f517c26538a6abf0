"""A name server that answers every question with the same addresses, as a container engine's does for replicas."""

import socket
import struct
import threading
from collections.abc import Generator, Sequence
from contextlib import contextmanager


@contextmanager
def name_server(addresses: Sequence[str]) -> Generator[str]:
    """Where it listens. The addresses are read with each question, so that they may change."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as listening:
        listening.bind(("127.0.0.1", 0))
        host, port = listening.getsockname()
        threading.Thread(target=_answer, args=[listening, addresses], daemon=True).start()
        try:
            yield f"{host}:{port}"
        finally:
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as end:
                end.sendto(b"", (host, port))


def _answer(listening: socket.socket, addresses: Sequence[str]) -> None:
    """Until it is sent nothing."""
    while len(asked := (received := listening.recvfrom(512))[0]) > 12:
        question = asked[12 : asked.index(0, 12) + 5]
        records = [b"\xc0\x0c" + struct.pack(">HHIH", 1, 1, 1, 4) + socket.inet_aton(address) for address in addresses]
        head = asked[:2] + struct.pack(">HHHHH", 0x8180, 1, len(records), 0, 0)
        listening.sendto(head + question + b"".join(records), received[1])
