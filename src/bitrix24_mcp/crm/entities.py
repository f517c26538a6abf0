"""The entity catalogue: every standard kind of record that can be asked for.

The catalogue is closed: what is not listed is a smart process, or an error. Facts come from the gateway's pages
docs/entities and docs/entity-api; `known_fields` are answered by live portals though the field list omits them.
"""

from collections.abc import Mapping
from types import MappingProxyType

from bitrix24_mcp.crm.entity import CREATED_AND_UPDATED, Entity

_EVENT_FIELDS = MappingProxyType(
    {"id": "integer", "ownerId": "integer", "type": "string", "name": "string", "description": "string",
     "from": "datetime", "to": "datetime"}
)  # fmt: skip

DEALS = Entity(
    name="deals",
    singular="deal",
    scope="crm",
    entity_type_id=2,
    select=("title", "stageId", "categoryId", "amount", "currency", "assignedById", "createdAt"),
    money={"amount": "currency"},
    never_empty=("id", "createdAt", "updatedAt", "amount"),
    groupable=("stageId", "stageSemanticId", "categoryId", "assignedById", "sourceId"),
    summable=("amount",),
    stage_fields=("stageId", "previousStageId"),
    stage_directory="DEAL_STAGE_{funnel}",
    funnel_field="categoryId",
    directories={"sourceId": "SOURCE", "typeId": "DEAL_TYPE"},
    known_fields={
        "stageSemanticId": "string",
        "previousStageId": "string",
        "begindate": "date",
        "closed": "boolean",
        "movedBy": "user",
        "movedTime": "datetime",
    },
    days=("begindate", "closedAt"),
    values={"stageSemanticId": {"P": "in progress", "S": "won", "F": "lost"}},
    user_fields=("assignedById", "createdBy", "updatedBy", "movedBy"),
    also=("сделка", "сделки"),
)
LEADS = Entity(
    name="leads",
    singular="lead",
    scope="crm",
    entity_type_id=1,
    select=("title", "statusId", "amount", "currency", "sourceId", "assignedById", "createdTime"),
    money={"amount": "currency"},
    never_empty=("id", "createdTime", "updatedTime", "amount"),
    groupable=("statusId", "sourceId", "assignedById"),
    summable=("amount",),
    stage_fields=("statusId",),
    stage_directory="STATUS",
    directories={"sourceId": "SOURCE", "honorific": "HONORIFIC"},
    also=("лид", "лиды"),
)
CONTACTS = Entity(
    name="contacts",
    singular="contact",
    scope="crm",
    entity_type_id=3,
    select=("name", "lastName", "companyId", "phone", "email", "assignedById", "createdTime"),
    never_empty=CREATED_AND_UPDATED,
    groupable=("typeId", "sourceId", "assignedById"),
    summable=(),
    directories={"typeId": "CONTACT_TYPE", "sourceId": "SOURCE", "honorific": "HONORIFIC"},
    also=("контакт", "контакты"),
)
COMPANIES = Entity(
    name="companies",
    singular="company",
    scope="crm",
    entity_type_id=4,
    select=("title", "companyType", "industry", "phone", "email", "assignedById", "createdTime"),
    money={"revenue": "currencyId"},
    never_empty=CREATED_AND_UPDATED,
    groupable=("companyType", "industry", "assignedById", "sourceId"),
    summable=("revenue",),
    directories={
        "companyType": "COMPANY_TYPE",
        "industry": "INDUSTRY",
        "employees": "EMPLOYEES",
        "sourceId": "SOURCE",
    },
    also=("компания", "компании"),
)
QUOTES = Entity(
    name="quotes",
    singular="quote",
    scope="crm",
    entity_type_id=7,
    select=("title", "stageId", "amount", "currency", "dealId", "assignedById", "createdAt"),
    money={"amount": "currency"},
    never_empty=("id", "createdAt", "updatedAt", "amount"),
    groupable=("stageId", "assignedById"),
    summable=("amount",),
    stage_fields=("stageId", "previousStageId"),
    stage_directory="QUOTE_STATUS",
    also=("предложение", "предложения", "коммерческие-предложения"),
)
INVOICES = Entity(
    name="invoices",
    singular="invoice",
    scope="crm",
    entity_type_id=31,
    select=("title", "stageId", "opportunity", "currencyId", "companyId", "assignedById", "createdTime"),
    money={"opportunity": "currencyId"},
    never_empty=(*CREATED_AND_UPDATED, "opportunity"),
    groupable=("stageId", "assignedById"),
    summable=("opportunity",),
    stage_fields=("stageId", "previousStageId"),
    stage_directory="SMART_INVOICE_STAGE_{funnel}",
    funnel_field="categoryId",
    directories={"sourceId": "SOURCE"},
    days=("begindate", "closedate"),
    also=("счет", "счета"),
)

_CALENDARS = MappingProxyType(
    {name: name.replace("_", " ") for name in ("user", "group", "company", "company_calendar")}
)
_TASK_STATUSES = MappingProxyType(
    {
        "1": "new", "2": "waiting", "3": "in progress", "4": "awaiting control",
        "5": "done", "6": "deferred", "7": "declined",
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
        also=("задача", "задачи"),
    ),
    Entity(
        name="users",
        singular="user",
        scope="user",
        select=("name", "lastName", "email", "active", "workPosition", "departmentId"),
        also=("пользователь", "пользователи", "сотрудник", "сотрудники"),
    ),
    Entity(
        name="departments",
        singular="department",
        scope="department",
        has_field_list=False,
        select=("name", "parentId", "headId"),
        known_fields={"id": "integer", "name": "string", "parentId": "integer", "headId": "user", "sort": "integer"},
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
    ),
    Entity(name="product-sections", singular="product section", scope="crm", select=("name", "sectionId")),
    Entity(
        name="requisites",
        singular="requisite",
        scope="crm",
        select=("name", "entityTypeId", "entityId", "presetId"),
    ),
    Entity(name="requisite-presets", singular="requisite preset", scope="crm", select=("name", "active")),
    Entity(name="bank-details", singular="bank detail", scope="crm", select=("name", "entityId")),
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
    ),
    Entity(name="folders", singular="folder", scope="disk", select=("name", "parentId")),
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
        select=("name", "iblockId", "active"),
    ),
    Entity(
        name="orders",
        singular="order",
        scope="sale",
        select=("accountNumber", "price", "currency", "statusId", "dateInsert"),
        money={"price": "currency"},
    ),
    Entity(
        name="documents",
        label="Generated documents",
        singular="document",
        scope="documentgenerator",
        select=("title", "number", "createTime"),
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
