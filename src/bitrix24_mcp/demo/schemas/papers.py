"""Documents, their templates, and the drive: storages, folders, files."""

from bitrix24_mcp.demo.schema import Entity, Field

DOC_TEMPLATES = Entity(
    path="doc-templates",
    table="doc_templates",
    ops="LGCUDFSA",
    scope=("documentgenerator",),
    method="crm.documentgenerator.template",
    zone="portal",
    fields=(
        Field("id", "integer", "ID", readonly=True),
        Field("name", "string", "Название", required=True),
        Field("code", "string", "Символьный код"),
        Field("region", "string", "Регион", default="ru"),
        Field("numeratorId", "integer", "Нумератор", default=1),
        Field("active", "boolean", "Активен", default=True),
        Field("sort", "integer", "Сортировка", default=500),
        Field("createTime", "datetime", "Дата создания", readonly=True, fill="created"),
        Field("updateTime", "datetime", "Дата изменения", readonly=True, fill="updated"),
    ),
)

DOCUMENTS = Entity(
    path="documents",
    table="documents",
    ops="LGCUDFSA",
    scope=("documentgenerator",),
    method="crm.documentgenerator.document",
    zone="portal",
    fields=(
        Field("id", "integer", "ID", readonly=True),
        Field("title", "string", "Название"),
        Field("number", "string", "Номер"),
        Field("templateId", "integer", "Шаблон", required=True),
        Field("entityTypeId", "integer", "Тип владельца", required=True),
        Field("entityId", "integer", "Владелец", required=True),
        Field("createdBy", "user", "Кем создан", readonly=True, fill="creator"),
        Field("createTime", "datetime", "Дата создания", readonly=True, fill="created"),
        Field("updateTime", "datetime", "Дата изменения", readonly=True, fill="updated"),
    ),
)

STORAGES = Entity(
    path="storages",
    table="storages",
    ops="LGFSA",
    scope=("disk",),
    method="disk.storage",
    fields=(
        Field("id", "integer", "ID", readonly=True),
        Field("name", "string", "Название"),
        Field("entityType", "string", "Тип владельца"),
        Field("entityId", "string", "Владелец"),
        Field("rootFolderId", "integer", "Корневая папка"),
    ),
)

FOLDERS = Entity(
    path="folders",
    table="folders",
    ops="LGCUDFSA",
    scope=("disk",),
    method="disk.folder",
    zone="portal",
    fields=(
        Field("id", "integer", "ID", readonly=True),
        Field("name", "string", "Название", required=True),
        Field("storageId", "integer", "Хранилище"),
        Field("parentId", "integer", "Папка"),
        Field("createdBy", "user", "Кем создана", readonly=True, fill="creator"),
        Field("createTime", "datetime", "Дата создания", readonly=True, fill="created"),
        Field("updateTime", "datetime", "Дата изменения", readonly=True, fill="updated"),
    ),
)

FILES = Entity(
    path="files",
    table="files",
    ops="LGUDFSA",
    scope=("disk",),
    method="disk.file",
    zone="portal",
    fields=(
        Field("id", "integer", "ID", readonly=True),
        Field("name", "string", "Название"),
        Field("folderId", "integer", "Папка"),
        Field("storageId", "integer", "Хранилище", readonly=True),
        Field("size", "integer", "Размер", readonly=True),
        Field("createdBy", "user", "Кем создан", readonly=True, fill="creator"),
        Field("createTime", "datetime", "Дата создания", readonly=True, fill="created"),
        Field("updateTime", "datetime", "Дата изменения", readonly=True, fill="updated"),
    ),
    required_params=("folderId",),
)

PAPERS = (DOC_TEMPLATES, DOCUMENTS, STORAGES, FOLDERS, FILES)
