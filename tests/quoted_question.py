"""What a person reads in a question: its own words, and the texts that it quotes."""

import re
import unicodedata

_HIDDEN = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
_NUMBERED = re.compile(r"⟨U\+([0-9A-F]{4,6})⟩")
_LOOK_ALIKE = str.maketrans(dict.fromkeys("“”„‟〝〞〟″ʺˮ＂❝❞", '"'))


def parsed(question: str) -> tuple[str, list[str]]:
    """The question with each quotation empty, and what stood in them; fails where marks do not come in pairs."""
    own: list[str] = []
    quoted: list[str] = []
    inside = False
    for character in question:
        if character == "“":
            assert not inside, "a quotation begins within another"
            inside = True
            own.append("“”")
            quoted.append("")
        elif character == "”":
            assert inside, "a quotation ends that did not begin"
            inside = False
        elif inside:
            assert not hidden(character), f"a quotation hides U+{ord(character):04X}"
            quoted[-1] += character
        else:
            assert character == "\n" or not hidden(character), f"the question hides U+{ord(character):04X}"
            own.append(character)
    assert not inside, "a quotation does not end"
    return "".join(own), quoted


def hidden(character: str) -> bool:
    """Whether a character shows nothing, or breaks the line."""
    return unicodedata.category(character) in _HIDDEN


def read_back(quotation: str) -> str:
    """The text behind a quotation."""
    return _NUMBERED.sub(lambda found: chr(int(found[1], 16)), quotation.replace("⏎", "\n"))


def with_plain_marks(text: str) -> str:
    """A text with the quotation marks that its quotation has: the one difference there may be."""
    return text.translate(_LOOK_ALIKE)
