"""What is stored and what is sold: the drive, the trade catalogue, the web shop's orders."""

from collections.abc import Sequence

from bitrix24_mcp.rest.kinds.kind import WITH_LISTS, Kind, known, known_alike, no_order
from bitrix24_mcp.rest.reading.dialects import Dialect, Single

_ON_THE_DRIVE = {"createdBy": "user", "createTime": "datetime", "updateTime": "datetime"}
FILES = Kind(
    fields=known(
        {
            "id": "integer",
            "name": "string",
            "folderId": "integer",
            "storageId": "integer",
            "size": "integer",
            **_ON_THE_DRIVE,
        },
        {"folderId": "PARENT_ID"},
    ),
    dialect=Dialect(method="disk.folder.getchildren", filter="", select="", single=Single(method="disk.file.get")),
    described="disk.file.getFields",
    filterable=frozenset(),
    sortable=frozenset(),
)
FOLDERS = Kind(
    fields=known({"id": "integer", "name": "string", "storageId": "integer", "parentId": "integer", **_ON_THE_DRIVE}),
    dialect=Dialect(method="disk.folder.getchildren", filter="", select="", single=Single(method="disk.folder.get")),
    described="disk.folder.getFields",
    filterable=frozenset(),
    sortable=frozenset(),
)
STORAGES = Kind(
    fields=known(
        {"id": "integer", "name": "string", "entityType": "string", "entityId": "string", "rootFolderId": "integer"},
        {"rootFolderId": "ROOT_OBJECT_ID"},
    ),
    dialect=Dialect(
        method="disk.storage.getlist", filter="", select="", order=no_order, single=Single(method="disk.storage.get")
    ),
    described="disk.storage.getFields",
    filterable=frozenset(),
    sortable=frozenset(),
)
CATALOG_PRODUCTS = Kind(
    fields=known_alike(
        {
            "id": "integer",
            "name": "string",
            "iblockId": "integer",
            "iblockSectionId": "integer",
            "active": "boolean",
            "purchasingPrice": "double",
            "purchasingCurrency": "string",
            "quantity": "double",
            "createdBy": "user",
            "dateCreate": "datetime",
            "timestampX": "datetime",
        }
    ),
    dialect=Dialect(method="catalog.product.list", path=("products",), operators=WITH_LISTS),
    always=("iblockId",),
)
ORDERS = Kind(
    fields=known_alike(
        {
            "id": "integer",
            "accountNumber": "string",
            "statusId": "string",
            "price": "double",
            "currency": "string",
            "payed": "boolean",
            "canceled": "boolean",
            "personTypeId": "integer",
            "userId": "user",
            "responsibleId": "user",
            "dateInsert": "datetime",
            "dateUpdate": "datetime",
        }
    ),
    dialect=Dialect(method="sale.order.list", path=("orders",)),
    described="sale.order.getFields",
    described_at=("order",),
)

STORE_KINDS: Sequence[tuple[str, Kind]] = (
    ("files", FILES),
    ("folders", FOLDERS),
    ("storages", STORAGES),
    ("catalog-products", CATALOG_PRODUCTS),
    ("orders", ORDERS),
)
