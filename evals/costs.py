"""What answers cost a model: o200k tokens, counted where Node is installed, else estimated from above."""

import json
import subprocess
from collections.abc import Sequence
from pathlib import Path

from bitrix24_mcp.crm.shape import tokens

_ROOT = Path(__file__).parents[1]
_CLIENTS = _ROOT / "tests" / "clients"
_NODE = _CLIENTS / "node_modules" / ".bin" / "node"


def token_counts(texts: Sequence[str]) -> tuple[list[int], str]:
    """The tokens of each text, and what kind of figure they are."""
    if not (_CLIENTS / "node_modules" / "gpt-tokenizer").exists():
        return [tokens(text) for text in texts], "tokens, estimated"
    program = (_ROOT / "benchmarks" / "count_tokens.mjs").read_text(encoding="utf-8")
    done = subprocess.run(
        [_NODE, "--input-type=module", "--eval", program],
        cwd=_CLIENTS,  # where an evaluated program looks for its packages
        input=json.dumps(texts),
        capture_output=True,
        text=True,
        check=True,
    )
    return json.loads(done.stdout), "o200k tokens"
