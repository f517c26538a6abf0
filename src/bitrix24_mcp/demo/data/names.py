"""Words that records are made of."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bitrix24_mcp.demo.data.world import Dice

MEN = (
    "Александр",
    "Дмитрий",
    "Максим",
    "Сергей",
    "Андрей",
    "Алексей",
    "Илья",
    "Кирилл",
    "Михаил",
    "Никита",
    "Роман",
    "Егор",
    "Павел",
    "Олег",
    "Виктор",
)
WOMEN = (
    "Анна",
    "Мария",
    "Елена",
    "Ольга",
    "Наталья",
    "Екатерина",
    "Татьяна",
    "Ирина",
    "Юлия",
    "Светлана",
    "Дарья",
    "Алина",
    "Полина",
    "Вера",
    "Ксения",
)
SURNAMES = (
    "Иванов",
    "Смирнов",
    "Кузнецов",
    "Попов",
    "Васильев",
    "Петров",
    "Соколов",
    "Михайлов",
    "Новиков",
    "Фёдоров",
    "Морозов",
    "Волков",
    "Алексеев",
    "Лебедев",
    "Семёнов",
    "Егоров",
    "Павлов",
    "Козлов",
    "Степанов",
    "Николаев",
    "Орлов",
    "Андреев",
    "Макаров",
    "Никитин",
    "Захаров",
)
PATRONYMICS = ("Александров", "Дмитриев", "Сергеев", "Андреев", "Алексеев", "Михайлов", "Павлов", "Олегов")
ENGLISH_NAMES = ("James", "Mary", "Robert", "Linda", "Michael", "Susan", "David", "Karen", "Thomas", "Emma")
ENGLISH_SURNAMES = ("Smith", "Johnson", "Brown", "Taylor", "Miller", "Wilson", "Clark", "Walker", "Hall", "Young")
CITIES = ("Москва", "Санкт-Петербург", "Мурманск", "Архангельск", "Вологда", "Казань", "Екатеринбург", "Псков")
STREETS = ("ул. Ленина", "Невский пр.", "ул. Мира", "Промышленный проезд", "ул. Строителей", "наб. Северной Двины")
POSTS = ("Директор", "Главный инженер", "Снабженец", "Прораб", "Бухгалтер", "Project manager", "Buyer", "Архитектор")
GOODS = (
    "цемент М500",
    "арматура А500С",
    "газобетон D500",
    "утеплитель 100 мм",
    "кирпич облицовочный",
    "фасадная сетка",
    "пеноплэкс",
    "металлочерепица",
    "щебень 5–20",
    "опалубка щитовая",
    "гидроизоляция",
    "сэндвич-панели",
)
WORKS = (
    "Проект склада",
    "Проект офиса",
    "Реконструкция цеха",
    "Поставка материалов",
    "Благоустройство",
    "Фасад",
    "Капитальный ремонт",
    "Дизайн-проект",
    "Авторский надзор",
    "Геодезия участка",
)
_FORMS = ("ООО", "АО", "ООО", "ИП", "ООО")
_ROOTS = (
    "Строй",
    "Норд",
    "Гранит",
    "Монтаж",
    "Полюс",
    "Вектор",
    "Фасад",
    "Бетон",
    "Лад",
    "Карелия",
    "Сфера",
    "Арка",
    "Дельта",
    "Профиль",
    "Ситал",
    "Архи",
    "Север",
    "Тандем",
    "Форт",
    "Кров",
)
_ENDS = (
    "Инвест",
    "Сервис",
    "Групп",
    "Трейд",
    "Проект",
    "Альянс",
    "Комплект",
    "Ресурс",
    "Дом",
    "Индустрия",
    "Центр",
    "Капитал",
    "Мастер",
)
_EXPORT = ("Nordic", "Baltic", "Harbour", "Granite", "Arctic", "Fjord", "Polar", "Summit")
_EXPORT_ENDS = ("Construction Ltd", "Builders GmbH", "Supplies Oy", "Design AB", "Group LLC")


def company_title(number: int) -> str:
    """The name of company `number`: the same wherever it is mentioned."""
    if number % 9 == 4:
        first = _EXPORT[number % len(_EXPORT)]
        ending = _EXPORT_ENDS[(number // len(_EXPORT)) % len(_EXPORT_ENDS)]
        return f"{first} {ending}" + (f" {number}" if number > 360 else "")
    root, ending = _ROOTS[number % len(_ROOTS)], _ENDS[(number // len(_ROOTS)) % len(_ENDS)]
    city = f" ({CITIES[(number // 260) % len(CITIES)]})" if number >= 260 else ""
    serial = f" №{number}" if number >= 2080 else ""
    return f"{_FORMS[number % len(_FORMS)]} «{root}{ending}»{city}{serial}"


def person(dice: Dice) -> tuple[str, str, str | None]:
    """First name, surname, patronymic."""
    if dice.often(0.15):
        return dice.pick(ENGLISH_NAMES), dice.pick(ENGLISH_SURNAMES), None
    if dice.often(0.5):
        return dice.pick(MEN), dice.pick(SURNAMES), dice.pick(PATRONYMICS) + "ич"
    return dice.pick(WOMEN), dice.pick(SURNAMES) + "а", dice.pick(PATRONYMICS) + "на"


def phone(dice: Dice) -> str:
    """A Russian mobile number."""
    return f"+79{dice.between(100_000_000, 999_999_999)}"


def multifield(value: str, kind: str = "WORK") -> str:
    """A multi-field column with one value."""
    return f'[{{"ID": "1", "VALUE_TYPE": "{kind}", "VALUE": "{value}"}}]'


def email(dice: Dice, domain: str) -> str:
    """A mail address."""
    return f"{dice.pick(('info', 'office', 'zakaz', 'sales', 'mail'))}{dice.between(1, 9999)}@{domain}.example"


def address(dice: Dice) -> str:
    """A postal address."""
    return f"{dice.pick(CITIES)}, {dice.pick(STREETS)}, {dice.between(1, 180)}"
