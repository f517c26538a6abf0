"""Cold start and memory: from the start of the process to the answered tools/list, beside bare SDK servers."""

import os
import sys

from measuring import CLIENTS, COMMAND, HERE, Figure, StdioServer, interleaved, milliseconds, show

ENVIRONMENT = {
    "PATH": f"{CLIENTS / 'node_modules' / '.bin'}{os.pathsep}{os.defpath}",
    "VIBECODE_API_KEY": "vibe_api_nobody",
    "NODE_PATH": str(CLIENTS / "node_modules"),
}
OURS = [COMMAND, "serve"]
BARE = [sys.executable, str(HERE / "bare_server.py")]
TYPESCRIPT = ["node", str(CLIENTS / "bare_server.mjs")]


def seconds_to_list(command: list[str]) -> float:
    server = StdioServer(command, ENVIRONMENT)
    try:
        return server.until_listed()
    finally:
        server.close()


def megabytes(command: list[str]) -> float:
    server = StdioServer(command, ENVIRONMENT)
    try:
        server.until_listed()
        return server.resident_megabytes()
    finally:
        server.close()


def measure() -> list[Figure]:
    # Node resolves packages from the file's folder, so the program stands beside them while it runs.
    copy = CLIENTS / "bare_server.mjs"
    copy.write_bytes((HERE / "bare_server.mjs").read_bytes())
    try:
        ours, bare, typescript = interleaved(
            11, lambda: seconds_to_list(OURS), lambda: seconds_to_list(BARE), lambda: seconds_to_list(TYPESCRIPT)
        )
    finally:
        copy.unlink()
    memory, bare_memory = interleaved(3, lambda: megabytes(OURS), lambda: megabytes(BARE))
    beside = f"bare SDK server {milliseconds(bare)}, TypeScript SDK {milliseconds(typescript)}"
    return [
        Figure("spawn to tools/list, stdio", milliseconds(ours), beside, "<= 1.1 x bare", ours <= 1.1 * bare),
        Figure(
            "memory after start",
            f"{memory:.0f} MB",
            f"bare SDK server {bare_memory:.0f} MB",
            "<= 80 MB",
            memory <= 80,
        ),
    ]


if __name__ == "__main__":
    show(measure())
