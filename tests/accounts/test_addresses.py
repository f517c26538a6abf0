"""Only addresses that say exactly where they lead are believed."""

import pytest

from bitrix24_mcp.accounts.addresses import host_of, is_endpoint_of, is_loopback, may_return_to, origin, same_host


@pytest.mark.parametrize(
    ("written", "host"),
    [
        ("example.bitrix24.ru", "example.bitrix24.ru"),
        (" https://Example.bitrix24.ru/stream/ ", "example.bitrix24.ru"),
        ("https://portal.example:8443/crm/deal/", "portal.example:8443"),
        ("https://portal.example:443", "portal.example"),
        ("портал.рф", "xn--80awhdgm.xn--p1ai"),
        ("xn--80awhdgm.xn--p1ai", "xn--80awhdgm.xn--p1ai"),
        ("http://127.0.0.1:8024", "127.0.0.1:8024"),
        ("https://[::1]:8443/", "[::1]:8443"),
        ("", ""),
        ("ftp://portal.example", ""),
        ("https://me:word@portal.example", ""),
        ("https://portal.example@evil.example", ""),
        ("https://portal.example:port", ""),
        ("https://portal.example:0", ""),
        ("https://[::1", ""),
        ("two words", ""),
        ("https://portal..example", ""),
        ("https://-portal.example", ""),
        ("https://evil.example\\@portal.example", ""),
        (f"{'a' * 70}.example", ""),
        ("https://@portal.example", ""),
        ("https://portal\n.example", ""),
        ("por\u200dtal.example", ""),
        ("КОМПАНИЯ.рф", "xn--80aqeigdi5k.xn--p1ai"),
        ("stra\u00dfe.example", ""),
        ("\uff50ortal.example", ""),
        ("2130706433", ""),
        ("0x7f.1", ""),
        ("127.1", ""),
        ("[fe80::1%eth0]", ""),
        ("\udcff.example", ""),
    ],
)
def test_the_host_is_taken_out_of_what_people_have_at_hand(written: str, host: str) -> None:
    assert host_of(written) == host


@pytest.mark.parametrize(
    ("host", "here"),
    [
        ("127.0.0.1", True),
        ("127.0.0.1:8024", True),
        ("localhost:1", True),
        ("[::1]:1", True),
        ("127.0.0.1.evil.example", False),
        ("localhost.evil.example", False),
        ("", False),
    ],
)
def test_only_this_machine_is_this_machine(host: str, here: bool) -> None:  # noqa: FBT001 - a parameter of the test
    assert (is_loopback(host), origin(host)) == (here, f"{'http' if here else 'https'}://{host}")


@pytest.mark.parametrize(
    ("portal", "endpoint", "good"),
    [
        ("portal.example", "https://portal.example/rest/", True),
        ("portal.example:8443", "https://portal.example/rest/", True),
        ("127.0.0.1:8024", "http://127.0.0.1:8024/rest/", True),
        ("127.0.0.1:8024", "http://127.0.0.1:9999/rest/", False),
        ("portal.example", "http://portal.example/rest/", False),
        ("portal.example", "https://evil.example/rest/", False),
        ("portal.example", "https://portal.example.evil.example/rest/", False),
        ("portal.example", "https://portal.example@evil.example/rest/", False),
        ("portal.example", "https://portal.example/rest/?to=", False),
        ("portal.example", "https://portal.example/rest/#", True),
        ("portal.example", "https://portal.example/rest", False),
        ("portal.example", "ftp://portal.example/rest/", False),
        ("portal.example", "//portal.example/rest/", False),
        ("portal.example", "", False),
        ("portal.example", " https://portal.example/rest/", False),
        ("portal.example", "https://portal.example/re\nst/", False),
        ("portal.example", "https://portal.example/\ud800/", False),
        ("portal.example", "https://@portal.example/rest/", False),
        ("strasse.example", "https://stra\u00dfe.example/rest/", False),
    ],
)
def test_a_portal_is_called_only_where_it_is(portal: str, endpoint: str, good: bool) -> None:  # noqa: FBT001
    assert is_endpoint_of(portal, endpoint) is good


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("portal.example", "portal.example", True),
        ("portal.example:8443", "portal.example", True),
        ("portal.example:8443", "portal.example:443", False),
        ("portal.example", "evil.example", False),
        ("portal.example", "", False),
        ("", "", False),
    ],
)
def test_hosts_are_the_same_by_name_and_by_port_where_both_tell_it(one: str, other: str, same: bool) -> None:  # noqa: FBT001
    assert (same_host(one, other), same_host(other, one)) == (same, same)


@pytest.mark.parametrize(
    ("address", "good"),
    [
        ("http://127.0.0.1:3000/done?x=1", True),
        ("http://localhost/", True),
        ("https://app.example/settings", True),
        ("http://app.example/settings", False),
        ("https://evil.example/", False),
        ("https://app.example.evil.example/", False),
        ("https://app.example@evil.example/", False),
        ("https://evil.example\\.app.example/", False),
        ("//app.example/", False),
        ("/local", False),
        ("javascript:alert(1)//app.example", False),
        ("https://app.example/\r\nSet-Cookie: x", False),
        ("https://app.example/настройки", True),
        ("https://APP.example/", True),
        ("https://app.example:443/", True),
        ("https://app.example:8443/", False),
        ("https://@app.example/", False),
        ("https://\uff41pp.example/", False),
        ("https://app.example/\u2028x", False),
        ("https://app.example/\x7f", False),
        ("http://2130706433/", False),
        ("http://127.0.0.1.evil.example/", False),
    ],
)
def test_a_browser_is_sent_only_where_the_operator_allows(address: str, good: bool) -> None:  # noqa: FBT001
    assert may_return_to(address, ("app.example",)) is good
