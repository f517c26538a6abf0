"""Tasks, activities, timeline comments, calendar events."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from bitrix24_mcp.demo.data import names, texts
from bitrix24_mcp.demo.data.people import SELLERS, STAFF
from bitrix24_mcp.demo.data.world import DAY, LAST_CHANGE_SECONDS, NOW_SECONDS, iso, spread

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bitrix24_mcp.demo.data.world import Dice, Row, World

_TASKS = ("Подготовить смету", "Позвонить клиенту", "Согласовать чертежи", "Prepare the offer", "Проверить отгрузку")
_MEETINGS = ("Планёрка", "Выезд на объект", "Demo call")
_TAGS = ("смета", "срочно", "export", "склад")
_KINDS = (
    # typeId, provider, its type, subject, direction
    (2, "VOXIMPLANT_CALL", "CALL", "Исходящий звонок", 2),
    (2, "VOXIMPLANT_CALL", "CALL", "Входящий звонок", 1),
    (1, "CRM_MEETING", "MEETING", "Встреча на объекте", 0),
    (6, "CRM_EMAIL", "EMAIL", "Письмо с расчётом", 2),
)
_OWNERS = ("deal", "deal", "deal", "lead", "contact", "company", "dynamic_174")


def tasks(world: World) -> Iterator[tuple[str, Row]]:
    """Tasks, and comments under every fifth."""
    dice = world.dice("tasks")
    total = world.scaled(1 / 4, 60)
    for task in range(1, total + 1):
        created = spread(dice, task - 1, total)
        deadline = created + dice.between(1, 30) * DAY
        done = deadline < NOW_SECONDS and dice.often(0.9)
        changed = min(LAST_CHANGE_SECONDS, deadline - dice.between(0, DAY // 2)) if done else created
        yield (
            "tasks",
            _task(world, dice, task)
            | {
                "status": 5 if done else dice.pick((2, 2, 3, 4, 6)),
                "deadline": iso(deadline) if dice.often(0.85) else None,
                "startDatePlan": iso(created) if dice.often(0.3) else None,
                "endDatePlan": iso(deadline) if dice.often(0.3) else None,
                "createdDate": iso(created),
                "changedDate": iso(changed),
                "closedDate": iso(changed) if done else None,
            },
        )
        if task % 5 == 0:
            yield (
                "task_comments",
                {
                    "id": task // 5,
                    "taskId": task,
                    "authorId": dice.pick(STAFF),
                    "message": texts.plain(dice),
                    "createdAt": iso(changed),
                },
            )


def _task(world: World, dice: Dice, task: int) -> Row:
    estimate = dice.between(1, 16) * 1800 if dice.often(0.4) else 0
    return {
        "id": task,
        "title": f"{dice.pick(_TASKS)} №{task}",
        "description": f"<p>{texts.plain(dice)}</p>" if dice.often(0.5) else None,
        "responsibleId": dice.pick(STAFF),
        "createdBy": dice.pick(STAFF),
        "priority": 2 if dice.often(0.15) else 1,
        "groupId": dice.between(1, 12) if dice.often(0.4) else 0,
        "parentId": dice.between(1, task - 1) if task > 1 and dice.often(0.05) else 0,
        "timeEstimate": estimate,
        "timeSpentInLogs": estimate // 2,
        "allowTimeTracking": estimate > 0,
        "tags": json.dumps([tag for tag in _TAGS if dice.often(0.1)], ensure_ascii=False),
        "accomplices": json.dumps([dice.pick(STAFF)] if dice.often(0.2) else []),
        "auditors": json.dumps([dice.pick(STAFF)] if dice.often(0.2) else []),
        "UF_CRM_TASK": json.dumps([f"D_{dice.pick(world.deal_ids)}"] if dice.often(0.5) else []),
    }


def activities(world: World) -> Iterator[tuple[str, Row]]:
    """Calls, meetings and letters."""
    dice = world.dice("activities")
    total = world.scaled(2 / 3, 150)
    for activity in range(1, total + 1):
        created = spread(dice, activity - 1, total)
        kind, provider, provider_type, subject, direction = dice.pick(_KINDS)
        deadline = created + dice.between(0, 10) * DAY
        owner_type, owner = _activity_owner(world, dice)
        seller = dice.pick(SELLERS)
        yield (
            "activities",
            {
                "id": activity,
                "typeId": kind,
                "providerId": provider,
                "providerTypeId": provider_type,
                "ownerTypeId": owner_type,
                "ownerId": owner,
                "subject": subject,
                "description": texts.plain(dice) if dice.often(0.4) else None,
                "responsibleId": seller,
                "authorId": seller,
                "priority": 3 if dice.often(0.1) else 2,
                "direction": direction,
                "completed": deadline < NOW_SECONDS and dice.often(0.92),
                "startTime": iso(deadline),
                "endTime": iso(deadline + 1800),
                "deadline": iso(deadline),
                "createdAt": iso(created),
                "updatedAt": iso(min(LAST_CHANGE_SECONDS, deadline)),
            },
        )


def _activity_owner(world: World, dice: Dice) -> tuple[int, int]:
    kind = dice.pick((2, 2, 2, 1, 3, 4))
    if kind == 2:
        return 2, dice.pick(world.deal_ids)
    return kind, dice.between(1, {1: world.leads, 3: world.contacts, 4: world.companies}[kind])


def timelines(world: World) -> Iterator[tuple[str, Row]]:
    """Comments under deals, leads, contacts, companies and contracts."""
    dice = world.dice("timelines")
    total = world.scaled(1 / 2, 120)
    last = {
        "lead": world.leads,
        "contact": world.contacts,
        "company": world.companies,
        "dynamic_174": world.scaled(0.15, 40),
    }
    for comment in range(1, total + 1):
        owner = dice.pick(_OWNERS)
        yield (
            "timelines",
            {
                "id": comment,
                "entityId": dice.pick(world.deal_ids) if owner == "deal" else dice.between(1, last[owner]),
                "entityType": owner,
                "comment": texts.comment(dice, comment) or texts.plain(dice),
                "authorId": dice.pick(STAFF),
                "createdAt": iso(spread(dice, comment - 1, total)),
            },
        )


def calendar_events(world: World) -> Iterator[tuple[str, Row]]:
    """Meetings around now in the calendars of users, of a workgroup and of the company."""
    dice = world.dice("calendar")
    for event in range(1, 121):
        kind = dice.pick(("user", "user", "user", "group", "company_calendar"))
        owner = {"user": dice.pick(STAFF), "group": dice.between(1, 12)}.get(kind, 0)
        start = NOW_SECONDS + dice.between(-30, 30) * DAY + dice.between(-6, 14) * 1800
        yield (
            "calendar_events",
            {
                "id": event,
                "type": kind,
                "ownerId": owner,
                "name": dice.pick(_MEETINGS),
                "description": texts.plain(dice) if dice.often(0.3) else None,
                "from": iso(start),
                "to": iso(start + 3600),
                "location": names.address(dice) if dice.often(0.3) else None,
                "createdBy": dice.pick(STAFF),
                "dateCreate": iso(NOW_SECONDS - dice.between(1, 60) * DAY),
            },
        )
