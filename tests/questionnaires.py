"""Rules of questionnaires as tests give them, and assistants that are offered the tools for them."""

from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any

from writing_assistants import Asked, Calendar, Door, WritingAssistant, writing_assistant_for

QUIZ = 17
DEAL_RULE: Mapping[str, Any] = {
    "responsible": "Ольга Иванова",
    "source": "Звонок",
    "funnel": "Партнёры",
    "stage": "Новая",
    "type": "Продажа",
    "fields": {
        "deal": {"priority": "Приоритет", "area": "Площадь", "due": "Дата сдачи", "budget": "Бюджет клиента",
                 "visit": "Выезд замерщика", "urgent": "Срочно", "labels": "Теги", "wishes": "Комментарий"},
        "company": {"branches": "Число филиалов", "segment": "Сегмент"},
        "contact": {"hobbies": "Хобби"},
        "contact_names": {"job": "Должность"},
    },
    "tags": {"Теги": ["VIP"]},
}  # fmt: skip
DEAL_CODES: Mapping[str, Any] = {
    "quiz": QUIZ,
    "lead": False,
    "responsible": 2,
    "responsible_name": "Ольга Иванова",
    "source": "CALL",
    "source_name": "Звонок",
    "funnel": 5,
    "funnel_name": "Партнёры",
    "stage": "C5:NEW",
    "stage_name": "Новая",
    "type": "SALE",
    "type_name": "Продажа",
    "fields": {
        "deal": {
            "priority": "UF_CRM_1700000001",
            "area": "UF_CRM_1700000002",
            "due": "UF_CRM_1700000007",
            "budget": "UF_CRM_1700000003",
            "visit": "UF_CRM_1700000008",
            "urgent": "UF_CRM_1700000009",
            "labels": "UF_CRM_1700000004",
            "wishes": "comments",
        },
        "company": {"branches": "UF_CRM_1700000221", "segment": "UF_CRM_1700000222"},
        "contact": {"hobbies": "UF_CRM_1700000212"},
        "contact_names": {"job": "post"},
    },
    "tags": {"UF_CRM_1700000004": ["VIP"]},
    "labels": {
        "deal": {
            "UF_CRM_1700000001": "Приоритет",
            "UF_CRM_1700000002": "Площадь",
            "UF_CRM_1700000007": "Дата сдачи",
            "UF_CRM_1700000003": "Бюджет клиента",
            "UF_CRM_1700000008": "Выезд замерщика",
            "UF_CRM_1700000009": "Срочно",
            "UF_CRM_1700000004": "Теги",
            "comments": "Комментарий",
        },
        "company": {"UF_CRM_1700000221": "Число филиалов", "UF_CRM_1700000222": "Сегмент"},
        "contact": {"UF_CRM_1700000212": "Хобби", "post": "Должность"},
    },
}
LEAD_RULE: Mapping[str, Any] = {
    "responsible": 2,
    "source": "WEB",
    "lead": True,
    "lead_status": "Не обработан",
    "fields": {"lead": {"interest": "Интерес", "call": "Перезвонить"}},
}
WHOLE_RULE: Mapping[str, Any] = {
    "ID": 9,
    "accountID": "b3f2",
    "QuizID": QUIZ,
    "PerformerID": "2",
    "PipelineID": 5,
    "TypeID": "SALE",
    "StageID": "C5:NEW",
    "SourceID": "CALL",
    "FieldsRule": {
        "lead": {"QuestionID": {}},
        "deal": {"QuestionID": dict(DEAL_CODES["fields"]["deal"])},
        "company": {"QuestionID": dict(DEAL_CODES["fields"]["company"])},
        "contact": {
            "ContactRuleMap": {"job": "POST"},
            "QuestionID": {"hobbies": "UF_CRM_1700000212"},
        },
    },
    "TagsToAdd": {"UF_CRM_1700000004": ["302"]},
    "LeadFlag": False,
    "StatusID": "",
    "Deleted": False,
    "CreatedAt": 1_764_000_000,
}
"""The same rule as the API of a questionnaire service keeps it."""


def intake_assistant(
    door: Door, url: str, folder: Path, *, person: Asked | None = None, calendar: Calendar | None = None, **further: Any
) -> AbstractAsyncContextManager[WritingAssistant]:
    """An assistant that is offered the tools for intake rules."""
    settings = {"BITRIX24_MCP_INTAKE": "true", "BITRIX24_MCP_TIME_ZONE": "Europe/Moscow"}
    return writing_assistant_for(door, url, folder, person=person, calendar=calendar, **settings, **further)


async def save(assistant: WritingAssistant, quiz: int = QUIZ, **parts: Any) -> dict[str, Any]:
    """Creates a rule, that of deals unless others parts are given."""
    return await assistant.ask("save_intake_rule", mode="create", quiz=quiz, **(parts or DEAL_RULE))
