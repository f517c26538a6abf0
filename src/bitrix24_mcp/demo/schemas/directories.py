"""Directories: CRM statuses, funnels, currencies and smart-process types."""

from bitrix24_mcp.demo.schema import Entity, Field

STATUSES = Entity(
    path="statuses",
    table="statuses",
    ops="LGCUDFSA",
    scope=("crm",),
    method="crm.status",
    shape="upper",
    missing="NOT_FOUND",
    missing_delete="NOT_FOUND",
    fields=(
        Field("id", "integer", "ID", readonly=True),
        Field("entityId", "string", "Идентификатор справочника", required=True),
        Field("statusId", "string", "Код", required=True),
        Field("name", "string", "Название", required=True),
        Field("nameInit", "string", "Название по умолчанию", readonly=True),
        Field("sort", "integer", "Сортировка", default=10),
        Field("system", "boolean", "Системное", readonly=True, default=False),
        Field("color", "string", "Цвет"),
        Field("semantics", "string", "Семантика"),
        Field("categoryId", "integer", "Воронка", readonly=True),
        Field("extra", "object", "Дополнительно", readonly=True),
    ),
    indexes=("entityId",),
)

DEAL_CATEGORIES = Entity(
    path="deal-categories",
    table="deal_categories",
    ops="LGCUDFSA",
    scope=("crm",),
    method="crm.dealcategory",
    shape="declared",
    missing="NOT_FOUND",
    missing_delete="NOT_FOUND",
    zone="portal",
    fields=(
        Field("id", "integer", "ID", readonly=True),
        Field("name", "string", "Название", required=True),
        Field("sort", "integer", "Сортировка", default=500),
        Field("isLocked", "boolean", "Заблокирована", readonly=True, default=False),
        Field("createdAt", "datetime", "Дата создания", readonly=True, fill="created"),
    ),
)

CATEGORIES = Entity(
    path="categories",
    table="categories",
    ops="",
    scope=("crm",),
    method="crm.category",
    fields=(
        Field("id", "integer", "ID", readonly=True),
        Field("entityTypeId", "integer", "Тип сущности", readonly=True),
        Field("name", "string", "Название", required=True),
        Field("sort", "integer", "Сортировка", default=500),
        Field("isDefault", "boolean", "По умолчанию", default=False),
    ),
)

CURRENCIES = Entity(
    path="currencies",
    table="currencies",
    ops="LGCUDFSA",
    scope=("crm",),
    method="crm.currency",
    text_key=True,
    zone="portal",
    fields=(
        Field("id", "string", "Код валюты", required=True),
        Field("amountCnt", "integer", "Номинал", default=1),
        Field("amount", "double", "Курс"),
        Field("sort", "integer", "Сортировка", default=100),
        Field("base", "boolean", "Базовая", readonly=True, default=False),
        Field("fullName", "string", "Название"),
        Field("lid", "string", "Язык", default="ru"),
        Field("formatString", "string", "Формат"),
        Field("decPoint", "string", "Десятичный разделитель"),
        Field("thousandsSep", "string", "Разделитель тысяч"),
        Field("decimals", "integer", "Знаков после запятой", default=2),
        Field("dateUpdate", "datetime", "Дата изменения", readonly=True, fill="updated"),
    ),
)

_FLAGS = (
    ("isCategoriesEnabled", "Воронки"),
    ("isStagesEnabled", "Стадии"),
    ("isBeginCloseDatesEnabled", "Даты начала и завершения"),
    ("isClientEnabled", "Клиент"),
    ("isLinkWithProductsEnabled", "Товары"),
    ("isMycompanyEnabled", "Реквизиты вашей компании"),
    ("isObserversEnabled", "Наблюдатели"),
    ("isSourceEnabled", "Источник"),
    ("isAutomationEnabled", "Роботы"),
    ("isBizProcEnabled", "Бизнес-процессы"),
    ("isDocumentsEnabled", "Документы"),
    ("isRecyclebinEnabled", "Корзина"),
    ("isSetOpenPermissions", "Новые воронки доступны всем"),
    ("isUseInUserfieldEnabled", "Привязка в пользовательских полях"),
    ("isRecurringEnabled", "Повторение"),
    ("isPaymentsEnabled", "Оплаты"),
    ("isCountersEnabled", "Счётчики"),
)

SMART_PROCESSES = Entity(
    path="smart-processes",
    table="smart_processes",
    ops="LGCUDFS",
    scope=("crm",),
    method="crm.type",
    key="entityTypeId",
    zone="portal",
    shape="declared",
    paged=False,
    missing_delete="SMART_PROCESS_NOT_FOUND",
    fields=(
        Field("id", "integer", "ID", readonly=True),
        Field("entityTypeId", "integer", "Идентификатор типа"),
        Field("title", "string", "Название", required=True),
        Field("code", "string", "Символьный код"),
        Field("customSectionId", "integer", "Цифровое рабочее место"),
        *(Field(name, "boolean", title, default=name == "isSetOpenPermissions") for name, title in _FLAGS),
        Field("isInitialized", "boolean", "Создание завершено", readonly=True, default=False),
        Field("createdBy", "user", "Кем создан", readonly=True, fill="creator"),
        Field("updatedBy", "user", "Кем изменён", readonly=True, fill="updater"),
        Field("createdTime", "datetime", "Дата создания", readonly=True, fill="created"),
        Field("updatedTime", "datetime", "Дата изменения", readonly=True, fill="updated"),
    ),
)

DIRECTORIES = (STATUSES, DEAL_CATEGORIES, CATEGORIES, CURRENCIES, SMART_PROCESSES)
