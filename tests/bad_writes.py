"""Calls of the tools that write that must fail: what the caller got wrong, and the code that says so."""

from typing import Any

from bad_input import BadCall

Json = dict[str, Any]


def _items(what: str, code: str, offers: str = "", **arguments: Any) -> BadCall:
    return BadCall(what, "write_items", {"entity": "deals", "action": "update", **arguments}, code, offers)


def _value(what: str, code: str, offers: str = "", **item: Any) -> BadCall:
    return _items(what, code, offers, items=[{"id": 5, **item}])


def _new(what: str, code: str, offers: str = "", **item: Any) -> BadCall:
    return _items(what, code, offers, action="create", items=[{"title": "A", **item}])


BAD_WRITES = [
    BadCall("nothing", "write_items", {}, "INVALID_ARGUMENT", "entity"),
    _items("an unknown action", "INVALID_ARGUMENT", action="upsert", items=[{"id": 5, "amount": 1}]),
    _items("a misspelt argument", "INVALID_ARGUMENT", "items", itmes=[{"id": 5, "amount": 1}]),
    _items("an object for the items", "INVALID_ARGUMENT", items={"id": 5, "amount": 1}),
    _items("texts for the items", "INVALID_ARGUMENT", items=["5"]),
    _items("JSON in a text", "INVALID_ARGUMENT", items='[{"id": 5, "amount": 1}]'),
    _items("a truth value for an id", "INVALID_ARGUMENT", action="delete", ids=[True]),
    _items("a code that is too long", "INVALID_ARGUMENT", confirm="A" * 21),
    _items("a number for a code", "INVALID_ARGUMENT", confirm=1234),
    _items("a preview in words", "INVALID_ARGUMENT", preview="yes", items=[{"id": 5, "amount": 1}]),
    BadCall("a code that was never given", "write_items", {"confirm": "ABCD-EFGH"}, "CONFIRMATION_UNKNOWN"),
    _items("an unknown entity", "UNKNOWN_ENTITY", "deals", entity="dealz", items=[{"id": 5, "amount": 1}]),
    _items("an entity that is only read", "NOT_WRITABLE", entity="activities", items=[{"id": 5, "subject": "A"}]),
    _items("an id below 1", "INVALID_VALUE", items=[{"id": 0, "amount": 1}]),
    _items("an id beyond all numbers", "INVALID_VALUE", items=[{"id": 2**63, "amount": 1}]),
    _items("half an id", "INVALID_VALUE", items=[{"id": 5.5, "amount": 1}]),
    _items("an id that is a list", "INVALID_VALUE", items=[{"id": [5], "amount": 1}]),
    _items("an item that is empty", "INVALID_ARGUMENT", items=[{}]),
    _value("an unknown field", "UNKNOWN_FIELD", "amount", amuont=5),
    _items("an empty name of a field", "UNKNOWN_FIELD", entity="leads", items=[{"id": 5, "": 5}]),
    _value("a nested value", "INVALID_VALUE", title={"a": {"b": 1}}),
    _value("a list of lists", "INVALID_VALUE", observers=[[1]]),
    _value("not a finite number", "INVALID_VALUE", amount="nan"),
    _value("a currency that there is none of", "UNKNOWN_VALUE", "RUB", currency="XXX"),
    _value("a text for a truth value", "INVALID_VALUE", Срочно="maybe"),
    _value("a day that does not exist", "INVALID_VALUE", closedAt="2026-02-30"),
    _value("a person among the observers whom nobody knows", "UNKNOWN_VALUE", observers=["me", "Осипова"]),
    _value("a value of a list among several", "UNKNOWN_VALUE", "302", Теги=["VIP", "Оптт"]),
    _value("an amount without currency", "INVALID_VALUE", UF_CRM_1700000003=5),
    _value("half of a character", "INVALID_VALUE", title="\ud800"),
    _new("a stage of another funnel", "STAGE_OF_ANOTHER_FUNNEL", "NEW", funnel="Общая", stage="C5:WON"),
    _new("an unknown funnel", "UNKNOWN_VALUE", "5", funnel="Партнёр"),
    _new("a phone of a deal", "UNKNOWN_FIELD", phone="+7 1"),
    BadCall("no text", "add_comment", {"entity": "deals", "id": 5}, "INVALID_ARGUMENT", "text"),
    BadCall("an id in words", "add_comment", {"entity": "deals", "id": "5", "text": "A"}, "INVALID_ARGUMENT"),
    BadCall("a record below 1", "add_comment", {"entity": "deals", "id": -5, "text": "A"}, "INVALID_ARGUMENT"),
    BadCall("a comment on a product", "add_comment", {"entity": "products", "id": 5, "text": "A"}, "NOT_WRITABLE"),
    BadCall(
        "too long a comment", "add_comment", {"entity": "deals", "id": 5, "text": "A" * 60_001}, "INVALID_ARGUMENT"
    ),
    BadCall("an unknown way", "run_workflow", {"action": "pause", "workflow": "a"}, "INVALID_ARGUMENT"),
    BadCall("no workflow", "run_workflow", {"action": "terminate"}, "INVALID_ARGUMENT", "workflow"),
    BadCall("one that does not run", "run_workflow", {"action": "terminate", "workflow": "x.1"}, "ENTITY_NOT_FOUND"),
    BadCall(
        "a template that there is none of",
        "run_workflow",
        {"action": "start", "template": 424242, "entity": "deals", "id": 5},
        "UNKNOWN_TEMPLATE",
    ),
    BadCall(
        "parameters as a list",
        "run_workflow",
        {"action": "start", "template": 12, "entity": "deals", "id": 5, "parameters": [1]},
        "INVALID_ARGUMENT",
    ),
    BadCall("an operation that there is none of", "undo", {"operation": 424242}, "UNKNOWN_OPERATION"),
    BadCall("an operation beyond all numbers", "undo", {"operation": 2**70}, "UNKNOWN_OPERATION"),
    BadCall("an operation in words", "undo", {"operation": "last"}, "INVALID_ARGUMENT"),
    BadCall("records of no operation", "undo", {"ids": [5]}, "INVALID_ARGUMENT", "operation"),
    BadCall("an operation below 1", "undo", {"operation": -1}, "INVALID_ARGUMENT"),
]
BAD_DIRECT_WRITES = [
    BadCall("an unknown answer", "complete_workflow_task", {"task": 1401, "answer": "maybe"}, "INVALID_ARGUMENT"),
    BadCall("no answer", "complete_workflow_task", {"task": 1401}, "INVALID_ARGUMENT", "answer"),
    BadCall("no task", "complete_workflow_task", {"task": 424242, "answer": "ok"}, "ENTITY_NOT_FOUND"),
    BadCall("a task in words", "complete_workflow_task", {"task": "first", "answer": "ok"}, "INVALID_ARGUMENT"),
]
"""Those of a tool that only REST has."""
