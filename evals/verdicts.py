"""Whether an answer is right: numbers within a tolerance, texts whatever their case, order where it counts."""

from collections.abc import Mapping, Sequence
from typing import Any, cast

from cases import Question
from paths import WrongPath, read

AMBIGUOUS, UNKNOWN = "ambiguous", "unknown"
"""What whoever is graded writes where a name fits several, and where there is no such thing."""


def replayed(question: Question, answers: Sequence[Mapping[str, Any]], wanted: Any) -> str:
    """What is wrong with the tools' answers; empty when they are right."""
    if question.error:
        return _refused(question, answers[-1].get("error", {}), wanted)
    if failed := [answer["error"] for answer in answers if "error" in answer]:
        return f"{failed[0]['code']}: {failed[0]['message']}"
    try:
        found = [read(path, answers) for path in question.read]
    except WrongPath as error:
        return str(error)
    given = found[0] if len(found) == 1 else found
    return "" if right(question, given, wanted) else f"answered {given!r}, SQL says {wanted!r}"


def graded(question: Question, given: Any, wanted: Any) -> bool:
    """Whether somebody's answer is right. Where the tools ask back, naming all the candidates is as good."""
    if not question.error:
        return right(question, given, wanted)
    if not wanted:
        return _folded(given) == UNKNOWN
    return _folded(given) == AMBIGUOUS or all(_folded(candidate[-1]) in _folded(given) for candidate in wanted)


def right(question: Question, given: Any, wanted: Any) -> bool:
    """Whether an answer has the question's form and says the same as SQL."""
    if question.form == "set" and isinstance(given, list):
        return _same_set(cast("list[Any]", given), wanted, question.tolerance)
    return _same(given, wanted, question.tolerance)


def _refused(question: Question, error: Mapping[str, Any], wanted: Sequence[Sequence[str]]) -> str:
    """A candidate is offered when its code can be used in the next call and its name can be read."""
    if error.get("code") != question.error:
        return f"answered {error.get('code', 'without an error')}, not {question.error}"
    codes, text = error.get("candidates", ()), error["message"]
    absent = [each for each in wanted if each[0] not in codes or not all(name in text for name in each[1:])]
    return f"does not offer {absent!r} but says {text!r}" if absent else ""


def _same(given: Any, wanted: Any, tolerance: float) -> bool:
    match wanted:
        case dict():
            return isinstance(given, dict) and _same_mapping(
                cast("dict[Any, Any]", given), cast("dict[Any, Any]", wanted), tolerance
            )
        case list():
            several = cast("list[Any]", wanted)
            return (
                isinstance(given, list)
                and len(cast("list[Any]", given)) == len(several)
                and all(_same(*pair, tolerance) for pair in zip(cast("list[Any]", given), several, strict=True))
            )
        case int() | float():
            number = _number(given)
            return number is not None and abs(number - wanted) <= tolerance
        case _:
            return _folded(given) == _folded(wanted)


def _same_mapping(given: Mapping[Any, Any], wanted: Mapping[Any, Any], tolerance: float) -> bool:
    by_name = {_folded(key): value for key, value in given.items()}
    return by_name.keys() == {_folded(key) for key in wanted} and all(
        _same(by_name[_folded(key)], value, tolerance) for key, value in wanted.items()
    )


def _same_set(given: Sequence[Any], wanted: Sequence[Any], tolerance: float) -> bool:
    left = list(wanted)
    for value in given:
        match = next((place for place, each in enumerate(left) if _same(value, each, tolerance)), None)
        if match is None:
            return False
        del left[match]
    return not left


def _number(given: Any) -> float | None:
    if isinstance(given, bool):
        return float(given)
    try:
        return float(given)
    except (TypeError, ValueError):
        return None


def _folded(value: Any) -> str:
    """A text for comparing. Nothing at all is the empty text, also as a key in JSON, where only texts are keys."""
    return "" if value is None or value == "null" else " ".join(str(value).casefold().replace("ё", "е").split())
