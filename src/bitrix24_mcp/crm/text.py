"""Texts as a model should see them: plain, visible, and no longer than they are worth."""

import re
import unicodedata
from html import unescape

LONGEST = 400
"""Characters shown of one text; the rest is cut with the full length stated."""

_BREAKS = re.compile(r"<br\s*/?>|</(?:p|div|li|tr|h[1-6])>|\[br\]|\[\*\]", re.IGNORECASE)
_HTML = re.compile(
    r"</?(?:a|b|i|u|s|p|br|div|span|strong|em|font|ul|ol|li|table|tbody|thead|tr|td|th|h[1-6]|img|hr|pre|code|blockquote)"
    r"(?:\s[^<>]*)?/?>",
    re.IGNORECASE,
)
_HIDDEN = (
    (re.compile(r"<!--"), re.compile(r"-->")),
    (re.compile(r"<(?:script|style)\b", re.IGNORECASE), re.compile(r"</(?:script|style)\s*>", re.IGNORECASE)),
)
"""Where what no browser shows begins and ends."""
_BBCODE = re.compile(
    r"\[/?(?:b|i|u|s|url|img|list|\*|quote|code|user|disk|size|color|font|table|tr|td|th|p|left|right|center|video|file)"
    r"(?:\s*=[^\[\]]*|\s[^\[\]]*)?\]",
    re.IGNORECASE,
)
_CHARACTER = re.compile(r"&(?:#\d{1,7}|#x[0-9a-f]{1,6}|[a-z][a-z0-9]{1,31});", re.IGNORECASE)
"""A character written out; without the semicolon it may as well be part of an address such as `?a=1&copy=2`."""
_SELECTORS = re.compile("[\ufe00-\ufe0f\U000e0100-\U000e01ef]")
"""Variation selectors, invisible marks after a character that can carry hidden bytes."""
_SPACES = re.compile(r"[ \t\u00a0]{2,}|\u00a0")
_CUT = re.compile(r"… \[cut: [\d,]+ characters in all\]$")
_LINES = re.compile(r"\s*\n\s*(?:\n\s*)*")


def plain(text: str, longest: int = LONGEST) -> str:
    """The text without markup and without characters that cannot be seen, cut when it is long."""
    text = visible(text)
    if "<" in text:
        text = _HTML.sub("", _BREAKS.sub("\n", _without_hidden(text)))
    if "&" in text:
        text = visible(_CHARACTER.sub(lambda found: unescape(found[0]), text))
    if "[" in text:
        text = _BBCODE.sub("", _BREAKS.sub("\n", text))
    if "\n" in text:
        text = _LINES.sub("\n", text)
    text = _SPACES.sub(" ", text).strip()
    return cut(text, longest)


def _without_hidden(text: str) -> str:
    """The text without comments, scripts and styles; takes time in proportion to the text, whatever it holds."""
    for opening, closing in _HIDDEN:
        kept: list[str] = []
        at = 0
        while (start := opening.search(text, at)) and (end := closing.search(text, start.end())):
            kept.append(text[at : start.start()])
            at = end.end()
        text = "".join([*kept, text[at:]])
    return text


def cut(text: str, longest: int) -> str:
    """The text, or its beginning with the full length stated."""
    if len(text) <= longest:
        return text
    return f"{text[:longest].rstrip()}… [cut: {len(text):,} characters in all]"


def beginning(text: str) -> str:
    """The beginning of a text that was cut, without the words that say so; every other text as it is."""
    return _CUT.sub("", text)


def visible(text: str) -> str:
    """The text without control, zero-width and bidirectional characters, which can hide instructions."""
    if text.isascii() and text.isprintable():
        return text
    kept = (
        character
        for character in text.replace("\r\n", "\n").replace("\r", "\n")
        if character in "\n\t" or unicodedata.category(character) not in {"Cc", "Cf", "Cs", "Co"}
    )
    return _SELECTORS.sub("", "".join(kept))
