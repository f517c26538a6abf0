"""The entity catalogue: every standard kind of record that can be asked for.

The catalogue is closed: what is not listed is a smart process, or an error. Facts come from the gateway's pages
docs/entities and docs/entity-api.
"""

from collections.abc import Mapping
from types import MappingProxyType

from bitrix24_mcp.crm.catalogue.entity import XML_ID, Entity
from bitrix24_mcp.crm.catalogue.sales import COMPANIES, CONTACTS, DEALS, INVOICES, LEADS, QUOTES

_EVENT_FIELDS = MappingProxyType(
    {"id": "integer", "ownerId": "integer", "type": "string", "name": "string", "description": "string",
     "from": "datetime", "to": "datetime"}
)  # fmt: skip

_CALENDARS = MappingProxyType(
    {name: name.replace("_", " ") for name in ("user", "group", "company", "company_calendar")}
)
_TASK_STATUSES = MappingProxyType(
    {
        "1": "new", "2": "waiting", "3": "in progress", "4": "awaiting control",
        "5": "done", "6": "deferred", "7": "declined",
    }
)  # fmt: skip
_TASK_WORDS = MappingProxyType(
    {
        "2": ("pending", "ждет выполнения", "ожидает"), "3": ("в работе", "выполняется"),
        "4": ("supposedly completed", "ждет контроля"),
        "5": ("completed", "closed", "завершена", "выполнена", "закрыта"),
        "6": ("postponed", "отложена"), "7": ("rejected", "отклонена"),
    }
)  # fmt: skip
CATALOGUE: tuple[Entity, ...] = (
    DEALS,
    LEADS,
    CONTACTS,
    COMPANIES,
    QUOTES,
    INVOICES,
    Entity(
        name="tasks",
        singular="task",
        scope="tasks",
        select=("title", "status", "responsibleId", "deadline", "priority", "groupId", "createdDate"),
        never_empty=("id", "createdDate", "changedDate"),
        groupable=("status", "priority", "responsibleId", "groupId"),
        summable=("timeEstimate",),
        user_fields=("responsibleId", "createdBy"),
        values={"status": _TASK_STATUSES},
        also_values={"status": _TASK_WORDS},
        links={"groupId": "workgroups", "parentId": "tasks"},
        writable=True,
        also=("задача", "задачи"),
    ),
    Entity(
        name="users",
        singular="user",
        scope="user",
        select=("name", "lastName", "email", "active", "workPosition", "departmentId"),
        links={"departmentId": "departments"},
        also=("пользователь", "пользователи", "сотрудник", "сотрудники"),
    ),
    Entity(
        name="departments",
        singular="department",
        scope="department",
        has_field_list=False,
        select=("name", "parentId", "headId"),
        known_fields={"id": "integer", "name": "string", "parentId": "integer", "headId": "user", "sort": "integer"},
        links={"parentId": "departments"},
        user_fields=("headId",),
    ),
    Entity(
        name="activities",
        singular="activity",
        scope="crm",
        select=("subject", "typeId", "ownerTypeId", "ownerId", "completed", "deadline", "responsibleId"),
        never_empty=("id", "createdAt", "updatedAt"),
        groupable=("typeId", "ownerTypeId", "responsibleId", "completed"),
        summable=(),
        user_fields=("responsibleId", "authorId"),
    ),
    Entity(
        name="timelines",
        label="Timeline comments",
        singular="timeline comment",
        scope="crm",
        select=("comment", "authorId", "createdAt"),
        required=("entityType", "entityId"),
        known_fields={"entityType": "string", "entityId": "integer"},
        owner_type_field="entityType",
        filterable=("entityType", "entityId"),
        sortable=("id",),
        groupable=(),
        summable=(),
        user_fields=("authorId",),
        keyset=False,
    ),
    Entity(
        name="products",
        singular="product",
        scope="crm",
        select=("name", "price", "currency", "active", "sectionId"),
        money={"price": "currency"},
        groupable=("sectionId", "catalogId", "active"),
        summable=("price",),
        links={"sectionId": "product-sections"},
        writable=True,
        origin=XML_ID,
    ),
    Entity(
        name="product-sections",
        singular="product section",
        scope="crm",
        select=("name", "sectionId"),
        links={"sectionId": "product-sections"},
    ),
    Entity(
        name="requisites",
        singular="requisite",
        scope="crm",
        select=("name", "rqInn", "entityTypeId", "entityId"),
        links={"presetId": "requisite-presets"},
    ),
    Entity(name="requisite-presets", singular="requisite preset", scope="crm", select=("name", "active")),
    Entity(
        name="bank-details",
        singular="bank detail",
        scope="crm",
        select=("name", "rqBankName", "rqAccNum", "entityId"),
        links={"entityId": "requisites"},
    ),
    Entity(
        name="workgroups",
        singular="workgroup",
        scope="sonet_group",
        has_field_list=False,
        select=("name", "active", "ownerId", "membersCount", "dateCreate"),
        known_fields={
            "id": "integer",
            "name": "string",
            "description": "string",
            "active": "boolean",
            "visible": "boolean",
            "opened": "boolean",
            "ownerId": "user",
            "subjectId": "integer",
            "subjectName": "string",
            "membersCount": "integer",
            "dateCreate": "datetime",
            "dateUpdate": "datetime",
        },
        user_fields=("ownerId",),
    ),
    Entity(
        name="calendar-events",
        singular="calendar event",
        scope="calendar",
        has_field_list=False,
        select=("name", "from", "to"),
        required=("type", "ownerId"),
        values={"type": _CALENDARS},
        known_fields=_EVENT_FIELDS,
        user_fields=(),
    ),
    Entity(
        name="files",
        singular="file",
        scope="disk",
        select=("name", "size", "createdBy", "updateTime"),
        required=("folderId",),
        links={"folderId": "folders", "storageId": "storages"},
    ),
    Entity(
        name="folders",
        singular="folder",
        scope="disk",
        select=("name", "parentId"),
        links={"parentId": "folders", "storageId": "storages"},
    ),
    Entity(
        name="storages",
        singular="storage",
        scope="disk",
        select=("name", "entityType", "rootFolderId"),
    ),
    Entity(
        name="currencies",
        singular="currency",
        scope="crm",
        select=("fullName", "base", "amount", "amountCnt"),
        keyset=False,
    ),
    Entity(
        name="catalog-products",
        label="Catalogue products",
        singular="catalogue product",
        scope="catalog",
        select=("name", "quantity", "purchasingPrice", "purchasingCurrency", "active"),
        money={"purchasingPrice": "purchasingCurrency"},
    ),
    Entity(
        name="orders",
        singular="order",
        scope="sale",
        select=("accountNumber", "price", "currency", "statusId", "payed", "dateInsert"),
        money={"price": "currency"},
    ),
    Entity(
        name="documents",
        label="Generated documents",
        singular="document",
        scope="documentgenerator",
        select=("title", "number", "createTime"),
        links={"templateId": "doc-templates"},
    ),
    Entity(
        name="doc-templates",
        label="Document templates",
        singular="document template",
        scope="documentgenerator",
        select=("name", "active"),
    ),
)

BY_NAME: Mapping[str, Entity] = MappingProxyType({entity.name: entity for entity in CATALOGUE})
RESERVED: Mapping[int, Entity] = MappingProxyType(
    {entity.entity_type_id: entity for entity in CATALOGUE if entity.entity_type_id is not None}
)
"""Entity type ids that have their own entity and are refused as smart processes (docs/entities/items)."""
BY_NUMBER: Mapping[int, Entity] = MappingProxyType({**RESERVED, 8: BY_NAME["requisites"]})
"""The entities that an entity type id names; requisites have one though they are no items (crm.enum.ownertype)."""
OLD_INVOICES = 5
"""The entity type id of invoices from before 31; the portal's item methods refuse it (crm.item.list)."""
