"""Comments as people leave them: plain, HTML, BBCode, very long, and with characters nobody sees."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bitrix24_mcp.demo.data.world import Dice

_PLAIN = (
    "Клиент просит скидку 5 % при предоплате.",
    "Перезвонить после 15-го, директор в отпуске.",
    "Ждём подписанный договор.",
    "Call back on Monday, the buyer compares three offers.",
    "Нужен расчёт доставки до объекта, заезд только ночью.",
    "Согласовано с бухгалтерией.",
)
_HTML = (
    "<p>Состав:</p><ul><li>цемент М500 &mdash; 12&nbsp;т</li><li>арматура</li></ul><b>Срок</b>: до конца месяца",
    '<div>Смета во вложении.<br />См. <a href="https://example.com/smeta?id=7">таблицу</a>.</div>',
)
_BBCODE = (
    "[b]Важно:[/b] оплата в два этапа. [url=https://example.com/terms]Условия[/url]",
    "[p]Прораб: [user=57]Тимур Осипов[/user], заезд с [i]8:00[/i][/p]\n[list][*]пропуск[*]каска[/list]",
)
# A zero-width space, a right-to-left override, a zero-width joiner and a byte order mark.
_INVISIBLE = "Согла\u200bсовано: \u202eкод\u202c 15\u200d7 \ufeff— проверить реквизиты."


def comment(dice: Dice, number: int) -> str | None:
    """The comment of record `number`; fixed numbers get the awkward ones, so that small portals have them too."""
    if number % 150 == 7:
        return " ".join(f"{part}. {dice.pick(_PLAIN)}" for part in range(1, 141))
    if number % 90 == 11:
        return _INVISIBLE
    if number % 25 == 3:
        return dice.pick(_HTML)
    if number % 25 == 16:
        return dice.pick(_BBCODE)
    return dice.pick(_PLAIN) if dice.often(0.18) else None


def plain(dice: Dice) -> str:
    """A short plain remark."""
    return dice.pick(_PLAIN)
