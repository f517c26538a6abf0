"""Texts as a model should see them: plain, visible, and no longer than they are worth."""

import re
import unicodedata
from html import unescape

LONGEST = 400
"""Characters shown of one text; the rest is cut with the full length stated."""

_BREAKS = re.compile(r"<br\s*/?>|</(?:p|div|li|tr|h[1-6])>|\[br\]", re.IGNORECASE)
_HTML = re.compile(
    r"</?(?:a|b|i|u|s|p|br|div|span|strong|em|font|ul|ol|li|table|tbody|thead|tr|td|th|h[1-6]|img|hr|pre|code|blockquote)"
    r"(?:\s[^<>]*)?/?>|<!--.*?-->",
    re.IGNORECASE | re.DOTALL,
)
_HIDDEN = re.compile(r"<(script|style)\b.*?</\1\s*>", re.IGNORECASE | re.DOTALL)
_BBCODE = re.compile(
    r"\[/?(?:b|i|u|s|url|img|list|\*|quote|code|user|disk|size|color|font|table|tr|td|th|p|left|right|center|video|file)"
    r"(?:\s*=[^\[\]]*|\s[^\[\]]*)?\]",
    re.IGNORECASE,
)
_SPACES = re.compile(r"[ \t\u00a0]{2,}|\u00a0")
_LINES = re.compile(r"\s*\n\s*(?:\n\s*)*")


def plain(text: str, longest: int = LONGEST) -> str:
    """The text without markup and without characters that cannot be seen, cut when it is long."""
    if "<" in text or "&" in text:
        text = unescape(_HTML.sub("", _BREAKS.sub("\n", _HIDDEN.sub("", text))))
    if "[" in text:
        text = _BBCODE.sub("", _BREAKS.sub("\n", text))
    text = visible(text)
    if "\n" in text:
        text = _LINES.sub("\n", text)
    text = _SPACES.sub(" ", text).strip()
    if len(text) > longest:
        return f"{text[:longest].rstrip()}… [cut: {len(text):,} characters in all]"
    return text


def visible(text: str) -> str:
    """The text without control, zero-width and bidirectional characters, which can hide instructions."""
    if text.isascii() and text.isprintable():
        return text
    kept = (
        character
        for character in text.replace("\r\n", "\n").replace("\r", "\n")
        if character in "\n\t" or unicodedata.category(character) not in {"Cc", "Cf", "Cs", "Co"}
    )
    return "".join(kept)
