"""Funnels and stages, and how a record walks through them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from bitrix24_mcp.demo.data.world import DAY, NOW_SECONDS

if TYPE_CHECKING:
    from bitrix24_mcp.demo.data.world import Dice

_CODES = ("NEW", "PREPARATION", "PREPAYMENT_INVOICE", "EXECUTING", "FINAL_INVOICE", "WON", "LOSE", "APOLOGY")
_COLORS = ("#39A8EF", "#2FC6F6", "#55D0E0", "#47E4C2", "#FFA900", "#7BD500", "#FF5752", "#FF5752")


@dataclass(frozen=True, slots=True)
class Stage:
    """One stage as its directory has it."""

    code: str
    name: str
    semantics: str  # P, S or F


@dataclass(frozen=True)
class Funnel:
    """One funnel with its stages in order."""

    id: int
    entity_type_id: int
    name: str
    directory: str
    stages: tuple[Stage, ...]
    default: bool = False

    @cached_property
    def open(self) -> tuple[Stage, ...]:
        """The stages in progress."""
        return tuple(stage for stage in self.stages if stage.semantics == "P")

    @cached_property
    def won(self) -> Stage:
        """The stage of success."""
        return next(stage for stage in self.stages if stage.semantics == "S")

    @cached_property
    def lost(self) -> tuple[Stage, ...]:
        """The stages of failure."""
        return tuple(stage for stage in self.stages if stage.semantics == "F")


def _stages(prefix: str, codes: tuple[str, ...], names: tuple[str, ...], ends: str) -> tuple[Stage, ...]:
    return tuple(
        Stage(prefix + code, name, semantics) for code, name, semantics in zip(codes, names, ends, strict=True)
    )


_RUSSIAN = (
    "Новая",
    "Подготовка документов",
    "Счёт на предоплату",
    "В работе",
    "Финальный счёт",
    "Сделка успешна",
    "Сделка провалена",
    "Анализ причины провала",
)
_PARTNERS = (
    "Новая",
    "Переговоры",
    "Счёт на предоплату",
    "Совместный проект",
    "Закрывающие документы",
    "Сделка успешна",
    "Отказ партнёра",
    "Анализ причины провала",
)
_EXPORT = (
    "New",
    "Paperwork",
    "Prepayment invoice",
    "Shipping",
    "Final invoice",
    "Won",
    "Lost",
    "Failure analysis",
)
_ITEM_CODES = ("NEW", "PREPARATION", "CLIENT", "SUCCESS", "FAIL")
_ITEM_ENDS = "PPPSF"

DEAL_FUNNELS = (
    Funnel(0, 2, "Общая", "DEAL_STAGE", _stages("", _CODES, _RUSSIAN, "PPPPPSFF"), default=True),
    Funnel(5, 2, "Партнёры", "DEAL_STAGE_5", _stages("C5:", _CODES, _PARTNERS, "PPPPPSFF")),
    Funnel(7, 2, "Export", "DEAL_STAGE_7", _stages("C7:", _CODES, _EXPORT, "PPPPPSFF")),
)
CONTRACT_FUNNELS = (
    Funnel(
        8,
        174,
        "General",
        "DYNAMIC_174_STAGE_8",
        _stages("DT174_8:", _ITEM_CODES, ("Draft", "Approval", "Signing", "Signed", "Cancelled"), _ITEM_ENDS),
        default=True,
    ),
    Funnel(
        9,
        174,
        "Renewals",
        "DYNAMIC_174_STAGE_9",
        _stages("DT174_9:", _ITEM_CODES, ("Draft", "Negotiation", "Signing", "Renewed", "Not renewed"), _ITEM_ENDS),
    ),
)
PURCHASE_FUNNELS = (
    Funnel(
        41,
        156,
        "Закупки",
        "DYNAMIC_156_STAGE_41",
        _stages(
            "DT156_41:", _ITEM_CODES, ("Новая заявка", "Согласование", "В пути", "Получено", "Отменено"), _ITEM_ENDS
        ),
        default=True,
    ),
)
INVOICE_FUNNELS = (
    Funnel(
        3,
        31,
        "Счета",
        "SMART_INVOICE_STAGE_3",
        _stages("DT31_3:", ("N", "S", "P", "D"), ("Новый", "Отправлен клиенту", "Оплачен", "Не оплачен"), "PPSF"),
        default=True,
    ),
)
LEAD_FUNNEL = Funnel(
    0,
    1,
    "",
    "STATUS",
    _stages(
        "",
        ("NEW", "IN_PROCESS", "PROCESSED", "CONVERTED", "JUNK"),
        ("Не обработан", "В работе", "Обработан", "Качественный лид", "Некачественный лид"),
        "PPPSF",
    ),
)
QUOTE_FUNNEL = Funnel(
    0,
    7,
    "",
    "QUOTE_STATUS",
    _stages(
        "", ("DRAFT", "SENT", "APPROVED", "DECLAINED"), ("Новое", "Отправлено клиенту", "Принято", "Отклонено"), "PPSF"
    ),
)

CATEGORIES = (*DEAL_FUNNELS, *CONTRACT_FUNNELS, *PURCHASE_FUNNELS, *INVOICE_FUNNELS)
STAGED = (LEAD_FUNNEL, *DEAL_FUNNELS, QUOTE_FUNNEL, *INVOICE_FUNNELS, *CONTRACT_FUNNELS, *PURCHASE_FUNNELS)


def color(funnel: Funnel, position: int) -> str:
    """The colour of a stage."""
    semantics = funnel.stages[position].semantics
    return _COLORS[position] if semantics == "P" else {"S": _COLORS[5], "F": _COLORS[6]}[semantics]


@dataclass(frozen=True, slots=True)
class Walk:
    """The stages a record has been in, the last being where it is, and when it is expected to end."""

    steps: tuple[tuple[Stage, int], ...]
    end: int

    @property
    def stage(self) -> Stage:
        """Where the record is."""
        return self.steps[-1][0]

    @property
    def previous(self) -> str | None:
        """The code it was in before."""
        return self.steps[-2][0].code if len(self.steps) > 1 else None

    @property
    def moved(self) -> int:
        """When it got there."""
        return self.steps[-1][1]

    @property
    def closed(self) -> bool:
        """Whether it is in a final stage."""
        return self.stage.semantics != "P"


def walk(dice: Dice, funnel: Funnel, created: int, longest: int = 120) -> Walk:
    """A believable path from creation to now."""
    end = created + dice.between(4, longest) * DAY
    closed = end <= NOW_SECONDS and dice.often(0.94)
    final = funnel.won if dice.often(0.48) else dice.pick(funnel.lost)
    reached = _reached(dice, funnel, created, end, final if closed else None)
    stages = [*funnel.open[:reached], final] if closed else list(funnel.open[:reached])
    last = end if closed else min(end, NOW_SECONDS)
    gap = max(1, (last - created) // len(stages))
    moments = [created + gap * step + (dice.between(0, gap // 2) if step else 0) for step in range(len(stages))]
    return Walk(tuple(zip(stages, moments, strict=True)), end)


def _reached(dice: Dice, funnel: Funnel, created: int, end: int, final: Stage | None) -> int:
    stages = len(funnel.open)
    if final is None:
        age = (NOW_SECONDS - created) / (end - created)
        return max(1, min(stages, 1 + int(age * stages * (0.5 + dice.random()))))
    return stages if final.semantics == "S" else dice.between(1, stages)
