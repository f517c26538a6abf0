"""The certificate authorities that are believed, read once: that takes longer than a whole call."""

from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import ssl


@cache
def authorities(*, trust_env: bool) -> "ssl.SSLContext":
    """Those that come with the HTTP library; of the environment's `SSL_CERT_FILE` and `SSL_CERT_DIR` where trusted."""
    import httpx  # noqa: PLC0415 - loaded with the first request: a client that only lists tools does not wait for it

    return httpx.create_ssl_context(trust_env=trust_env)
