"""Texts of records within a preview: between quotation marks, on one line, with nothing hidden.

They were written by people outside, so that none of them may look like a part of the preview itself.
"""

import unicodedata
from collections.abc import Sequence
from typing import Any, cast

from bitrix24_mcp.crm.shape import compact

_LONGEST = 300
"""Characters shown of one text; its whole length is stated."""
_MOST = 20
"""Values shown of a field that holds several; their number is stated."""
_UNSEEN = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
"""Categories of characters that show nothing by themselves."""
_BLANK = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u180b\u180c\u180d\u180f\u2800\u3164\uffa0")
"""Others that show nothing: fillers, joiners, a pattern of no dots (Unicode, Default_Ignorable_Code_Point)."""
_SELECTORS = ((0xFE00, 0xFE0F), (0xE0100, 0xE01EF))
"""Variation selectors, which can carry hidden bytes after any character."""
_MARKS = frozenset("⏎⟨⟩")
"""What stands for something else here, so that a text which holds it is told from one that does not."""
_QUOTES = str.maketrans(dict.fromkeys("“”„‟〝〞〟″ʺˮ＂❝❞", '"'))
"""What a reader could take for the end of a quotation."""
_IN_CODES = str.maketrans("", "", ":_.-")
"""Signs that codes, ids and hosts have in them."""


def exactly(text: str, longest: int = _LONGEST) -> str:
    """The text on one line with nothing hidden: line breaks as ⏎, what cannot be seen by its number."""
    seen = "".join(_written_out(each, first=not place) for place, each in enumerate(text[:longest]))
    return seen if len(text) <= longest else f"{seen}… [{len(text):,} characters in all]"


def cited(value: Any) -> str:
    """A value within a sentence: texts between quotation marks, which no text can end; `empty` where there is none."""
    match value:
        case None | "" | []:
            return "empty"
        case bool():
            return "yes" if value else "no"
        case int() | float():
            return str(value)
        case list():
            return _listed([cited(each) for each in cast("list[Any]", value)])
        case str():
            return f"“{exactly(value).translate(_QUOTES)}”"
        case _:
            return cited(compact(value))


def labelled(value: Any, label: Any) -> str:
    """A code with what it is called before it: `“Won” (WON)`."""
    if isinstance(value, list) and isinstance(label, list):
        pairs = zip(cast("list[Any]", value), cast("list[Any]", label), strict=True)
        return _listed([labelled(one, name) for one, name in pairs])
    return f"{cited(label)} ({coded(value)})"


def _listed(said: Sequence[str]) -> str:
    more = f", … {len(said):,} in all" if len(said) > _MOST else ""
    return f"[{', '.join(said[:_MOST])}{more}]"


def coded(value: Any) -> str:
    """A code without quotation marks where it is one word of plain letters and digits."""
    text = str(value)
    return text if text.isascii() and text.translate(_IN_CODES).isalnum() else cited(text)


def _written_out(character: str, *, first: bool) -> str:
    if character == "\n":
        return "⏎"
    return f"⟨U+{ord(character):04X}⟩" if _hides(character, first=first) else character


def _hides(character: str, *, first: bool) -> bool:
    category = unicodedata.category(character)
    # A mark at the very beginning would change the quotation mark before it.
    return (
        category in _UNSEEN
        or character in _BLANK
        or character in _MARKS
        or (first and category in {"Mn", "Me", "Mc"})
        or any(start <= ord(character) <= end for start, end in _SELECTORS)
    )
