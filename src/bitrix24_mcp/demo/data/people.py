"""Sixty users, nine departments, twelve workgroups."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from bitrix24_mcp.demo.data.world import DAY, FIRST_SECONDS, LAST_CHANGE_SECONDS, NOW_SECONDS, iso

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bitrix24_mcp.demo.data.world import Row, World

_GAPS = frozenset({3, 14, 15, 27, 33, 42, 48, 59, 66, 69})
_DISMISSED = frozenset({6, 12, 20, 29, 38, 47, 55, 64})
_DEPARTMENTS = (
    (1, "Северный Проект", None, 1),
    (2, "Отдел продаж", 1, 2),
    (3, "Партнёрские продажи", 2, 16),
    (4, "Export", 2, 30),
    (5, "Проектное бюро", 1, 43),
    (6, "Закупки и склад", 1, 49),
    (7, "Бухгалтерия", 1, 54),
    (8, "Юридический отдел", 1, 60),
    (9, "IT", 1, 67),
)
_PLACES = ((1, 1), (13, 2), (28, 3), (41, 4), (47, 5), (53, 6), (57, 2), (59, 7), (65, 8), (70, 9))
_POSTS = {
    1: "Генеральный директор",
    2: "Менеджер по продажам",
    3: "Менеджер по работе с партнёрами",
    4: "Export manager",
    5: "Архитектор",
    6: "Снабженец",
    7: "Бухгалтер",
    8: "Юрист",
    9: "Системный администратор",
}
_NAMES = (
    "Алексей Северов",
    "Ольга Иванова",
    "Дмитрий Кузнецов",
    "Анна Иванова",
    "Сергей Попов",
    "Мария Волкова",
    "Илья Соколов",
    "Елена Лебедева",
    "Павел Морозов",
    "Наталья Орлова",
    "Кирилл Захаров",
    "Юлия Макарова",
    "Никита Фёдоров",
    "Татьяна Козлова",
    "Роман Степанов",
    "Вера Павлова",
    "Егор Никитин",
    "Полина Егорова",
    "Олег Андреев",
    "Ксения Семёнова",
    "Виктор Новиков",
    "Дарья Михайлова",
    "Максим Петров",
    "Ирина Смирнова",
    "Андрей Николаев",
    "Emma Smith",
    "John Smith",
    "Karen Walker",
    "Thomas Brown",
    "Susan Taylor",
    "Robert Clark",
    "Linda Hall",
    "David Miller",
    "James Wilson",
    "Mary Johnson",
    "Михаил Алексеев",
    "Светлана Белоусова",
    "Александр Громов",
    "Екатерина Зайцева",
    "Глеб Ершов",
    "Алина Кравцова",
    "Фёдор Беляев",
    "Зоя Комарова",
    "Артём Давыдов",
    "Лидия Щербакова",
    "Игорь Тихонов",
    "Нина Антонова",
    "Степан Власов",
    "Карина Белова",
    "Тимур Осипов",
    "Раиса Гусева",
    "Борис Киселёв",
    "Инна Ларина",
    "Лев Маслов",
    "Жанна Титова",
    "Пётр Рыбаков",
    "Яна Чернова",
    "Георгий Сафонов",
    "Аркадий Блинов",
    "Маргарита Цветкова",
)
_GROUPS = (
    "ЖК «Полярный»",
    "Склад в Вологде",
    "Школа на 500 мест",
    "Helsinki office",
    "Ремонт офиса",
    "Тендеры 2026",
    "Закупки цемента",
    "Сайт и каталог",
    "Охрана труда",
    "Выставка «Батимат»",
    "Архив проектов",
    "Порт Мурманск",
)

USER_IDS = tuple(number for number in range(1, 71) if number not in _GAPS)


def _department(user: int) -> int:
    if user == 57:
        return 2
    return next(department for last, department in _PLACES if user <= last)


SELLERS = tuple(user for user in USER_IDS if _department(user) in (2, 3, 4))
STAFF = tuple(user for user in USER_IDS if user not in _DISMISSED)
LAWYERS = tuple(user for user in STAFF if _department(user) == 8)
BUYERS = tuple(user for user in STAFF if _department(user) == 6)


def users(world: World) -> Iterator[tuple[str, Row]]:
    """User 1 is the administrator; 57 is a seller; two are called Иванова and two Smith."""
    dice = world.dice("users")
    for user, full_name in zip(USER_IDS, _NAMES, strict=True):
        name, last_name = full_name.split()
        department = _department(user)
        registered = FIRST_SECONDS - dice.between(30, 900) * DAY
        dismissed = user in _DISMISSED
        last_login = NOW_SECONDS - (dice.between(100, 600) * DAY if dismissed else dice.between(60, 5 * DAY))
        yield (
            "users",
            {
                "id": user,
                "name": name,
                "lastName": last_name,
                "email": f"user{user}@north-project.example",
                "active": not dismissed,
                "workPosition": _POSTS[department],
                "departmentId": json.dumps([1, 2] if user == 2 else [department]),
                "personalPhone": f"+7921{dice.between(1_000_000, 9_999_999)}" if dice.often(0.7) else None,
                "personalPhoto": None,
                "isAdmin": user == 1,
                "lastLogin": iso(last_login),
                "timeZone": "Europe/Moscow" if department != 4 else "Europe/Helsinki",
                "userType": "employee",
                "dateRegister": iso(registered),
            },
        )


def departments(_world: World) -> Iterator[tuple[str, Row]]:
    """A tree of nine under the company itself."""
    for department, name, parent, head in _DEPARTMENTS:
        row: Row = {"id": department, "name": name, "parentId": parent, "headId": head, "sort": department * 100}
        yield "departments", row


def workgroups(world: World) -> Iterator[tuple[str, Row]]:
    """Twelve projects, one of them archived."""
    dice = world.dice("workgroups")
    for number, name in enumerate(_GROUPS, start=1):
        created = NOW_SECONDS - dice.between(20, 900) * DAY
        yield (
            "workgroups",
            {
                "id": number,
                "name": name,
                "description": f"Рабочая группа: {name}",
                "active": number != 11,
                "visible": number != 6,
                "opened": dice.often(0.4),
                "ownerId": dice.pick(STAFF),
                "subjectId": 1,
                "subjectName": "Проекты",
                "membersCount": dice.between(3, 25),
                "dateCreate": iso(created),
                "dateUpdate": iso(min(LAST_CHANGE_SECONDS, created + dice.between(1, 20) * DAY)),
            },
        )
