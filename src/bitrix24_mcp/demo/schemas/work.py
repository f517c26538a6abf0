"""Tasks, activities, timeline comments and calendar events."""

from bitrix24_mcp.demo.schema import Entity, Field

TASKS = Entity(
    path="tasks",
    table="tasks",
    ops="LGCUDFSA",
    scope=("tasks", "task"),
    method="tasks.task",
    auto_window=False,
    fields=(
        Field("id", "integer", "ID", readonly=True),
        Field("title", "string", "Название", required=True),
        Field("description", "string", "Описание"),
        Field("responsibleId", "user", "Исполнитель", fill="owner"),
        Field("createdBy", "user", "Постановщик", readonly=True, fill="creator"),
        Field("status", "integer", "Статус", default=2),
        Field("priority", "integer", "Приоритет", default=1),
        Field("groupId", "integer", "Проект", default=0),
        Field("parentId", "integer", "Базовая задача", default=0),
        Field("deadline", "datetime", "Крайний срок"),
        Field("startDatePlan", "datetime", "Плановое начало"),
        Field("endDatePlan", "datetime", "Плановое завершение"),
        Field("timeEstimate", "integer", "Плановые трудозатраты, с", default=0),
        Field("timeSpentInLogs", "integer", "Затрачено, с", readonly=True, default=0),
        Field("allowTimeTracking", "boolean", "Учёт времени", default=False),
        Field("tags", "string", "Теги", multiple=True),
        Field("accomplices", "user", "Соисполнители", multiple=True),
        Field("auditors", "user", "Наблюдатели", multiple=True),
        Field("createdDate", "datetime", "Дата создания", readonly=True, fill="created"),
        Field("changedDate", "datetime", "Дата изменения", readonly=True, fill="updated"),
        Field("closedDate", "datetime", "Дата завершения", readonly=True),
        Field("UF_CRM_TASK", "crm", "Элементы CRM", multiple=True),
    ),
    aggregatable=("status", "priority", "responsibleId", "groupId", "timeEstimate"),
    aliases=(("REAL_STATUS", "status"), ("creatorId", "createdBy")),
    indexes=("responsibleId", "status", "deadline", "createdDate"),
)

TASK_COMMENTS = Entity(
    path="task-comments",
    table="task_comments",
    ops="",
    scope=("tasks", "task"),
    method="task.commentitem",
    fields=(
        Field("id", "integer", "ID", readonly=True),
        Field("taskId", "integer", "Задача", readonly=True),
        Field("authorId", "user", "Автор", readonly=True, fill="creator"),
        Field("message", "string", "Текст", required=True),
        Field("createdAt", "datetime", "Дата", readonly=True, fill="created"),
    ),
    indexes=("taskId",),
)

ACTIVITIES = Entity(
    path="activities",
    table="activities",
    ops="LGCUDFSA",
    scope=("crm",),
    method="crm.activity",
    fields=(
        Field("id", "integer", "ID", readonly=True),
        Field("typeId", "integer", "Тип", required=True),
        Field("providerId", "string", "Провайдер", readonly=True),
        Field("providerTypeId", "string", "Тип провайдера", readonly=True),
        Field("ownerTypeId", "integer", "Тип владельца", required=True),
        Field("ownerId", "integer", "Владелец", required=True),
        Field("subject", "string", "Тема"),
        Field("description", "string", "Описание"),
        Field("responsibleId", "user", "Ответственный", fill="owner"),
        Field("authorId", "user", "Автор", readonly=True, fill="creator"),
        Field("priority", "integer", "Важность", default=2),
        Field("direction", "integer", "Направление", default=0),
        Field("completed", "boolean", "Завершено", default=False),
        Field("startTime", "datetime", "Начало"),
        Field("endTime", "datetime", "Окончание"),
        Field("deadline", "datetime", "Крайний срок"),
        Field("createdAt", "datetime", "Дата создания", readonly=True, fill="created"),
        Field("updatedAt", "datetime", "Дата изменения", readonly=True, fill="updated"),
    ),
    aggregatable=("typeId", "ownerTypeId", "responsibleId", "completed"),
    indexes=("ownerId", "responsibleId", "createdAt", "deadline"),
)

TIMELINES = Entity(
    path="timelines",
    table="timelines",
    ops="LGCUDFSA",
    scope=("crm",),
    method="crm.timeline.comment",
    fields=(
        Field("id", "integer", "ID", readonly=True),
        Field("entityId", "integer", "Владелец", required=True),
        Field("entityType", "string", "Тип владельца", required=True),
        Field("comment", "string", "Комментарий", required=True),
        Field("authorId", "user", "Автор", readonly=True, fill="creator"),
        Field("createdAt", "datetime", "Дата создания", readonly=True, fill="created"),
    ),
    required_filter=("entityType", "entityId"),
    indexes=("entityId",),
)

TIMELINE_LOGS = Entity(
    path="timeline-logs",
    table="timeline_logs",
    ops="",
    scope=("crm",),
    method="crm.timeline.logmessage",
    fields=(
        Field("id", "integer", "ID", readonly=True),
        Field("entityTypeId", "integer", "Тип владельца", required=True),
        Field("entityId", "integer", "Владелец", required=True),
        Field("title", "string", "Заголовок", required=True),
        Field("text", "string", "Текст"),
        Field("iconCode", "string", "Значок", default="info"),
        Field("authorId", "user", "Автор", readonly=True, fill="creator"),
        Field("createdAt", "datetime", "Дата", readonly=True, fill="created"),
    ),
)

CALENDAR_EVENTS = Entity(
    path="calendar-events",
    table="calendar_events",
    ops="LGCUDSA",
    scope=("calendar",),
    method="calendar.event",
    zone="portal",
    fields=(
        Field("id", "integer", "ID", readonly=True),
        Field("type", "string", "Календарь", required=True),
        Field("ownerId", "integer", "Владелец", required=True),
        Field("name", "string", "Название", required=True),
        Field("description", "string", "Описание"),
        Field("from", "datetime", "Начало", required=True),
        Field("to", "datetime", "Окончание", required=True),
        Field("location", "string", "Место"),
        Field("createdBy", "user", "Кем создано", readonly=True, fill="creator"),
        Field("dateCreate", "datetime", "Дата создания", readonly=True, fill="created"),
    ),
    required_params=("type", "ownerId"),
)

WORK = (TASKS, TASK_COMMENTS, ACTIVITIES, TIMELINES, TIMELINE_LOGS, CALENDAR_EVENTS)
