"""Smart-process types: which exist, what is switched on in each, where to open their list."""

from collections.abc import Mapping, Sequence
from typing import Any

from bitrix24_mcp.crm.catalogue.entity import Entity
from bitrix24_mcp.crm.errors import PermissionRefused
from bitrix24_mcp.crm.fields import Fields, fold
from bitrix24_mcp.crm.filters.conditions import resolve_filter
from bitrix24_mcp.crm.metadata import Metadata
from bitrix24_mcp.crm.portal import Portal
from bitrix24_mcp.crm.portal_values import Record
from bitrix24_mcp.crm.records.sorting import resolve_sort
from bitrix24_mcp.crm.shape import shape
from bitrix24_mcp.crm.text import plain

_FEATURES = {
    "isStagesEnabled": "stages",
    "isCategoriesEnabled": "funnels",
    "isClientEnabled": "client",
    "isLinkWithProductsEnabled": "products",
    "isMycompanyEnabled": "my company",
    "isBeginCloseDatesEnabled": "begin and close dates",
    "isObserversEnabled": "observers",
    "isSourceEnabled": "source",
    "isAutomationEnabled": "automation",
    "isBizProcEnabled": "workflows",
    "isDocumentsEnabled": "documents",
    "isRecyclebinEnabled": "recycle bin",
    "isUseInUserfieldEnabled": "use in user fields",
    "isPaymentsEnabled": "payments",
    "isCountersEnabled": "counters",
    "isRecurringEnabled": "recurring",
    "isSetOpenPermissions": "open to all by default",
}
"""The switches of a type (docs/smart-processes, type fields)."""

TYPES = Entity(
    name="smart-processes",
    singular="smart process",
    scope="crm",
    user_fields=("createdBy", "updatedBy"),
    known_fields={
        "entityTypeId": "integer",
        "title": "string",
        "code": "string",
        "createdTime": "datetime",
        "updatedTime": "datetime",
        **dict.fromkeys(_FEATURES, "boolean"),
    },
)
COMPUTED = ("features", "url")


async def types(
    title: str,
    raw_filter: Mapping[str, Any] | None,
    sort: Any,
    select: Sequence[str],
    portal: Portal,
    metadata: Metadata,
) -> list[dict[str, Any]]:
    """The types that match, shaped; `title` is a part of the title in any case.

    Raises InvalidArguments when the filter, the sort or a column is wrong.
    """
    columns = list(select)
    if not raw_filter and not sort and not columns:
        records = await metadata.smart_processes()
        fields = Fields(TYPES, ())
    else:
        fields = await metadata.smart_process_fields(TYPES)
        columns = [name if name in COMPUTED else fields.resolve(name) for name in columns]
        conditions = await resolve_filter(raw_filter, fields, metadata)
        order = resolve_sort(sort, fields) if sort else ()
        unasked = not conditions and not order
        records = await metadata.smart_processes() if unasked else await portal.smart_processes(conditions, order)
    host = await _host(metadata) if not columns or "url" in columns else ""
    zone = (
        await metadata.zone() if any(name in fields and fields.kind(name) == "datetime" for name in columns) else None
    )
    wanted = [record for record in records if fold(title) in fold(str(record.get("title") or ""))]
    if not columns:
        return [_summary(record, host) for record in wanted]
    return [_chosen(record, columns, fields, zone, host) for record in wanted]


def _summary(record: Record, host: str) -> dict[str, Any]:
    code = record.get("code")
    return {
        "entityTypeId": int(record["entityTypeId"]),
        "title": plain(str(record.get("title") or "")),
        **({"code": str(code)} if code else {}),
        **_computed(record, host),
    }


def _computed(record: Record, host: str) -> dict[str, Any]:
    features = [name for flag, name in _FEATURES.items() if record.get(flag) is True]
    # The primary funnel's list opens at category 0 (docs/smart-processes, list).
    url = {"url": f"https://{host}/crm/type/{record['entityTypeId']}/list/category/0/"} if host else {}
    return {"features": features, **url}


def _chosen(record: Record, columns: Sequence[str], fields: Fields, zone: Any, host: str) -> dict[str, Any]:
    stored = shape(record, fields, [name for name in columns if name in fields], zone)
    computed = {name: value for name, value in _computed(record, host).items() if name in columns}
    kept = {name: value for name, value in stored.items() if name != "id" or "id" in columns}
    return {"entityTypeId": int(record["entityTypeId"]), **kept, **computed}


async def _host(metadata: Metadata) -> str:
    """The portal's host for links; the answer does without them when the key may not read it."""
    try:
        host = (await metadata.identity()).portal
    except PermissionRefused:
        return ""
    return host.removeprefix("https://").removeprefix("http://").strip("/")
