"""The log as JSON, a line each, for programs that gather it."""

import json
import logging
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

from bitrix24_mcp.observing.record import Call
from bitrix24_mcp.observing.requests import request_id

_LOG = logging.getLogger(__name__)
_FIGURES = "figures"


class JsonLines(logging.Formatter):
    """A record as one JSON object: time (UTC), level, logger, message, the request's id, and a call's figures."""

    def format(self, record: logging.LogRecord) -> str:
        """The line. Of an exception only the text is there that the log's other form has too."""
        line: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
            "request_id": request_id.get(),
            **getattr(record, _FIGURES, {}),
        }
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps({name: value for name, value in line.items() if value != ""}, ensure_ascii=False)


def log_call(call: Call) -> None:
    """A line for a call: what it took, never what was asked or answered."""
    figures = {**asdict(call), "seconds": round(call.seconds, 3), **asdict(call.usage)}
    figures["waited"] = round(call.usage.waited, 3)
    del figures["usage"]
    ended = f"failed with {call.error}" if call.error else "was answered"
    _LOG.info("%s %s in %.3f s", call.tool, ended, call.seconds, extra={_FIGURES: figures})
