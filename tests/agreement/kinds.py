"""The kinds of records that are written here: where the portal keeps them, and what is written into them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

Values = Mapping[str, Any]


@dataclass(frozen=True, slots=True, repr=False)
class Kind:
    """One kind of record.

    `entity` as the tools call it, `table` as the portal keeps it. `fragments` are what one write may hold, several of
    them together; the first ones have consequences. `name` is the column that tells an example's records apart, `own`
    are those that the portal writes by itself whenever a record is touched, `foreign` is one that other people change.
    `template`: a workflow that starts on it; `marked`: new ones get a mark.
    """

    entity: str
    table: str
    fragments: Sequence[Values]
    name: str = "title"
    own: frozenset[str] = frozenset()
    commented: bool = False
    template: int = 0
    marked: bool = True
    foreign: str = "comments"

    def __repr__(self) -> str:
        return self.entity

    @property
    def path(self) -> str:
        """Where the gateway has it."""
        return f"items/{self.entity}" if self.entity.isdecimal() else self.entity


_PHONES: Sequence[Values] = (
    {"phone": ["+7 900 111-22-33"]},
    {"phone": ["+7 900 111-22-33", {"value": "+7 900 444-55-66", "type": "MOBILE"}]},
    {"phone": None},
    {"email": ["one@example.org", "two@example.org"]},
)
_ITEM_OWN = frozenset({"updatedTime", "updatedBy", "movedTime", "movedBy", "contactIds"})
DEALS = Kind(
    "deals",
    "deals",
    (
        {"stageId": "won"},
        {"categoryId": 0, "stageId": "LOSE"},
        {"categoryId": 5, "stageId": "C5:PREPARATION"},
        {"categoryId": 7},
        {"closedAt": "2026-08-31"},
        {"probability": 60},
        {"amount": 1500.5},
        {"amount": 0},
        {"currency": "USD", "amount": 20},
        {"assignedById": 5},
        {"assignedById": 11, "observers": [5, 7]},
        {"observers": None},
        {"companyId": 7},
        {"companyId": None},
        {"contactId": 12},
        {"contactId": None},
        {"begindate": "2026-07-01", "closedAt": "2026-07-30"},
        {"comments": "Two\nlines “quoted”"},
        {"comments": None},
        {"probability": 40},
        {"opened": False},
        {"isReturning": True},
        {"sourceId": "CALL", "typeId": "GOODS"},
        {"UF_CRM_1700000001": "Высокий"},
        {"UF_CRM_1700000001": None},
        {"UF_CRM_1700000002": 12.25},
        {"UF_CRM_1700000003": "1500.50|USD"},
        {"UF_CRM_1700000003": None},
        {"UF_CRM_1700000004": ["301", "303"]},
        {"UF_CRM_1700000004": ["VIP"]},
        {"UF_CRM_1700000004": None},
        {"UF_CRM_1700000005": 12},
        {"UF_CRM_1700000006": 9},
        {"UF_CRM_1700000007": "2026-09-01"},
        {"UF_CRM_1700000007": None},
        {"UF_CRM_1700000008": "2026-09-01T12:30:00+03:00"},
        {"UF_CRM_1700000009": True},
        {"UF_CRM_1700000009": False},
        {"UF_CRM_1700000015": "№ 7/2026"},
    ),
    own=frozenset({"updatedAt", "updatedBy", "movedTime", "movedBy", "previousStageId", "contactIds"}),
    commented=True,
    template=12,
)
LEADS = Kind(
    "leads",
    "leads",
    (
        {"statusId": "IN_PROCESS"},
        {"statusId": "JUNK"},
        {"amount": 777},
        {"post": "Boss"},
        {"name": "Анна", "lastName": "Смирнова"},
        {"companyTitle": None},
        {"companyTitle": "ООО «Пример»"},
        {"UF_CRM_1700000201": "402"},
        {"UF_CRM_1700000202": True},
        *_PHONES,
    ),
    own=frozenset({"updatedTime"}),
    commented=True,
    template=1,
)
CONTACTS = Kind(
    "contacts",
    "contacts",
    (
        {"post": "Boss"},
        {"lastName": "Петрова"},
        {"post": "Архитектор"},
        {"companyId": 9},
        {"companyId": None},
        {"typeId": "PARTNER"},
        {"honorific": "HNR_RU_1"},
        {"UF_CRM_1700000211": "1990-02-28"},
        {"UF_CRM_1700000212": ["шахматы", "лыжи"]},
        {"UF_CRM_1700000212": None},
        {"export": False},
        *_PHONES,
    ),
    name="name",
    own=frozenset({"updatedTime"}),
    commented=True,
    template=101,
)
COMPANIES = Kind(
    "companies",
    "companies",
    (
        {"revenue": 1_000_000},
        {"industry": "IT"},
        {"companyType": "PARTNER"},
        {"UF_CRM_1700000221": 4},
        {"UF_CRM_1700000222": "412"},
        {"web": ["https://example.org"]},
        *_PHONES,
    ),
    own=frozenset({"updatedTime"}),
    commented=True,
    template=140,
)
QUOTES = Kind(
    "quotes",
    "quotes",
    (
        {"stageId": "SENT"},
        {"stageId": "APPROVED"},
        {"amount": 99.9},
        {"dealId": 6},
        {"dealId": None},
        {"closeDate": "2026-08-01"},
        {"UF_CRM_1700000231": 2.5},
    ),
    own=frozenset({"updatedAt"}),
    marked=False,
)
INVOICES = Kind(
    "invoices",
    "invoices",
    (
        {"stageId": "DT31_3:S"},
        {"stageId": "DT31_3:P"},
        {"opportunity": 321.5},
        {"closedate": "2026-08-15"},
        {"companyId": 3},
        {"ufCrm_SMART_INVOICE_1700000241": "А-77"},
    ),
    own=frozenset({"updatedTime"}),
)
TASKS = Kind(
    "tasks",
    "tasks",
    (
        {"status": 3},
        {"priority": 2},
        {"responsibleId": 5},
        {"deadline": "2026-08-01T18:00:00+03:00"},
        {"deadline": None},
        {"description": "Call back"},
    ),
    own=frozenset({"changedDate", "closedDate"}),
    marked=False,
    foreign="description",
)
PRODUCTS = Kind(
    "products",
    "products",
    ({"price": 10.5}, {"price": 0}, {"active": False}, {"description": "Grey"}, {"sectionId": 5}),
    name="name",
    own=frozenset({"updatedAt"}),
    foreign="description",
)
CONTRACTS = Kind(
    "174",
    "items_174",
    (
        {"stageId": "DT174_8:CLIENT", "categoryId": 8},
        {"categoryId": 9},
        {"categoryId": 9, "stageId": "DT174_9:SUCCESS"},
        {"opportunity": 5000},
        {"companyId": 4},
        {"contactId": 8},
        {"observers": [7]},
        {"parentId2": 6},
        {"ufCrm3_1700000101": "Подряд"},
        {"ufCrm3_1700000103": "700|EUR"},
        {"ufCrm3_1700000104": "2027-01-31"},
        {"ufCrm3_1700000105": True},
        {"ufCrm3_1700000107": ["Смета", "Чертежи"]},
        {"ufCrm3_1700000107": None},
    ),
    own=_ITEM_OWN,
    commented=True,
    foreign="opportunity",
)
PURCHASES = Kind(
    "156",
    "items_156",
    (
        {"stageId": "DT156_41:CLIENT"},
        {"opportunity": 12},
        {"ufCrm7_1652689362": "Polar Supplies Oy"},
        {"ufCrm7_1652689363": "2026-10-10"},
        {"ufCrm7_1652689364": 3},
    ),
    own=_ITEM_OWN,
    commented=True,
    foreign="opportunity",
)
EQUIPMENT = Kind(
    "1038",
    "items_1038",
    (
        {"ufCrm11_1700000121": "SN-1"},
        {"ufCrm11_1700000122": 10.5},
        {"ufCrm11_1700000123": "2026-06-01T09:00:00+03:00"},
        {"closedate": "2026-12-31"},
    ),
    own=_ITEM_OWN,
    commented=True,
    foreign="opportunity",
)
KINDS = (
    DEALS, LEADS, CONTACTS, COMPANIES, QUOTES, INVOICES, TASKS, PRODUCTS, CONTRACTS, PURCHASES, EQUIPMENT,
)  # fmt: skip
COMMENTS = Kind("timelines", "timelines", (), name="comment", marked=False, foreign="comment")
WORKFLOWS = Kind("workflows", "workflows", (), name="ID", marked=False, foreign="")
BY_ENTITY: Mapping[str, Kind] = MappingProxyType({kind.entity: kind for kind in (*KINDS, COMMENTS, WORKFLOWS)})
COMMENTED = tuple(kind for kind in KINDS if kind.commented)
WITH_WORKFLOWS = tuple(kind for kind in KINDS if kind.template)
