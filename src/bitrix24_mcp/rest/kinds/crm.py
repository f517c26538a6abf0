"""What belongs to the CRM beside its items: activities, comments, products, requisites, documents, currencies."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from bitrix24_mcp.crm.portal_values import Condition
from bitrix24_mcp.rest.kinds.kind import WITH_LISTS, WITHOUT_TEXTS, Json, Kind, known, known_alike, no_order
from bitrix24_mcp.rest.reading.dialects import Dialect, Single

_CREATED = {"createdAt": "DATE_CREATE", "updatedAt": "DATE_MODIFY"}


def _classic(name: str, **differing: Any) -> Dialect:
    """A family of methods that speak UPPER_SNAKE and texts, such as `crm.activity.list` and `crm.activity.get`."""
    return Dialect(method=f"{name}.list", single=Single(method=f"{name}.get"), **differing)


def _small(condition: Condition) -> Condition:
    """A type of owner is asked for in small letters: `dynamic_174` (crm.timeline.comment.list)."""
    small = condition.field == "entityType" and isinstance(condition.value, str)
    return replace(condition, value=str(condition.value).lower()) if small else condition


def _lower_case_type(row: Json) -> Json:
    """Comments name their owner's type in small letters, whatever they were asked for."""
    return {**row, "ENTITY_TYPE": str(row["ENTITY_TYPE"]).lower()} if "ENTITY_TYPE" in row else row


