"""The product rows of a record."""

import json

import pytest
import respx

from assistants import Sql
from bitrix24_mcp.crm.catalogue.entities import BY_NAME
from bitrix24_mcp.crm.catalogue.entity import Entity, smart_process
from bitrix24_mcp.crm.errors import PortalError
from bitrix24_mcp.demo import DemoPortal
from bitrix24_mcp.rest.about.histories import owner_type
from bitrix24_mcp.rest.calling.client import RestClient
from bitrix24_mcp.rest.portal import RestPortal
from rest_doors import two_doors

PORTAL = "https://portal.example"
HOOK = "/rest/1/s3cr3t-c0de"
pytestmark = [pytest.mark.anyio, pytest.mark.respx(base_url=PORTAL)]
OWNERS: dict[str, Entity] = {
    "deals": BY_NAME["deals"],
    "leads": BY_NAME["leads"],
    "quotes": BY_NAME["quotes"],
    "invoices": BY_NAME["invoices"],
    "items/174": smart_process(174, "Contracts", stages=True, funnels=True),
}


@pytest.mark.parametrize("path", OWNERS)
async def test_rows_are_the_same_through_both_doors(portal: DemoPortal, sql: Sql, path: str) -> None:
    """Records with rows, with discounts among them, and one without."""
    query = "SELECT DISTINCT ownerId FROM product_rows WHERE ownerType = ? ORDER BY discount DESC, ownerId LIMIT 12"
    table = path.replace("/", "_")
    [(bare,)] = sql(
        f"SELECT MIN(id) FROM {table} WHERE id NOT IN (SELECT ownerId FROM product_rows WHERE ownerType = ?)",
        path,
    )
    async with two_doors(portal) as doors:
        for owner in (*(row[0] for row in sql(query, path)), bare):
            rows = await doors.rest.product_rows(OWNERS[path], owner)
            assert rows == await doors.gateway.product_rows(OWNERS[path], owner)
            assert bool(rows) == (owner != bare)


async def test_rows_of_a_record_that_is_not_there_are_an_error(portal: DemoPortal) -> None:
    async with two_doors(portal) as doors:
        for door in (doors.rest, doors.gateway):
            with pytest.raises(PortalError):
                await door.product_rows(BY_NAME["deals"], 999_999)


@pytest.mark.parametrize(
    ("number", "code"),
    [
        (1, "L"),
        (2, "D"),
        (3, "C"),
        (4, "CO"),
        (7, "Q"),
        (31, "SI"),
        (128, "T80"),
        (156, "T9c"),
        (174, "Tae"),
        (1046, "T416"),
    ],
)
def test_owners_are_named_by_short_codes(number: int, code: str) -> None:
    """Those of smart processes are the number in hexadecimal."""
    assert owner_type(number) == code


async def test_rows_are_read_as_documented(client: RestClient, respx_mock: respx.MockRouter) -> None:
    """The first row of the page's example (crm.item.productrow.list)."""
    row = {
        "id": 17649,
        "ownerId": 13142,
        "ownerType": "D",
        "productId": 9621,
        "productName": "iphone 14",
        "price": 90000,
        "priceNetto": 90909.09090909,
        "quantity": 3,
        "discountTypeId": 2,
        "discountRate": 10,
        "discountSum": 9090.90909091,
        "taxRate": 10,
        "taxIncluded": "Y",
    }
    answer = {"result": {"productRows": [row]}, "total": 1}
    route = respx_mock.post(f"{HOOK}/crm.item.productrow.list").respond(json=answer)

    assert await RestPortal(client).product_rows(BY_NAME["deals"], 13142) == (
        {
            "id": 17649,
            "productId": 9621,
            "productName": "iphone 14",
            "price": 90000,
            "quantity": 3,
            "discount": 10,
            "taxRate": 10,
            "taxIncluded": True,
        },
    )
    assert json.loads(route.calls.last.request.content) == {
        "filter": {"=ownerType": "D", "=ownerId": 13142},
        "order": {"id": "ASC"},
    }
