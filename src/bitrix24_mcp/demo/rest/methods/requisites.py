"""Requisites of clients, their templates and bank details (crm.requisite.list and the like)."""

from __future__ import annotations

from bitrix24_mcp.demo.rest.calls import Method, Result
from bitrix24_mcp.demo.rest.tables import reading
from bitrix24_mcp.demo.rest.tables.shape import Table, columns, fixed
from bitrix24_mcp.demo.schemas.clients import BANK_DETAILS, REQUISITE_PRESETS, REQUISITES

_CRM = ("crm",)
_REQUISITES = Table(
    REQUISITES,
    (
        *columns(
            {
                "ID": "id",
                "ENTITY_TYPE_ID": "entityTypeId",
                "ENTITY_ID": "entityId",
                "PRESET_ID": "presetId",
                "DATE_CREATE": "createdAt",
                "DATE_MODIFY": "updatedAt",
                "NAME": "name",
                "ACTIVE": "active",
                "SORT": "sort",
                "RQ_COMPANY_NAME": "rqCompanyName",
                "RQ_INN": "rqInn",
                "RQ_KPP": "rqKpp",
                "RQ_OGRN": "rqOgrn",
            }
        ),
        *fixed({"CREATED_BY_ID": "1", "MODIFY_BY_ID": "1", "CODE": "", "XML_ID": "", "ADDRESS_ONLY": "N"}),
    ),
)
_PRESETS = Table(
    REQUISITE_PRESETS,
    columns(
        {
            "ID": "id",
            "ENTITY_TYPE_ID": "entityTypeId",
            "COUNTRY_ID": "countryId",
            "NAME": "name",
            "ACTIVE": "active",
            "SORT": "sort",
        }
    ),
    strict="\\Bitrix\\Crm\\Preset",
)
_BANK_DETAILS = Table(
    BANK_DETAILS,
    (
        *columns(
            {
                "ID": "id",
                "ENTITY_ID": "entityId",
                "NAME": "name",
                "ACTIVE": "active",
                "SORT": "sort",
                "RQ_BANK_NAME": "rqBankName",
                "RQ_BIK": "rqBik",
                "RQ_ACC_NUM": "rqAccNum",
                "RQ_ACC_CURRENCY": "rqAccCurrency",
            }
        ),
        *fixed({"COUNTRY_ID": "1", "COMMENTS": ""}),
    ),
)


def _methods(name: str, table: Table) -> dict[str, Method]:
    return {
        f"{name}.list": Method(_CRM, lambda call: reading.listed(call, table)),
        f"{name}.get": Method(_CRM, lambda call: reading.single(call, table)),
        f"{name}.fields": Method(_CRM, lambda _call: Result(reading.fields(table))),
    }


METHODS = {
    **_methods("crm.requisite", _REQUISITES),
    **_methods("crm.requisite.preset", _PRESETS),
    **_methods("crm.requisite.bankdetail", _BANK_DETAILS),
}
