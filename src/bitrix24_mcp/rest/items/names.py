"""What CRM items call their fields, and what tools call them (crm.item.fields, docs: crm/universal/object-fields).

Deals, leads and quotes have names of their own for money and moments, and user fields of the five old entities keep
the names that administrators gave them, `UF_CRM_…`; invoices and items of smart processes keep REST's names.
"""

import re
from collections.abc import Mapping
from types import MappingProxyType

from bitrix24_mcp.crm.catalogue.entity import Entity

_MONEY = {"amount": "opportunity", "currency": "currencyId"}
_MOMENTS = {"createdAt": "createdTime", "updatedAt": "updatedTime"}
RENAMED: Mapping[str, Mapping[str, str]] = MappingProxyType(
    {
        "deals": {**_MONEY, **_MOMENTS, "closedAt": "closedate", "isReturning": "isReturnCustomer"},
        "leads": {**_MONEY, "statusId": "stageId"},
        "companies": {"companyType": "typeId"},
        "quotes": {**_MONEY, **_MOMENTS, "beginDate": "begindate", "closeDate": "closedate"},
    }
)
"""By entity: the names of tools, and REST's."""
MULTIFIELDS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {"leads": ("phone", "email"), "contacts": ("phone", "email"), "companies": ("phone", "email", "web")}
)
"""By entity: the parts of `fm` that are fields of their own."""
_OLD = frozenset({"deals", "leads", "contacts", "companies", "quotes"})
_HUMP = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")


def keeps_original_names(entity: Entity) -> bool:
    """Whether its user fields are called `UF_CRM_…`."""
    return entity.name in _OLD


def is_user_field(name: str) -> bool:
    """Whether administrators added the field."""
    return name.startswith(("ufCrm", "UF_"))


def called(entity: Entity, name: str, upper_name: str = "") -> str:
    """What tools call a field of an item; `upper_name` is its name in the classic methods, where that is told."""
    if is_user_field(name):
        return (upper_name or _original(name)) if keeps_original_names(entity) else name
    return next((ours for ours, theirs in RENAMED.get(entity.name, {}).items() if theirs == name), name)


def asked(entity: Entity, name: str) -> str:
    """What REST calls a field that it did not describe."""
    return RENAMED.get(entity.name, {}).get(name, name)


def _original(name: str) -> str:
    """`ufCrm_1700000001` as `UF_CRM_1700000001`, `ufCrmFloor` as `UF_CRM_FLOOR`; what is original already stays."""
    return name if name.startswith("UF_") else _HUMP.sub("_", name).upper()
