"""A key is sent only to an address where nobody can read along, and shows in no text."""

import pytest

from bitrix24_mcp.vibecode.credentials import Credentials, base_url_error

HTTPS_ONLY = "must use https; plain http is allowed only for this machine"
NO_ADDRESS = "must start with https:// and name a host"
NOT_PLAIN = "must be a plain address, without user, query or fragment"


@pytest.mark.parametrize(
    "url",
    ["https://gateway.example", "https://gateway.example:8443/", "HTTPS://Gateway.Example", "https://10.0.0.5",
     "http://localhost", "http://localhost:8000", "http://127.0.0.1:8000", "http://127.9.9.9", "http://[::1]:8000"],
)  # fmt: skip
def test_https_and_this_machine_are_allowed(url: str) -> None:
    assert base_url_error(url) == ""
    assert Credentials(url, "k").base_url == url


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("http://gateway.example", HTTPS_ONLY),
        ("http://10.0.0.5", HTTPS_ONLY),
        ("http://0.0.0.0:8000", HTTPS_ONLY),
        ("http://localhost.evil.example", HTTPS_ONLY),
        ("http://127.0.0.1.evil.example", HTTPS_ONLY),
        ("http://[::2]", HTTPS_ONLY),
        ("gateway.example", NO_ADDRESS),
        ("ftp://gateway.example", NO_ADDRESS),
        ("https://", NO_ADDRESS),
        ("https:gateway.example", NO_ADDRESS),
        ("", NO_ADDRESS),
        ("https://user@gateway.example", NOT_PLAIN),
        ("http://localhost:x@evil.example", NOT_PLAIN),
        ("http://127.0.0.1\\@evil.example", NOT_PLAIN),
        ("https://gateway.example/?a=1", NOT_PLAIN),
        ("https://gateway.example/#a", NOT_PLAIN),
    ],
)
def test_any_other_address_is_refused_with_the_reason(url: str, why: str) -> None:
    assert base_url_error(url) == why
    with pytest.raises(ValueError, match=why):
        Credentials(url, "k")


@pytest.mark.parametrize(
    "url", ["https://gateway.example:port", "https://gateway.example:99999", "https://gate way.example", "https://[::1"]
)
def test_an_address_that_cannot_be_called_is_refused_by_name_not_later(url: str) -> None:
    assert base_url_error(url) == NO_ADDRESS


@pytest.mark.parametrize(
    ("url", "loopback"),
    [
        ("http://localhost:8000", True),
        ("https://127.0.0.1", True),
        ("https://[::1]", True),
        ("https://gateway.example", False),
        ("https://10.0.0.5", False),
    ],
)
def test_only_this_machine_is_reached_without_a_proxy(url: str, *, loopback: bool) -> None:
    assert Credentials(url, "k").loopback is loopback


def test_the_headers_hold_the_key_and_the_session_if_there_is_one() -> None:
    assert Credentials("https://g.example", "k").headers() == {"X-Api-Key": "k", "Accept": "application/json"}
    assert Credentials("https://g.example", "k", "s").headers() == {
        "X-Api-Key": "k",
        "Accept": "application/json",
        "Authorization": "Bearer s",
    }


def test_neither_secret_shows_in_a_text() -> None:
    credentials = Credentials("https://g.example", "S3CRET-key", "S3CRET-session")

    assert f"{credentials} {credentials!r}" == (
        "Credentials(base_url='https://g.example') Credentials(base_url='https://g.example')"
    )
