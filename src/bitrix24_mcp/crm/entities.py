"""The entity catalogue: every kind of record that can be asked for, and what the portal is known to do with it.

The catalogue is closed: what is not listed is a smart process, or an error. Facts come from the gateway's pages
docs/entities and docs/entity-api; fields marked *observed* are answered by live portals although the field list
does not name them.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType


def _none() -> Mapping[str, str]:
    return {}


@dataclass(frozen=True, slots=True, kw_only=True)
class Entity:
    """One kind of record.

    `name` is what tools accept and answer; `entity_type_id` is Bitrix24's number where it has one.
    `select` are the default columns. `money` maps a money field to the field that holds its currency.
    `never_empty` are the fields that every record has, so that paging may continue after a value of theirs.
    `groupable` and `summable` are the standard fields that the gateway's aggregate takes; None = it must be asked.
    `filterable` and `sortable` are closed lists where the portal ignores every other field; None = no such limit.
    `required` are conditions without which the portal refuses to list.
    `directories` maps a field to its status directory; `stage_directory` may hold `{funnel}`.
    `known_fields` are field types the portal does not list itself (observed, or an entity without a field list).
    """

    name: str
    title: str
    singular: str
    scope: str
    entity_type_id: int | None = None
    smart_process: bool = False
    has_field_list: bool = True
    select: tuple[str, ...] = ("title",)
    money: Mapping[str, str] = field(default_factory=_none)
    never_empty: tuple[str, ...] = ("id",)
    groupable: tuple[str, ...] | None = None
    summable: tuple[str, ...] | None = None
    filterable: tuple[str, ...] | None = None
    sortable: tuple[str, ...] | None = None
    required: tuple[str, ...] = ()
    stage_fields: tuple[str, ...] = ()
    stage_directory: str = ""
    funnel_field: str = ""
    directories: Mapping[str, str] = field(default_factory=_none)
    known_fields: Mapping[str, str] = field(default_factory=_none)
    user_fields: tuple[str, ...] = ("assignedById", "createdBy", "updatedBy")
    keyset: bool = True

    def stages_of(self, funnel: int) -> str:
        """The directory with a funnel's stages; that of the deals' default funnel has no number (docs/statuses)."""
        if self.name == "deals" and funnel == 0:
            return "DEAL_STAGE"
        return self.stage_directory.format(funnel=funnel)

    @property
    def has_funnels(self) -> bool:
        """Whether the stages stand in funnels, each with a directory of its own."""
        return "{funnel}" in self.stage_directory


_CRM_DATES = ("id", "createdTime", "updatedTime")
_EVENT_FIELDS = MappingProxyType(
    {"id": "integer", "ownerId": "integer", "type": "string", "name": "string", "description": "string",
     "from": "datetime", "to": "datetime"}
)  # fmt: skip

DEALS = Entity(
    name="deals",
    title="Deals",
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
    user_fields=("assignedById", "createdBy", "updatedBy", "movedBy"),
)
LEADS = Entity(
    name="leads",
    title="Leads",
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
)
CONTACTS = Entity(
    name="contacts",
    title="Contacts",
    singular="contact",
    scope="crm",
    entity_type_id=3,
    select=("name", "lastName", "companyId", "phone", "email", "assignedById", "createdTime"),
    never_empty=_CRM_DATES,
    groupable=("typeId", "sourceId", "assignedById"),
    summable=(),
    directories={"typeId": "CONTACT_TYPE", "sourceId": "SOURCE", "honorific": "HONORIFIC"},
)
COMPANIES = Entity(
    name="companies",
    title="Companies",
    singular="company",
    scope="crm",
    entity_type_id=4,
    select=("title", "companyType", "industry", "phone", "email", "assignedById", "createdTime"),
    money={"revenue": "currencyId"},
    never_empty=_CRM_DATES,
    groupable=("companyType", "industry", "assignedById", "sourceId"),
    summable=("revenue",),
    directories={
        "companyType": "COMPANY_TYPE",
        "industry": "INDUSTRY",
        "employees": "EMPLOYEES",
        "sourceId": "SOURCE",
    },
)
QUOTES = Entity(
    name="quotes",
    title="Quotes",
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
)
INVOICES = Entity(
    name="invoices",
    title="Invoices",
    singular="invoice",
    scope="crm",
    entity_type_id=31,
    select=("title", "stageId", "opportunity", "currencyId", "companyId", "assignedById", "createdTime"),
    money={"opportunity": "currencyId"},
    never_empty=(*_CRM_DATES, "opportunity"),
    groupable=("stageId", "assignedById"),
    summable=("opportunity",),
    stage_fields=("stageId", "previousStageId"),
    stage_directory="SMART_INVOICE_STAGE_{funnel}",
    funnel_field="categoryId",
    directories={"sourceId": "SOURCE"},
)

CATALOGUE: tuple[Entity, ...] = (
    DEALS,
    LEADS,
    CONTACTS,
    COMPANIES,
    QUOTES,
    INVOICES,
    Entity(
        name="tasks",
        title="Tasks",
        singular="task",
        scope="tasks",
        select=("title", "status", "responsibleId", "deadline", "priority", "groupId", "createdDate"),
        never_empty=("id", "createdDate", "changedDate"),
        groupable=("status", "priority", "responsibleId", "groupId"),
        summable=("timeEstimate",),
        user_fields=("responsibleId", "createdBy"),
    ),
    Entity(
        name="users",
        title="Users",
        singular="user",
        scope="user",
        select=("name", "lastName", "email", "active", "workPosition", "departmentId"),
    ),
    Entity(
        name="departments",
        title="Departments",
        singular="department",
        scope="department",
        has_field_list=False,
        select=("name", "parentId", "headId"),
        known_fields={"id": "integer", "name": "string", "parentId": "integer", "headId": "user", "sort": "integer"},
        user_fields=("headId",),
    ),
    Entity(
        name="activities",
        title="Activities",
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
        title="Timeline comments",
        singular="timeline comment",
        scope="crm",
        select=("comment", "authorId", "createdAt"),
        required=("entityType", "entityId"),
        filterable=("entityType", "entityId"),
        sortable=("id",),
        groupable=(),
        summable=(),
        user_fields=("authorId",),
        keyset=False,
    ),
    Entity(
        name="products",
        title="Products",
        singular="product",
        scope="crm",
        select=("name", "price", "currency", "active", "sectionId"),
        money={"price": "currency"},
        groupable=("sectionId", "catalogId", "active"),
        summable=("price",),
    ),
    Entity(
        name="product-sections",
        title="Product sections",
        singular="product section",
        scope="crm",
        select=("name", "sectionId"),
    ),
    Entity(
        name="requisites",
        title="Requisites",
        singular="requisite",
        scope="crm",
        select=("name", "entityTypeId", "entityId", "presetId"),
    ),
    Entity(
        name="requisite-presets",
        title="Requisite presets",
        singular="requisite preset",
        scope="crm",
        select=("name", "active"),
    ),
    Entity(name="bank-details", title="Bank details", singular="bank detail", scope="crm", select=("name", "entityId")),
    Entity(
        name="workgroups",
        title="Workgroups",
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
        title="Calendar events",
        singular="calendar event",
        scope="calendar",
        has_field_list=False,
        select=("name", "from", "to"),
        required=("type", "ownerId"),
        known_fields=_EVENT_FIELDS,
        user_fields=(),
    ),
    Entity(
        name="files",
        title="Files",
        singular="file",
        scope="disk",
        select=("name", "size", "createdBy", "updatedTime"),
        required=("folderId",),
    ),
    Entity(name="folders", title="Folders", singular="folder", scope="disk", select=("name", "parentId")),
    Entity(
        name="storages",
        title="Storages",
        singular="storage",
        scope="disk",
        select=("name", "entityType", "rootFolderId"),
    ),
    Entity(
        name="currencies",
        title="Currencies",
        singular="currency",
        scope="crm",
        select=("fullName", "base", "amount", "amountCnt"),
        keyset=False,
    ),
    Entity(
        name="catalog-products",
        title="Catalogue products",
        singular="catalogue product",
        scope="catalog",
        select=("name", "iblockId", "active"),
    ),
    Entity(
        name="orders",
        title="Orders",
        singular="order",
        scope="sale",
        select=("accountNumber", "price", "currency", "statusId", "dateInsert"),
        money={"price": "currency"},
    ),
    Entity(
        name="documents",
        title="Generated documents",
        singular="document",
        scope="documentgenerator",
        select=("title", "number", "createTime"),
    ),
    Entity(
        name="doc-templates",
        title="Document templates",
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


def smart_process(entity_type_id: int, title: str, *, stages: bool, funnels: bool) -> Entity:
    """The entity for the items of one smart-process type. Without stages it has no stage field to ask for."""
    shown = ("title", "stageId") if stages else ("title",)
    return Entity(
        name=str(entity_type_id),
        title=title,
        singular="item",
        scope="crm",
        entity_type_id=entity_type_id,
        smart_process=True,
        select=(
            *shown,
            *(("categoryId",) if funnels else ()),
            "opportunity",
            "currencyId",
            "assignedById",
            "createdTime",
        ),
        money={"opportunity": "currencyId"},
        never_empty=(*_CRM_DATES, "opportunity"),
        groupable=("stageId", "categoryId", "assignedById"),
        summable=("opportunity",),
        stage_fields=("stageId", "previousStageId") if stages else (),
        stage_directory=f"DYNAMIC_{entity_type_id}_STAGE_{{funnel}}" if stages else "",
        funnel_field="categoryId",
        directories={"sourceId": "SOURCE"},
        user_fields=("assignedById", "createdBy", "updatedBy", "movedBy"),
    )
