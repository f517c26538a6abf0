"""What the HTTP library logs: nothing but warnings, whatever level anybody sets.

httpx logs every address at INFO, and below it httpcore logs headers; paths hold webhook codes, queries hold client
secrets, and filters can hold customer data.
"""

import logging

_LOGGERS = (
    "httpx",
    "httpcore.connection",
    "httpcore.http11",
    "httpcore.http2",
    "httpcore.proxy",
    "httpcore.socks",
)


def _warns(record: logging.LogRecord) -> bool:
    return record.levelno >= logging.WARNING


def keep_quiet() -> None:
    """Lets these loggers tell warnings only, here and wherever their records go."""
    for name in _LOGGERS:
        logging.getLogger(name).addFilter(_warns)
