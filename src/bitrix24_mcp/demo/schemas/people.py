"""Users, departments and workgroups."""

from bitrix24_mcp.demo.schema import Entity, Field

USERS = Entity(
    path="users",
    table="users",
    ops="LGCUDFSA",
    scope=("user", "user_basic", "user_brief"),
    method="user",
    zone="portal",
    fields=(
        Field("id", "integer", "ID", readonly=True),
        Field("name", "string", "Имя"),
        Field("lastName", "string", "Фамилия"),
        Field("email", "string", "E-mail", required=True),
        Field("active", "boolean", "Активен", default=True),
        Field("workPosition", "string", "Должность"),
        Field("departmentId", "integer", "Подразделения", multiple=True),
        Field("personalPhone", "string", "Телефон"),
        Field("personalPhoto", "string", "Фотография"),
        Field("isAdmin", "boolean", "Администратор", readonly=True, default=False),
        Field("lastLogin", "datetime", "Последний вход", readonly=True),
        Field("timeZone", "string", "Часовой пояс", default="Europe/Moscow"),
        Field("userType", "string", "Тип пользователя", default="employee"),
        Field("dateRegister", "datetime", "Дата регистрации", readonly=True, fill="created"),
    ),
    indexes=("lastName",),
)

DEPARTMENTS = Entity(
    path="departments",
    table="departments",
    ops="LGCUDSA",
    scope=("department",),
    method="department",
    fields=(
        Field("id", "integer", "ID", readonly=True),
        Field("name", "string", "Название", required=True),
        Field("parentId", "integer", "Вышестоящее подразделение"),
        Field("headId", "integer", "Руководитель"),
        Field("sort", "integer", "Сортировка", default=500),
    ),
)

WORKGROUPS = Entity(
    path="workgroups",
    table="workgroups",
    ops="LGCUDSA",
    scope=("sonet_group",),
    method="sonet_group",
    zone="portal",
    fields=(
        Field("id", "integer", "ID", readonly=True),
        Field("name", "string", "Название", required=True),
        Field("description", "string", "Описание"),
        Field("active", "boolean", "Активна", default=True),
        Field("visible", "boolean", "Видна всем", default=True),
        Field("opened", "boolean", "Свободное вступление", default=False),
        Field("ownerId", "integer", "Владелец"),
        Field("subjectId", "integer", "Тематика", default=1),
        Field("subjectName", "string", "Название тематики", readonly=True),
        Field("membersCount", "integer", "Число участников", readonly=True),
        Field("dateCreate", "datetime", "Дата создания", readonly=True, fill="created"),
        Field("dateUpdate", "datetime", "Дата изменения", readonly=True, fill="updated"),
    ),
)

PEOPLE = (USERS, DEPARTMENTS, WORKGROUPS)
