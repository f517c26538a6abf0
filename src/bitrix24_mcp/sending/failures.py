"""What is worth asking again, how often, and after which wait."""

import random
from dataclasses import dataclass

from bitrix24_mcp.crm.errors import InvalidArguments, PortalError, PortalUnavailable, UnexpectedAnswer

ATTEMPTS = 4
LONGEST_WAIT = 30.0
"""Seconds that one request is held back at the portal's wish; when it asks for more, the caller is told."""
BELONGS_ELSEWHERE = frozenset({301, 302, 307, 308})
"""Redirects of a request that was not worked on; 303 points to what came of one that was."""
REQUEST_TIMEOUT = 408
"""The one refusal of a caller's request that may come while it is being worked on."""


@dataclass(frozen=True, slots=True)
class Failure:
    """A request that brought no answer: the error it means, the attempts it is worth in all, and the wait asked for.

    `sure`: what it asked for was surely not carried out, since it was not sent or was refused before it was worked on.
    A read is repeated either way; a change only then.
    """

    error: PortalError
    attempts: int = 1
    wait: float | None = None
    sure: bool = False

    def rest(self, failed: int) -> float:
        """Seconds to wait before the next attempt, after so many that failed."""
        return self.wait if self.wait is not None else backoff(failed)


def of_unexpected(error: UnexpectedAnswer) -> Failure:
    """An answer that is none, such as a sign-in page, may be a passing fault of what stands between: once more."""
    return Failure(error, attempts=2)


def backoff(attempt: int) -> float:
    """1, 2, 4 seconds, with jitter so that many clients do not return together."""
    return 2 ** (attempt - 1) * random.uniform(0.5, 1.0)  # noqa: S311 - jitter is no secret


def unreachable(setting: str) -> PortalUnavailable:
    """The error for a connection that cannot be made or breaks; `setting` is what names the portal."""
    return PortalUnavailable(
        "The portal cannot be reached.",
        advice=f"Check the network and {setting}, then try again; `bitrix24-mcp doctor` tests the connection.",
        code="PORTAL_UNREACHABLE",
    )


def not_certified() -> PortalUnavailable:
    """The error for a portal whose https certificate this machine does not believe, as on a company's own server."""
    return PortalUnavailable(
        "The portal cannot prove who it is: this machine does not trust its https certificate, so nothing was sent.",
        advice="If the certificate is the company's own, name its authority's file in SSL_CERT_FILE; otherwise ask who "
        "runs the portal to renew the certificate.",
        code="PORTAL_UNREACHABLE",
    )


def no_way_out() -> PortalUnavailable:
    """The error for a proxy or for certificates that the environment names and that cannot be used."""
    return PortalUnavailable(
        "The proxy or the certificates that are set on this machine cannot be used.",
        advice="Check HTTPS_PROXY, HTTP_PROXY, ALL_PROXY, SSL_CERT_FILE and SSL_CERT_DIR.",
        code="PORTAL_UNREACHABLE",
    )


def too_slow() -> PortalUnavailable:
    """The error for an answer that does not come in time."""
    return PortalUnavailable(
        "The portal did not answer in time.",
        advice="Try again later; a shorter period or fewer records take it less time.",
        code="PORTAL_TIMEOUT",
    )


def not_written() -> InvalidArguments:
    """The error for values that JSON cannot hold, such as half of a character or a number without an end."""
    return InvalidArguments(
        "A value cannot be sent as JSON, so nothing was sent.", advice="Change the value.", code="INVALID_VALUE"
    )


def unexpected(what: str) -> UnexpectedAnswer:
    """The error for an answer that the contract does not know."""
    return UnexpectedAnswer(
        what, advice="Try again; `bitrix24-mcp doctor` checks the connection.", code="UNEXPECTED_ANSWER"
    )
