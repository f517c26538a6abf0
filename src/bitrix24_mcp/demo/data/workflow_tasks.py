"""What running business processes wait for people to do: forty tasks of the four kinds."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from bitrix24_mcp.demo.data.people import STAFF
from bitrix24_mcp.demo.data.workflows import TEMPLATES, workflows
from bitrix24_mcp.demo.data.world import DAY, NOW_SECONDS, iso

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from bitrix24_mcp.demo.data.world import Dice, Row, World

TASKS = 40
_EVERY = 3  # of 140 instances, every third one has given a task
_FIRST = 1_401
_KINDS = (
    # activity, name, state of the process, its answer when completed
    ("ApproveActivity", "Согласовать документ", "Ожидает согласования", 1),
    ("ReviewActivity", "Ознакомиться с документом", "Ожидает ознакомления", 3),
    ("RequestInformationActivity", "Заполнить сведения", "Ожидает сведений", 3),
    ("RequestInformationOptionalActivity", "Уточнить сведения", "Ожидает сведений", 3),
)
# Whose they are, four kinds at a time; 0 is somebody of the staff. Two of these groups are complete.
_PEOPLE = (1, 57, 0, 1, 57, 0, 1, 57, 0, 0)
_COMPLETE = (3, 7)
# Whether an approval needs a comment, group by group: not, always, when approved, when rejected.
_COMMENTS = ("N", "Y", "N", "N", "YR", "Y", "YA", "N", "YR", "YA")
_TYPES = {
    "LEAD": ("Лид", "/crm/lead/details/{}/"),
    "DEAL": ("Сделка", "/crm/deal/details/{}/"),
    "CONTACT": ("Контакт", "/crm/contact/details/{}/"),
    "COMPANY": ("Компания", "/crm/company/details/{}/"),
    "QUOTE": ("Предложение", "/crm/type/7/details/{}/"),
    "SMART_INVOICE": ("Счёт", "/crm/type/31/details/{}/"),
    "DYNAMIC_174": ("Contracts", "/crm/type/174/details/{}/"),
}


def workflow_tasks(world: World) -> Iterator[tuple[str, Row]]:
    """One task each for some of the instances, a group of the four kinds after another."""
    dice = world.dice("workflow tasks")
    instances = [row for _, row in workflows(world)]
    names = {str(template[0]): template[4] for template in TEMPLATES}
    for number in range(TASKS):
        instance = instances[number * _EVERY]
        group, place = divmod(number, len(_KINDS))
        activity, name, state, answer = _KINDS[place]
        given = answer if group in _COMPLETE else 0
        document, link = _document(str(instance["DOCUMENT_ID"]))
        yield (
            "bizproc_tasks",
            {
                "ID": _FIRST + number * 2,
                "WORKFLOW_ID": instance["ID"],
                "DOCUMENT_NAME": document,
                "NAME": f"{name}: {document}",
                "DESCRIPTION": "",
                "MODIFIED": instance["MODIFIED"],
                "WORKFLOW_STARTED": instance["STARTED"],
                "WORKFLOW_STARTED_BY": instance["STARTED_BY"],
                "OVERDUE_DATE": iso(NOW_SECONDS + dice.between(-3, 9) * DAY) if dice.often(0.4) else None,
                "WORKFLOW_TEMPLATE_ID": int(str(instance["TEMPLATE_ID"])),
                "WORKFLOW_TEMPLATE_NAME": names[str(instance["TEMPLATE_ID"])],
                "WORKFLOW_STATE": state,
                "STATUS": given,
                "USER_ID": _PEOPLE[group] or _somebody(dice),
                "USER_STATUS": given,
                "MODULE_ID": instance["MODULE_ID"],
                "ENTITY": instance["ENTITY"],
                "DOCUMENT_ID": instance["DOCUMENT_ID"],
                "ACTIVITY": activity,
                "ACTIVITY_NAME": f"A{_FIRST + number * 2}_68033_56029_16413",
                "PARAMETERS": json.dumps(_parameters(activity, group), ensure_ascii=False),
                "DOCUMENT_URL": link,
            },
        )


def _somebody(dice: Dice) -> int:
    return dice.pick([person for person in STAFF if person not in _PEOPLE])


def _document(name: str) -> tuple[str, str]:
    """What a document is called and where it opens."""
    kind, _, number = name.rpartition("_")
    if kind not in _TYPES:
        return f"Заявка #{name}", f"/bizproc/processes/?livefeed=y&list_id=31&element_id={name}"
    title, link = _TYPES[kind]
    return f"{title} #{number}", link.format(number)


def _parameters(activity: str, group: int) -> Mapping[str, object]:
    """Whether a comment is needed, what the buttons say, and what is asked."""
    comment = {"CommentLabel": "Комментарий", "ShowComment": "Y"}
    if activity == "ApproveActivity":
        labels = {"StatusYesLabel": "Согласовать", "StatusNoLabel": "Отклонить"}
        return {**comment, "CommentRequired": _COMMENTS[group], **labels}
    if activity == "ReviewActivity":
        return {**comment, "CommentRequired": "NY"[group % 2], "StatusOkLabel": "Ознакомлен"}
    return {**comment, "CommentRequired": "N", "StatusOkLabel": "Сохранить", "Fields": _fields()}


def _fields() -> list[dict[str, object]]:
    def field(name: str, kind: str, title: str, *, required: bool, options: object = None) -> dict[str, object]:
        return {
            "Id": name,
            "Type": kind,
            "Name": title,
            "Description": "",
            "Multiple": False,
            "Required": required,
            "Options": options,
            "Settings": None,
            "Default": "",
        }

    return [
        field("contractor", "string", "Исполнитель работ", required=True),
        field("amount", "double", "Сумма", required=False),
        field("until", "date", "Срок", required=True),
        field("urgency", "select", "Срочность", required=False, options={"low": "Обычная", "high": "Срочно"}),
    ]
