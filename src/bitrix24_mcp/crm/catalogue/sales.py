"""The six kinds of record that sales people move about, each with a number of its own (docs/entities).

`known_fields` are answered by live portals though the field list omits them.
"""

from types import MappingProxyType

from bitrix24_mcp.crm.catalogue.entity import CLIENT_LINKS, CREATED_AND_UPDATED, ORIGINATOR, XML_ID, Entity

OUTCOMES = MappingProxyType(
    {
        "P": ("open", "in work", "в работе", "открыта", "открытые"),
        "S": ("success", "успех", "выиграна", "выигранные", "успешные"),
        "F": ("failed", "failure", "провал", "проиграна", "проигранные", "проваленные"),
    }
)
"""What people call the three outcomes of a deal."""
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
    also_values={"stageSemanticId": OUTCOMES},
    links=CLIENT_LINKS,
    user_fields=("assignedById", "createdBy", "updatedBy", "movedBy"),
    writable=True,
    origin=ORIGINATOR,
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
    links=CLIENT_LINKS,
    writable=True,
    origin=ORIGINATOR,
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
    funnels_alone=True,
    directories={"typeId": "CONTACT_TYPE", "sourceId": "SOURCE", "honorific": "HONORIFIC"},
    links={"companyId": "companies", "leadId": "leads"},
    writable=True,
    origin=ORIGINATOR,
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
    funnels_alone=True,
    directories={
        "companyType": "COMPANY_TYPE",
        "industry": "INDUSTRY",
        "employees": "EMPLOYEES",
        "sourceId": "SOURCE",
    },
    links={"leadId": "leads"},
    writable=True,
    origin=ORIGINATOR,
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
    links={**CLIENT_LINKS, "dealId": "deals", "leadId": "leads"},
    writable=True,
    also=("предложение", "предложения", "коммерческие-предложения"),
)
INVOICES = Entity(
    name="invoices",
    singular="invoice",
    scope="crm",
    entity_type_id=31,
    select=("title", "stageId", "opportunity", "currencyId", "companyId", "assignedById", "begindate", "closedate"),
    money={"opportunity": "currencyId"},
    never_empty=(*CREATED_AND_UPDATED, "opportunity"),
    groupable=("stageId", "assignedById"),
    summable=("opportunity",),
    stage_fields=("stageId", "previousStageId"),
    stage_directory="SMART_INVOICE_STAGE_{funnel}",
    funnel_field="categoryId",
    directories={"sourceId": "SOURCE"},
    days=("begindate", "closedate"),
    links=CLIENT_LINKS,
    writable=True,
    origin=XML_ID,
    also=("счет", "счета"),
)
