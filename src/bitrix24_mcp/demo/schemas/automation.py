"""Business processes: running instances (always UPPER_CASE), templates, triggers, stage history."""

from bitrix24_mcp.demo.schema import Entity, Field

WORKFLOWS = Entity(
    path="workflows",
    table="workflows",
    ops="",
    scope=("bizproc",),
    method="bizproc.workflow",
    key="ID",
    text_key=True,
    zone="portal",
    fields=(
        Field("ID", "string", "ID", readonly=True),
        Field("MODIFIED", "datetime", "Изменён"),
        Field("OWNED_UNTIL", "datetime", "Заблокирован до"),
        Field("MODULE_ID", "string", "Модуль"),
        Field("ENTITY", "string", "Сущность"),
        Field("DOCUMENT_ID", "string", "Документ"),
        Field("STARTED", "datetime", "Запущен"),
        Field("STARTED_BY", "string", "Кем запущен"),
        Field("TEMPLATE_ID", "string", "Шаблон"),
    ),
    indexes=("MODIFIED",),
)

# What a workflow waits for somebody to do. Only REST shows these, one row for each task of a person.
BIZPROC_TASKS = Entity(
    path="bizproc-tasks",
    table="bizproc_tasks",
    ops="",
    scope=("bizproc",),
    method="bizproc.task",
    key="ID",
    zone="portal",
    fields=(
        Field("ID", "integer", "ID", readonly=True),
        Field("WORKFLOW_ID", "string", "Бизнес-процесс"),
        Field("DOCUMENT_NAME", "string", "Название документа"),
        Field("NAME", "string", "Название"),
        Field("DESCRIPTION", "string", "Описание"),
        Field("MODIFIED", "datetime", "Изменено"),
        Field("WORKFLOW_STARTED", "datetime", "Процесс запущен"),
        Field("WORKFLOW_STARTED_BY", "string", "Кем запущен процесс"),
        Field("OVERDUE_DATE", "datetime", "Срок"),
        Field("WORKFLOW_TEMPLATE_ID", "integer", "Шаблон"),
        Field("WORKFLOW_TEMPLATE_NAME", "string", "Название шаблона"),
        Field("WORKFLOW_STATE", "string", "Состояние процесса"),
        Field("STATUS", "integer", "Состояние задания"),
        Field("USER_ID", "user", "Исполнитель"),
        Field("USER_STATUS", "integer", "Ответ исполнителя"),
        Field("MODULE_ID", "string", "Модуль"),
        Field("ENTITY", "string", "Сущность"),
        Field("DOCUMENT_ID", "string", "Документ"),
        Field("ACTIVITY", "string", "Вид задания"),
        Field("ACTIVITY_NAME", "string", "Действие в шаблоне"),
        Field("PARAMETERS", "object", "Настройки"),
        Field("DOCUMENT_URL", "string", "Ссылка на документ"),
    ),
    indexes=("USER_ID", "WORKFLOW_ID"),
)

BIZPROC_TEMPLATES = Entity(
    path="bizproc-templates",
    table="bizproc_templates",
    ops="LCUDSA",
    scope=("bizproc",),
    method="bizproc.workflow.template",
    zone="portal",
    fields=(
        Field("id", "integer", "ID", readonly=True),
        Field("moduleId", "string", "Модуль", default="crm"),
        Field("entity", "string", "Сущность"),
        Field("documentType", "string", "Тип документа", multiple=True),
        Field("autoExecute", "integer", "Автозапуск", default=0),
        Field("name", "string", "Название", required=True),
        Field("description", "string", "Описание"),
        Field("modified", "datetime", "Изменён", readonly=True, fill="updated"),
        Field("isModified", "boolean", "Изменён вручную", readonly=True, default=False),
        Field("userId", "user", "Кем изменён", readonly=True, fill="updater"),
    ),
)

TRIGGERS = Entity(
    path="triggers",
    table="triggers",
    ops="",
    scope=("crm",),
    method="crm.automation.trigger",
    key="CODE",
    text_key=True,
    fields=(
        Field("CODE", "string", "Код"),
        Field("NAME", "string", "Название"),
        Field("DOCUMENT_TYPE", "string", "Тип документа", multiple=True),
        Field("DOCUMENT_STATUS", "string", "Стадия"),
    ),
)

STAGE_HISTORY = Entity(
    path="stage-history",
    table="stage_history",
    ops="",
    scope=("crm",),
    method="crm.stagehistory",
    fields=(
        Field("id", "integer", "ID", readonly=True),
        Field("entityType", "string", "Тип сущности"),
        Field("typeId", "integer", "Вид записи"),
        Field("ownerId", "integer", "Владелец"),
        Field("createdAt", "datetime", "Дата"),
        Field("categoryId", "integer", "Воронка"),
        Field("stageSemanticId", "string", "Группа стадии"),
        Field("stageId", "string", "Стадия"),
    ),
    indexes=("ownerId",),
)

AUTOMATION = (WORKFLOWS, BIZPROC_TASKS, BIZPROC_TEMPLATES, TRIGGERS, STAGE_HISTORY)
