"""Products, their sections, product rows, the trade catalogue and orders."""

from bitrix24_mcp.demo.schema import Entity, Field

PRODUCTS = Entity(
    path="products",
    table="products",
    ops="LGCUDFSA",
    scope=("crm",),
    method="crm.product",
    fields=(
        Field("id", "integer", "ID", readonly=True),
        Field("name", "string", "Название", required=True),
        Field("active", "boolean", "Активен", default=True),
        Field("price", "number", "Цена", default=0),
        Field("currency", "string", "Валюта", default="RUB"),
        Field("sectionId", "integer", "Раздел"),
        Field("catalogId", "integer", "Каталог", readonly=True, default=25),
        Field("measure", "integer", "Единица измерения", default=796),
        Field("description", "string", "Описание"),
        Field("sort", "integer", "Сортировка", default=500),
        Field("xmlId", "string", "Внешний код"),
        Field("createdAt", "datetime", "Дата создания", readonly=True, fill="created"),
        Field("updatedAt", "datetime", "Дата изменения", readonly=True, fill="updated"),
    ),
    aggregatable=("price", "sectionId", "catalogId", "active"),
    indexes=("sectionId",),
)

PRODUCT_SECTIONS = Entity(
    path="product-sections",
    table="product_sections",
    ops="LGCUDFSA",
    scope=("crm",),
    method="crm.productsection",
    fields=(
        Field("id", "integer", "ID", readonly=True),
        Field("name", "string", "Название", required=True),
        Field("catalogId", "integer", "Каталог", readonly=True, default=25),
        Field("sectionId", "integer", "Родительский раздел"),
        Field("xmlId", "string", "Внешний код"),
        Field("code", "string", "Символьный код"),
    ),
)

PRODUCT_ROWS = Entity(
    path="product-rows",
    table="product_rows",
    ops="",
    scope=("crm",),
    method="crm.item.productrow",
    fields=(
        Field("id", "integer", "ID", readonly=True),
        Field("ownerType", "string", "Тип владельца", readonly=True),
        Field("ownerId", "integer", "Владелец", readonly=True),
        Field("productId", "integer", "Товар", required=True),
        Field("productName", "string", "Название"),
        Field("price", "number", "Цена", required=True),
        Field("quantity", "number", "Количество", required=True, default=1),
        Field("discount", "number", "Скидка", default=0),
        Field("taxRate", "number", "Ставка НДС"),
        Field("taxIncluded", "boolean", "НДС в цене", default=False),
    ),
    indexes=("ownerId",),
)

CATALOG_PRODUCTS = Entity(
    path="catalog-products",
    table="catalog_products",
    ops="LGCUDFSA",
    scope=("catalog",),
    method="catalog.product",
    zone="portal",
    fields=(
        Field("id", "integer", "ID", readonly=True),
        Field("name", "string", "Название", required=True),
        Field("iblockId", "integer", "Инфоблок", default=25),
        Field("iblockSectionId", "integer", "Раздел"),
        Field("active", "boolean", "Активен", default=True),
        Field("purchasingPrice", "double", "Закупочная цена"),
        Field("purchasingCurrency", "string", "Валюта закупки", default="RUB"),
        Field("quantity", "double", "Остаток", default=0),
        Field("createdBy", "user", "Кем создан", readonly=True, fill="creator"),
        Field("dateCreate", "datetime", "Дата создания", readonly=True, fill="created"),
        Field("timestampX", "datetime", "Дата изменения", readonly=True, fill="updated"),
    ),
)

ORDERS = Entity(
    path="orders",
    table="orders",
    ops="LGCUDFSA",
    scope=("sale",),
    method="sale.order",
    zone="portal",
    fields=(
        Field("id", "integer", "ID", readonly=True),
        Field("accountNumber", "string", "Номер заказа"),
        Field("statusId", "string", "Статус", default="N"),
        Field("price", "double", "Сумма", default=0),
        Field("currency", "string", "Валюта", default="RUB"),
        Field("payed", "boolean", "Оплачен", default=False),
        Field("canceled", "boolean", "Отменён", default=False),
        Field("personTypeId", "integer", "Тип плательщика", default=1),
        Field("userId", "user", "Покупатель"),
        Field("responsibleId", "user", "Ответственный", fill="owner"),
        Field("dateInsert", "datetime", "Дата создания", readonly=True, fill="created"),
        Field("dateUpdate", "datetime", "Дата изменения", readonly=True, fill="updated"),
    ),
)

CATALOGUE = (PRODUCTS, PRODUCT_SECTIONS, PRODUCT_ROWS, CATALOG_PRODUCTS, ORDERS)
