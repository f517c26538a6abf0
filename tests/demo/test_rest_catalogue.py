"""REST of the demo portal: products, orders, currencies, requisites, documents, the drive."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from .demo_client import column, sql
from .rest_asking import CRM_ADMIN, SELLER, ask, ids, refused, rows, walked

if TYPE_CHECKING:
    from bitrix24_mcp.demo import DemoPortal


def moscow(text: str) -> str:
    return text.replace(" ", "T") + "+03:00"


def test_products_are_all_text(portal: DemoPortal) -> None:
    ((name, price, section, created, changed),) = sql(
        portal,
        "SELECT name, price, sectionId, datetime(createdAt, '+3 hours'), datetime(updatedAt, '+3 hours')"
        " FROM products WHERE id = 7",
    )
    expected = {
        "ID": "7",
        "NAME": name,
        "ACTIVE": "Y" if column(portal, "SELECT active FROM products WHERE id = 7")[0] else "N",
        "PRICE": f"{price:.2f}",
        "CURRENCY_ID": "RUB",
        "SECTION_ID": str(section),
        "CATALOG_ID": "25",
        "MEASURE": "796",
        "DESCRIPTION": None,
        "SORT": "500",
        "XML_ID": "product-7",
        "DATE_CREATE": moscow(created),
        "TIMESTAMP_X": moscow(changed),
        "CODE": None,
        "DESCRIPTION_TYPE": "text",
        "VAT_ID": None,
        "VAT_INCLUDED": "N",
        "PREVIEW_PICTURE": None,
        "DETAIL_PICTURE": None,
        "MODIFIED_BY": "1",
        "CREATED_BY": "1",
    }
    assert ask(portal, "crm.product.get", id=7) == {"result": expected}
    assert ask(portal, "crm.product.list", filter={"ID": 7}) == {"result": [expected], "total": 1}


@pytest.mark.parametrize(
    ("given", "condition"),
    [
        ({"SECTION_ID": 4, "ACTIVE": "Y"}, "sectionId = 4 AND active = 1"),
        ({">PRICE": "5000.5", "<=PRICE": 9000}, "price > 5000.5 AND price <= 9000"),
        ({"%NAME": "АРМАТУРА"}, "casefold(name) LIKE '%арматура%'"),
        ({"=%NAME": "%арт. 10_9"}, "name LIKE '%арт. 10\\_9' ESCAPE '\\'"),
        ({"!%=NAME": "%арт. 1%"}, "name NOT LIKE '%арт. 1%'"),
        ({"XML_ID": ["product-1", "product-2"]}, "xmlId IN ('product-1', 'product-2')"),
    ],
)
def test_products_are_filtered_by_prefixes(portal: DemoPortal, given: dict[str, object], condition: str) -> None:
    found = walked(portal, "crm.product.list", filter=given, order={"PRICE": "DESC"}, select=["ID"])
    expected = column(portal, f"SELECT id FROM products WHERE {condition} ORDER BY price DESC, id")
    assert [int(row["ID"]) for row in found] == expected


def test_all_pages_hold_every_product_once(portal: DemoPortal) -> None:
    found = [int(row["ID"]) for row in walked(portal, "crm.product.list", select=["ID"])]
    assert found == list(range(1, 301))


def test_product_fields_say_what_may_be_written(portal: DemoPortal) -> None:
    fields = ask(portal, "crm.product.fields")["result"]
    assert fields["PRICE"] == {
        "type": "double",
        "isRequired": False,
        "isReadOnly": False,
        "isImmutable": False,
        "isMultiple": False,
        "isDynamic": False,
        "title": "Цена",
    }
    assert fields["ACTIVE"]["type"] == "char"


def test_sections_without_a_catalogue_are_those_of_the_default_one(portal: DemoPortal) -> None:
    assert ids(portal, "crm.productsection.list") == list(range(1, 16))
    assert ids(portal, "crm.productsection.list", filter={"CATALOG_ID": 26}) == []
    assert ask(portal, "crm.productsection.get", id=3)["result"]["NAME"] == "Блоки"


def test_a_record_that_is_not_there_has_no_error_code(portal: DemoPortal) -> None:
    assert refused(portal, "crm.product.get", id=999) == (400, "", "Not found")
    assert refused(portal, "crm.product.get") == (400, "", "ID is not defined or invalid.")


def test_goods_need_the_catalogue_in_filter_and_select(portal: DemoPortal) -> None:
    assert refused(portal, "catalog.product.list", filter={"iblockId": 25}) == (
        400,
        0,
        "Required select fields: id, iblockId",
    )
    assert refused(portal, "catalog.product.list", select=["id", "iblockId"]) == (
        400,
        0,
        "Required filter fields: iblockId",
    )
    found = refused(portal, "catalog.product.list", select=["id", "iblockId"], filter={"iblockId": 99})
    assert found == (400, 200040300000, "Iblock Not Found")


def test_goods_keep_their_numbers(portal: DemoPortal) -> None:
    names = ["id", "iblockId", "name", "active", "quantity", "purchasingPrice"]
    found = ask(
        portal, "catalog.product.list", select=names, filter={"iblockId": 25, ">quantity": 890}, order={"id": "desc"}
    )
    expected = sql(
        portal,
        "SELECT id, iblockId, name, CASE active WHEN 1 THEN 'Y' ELSE 'N' END, quantity, purchasingPrice"
        " FROM catalog_products WHERE quantity > 890 ORDER BY id DESC",
    )
    assert found["result"] == {"products": [dict(zip(names, row, strict=True)) for row in expected]}
    assert found["total"] == len(expected)


def test_orders_are_for_administrators(portal: DemoPortal) -> None:
    names = ["id", "accountNumber", "price", "payed", "responsibleId"]
    found = ask(portal, "sale.order.list", select=names, filter={"payed": "Y"})
    expected = sql(
        portal,
        "SELECT id, accountNumber, price, 'Y', responsibleId FROM orders WHERE payed = 1 ORDER BY id",
    )
    assert found == {
        "result": {"orders": [dict(zip(names, row, strict=True)) for row in expected]},
        "total": len(expected),
    }
    assert refused(portal, "sale.order.list", CRM_ADMIN) == (400, 200040300010, "Access Denied")


def test_currencies_come_all_at_once_and_are_not_counted(portal: DemoPortal) -> None:
    found = ask(portal, "crm.currency.list", order={"sort": "asc"})
    assert [row["CURRENCY"] for row in found["result"]] == column(portal, "SELECT id FROM currencies ORDER BY sort")
    assert found["total"] == 0
    assert found["result"][0] == {
        "CURRENCY": "RUB",
        "AMOUNT_CNT": "1",
        "AMOUNT": "1.0000",
        "SORT": "100",
        "BASE": "Y",
        "FULL_NAME": "Российский рубль",
        "LID": "ru",
        "FORMAT_STRING": "# ₽",
        "DEC_POINT": ",",
        "THOUSANDS_SEP": found["result"][0]["THOUSANDS_SEP"],
        "DECIMALS": "2",
        "DATE_UPDATE": "2026-07-01T09:00:00+03:00",
    }
    assert ask(portal, "crm.currency.get", id="EUR")["result"] == found["result"][1]


def test_currencies_need_access_to_the_settings_of_the_crm(portal: DemoPortal) -> None:
    assert refused(portal, "crm.currency.list", SELLER) == (400, "", "Access denied.")
    assert len(rows(portal, "crm.currency.list", CRM_ADMIN)) == 3


def test_requisites_presets_and_bank_details_hang_together(portal: DemoPortal) -> None:
    (requisite,) = rows(portal, "crm.requisite.list", filter={"ENTITY_TYPE_ID": 4, "ENTITY_ID": 4})
    ((number, inn, ogrn),) = sql(portal, "SELECT id, rqInn, rqOgrn FROM requisites WHERE entityId = 4")
    assert (requisite["ID"], requisite["RQ_INN"], requisite["RQ_OGRN"]) == (str(number), inn, ogrn)
    assert ask(portal, "crm.requisite.get", id=number)["result"] == requisite
    (bank,) = rows(portal, "crm.requisite.bankdetail.list", filter={"ENTITY_ID": number}, select=["ID", "RQ_ACC_NUM"])
    assert bank == {
        "ID": str(number),
        "RQ_ACC_NUM": column(portal, "SELECT rqAccNum FROM bank_details WHERE entityId = ?", number)[0],
    }
    assert rows(portal, "crm.requisite.preset.list", select=["ID", "NAME"], order={"ID": "DESC"}) == [
        {"ID": "3", "NAME": "Физ. лицо"},
        {"ID": "2", "NAME": "ИП"},
        {"ID": "1", "NAME": "Организация"},
    ]


def test_presets_refuse_an_unknown_field(portal: DemoPortal) -> None:
    text = "Unknown field definition `BAD` (BAD) for \\Bitrix\\Crm\\Preset Entity."
    assert refused(portal, "crm.requisite.preset.list", select=["BAD"]) == (400, "100", text)
    assert refused(portal, "crm.requisite.preset.list", order={"BAD": "ASC"}) == (400, "100", text)


def test_documents_are_listed_under_their_name(portal: DemoPortal) -> None:
    names = ["id", "title", "templateId", "entityId", "createdBy"]
    found = ask(
        portal, "crm.documentgenerator.document.list", select=names, filter={"entityTypeId": 2}, order={"id": "DESC"}
    )
    expected = sql(portal, f"SELECT {', '.join(names)} FROM documents ORDER BY id DESC")
    assert found == {
        "result": {"documents": [dict(zip(names, map(str, row), strict=True)) for row in expected]},
        "total": len(expected),
    }
    assert refused(portal, "crm.documentgenerator.document.list", select=["entityTypeId"])[:2] == (400, "100")
    assert refused(portal, "crm.documentgenerator.document.list", SELLER) == (400, "ACCESS_DENIED", "Access denied")


def test_templates_are_a_map_by_id(portal: DemoPortal) -> None:
    found = ask(
        portal, "crm.documentgenerator.template.list", select=["name"], filter={"active": "Y"}, order={"id": "desc"}
    )
    expected = sql(portal, "SELECT id, name FROM doc_templates WHERE active = 1 ORDER BY id DESC")
    assert found == {"result": {"templates": {str(key): {"name": name} for key, name in expected}}, "total": 4}
    assert list(found["result"]["templates"]) == [str(key) for key, _ in expected]
    assert ask(portal, "crm.documentgenerator.template.list", filter={"id": 99})["result"] == {"templates": []}
    expected_refusal = (400, "DOCGEN_ACCESS_ERROR", "Access denied")
    assert refused(portal, "crm.documentgenerator.template.list", SELLER) == expected_refusal


def test_storages_tell_their_root_folder(portal: DemoPortal) -> None:
    assert ask(portal, "disk.storage.getlist", filter={"ENTITY_TYPE": "group", "%NAME": "тенд"}) == {
        "result": [
            {
                "ID": "3",
                "NAME": "Тендеры",
                "ENTITY_TYPE": "group",
                "ENTITY_ID": "6",
                "ROOT_OBJECT_ID": "30",
                "CODE": None,
                "MODULE_ID": "disk",
            }
        ],
        "total": 1,
    }


def test_a_folder_holds_folders_and_files(portal: DemoPortal) -> None:
    found = ask(portal, "disk.folder.getchildren", id=10)
    folders = column(portal, "SELECT id FROM folders WHERE parentId = 10 ORDER BY id")
    files = column(portal, "SELECT id FROM files WHERE folderId = 10 ORDER BY id")
    expected = [*(("folder", str(number)) for number in folders), *(("file", str(number)) for number in files)]
    assert [(row["TYPE"], row["ID"]) for row in found["result"]] == expected
    assert found["total"] == len(expected)
    assert ask(portal, "disk.storage.getchildren", id=1) == found
    only_files = ask(portal, "disk.folder.getchildren", id=10, filter={"TYPE": "file"}, order={"NAME": "DESC"})
    names = column(portal, "SELECT name FROM files WHERE folderId = 10 ORDER BY name DESC")
    assert [row["NAME"] for row in only_files["result"]] == names


def test_a_file_is_all_text(portal: DemoPortal) -> None:
    file: dict[str, Any] = ask(portal, "disk.file.get", id=5)["result"]
    ((name, folder, size, author),) = sql(portal, "SELECT name, folderId, size, createdBy FROM files WHERE id = 5")
    assert {key: file[key] for key in ("ID", "NAME", "PARENT_ID", "SIZE", "CREATED_BY", "TYPE", "DELETE_TIME")} == {
        "ID": "5",
        "NAME": name,
        "PARENT_ID": str(folder),
        "SIZE": str(size),
        "CREATED_BY": str(author),
        "TYPE": "file",
        "DELETE_TIME": None,
    }


def test_the_drive_names_what_it_cannot_find(portal: DemoPortal) -> None:
    assert refused(portal, "disk.folder.getchildren", id=999) == (
        400,
        "ERROR_NOT_FOUND",
        "Could not find entity with id `999`",
    )
    assert refused(portal, "disk.file.get") == (400, "ERROR_ARGUMENT", "Invalid value of parameter {Parameter #0}")


def test_the_trade_catalogue_says_which_it_is_and_orders_what_they_consist_of(portal: DemoPortal) -> None:
    assert [each["iblockId"] for each in ask(portal, "catalog.catalog.list")["result"]["catalogs"]] == [25]

    order = ask(portal, "sale.order.getFields")["result"]["order"]
    assert (order["id"]["type"], order["id"]["isReadOnly"], order["price"]["type"]) == ("integer", True, "double")
    assert "title" not in order["price"]
