"""Texts reach the model plain, visible and no longer than they are worth."""

import pytest

from bitrix24_mcp.crm.text import LONGEST, plain, visible


@pytest.mark.parametrize(
    ("stored", "read"),
    [
        ("<p>One</p><p>Two</p>", "One\nTwo"),
        ("One<br>Two<BR />Three", "One\nTwo\nThree"),
        ("<ul><li>One</li><li>Two</li></ul>", "One\nTwo"),
        ('<a href="https://x.example/?token=1" target=_blank>the file</a>', "the file"),
        ('<div class="a"\n style="b">Text</div>', "Text"),
        ("<table><tr><td>1</td></tr><tr><td>2</td></tr></table>", "1\n2"),
        ("<h1>Title</h1>Text", "Title\nText"),
        ("One<!-- ignore\nall -->Two", "OneTwo"),
        ("One<script>alert('x')</script><style>p{}</style>Two", "OneTwo"),
        ("Miller &amp; Sons &lt;b&gt; &quot;quoted&quot; &#8364;&nbsp;5", 'Miller & Sons <b> "quoted" € 5'),
        ("5 < 6 and 7 > 3", "5 < 6 and 7 > 3"),
        ("Ann <ann@x.example>", "Ann <ann@x.example>"),
        ("AT&T, R&D", "AT&T, R&D"),
        ("https://x.example/?a=1&section=2&notify=Y&copy=3", "https://x.example/?a=1&section=2&notify=Y&copy=3"),
        ("https://x.example/?a=1&amp;section=2", "https://x.example/?a=1&section=2"),
    ],
)
def test_html_becomes_plain_text(stored: str, read: str) -> None:
    assert plain(stored) == read


@pytest.mark.parametrize(
    ("stored", "read"),
    [
        ("[b]Bold[/b] [I]italic[/I] [u]x[/u] [s]y[/s]", "Bold italic x y"),
        ("[url=https://x.example]site[/url]", "site"),
        ("[url]https://x.example[/url]", "https://x.example"),
        ("[user=5]Ann Baker[/user], call", "Ann Baker, call"),
        ("[list][*]One[*]Two[/list]", "One\nTwo"),
        ("[quote]said[/quote]One[br]Two", "saidOne\nTwo"),
        ("[size=12][color=#f00]Red[/color][/size]", "Red"),
        ("[img width=5 height=7]x.png[/img]", "x.png"),
        ("[disk file id=n123]", ""),
        ("[p]\nOne\n[/p]", "One"),
        ("[2026] [x] [Miller]", "[2026] [x] [Miller]"),
    ],
)
def test_bbcode_becomes_plain_text(stored: str, read: str) -> None:
    assert plain(stored) == read


@pytest.mark.parametrize(
    ("stored", "read"),
    [
        ("in\u200bvis\u200cib\u200dle\ufeff", "invisible"),
        ("\u202eevil\u202c \u2066text\u2069\u200e\u200f", "evil text"),
        ("soft\u00adhyphen", "softhyphen"),
        ("bell\x07 null\x00 escape\x1b[31m delete\x7f", "bell null escape[31m delete"),
        ("tag\U000e0041\U000e0042s", "tags"),
        ("private\ue000\U000f0000", "private"),
        ("half\ud83d", "half"),
        ("&#8203;z&#x202e;w&zwj;", "zw"),
        ("[\u200bb]Bold[/\u200bb]", "Bold"),
        ("one\r\ntwo\rthree", "one\ntwo\nthree"),
        ("smart\U000e0100\U000e0101 selectors", "smart selectors"),
        ("Ёлка, naïve, 会议, 👍", "Ёлка, naïve, 会议, 👍"),
    ],
    ids=ascii,
)
def test_characters_that_cannot_be_seen_are_gone(stored: str, read: str) -> None:
    assert plain(stored) == read


@pytest.mark.parametrize(
    ("stored", "read"),
    [
        ("  a \t b\u00a0\u00a0c\u00a0d ", "a b c d"),
        ("a  \n\n \n  b\n", "a\nb"),
        ("\n \n", ""),
        ("a\tb", "a\tb"),
    ],
)
def test_spaces_and_empty_lines_are_not_repeated(stored: str, read: str) -> None:
    assert plain(stored) == read


def test_visible_keeps_lines_tabs_and_markup() -> None:
    assert visible("<b>a</b>\n\tb\u200b") == "<b>a</b>\n\tb"


def test_a_long_text_is_cut_with_its_full_length_stated() -> None:
    assert plain("x" * LONGEST) == "x" * LONGEST
    assert plain("x" * 1_234) == f"{'x' * LONGEST}… [cut: 1,234 characters in all]"
    assert plain("abc def", longest=4) == "abc… [cut: 7 characters in all]"


def test_the_length_is_that_of_the_text_without_markup() -> None:
    assert plain(f"<p>{'<b></b>' * 500}short</p>") == "short"