ACTIVITIES = Kind(
    fields=known(
        {
            "id": "integer",
            "typeId": "integer",
            "providerId": "string",
            "providerTypeId": "string",
            "ownerTypeId": "integer",
            "ownerId": "integer",
            "subject": "string",
            "description": "string",
            "responsibleId": "user",
            "authorId": "user",
            "priority": "integer",
            "direction": "integer",
            "completed": "boolean",
            "startTime": "datetime",
            "endTime": "datetime",
            "deadline": "datetime",
            "createdAt": "datetime",
            "updatedAt": "datetime",
        },
        {"createdAt": "CREATED", "updatedAt": "LAST_UPDATED"},
    ),
    dialect=_classic("crm.activity"),
    described="crm.activity.fields",
)
TIMELINES = Kind(
    fields=known(
        {
            "id": "integer",
            "entityId": "integer",
            "entityType": "string",
            "comment": "string",
            "authorId": "user",
            "createdAt": "datetime",
        },
        {"createdAt": "CREATED"},
    ),
    dialect=_classic("crm.timeline.comment", operators={"eq": ""}, windows=False),
    described="crm.timeline.comment.fields",
    filterable=frozenset({"entityId", "entityType"}),
    sortable=frozenset({"id", "createdAt", "authorId"}),
    written=_small,
    prepared=_lower_case_type,
)
"""The list looks at nothing but the record whose comments they are (crm.timeline.comment.list)."""
PRODUCTS = Kind(
    fields=known(
        {
            "id": "integer",
            "name": "string",
            "active": "boolean",
            "price": "number",
            "currency": "string",
            "sectionId": "integer",
            "catalogId": "integer",
            "measure": "integer",
            "description": "string",
            "sort": "integer",
            "xmlId": "string",
            "createdAt": "datetime",
            "updatedAt": "datetime",
        },
        {"currency": "CURRENCY_ID", "createdAt": "DATE_CREATE", "updatedAt": "TIMESTAMP_X"},
    ),
    dialect=_classic("crm.product", operators=WITH_LISTS),
    described="crm.product.fields",
)
PRODUCT_SECTIONS = Kind(
    fields=known(
        {
            "id": "integer",
            "name": "string",
            "catalogId": "integer",
            "sectionId": "integer",
            "xmlId": "string",
            "code": "string",
        }
    ),
    dialect=_classic("crm.productsection", operators={"eq": ""}),
    described="crm.productsection.fields",
    filterable=frozenset({"catalogId"}),
)
"""Its page documents nothing more of the filter than the catalogue (crm.productsection.list)."""
REQUISITES = Kind(
    fields=known(
        {
            "id": "integer",
            "entityTypeId": "integer",
            "entityId": "integer",
            "presetId": "integer",
            "name": "string",
            "active": "boolean",
            "rqInn": "string",
            "rqKpp": "string",
            "rqOgrn": "string",
            "rqCompanyName": "string",
            "sort": "integer",
            "createdAt": "datetime",
            "updatedAt": "datetime",
        },
        _CREATED,
    ),
    dialect=_classic("crm.requisite"),
    described="crm.requisite.fields",
)
REQUISITE_PRESETS = Kind(
    fields=known(
        {
            "id": "integer",
            "entityTypeId": "integer",
            "countryId": "integer",
            "name": "string",
            "active": "boolean",
            "sort": "integer",
        }
    ),
    dialect=_classic("crm.requisite.preset"),
    described="crm.requisite.preset.fields",
)
BANK_DETAILS = Kind(
    fields=known(
        {
            "id": "integer",
            "entityId": "integer",
            "name": "string",
            "active": "boolean",
            "rqBankName": "string",
            "rqBik": "string",
            "rqAccNum": "string",
            "rqAccCurrency": "string",
            "sort": "integer",
        }
    ),
    dialect=_classic("crm.requisite.bankdetail"),
    described="crm.requisite.bankdetail.fields",
)
CURRENCIES = Kind(
    fields=known(
        {
            "id": "string",
            "amountCnt": "integer",
            "amount": "double",
            "sort": "integer",
            "base": "boolean",
            "fullName": "string",
            "lid": "string",
            "formatString": "string",
            "decPoint": "string",
            "thousandsSep": "string",
            "decimals": "integer",
            "dateUpdate": "datetime",
        },
        {"id": "CURRENCY"},
    ),
    dialect=_classic("crm.currency", filter="", select="", order=no_order, windows=False),
    described="crm.currency.fields",
    filterable=frozenset(),
    sortable=frozenset(),
)
"""All come at once, in one order (crm.currency.list)."""
DOCUMENTS = Kind(
    fields=known_alike(
        {
            "id": "integer",
            "title": "string",
            "number": "string",
            "templateId": "integer",
            "entityTypeId": "integer",
            "entityId": "integer",
            "createdBy": "user",
            "createTime": "datetime",
            "updateTime": "datetime",
        }
    ),
    dialect=Dialect(method="crm.documentgenerator.document.list", path=("documents",), operators=WITHOUT_TEXTS),
    by_name=False,
)
"""`entityTypeId` may be filtered by, but not selected by its name (crm.documentgenerator.document.list)."""
DOC_TEMPLATES = Kind(
    fields=known_alike(
        {
            "id": "integer",
            "name": "string",
            "code": "string",
            "region": "string",
            "numeratorId": "integer",
            "active": "boolean",
            "sort": "integer",
            "createTime": "datetime",
            "updateTime": "datetime",
        }
    ),
    dialect=Dialect(
        method="crm.documentgenerator.template.list", path=("templates",), select="", operators=WITHOUT_TEXTS
    ),
    filterable=frozenset(),
    sortable=frozenset(),
)
"""Its rows are a map by their ids (crm.documentgenerator.template.list), so all are read and chosen from here."""


CRM_KINDS: Sequence[tuple[str, Kind]] = (
    ("activities", ACTIVITIES),
    ("timelines", TIMELINES),
    ("products", PRODUCTS),
    ("product-sections", PRODUCT_SECTIONS),
    ("requisites", REQUISITES),
    ("requisite-presets", REQUISITE_PRESETS),
    ("bank-details", BANK_DETAILS),
    ("currencies", CURRENCIES),
    ("documents", DOCUMENTS),
    ("doc-templates", DOC_TEMPLATES),
)
