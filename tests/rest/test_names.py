"""What CRM items call their fields is what tools call them, there and back."""

import pytest

from bitrix24_mcp.crm.catalogue.entities import BY_NAME
from bitrix24_mcp.crm.catalogue.entity import smart_process
from bitrix24_mcp.rest.items.names import RENAMED, asked, called

CONTRACTS = smart_process(174, "Contracts", stages=True, funnels=True)


@pytest.mark.parametrize(
    ("entity", "rest", "tools"),
    [
        ("deals", "opportunity", "amount"),
        ("deals", "createdTime", "createdAt"),
        ("deals", "closedate", "closedAt"),
        ("deals", "isReturnCustomer", "isReturning"),
        ("leads", "stageId", "statusId"),
        ("leads", "createdTime", "createdTime"),
        ("contacts", "typeId", "typeId"),
        ("companies", "typeId", "companyType"),
        ("quotes", "begindate", "beginDate"),
        ("invoices", "opportunity", "opportunity"),
        ("invoices", "closedate", "closedate"),
    ],
)
def test_each_entity_keeps_the_names_that_its_tools_know(entity: str, rest: str, tools: str) -> None:
    assert called(BY_NAME[entity], rest) == tools
    assert asked(BY_NAME[entity], tools) == rest


@pytest.mark.parametrize("entity", sorted(RENAMED))
def test_no_two_fields_of_an_entity_share_a_name(entity: str) -> None:
    renamed = RENAMED[entity]
    assert len(set(renamed.values())) == len(renamed)
    assert {called(BY_NAME[entity], name) for name in renamed.values()} == set(renamed)


@pytest.mark.parametrize(
    ("rest", "upper", "tools"),
    [
        ("ufCrm_1747309879", "UF_CRM_1747309879", "UF_CRM_1747309879"),
        ("ufCrm_5F3A1B2C", "UF_CRM_5F3A1B2C", "UF_CRM_5F3A1B2C"),
        ("ufCrmDeliveryDate", "UF_CRM_DELIVERY_DATE", "UF_CRM_DELIVERY_DATE"),
        ("ufCrm_1747309879", "", "UF_CRM_1747309879"),
        ("ufCrmDeliveryDate", "", "UF_CRM_DELIVERY_DATE"),
    ],
)
def test_user_fields_of_the_five_old_entities_keep_their_original_names(rest: str, upper: str, tools: str) -> None:
    assert called(BY_NAME["deals"], rest, upper) == tools


@pytest.mark.parametrize("name", ["ufCrm3_1747309727", "ufCrm3Digit", "ufCrm_3_DIGIT10", "ufCrm_SMART_INVOICE_17"])
def test_user_fields_of_items_and_invoices_keep_rests_names(name: str) -> None:
    assert called(CONTRACTS, name, "UF_CRM_3_1747309727") == name
    assert called(BY_NAME["invoices"], name, "UF_CRM_SMART_INVOICE_17") == name
