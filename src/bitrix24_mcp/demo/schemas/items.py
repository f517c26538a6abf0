"""Smart-process items (docs/entities/items): common fields, and those of each type."""

from __future__ import annotations

from bitrix24_mcp.demo.schema import Entity, Field

RESERVED = {1: "leads", 2: "deals", 3: "contacts", 4: "companies", 7: "quotes", 31: "invoices"}


def _common(entity_type_id: int, category_id: int | None) -> tuple[Field, ...]:
    directory = f"DYNAMIC_{entity_type_id}_STAGE_{category_id}" if category_id else ""
    return (
        Field("id", "integer", "ID", readonly=True),
        Field("title", "string", "Название"),
        Field("xmlId", "string", "Внешний код"),
        Field("stageId", "crm_status", "Стадия", directory=directory),
        Field("categoryId", "crm_category", "Воронка", default=category_id),
        Field("companyId", "crm_company", "Компания", default=0),
        Field("contactId", "crm_contact", "Контакт", default=0),
        Field("contactIds", "crm_contact", "Контакты", readonly=True, multiple=True),
        Field("mycompanyId", "crm_company", "Реквизиты вашей компании", default=0),
        Field("opportunity", "double", "Сумма", default=0),
        Field("currencyId", "crm_currency", "Валюта", default="RUB"),
        Field("opened", "boolean", "Доступно для всех", default=True),
        Field("assignedById", "user", "Ответственный", fill="owner"),
        Field("createdBy", "user", "Кем создан", readonly=True, fill="creator"),
        Field("updatedBy", "user", "Кем изменён", readonly=True, fill="updater"),
        Field("movedBy", "user", "Кем изменена стадия", readonly=True, fill="mover"),
        Field("createdTime", "datetime", "Дата создания", readonly=True, fill="created"),
        Field("updatedTime", "datetime", "Дата изменения", readonly=True, fill="updated"),
        Field("movedTime", "datetime", "Дата изменения стадии", readonly=True, fill="moved"),
        Field("begindate", "date", "Дата начала"),
        Field("closedate", "date", "Дата завершения"),
        Field("sourceId", "crm_status", "Источник", directory="SOURCE"),
        Field("observers", "user", "Наблюдатели", multiple=True),
    )


def items_entity(entity_type_id: int, category_id: int | None, custom: tuple[Field, ...] = ()) -> Entity:
    """The entity behind `/v1/items/{entity_type_id}`."""
    return Entity(
        path=f"items/{entity_type_id}",
        table=f"items_{entity_type_id}",
        ops="LGCUDFSAP",
        scope=("crm",),
        method="crm.item",
        zone="portal",
        shape="flat",
        missing="NOT_FOUND",
        fields=_common(entity_type_id, category_id) + custom,
        aggregatable=("opportunity", "stageId", "categoryId", "assignedById"),
        indexes=("stageId", "assignedById", "createdTime"),
        entity_type_id=entity_type_id,
        stage_field="stageId",
    )


def _choice(name: str, title: str, *labels: str, first: int, multiple: bool = False) -> Field:
    options = tuple((str(first + position), label) for position, label in enumerate(labels))
    return Field(name, "enumeration", title, multiple=multiple, options=options, stored="integer")


CONTRACTS = items_entity(
    174,
    8,
    (
        Field("parentId2", "crm_entity", "Сделка"),
        _choice("ufCrm3_1700000101", "Вид договора", "Поставка", "Подряд", "Аренда", first=501),
        Field("ufCrm3_1700000102", "double", "Ставка НДС"),
        Field("ufCrm3_1700000103", "money", "Аванс"),
        Field("ufCrm3_1700000104", "date", "Действует до"),
        Field("ufCrm3_1700000105", "boolean", "Автопродление"),
        Field("ufCrm3_1700000106", "employee", "Юрист"),
        _choice("ufCrm3_1700000107", "Приложения", "Смета", "График", "Чертежи", first=511, multiple=True),
        Field("ufCrm3_1700000108", "string", "Contract number"),
    ),
)
PURCHASES = items_entity(
    156,
    41,
    (
        Field("parentId2", "crm_entity", "Сделка"),
        Field("parentId174", "crm_entity", "Contracts"),
        Field("ufCrm7_1652689362", "string", "Поставщик"),
        Field("ufCrm7_1652689363", "date", "Срок поставки"),
        Field("ufCrm7_1652689364", "integer", "Количество мест"),
        _choice("ufCrm7_1652689365", "Способ доставки", "Самовывоз", "Авто", "Ж/д", first=521),
    ),
)
EQUIPMENT = items_entity(
    1038,
    None,
    (
        Field("ufCrm11_1700000121", "string", "Серийный номер"),
        Field("ufCrm11_1700000122", "double", "Наработка, ч"),
        Field("ufCrm11_1700000123", "datetime", "Последнее обслуживание"),
    ),
)

ITEM_TYPES = (CONTRACTS, PURCHASES, EQUIPMENT)
