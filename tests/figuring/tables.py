"""What the generated questions are about: the demo portal's tables, and what their columns hold."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Literal

Kind = Literal["code", "number", "money", "link", "flag", "day", "moment", "several", "text"]
"""`code` is any value that is its own key; `money` a user field's `amount|currency`; `several` a JSON list."""


@dataclass(frozen=True)
class Column:
    """One column; `currency` names the column with the currency of a standard amount."""

    name: str
    kind: Kind
    currency: str = ""


@dataclass(frozen=True)
class Table:
    """One table of the demo portal and the entity it stands for."""

    entity: str
    name: str
    columns: tuple[Column, ...]

    @cached_property
    def by_name(self) -> dict[str, Column]:
        return {column.name: column for column in self.columns}

    def of(self, *kinds: Kind) -> list[Column]:
        return [column for column in self.columns if column.kind in kinds]


def _table(entity: str, name: str, **columns: str) -> Table:
    """Columns by kind, as words: `code="stageId sourceId"`; an amount with its currency is `amount:currency`."""
    found = [Column("id", "number")]
    for kind, words in columns.items():
        for word in words.split():
            field, _, currency = word.partition(":")
            found.append(Column(field, kind, currency))  # pyright: ignore[reportArgumentType] - the keywords are kinds
    return Table(entity, name, tuple(found))


_UF = "UF_CRM_17000000"
_ITEM = {
    "number": "opportunity:currencyId",
    "link": "companyId contactId mycompanyId",
    "flag": "opened",
    "day": "begindate closedate",
}

DEALS = _table(
    "deals",
    "deals",
    code="stageId previousStageId stageSemanticId categoryId assignedById createdBy updatedBy movedBy currency "
    f"sourceId typeId {_UF}01 {_UF}06 {_UF}12 {_UF}13 {_UF}16",
    number=f"amount:currency probability {_UF}02 {_UF}05",
    money=f"{_UF}03",
    link="companyId contactId",
    flag=f"closed opened isReturning {_UF}09",
    day=f"begindate closedAt {_UF}07",
    moment=f"createdAt updatedAt movedTime {_UF}08",
    several=f"observers contactIds {_UF}04",
    text=f"title sourceDescription {_UF}10 {_UF}15",
)
LEADS = _table(
    "leads",
    "leads",
    code="statusId currency sourceId assignedById createdBy UF_CRM_1700000201",
    number="amount:currency",
    link="companyId contactId",
    flag="opened UF_CRM_1700000202",
    moment="createdTime updatedTime",
    text="title name post",
)
CONTACTS = _table(
    "contacts",
    "contacts",
    code="honorific typeId sourceId assignedById createdBy",
    link="companyId leadId",
    flag="export opened",
    day="UF_CRM_1700000211",
    moment="createdTime updatedTime",
    several="UF_CRM_1700000212",
    text="name lastName post",
)
COMPANIES = _table(
    "companies",
    "companies",
    code="companyType industry currencyId sourceId assignedById UF_CRM_1700000222",
    number="revenue:currencyId UF_CRM_1700000221",
    link="leadId",
    flag="opened",
    moment="createdTime updatedTime",
    text="title",
)
TASKS = _table(
    "tasks",
    "tasks",
    code="status priority responsibleId createdBy",
    number="timeEstimate timeSpentInLogs",
    link="groupId parentId",
    flag="allowTimeTracking",
    moment="deadline startDatePlan endDatePlan createdDate changedDate closedDate",
    several="tags accomplices auditors",
    text="title",
)
ACTIVITIES = _table(
    "activities",
    "activities",
    code="typeId providerId providerTypeId ownerTypeId responsibleId authorId priority direction",
    number="ownerId",
    flag="completed",
    moment="startTime endTime deadline createdAt updatedAt",
    text="subject",
)
INVOICES = _table(
    "invoices",
    "invoices",
    code="stageId categoryId currencyId assignedById createdBy",
    moment="createdTime updatedTime",
    text="title ufCrm_SMART_INVOICE_1700000241",
    **{**_ITEM, "link": f"{_ITEM['link']} parentId2"},
)
QUOTES = _table(
    "quotes",
    "quotes",
    code="stageId currency assignedById",
    number="amount:currency UF_CRM_1700000231",
    link="dealId companyId contactId",
    flag="opened",
    moment="createdAt updatedAt",
    text="title",
)
PRODUCTS = _table(
    "products",
    "products",
    code="currency catalogId",
    number="price:currency measure sort",
    link="sectionId",
    flag="active",
    moment="createdAt updatedAt",
    text="name xmlId",
)
CONTRACTS = _table(
    "174",
    "items_174",
    code="stageId categoryId currencyId assignedById createdBy movedBy sourceId ufCrm3_1700000101 ufCrm3_1700000106",
    money="ufCrm3_1700000103",
    moment="createdTime updatedTime movedTime",
    several="observers ufCrm3_1700000107",
    text="title ufCrm3_1700000108",
    number="opportunity:currencyId ufCrm3_1700000102",
    link=f"{_ITEM['link']} parentId2",
    flag="opened ufCrm3_1700000105",
    day="begindate closedate ufCrm3_1700000104",
)
PURCHASES = _table(
    "156",
    "items_156",
    code="stageId categoryId currencyId assignedById ufCrm7_1652689365",
    moment="createdTime updatedTime movedTime",
    text="title ufCrm7_1652689362",
    **{
        **_ITEM,
        "number": "opportunity:currencyId ufCrm7_1652689364",
        "link": f"{_ITEM['link']} parentId2 parentId174",
        "day": "begindate closedate ufCrm7_1652689363",
    },
)
EQUIPMENT = _table(
    "1038",
    "items_1038",
    code="currencyId assignedById sourceId",
    moment="createdTime updatedTime ufCrm11_1700000123",
    text="title ufCrm11_1700000121",
    **{**_ITEM, "number": "opportunity:currencyId ufCrm11_1700000122"},
)
REQUISITES = _table(
    "requisites", "requisites", code="active", number="sort", link="entityId", moment="createdAt updatedAt"
)

TABLES = (
    DEALS, LEADS, CONTACTS, COMPANIES, TASKS, ACTIVITIES, INVOICES, QUOTES, PRODUCTS, CONTRACTS, PURCHASES, EQUIPMENT,
)  # fmt: skip
_UNTOLD: Mapping[str, str] = {"deals": "previousStageId", "companies": "sourceId"}
"""Columns that REST's items do not have (crm.item.fields)."""


def _told(table: Table) -> Table:
    columns = tuple(column for column in table.columns if column.name != _UNTOLD.get(table.entity))
    return replace(table, columns=columns)


TABLES_OVER_REST = tuple(map(_told, TABLES))
