"""What is asked of everything that is no item of the CRM: conditions and orders, those that REST takes and others."""

from collections.abc import Mapping

from bitrix24_mcp.crm.catalogue.entity import Entity
from bitrix24_mcp.crm.portal_values import Condition, Operator, Scalar

Case = tuple[str, Operator, Scalar | tuple[Scalar, ...]]
CATALOGUE_NUMBER = Condition("iblockId", "eq", 25)
_REQUIRED: Mapping[str, tuple[Condition, ...]] = {
    "timelines": (Condition("entityType", "eq", "deal"), Condition("entityId", "eq", 67)),
    "calendar-events": (Condition("type", "eq", "user"), Condition("ownerId", "eq", 68)),
    "files": (Condition("folderId", "eq", 20),),
    "catalog-products": (CATALOGUE_NUMBER,),
}


def required(entity: Entity) -> tuple[Condition, ...]:
    """The conditions without which an entity is not listed."""
    return _REQUIRED.get(entity.name, ())


CONDITIONS: dict[str, list[Case]] = {
    "tasks": [
        ("status", "eq", 5),
        ("status", "in", (2, 3)),
        ("status", "ne", 5),
        ("responsibleId", "in", (2, 9, 13)),
        ("responsibleId", "nin", (2, 9, 13)),
        ("priority", "gte", 2),
        ("deadline", "lt", "2026-07-15T12:00:00+03:00"),
        ("createdDate", "gte", "2026-01-01T00:00:00+03:00"),
        ("closedDate", "gt", "2026-06-01T00:00:00+03:00"),
        ("title", "contains", "смету"),
        ("title", "contains", "№1"),
        ("title", "contains", "_"),
        ("title", "eq", "Подготовить смету №1"),
        ("title", "eq", "%"),
        ("groupId", "eq", 6),
        ("groupId", "eq", 0),
        ("accomplices", "eq", 37),
        ("auditors", "in", (13, 37)),
        ("tags", "eq", "срочно"),
        ("id", "lte", 20),
        ("timeEstimate", "gt", 3600),
        ("allowTimeTracking", "eq", True),
        ("startDatePlan", "gte", "2026-01-01T00:00:00+03:00"),
        ("description", "contains", "скидк"),
    ],
    "users": [
        ("active", "eq", False),
        ("active", "eq", True),
        ("lastName", "eq", "Иванова"),
        ("lastName", "contains", "ов"),
        ("name", "ne", "Ольга"),
        ("departmentId", "eq", 2),
        ("departmentId", "in", (3, 8)),
        ("workPosition", "contains", "менеджер"),
        ("email", "eq", "user57@north-project.example"),
        ("id", "in", (1, 57, 999)),
        ("id", "gt", 60),
        ("lastLogin", "lt", "2026-01-01T00:00:00+03:00"),
    ],
    "departments": [
        ("parentId", "eq", 1),
        ("headId", "in", (2, 16)),
        ("name", "contains", "отдел"),
        ("sort", "gt", 300),
    ],
    "activities": [
        ("typeId", "eq", 2),
        ("typeId", "in", (1, 6)),
        ("completed", "eq", False),
        ("ownerTypeId", "ne", 2),
        ("direction", "nin", (1, 2)),
        ("responsibleId", "eq", 9),
        ("subject", "contains", "звонок"),
        ("deadline", "gte", "2026-07-01T00:00:00+03:00"),
        ("createdAt", "lt", "2024-01-01T00:00:00+03:00"),
        ("providerId", "eq", "CRM_EMAIL"),
    ],
    "products": [
        ("active", "eq", False),
        ("price", "gte", 5000),
        ("sectionId", "in", (1, 2, 3)),
        ("sectionId", "nin", (1, 2, 3)),
        ("name", "contains", "арт. 10"),
        ("name", "contains", "%"),
        ("currency", "eq", "RUB"),
        ("xmlId", "eq", "product-7"),
    ],
    "product-sections": [("name", "contains", "к"), ("id", "gt", 5), ("code", "in", ("section1", "section9"))],
    "requisites": [
        ("entityTypeId", "eq", 4),
        ("presetId", "in", (1, 2)),
        ("rqInn", "contains", "78"),
        ("active", "eq", True),
    ],
    "requisite-presets": [("active", "eq", True), ("name", "ne", "x"), ("id", "gte", 2)],
    "bank-details": [("entityId", "lte", 10), ("rqAccCurrency", "eq", "RUB"), ("name", "contains", "с")],
    "workgroups": [
        ("active", "eq", False),
        ("visible", "eq", True),
        ("name", "contains", "проект"),
        ("membersCount", "gt", 10),
        ("id", "in", (1, 2, 3)),
        ("dateCreate", "gte", "2025-01-01T00:00:00+03:00"),
        ("subjectName", "eq", "Проекты"),
    ],
    "currencies": [
        ("base", "eq", True),
        ("id", "in", ("RUB", "USD")),
        ("fullName", "contains", "Доллар"),
        ("amount", "gt", 95),
    ],
    "documents": [
        ("templateId", "eq", 1),
        ("entityTypeId", "eq", 2),
        ("title", "contains", "Акт"),
        ("id", "nin", (1, 2)),
    ],
    "doc-templates": [("active", "eq", True), ("name", "contains", "оговор"), ("sort", "gt", 200)],
    "files": [("name", "contains", "pdf"), ("size", "gt", 10), ("createdBy", "ne", 1)],
    "folders": [
        ("parentId", "eq", 20),
        ("parentId", "in", (10, 30)),
        ("storageId", "eq", 2),
        ("id", "in", (10, 21, 999)),
        ("name", "eq", "Договоры"),
    ],
    "storages": [("entityType", "eq", "group"), ("name", "contains", "диск"), ("rootFolderId", "gt", 10)],
    "orders": [
        ("payed", "eq", True),
        ("statusId", "in", ("N", "P")),
        ("price", "gt", 100_000),
        ("accountNumber", "eq", "000003"),
        ("dateInsert", "gte", "2025-01-01T00:00:00+03:00"),
    ],
    "catalog-products": [
        ("active", "eq", True),
        ("quantity", "gt", 500),
        ("name", "contains", "арт. 10"),
        ("id", "in", (5, 7)),
    ],
    "calendar-events": [
        ("from", "gte", "2026-07-10T00:00:00+03:00"),
        ("from", "lt", "2026-07-10T00:00:00+03:00"),
        ("to", "lte", "2026-07-02T19:30:00+03:00"),
        ("name", "contains", "пл"),
    ],
}
SORTS: list[tuple[str, str, bool]] = [
    ("tasks", "deadline", True),
    ("tasks", "status", False),
    ("tasks", "title", False),
    ("tasks", "responsibleId", False),
    ("users", "lastName", False),
    ("users", "lastLogin", True),
    ("departments", "name", False),
    ("activities", "startTime", True),
    ("products", "price", True),
    ("product-sections", "name", False),
    ("requisites", "name", False),
    ("bank-details", "entityId", True),
    ("workgroups", "membersCount", True),
    ("currencies", "amount", True),
    ("documents", "title", False),
    ("doc-templates", "name", False),
    ("folders", "name", False),
    ("files", "size", True),
    ("orders", "price", True),
    ("catalog-products", "quantity", True),
]
