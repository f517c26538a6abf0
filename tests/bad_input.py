"""Calls that must fail: what the caller got wrong, and the code that says so."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class BadCall:
    """A wrong call, the code of its error, and a value that the error must offer (empty = none)."""

    what: str
    tool: str
    arguments: Mapping[str, Any]
    code: str
    offers: str = ""


def _search(what: str, code: str, offers: str = "", **arguments: Any) -> BadCall:
    return BadCall(what, "search_items", {"entity": "deals", **arguments}, code, offers)


def _figures(what: str, code: str, offers: str = "", **arguments: Any) -> BadCall:
    return BadCall(what, "aggregate", {"entity": "deals", **arguments}, code, offers)


def _funnel(what: str, code: str, offers: str = "", **arguments: Any) -> BadCall:
    return BadCall(what, "funnel_report", {"entity": "deals", **arguments}, code, offers)


def _item(what: str, code: str, offers: str = "", **arguments: Any) -> BadCall:
    return BadCall(what, "get_item", {"entity": "deals", **arguments}, code, offers)


BAD_CALLS = [
    BadCall("no entity", "search_items", {}, "INVALID_ARGUMENT"),
    BadCall("entity is a list", "search_items", {"entity": ["deals"]}, "INVALID_ARGUMENT"),
    BadCall("unknown entity", "search_items", {"entity": "dealz"}, "UNKNOWN_ENTITY", "deals"),
    BadCall("unknown type id", "aggregate", {"entity": 999}, "UNKNOWN_ENTITY"),
    _search("a misspelt argument", "INVALID_ARGUMENT", "filter", filters={"id": 1}),
    _search("filter is a text", "INVALID_ARGUMENT", filter="amount > 5"),
    _search("unknown field", "UNKNOWN_FIELD", "amount", filter={"amuont": 5}),
    _search("unknown column", "UNKNOWN_FIELD", "title", select=["titel"]),
    _search("unknown sort field", "UNKNOWN_FIELD", "createdAt", sort="-createdOn"),
    _search("a sort of another type", "INVALID_SORT", sort=5),
    _search("a sort direction", "INVALID_SORT", sort={"amount": "downwards"}),
    _search("a field sorted twice", "INVALID_SORT", sort="id,-id"),
    _search("unknown operator", "UNKNOWN_OPERATOR", "$gte", filter={"amount": {"$ge": 5}}),
    _search("or across fields", "UNSUPPORTED_FILTER", filter={"$or": [{"amount": 1}, {"id": 2}]}),
    _search("an empty condition", "INVALID_FILTER", filter={"amount": {}}),
    _search("an empty list", "INVALID_FILTER", filter={"stageId": []}),
    _search("a list with an ordering operator", "INVALID_FILTER", filter={"amount": {"$gt": [1, 2]}}),
    _search("$between with one value", "INVALID_FILTER", filter={"amount": {"$between": [1]}}),
    _search("conditions that contradict", "INVALID_FILTER", filter={"id": 1, "!=id": 2, "=id": 3}),
    _search("null", "INVALID_VALUE", filter={"companyId": None}),
    _search("a text for a number", "INVALID_VALUE", filter={"amount": {"$gt": "much"}}),
    _search("not a finite number", "INVALID_VALUE", filter={"amount": {"$gt": "nan"}}),
    _search("two people of one name", "AMBIGUOUS_VALUE", "30", filter={"assignedById": "Smith"}),
    _search("nobody's name", "UNKNOWN_VALUE", "31", filter={"assignedById": "John Smit"}),
    _search("a name with more and less", "INVALID_VALUE", filter={"assignedById": {"$gt": "Smith"}}),
    _search("a truth value for a text", "INVALID_VALUE", filter={"title": True}),
    _search("a nested value", "INVALID_VALUE", filter={"title": {"$contains": {"a": 1}}}),
    _search("a day that does not exist", "INVALID_VALUE", filter={"createdAt": {"$gte": "2026-02-30"}}),
    _search("a date in words", "INVALID_VALUE", filter={"createdAt": {"$gte": "soon"}}),
    _search("all but a month", "UNSUPPORTED_FILTER", filter={"createdAt": {"$ne": "last_month"}}),
    _search("periods in a list", "UNSUPPORTED_FILTER", filter={"closedAt": ["last_month", "this_month"]}),
    _search("hours of a day", "INVALID_VALUE", filter={"closedAt": "-24h"}),
    _search("unknown stage", "UNKNOWN_VALUE", "C5:WON", filter={"stageId": "C5:WONN"}),
    _search("a stage name in several funnels", "AMBIGUOUS_VALUE", filter={"stageId": "Новая"}),
    _search(
        "a stage of another funnel", "STAGE_OF_ANOTHER_FUNNEL", "NEW", filter={"categoryId": 0, "stageId": "C5:WON"}
    ),
    _search("unknown funnel", "UNKNOWN_VALUE", filter={"categoryId": 99}),
    _search("an unknown outcome", "UNKNOWN_VALUE", "S", filter={"stageSemanticId": "victory"}),
    _search("an unknown currency", "UNKNOWN_VALUE", "RUB", filter={"currency": "XXX"}),
    _search("a range turned round", "INVALID_FILTER", filter={"createdAt": {"$between": ["2026-06-30", "2026-04-01"]}}),
    _search("bounds turned round", "INVALID_FILTER", filter={">=amount": 100, "amount": {"$lt": 50}}),
    _search("an amount without its currency", "INVALID_VALUE", filter={"UF_CRM_1700000003": 1500}),
    _search("a name where any kind of record may stand", "INVALID_VALUE", filter={"UF_CRM_1700000012": "Ромашка"}),
    _search("half a record", "INVALID_VALUE", filter={"contactId": 1.5}),
    _search("an unknown format", "INVALID_ARGUMENT", format="csv"),
    BadCall("a stage of a process without", "aggregate", {"entity": "1038", "filter": {"stageId": "NEW"}}, "NO_STAGES"),
    BadCall(
        "comments of unknown records",
        "search_items",
        {"entity": "timelines", "filter": {"entityType": "dealz", "entityId": 1}},
        "UNKNOWN_VALUE",
        "deal",
    ),
    BadCall(
        "comments downwards",
        "search_items",
        {"entity": "timelines", "filter": {"entityType": "deal", "entityId": 1}, "sort": "-id"},
        "UNSUPPORTED_SORT",
    ),
    BadCall("a word for workflows", "search_items", {"entity": "workflows"}, "UNKNOWN_ENTITY"),
    BadCall("a smart process by another name", "search_items", {"entity": "Договоры"}, "UNKNOWN_ENTITY", "Contracts"),
    _search("unknown list value", "UNKNOWN_VALUE", filter={"UF_CRM_1700000001": "Срочный"}),
    _search("less and more of a stage", "UNSUPPORTED_OPERATOR", filter={"stageId": {"$gt": "NEW"}}),
    _search("part of a number", "UNSUPPORTED_OPERATOR", filter={"amount": {"$contains": "5"}}),
    _search("a 3 MB value", "FILTER_TOO_LARGE", filter={"title": {"$contains": "x" * 3_000_000}}),
    _search("3 MB of values", "FILTER_TOO_LARGE", filter={"id": list(range(500_000))}),
    _search(
        "too many conditions", "FILTER_TOO_LARGE", filter={"amount": {"$ne": 1}, **{f"f{n}": n for n in range(60)}}
    ),
    _search("a negative limit", "INVALID_ARGUMENT", limit=-1),
    _search("too high a limit", "INVALID_ARGUMENT", limit=501),
    _search("a limit in words", "INVALID_ARGUMENT", limit="ten"),
    _search("a token budget for nothing", "INVALID_ARGUMENT", max_tokens=10),
    _search("a cursor that is none", "INVALID_CURSOR", cursor="next please"),
    _search("a cursor in Cyrillic", "INVALID_CURSOR", cursor="дальше"),
    BadCall(
        "events without an owner", "search_items", {"entity": "calendar-events"}, "MISSING_REQUIRED_FILTER", "type"
    ),
    BadCall("files without a folder", "search_items", {"entity": "files"}, "MISSING_REQUIRED_FILTER", "folderId"),
    BadCall("comments of no record", "aggregate", {"entity": "timelines"}, "MISSING_REQUIRED_FILTER", "entityType"),
    BadCall(
        "a condition that the portal ignores",
        "search_items",
        {"entity": "timelines", "filter": {"entityType": "deal", "entityId": 1, "comment": {"$contains": "a"}}},
        "UNSUPPORTED_FILTER",
    ),
    _figures("an unknown function", "INVALID_ARGUMENT", measures=[{"function": "median", "field": "amount"}]),
    _figures("a sum of nothing", "MISSING_FIELD", "amount", measures=[{"function": "sum"}]),
    _figures("a sum of texts", "NOT_MEASURABLE", "amount", measures=[{"function": "sum", "field": "title"}]),
    _figures(
        "sums of money with different currencies",
        "MIXED_CURRENCIES",
        measures=[{"function": "sum", "field": "amount"}, {"function": "sum", "field": "UF_CRM_1700000003"}],
    ),
    _figures("groups by moments", "INVALID_GROUP_BY", "createdAt:month", group_by=["createdAt"]),
    _figures("groups by an unknown period", "INVALID_GROUP_BY", "createdAt:month", group_by=["createdAt:months"]),
    _figures("groups by the month of a stage", "INVALID_GROUP_BY", "stageId", group_by=["stageId:month"]),
    _figures(
        "groups timeline comments",
        "NOT_COMPUTABLE",
        entity="timelines",
        group_by="authorId",
        filter={"entityType": "deal", "entityId": 1},
    ),
    _figures("an order by no column", "UNKNOWN_COLUMN", "count", sort="-sum_amount"),
    _figures("having a text", "INVALID_VALUE", having={"count": "many"}),
    _figures("having no column", "UNKNOWN_COLUMN", "count", having={"amount": 5}),
    _figures("a comparison without a period", "INVALID_COMPARISON", compare="previous"),
    _figures(
        "a comparison with an open period",
        "INVALID_COMPARISON",
        compare="previous",
        filter={"createdAt": {"$gte": "2026-01-01"}},
    ),
    _figures(
        "a comparison of months",
        "INVALID_COMPARISON",
        compare="previous",
        group_by="createdAt:month",
        filter={"createdAt": "2026"},
    ),
    _figures("a comparison with something else", "INVALID_ARGUMENT", compare="last"),
    _figures("six groups", "TOO_MANY_GROUPS", group_by="stageId,categoryId,assignedById,sourceId,currency,title"),
    _figures("a group twice", "INVALID_GROUP_BY", group_by=["stageId", "stageId"]),
    BadCall("unknown directory", "get_status_items", {"directory": "SOURCES"}, "UNKNOWN_DIRECTORY", "SOURCE"),
    BadCall("stages of contacts", "get_status_items", {"entity": "contacts"}, "NO_STAGES"),
    BadCall("stages of a process without", "get_status_items", {"entity": "Оборудование"}, "NO_STAGES"),
    BadCall("a funnel of nothing", "get_status_items", {"funnel": "5"}, "INVALID_ARGUMENT"),
    BadCall("a funnel of leads", "get_status_items", {"entity": "leads", "funnel": 1}, "NO_FUNNELS"),
    BadCall("an unknown funnel", "get_status_items", {"entity": "deals", "funnel": "Партнеры2"}, "UNKNOWN_VALUE"),
    BadCall("directory and entity", "get_status_items", {"directory": "SOURCE", "entity": "deals"}, "INVALID_ARGUMENT"),
    BadCall("an unknown entity", "describe_entity", {"entity": "dealz"}, "UNKNOWN_ENTITY", "deals"),
    BadCall("no entity to describe", "describe_entity", {}, "INVALID_ARGUMENT"),
    BadCall("detail as a word", "describe_entity", {"entity": "deals", "detail": "much"}, "INVALID_ARGUMENT"),
    BadCall("a misspelt find", "describe_entity", {"entity": "deals", "fin": "vip"}, "INVALID_ARGUMENT", "find"),
    _item("neither id nor ids", "INVALID_ARGUMENT"),
    _item("both id and ids", "INVALID_ARGUMENT", id=1, ids=[2]),
    _item("no ids", "INVALID_ARGUMENT", ids=[]),
    _item("101 ids", "INVALID_ARGUMENT", ids=list(range(1, 102))),
    _item("an id below 1", "INVALID_VALUE", id=0),
    _item("an id that is a truth value", "INVALID_ARGUMENT", id=True),
    _item("half an id", "INVALID_ARGUMENT", ids=[1.5]),
    BadCall("a title for an id", "get_item", {"entity": "contracts", "id": "Contract 0007"}, "INVALID_VALUE"),
    BadCall("a path for a currency", "get_item", {"entity": "currencies", "id": "../deals/1"}, "INVALID_VALUE"),
    _item("an id too long to be one", "INVALID_ARGUMENT", id="9" * 70),
    BadCall("an entity of another tool", "get_item", {"entity": "workflows", "id": 1}, "UNKNOWN_ENTITY"),
    _item("an unknown relation", "UNKNOWN_VALUE", "company", id=1, include="compny"),
    _item("products of a contact", "UNKNOWN_VALUE", "company", entity="contacts", id=1, include="products"),
    _item("history of an item", "UNKNOWN_VALUE", "comments", entity=174, id=1, include=["history"]),
    _item("lists beside 21 records", "INVALID_ARGUMENT", ids=list(range(1, 22)), include=["comments"]),
    _item("an unknown field of a record", "UNKNOWN_FIELD", "title", id=1, select="titel"),
    BadCall("an empty entity to report on", "funnel_report", {"entity": ""}, "INVALID_ARGUMENT"),
    BadCall("a report on contacts", "funnel_report", {"entity": "contacts"}, "NO_STAGES"),
    BadCall("a report on a process without stages", "funnel_report", {"entity": "Оборудование"}, "NO_STAGES"),
    BadCall("one funnel of leads", "funnel_report", {"entity": "leads", "funnel": 1}, "NO_FUNNELS"),
    _funnel("an unknown funnel to report on", "UNKNOWN_VALUE", "5", funnel="Партнер"),
    _funnel("a period in words", "INVALID_VALUE", created="soon"),
    _funnel("no period", "INVALID_VALUE", created=""),
    _funnel("a truth value for a period", "INVALID_VALUE", created=True),
    _funnel("several periods", "UNSUPPORTED_FILTER", created=["2025", "2026"]),
    _funnel("a period turned round", "INVALID_FILTER", created={"$between": ["2026-06-30", "2026-04-01"]}),
    _funnel("two periods", "INVALID_ARGUMENT", created="2025", filter={"createdAt": "2026"}),
    _funnel("a funnel and another in the filter", "INVALID_FILTER", funnel=5, filter={"Воронка": 7}),
    _funnel("a stage of another funnel in a report", "STAGE_OF_ANOTHER_FUNNEL", funnel=5, filter={"stageId": "WON"}),
    _funnel("stuck at once", "INVALID_ARGUMENT", stuck_days=0),
    _funnel("a misspelt history", "INVALID_ARGUMENT", "history", histroy=True),
    BadCall("an argument where none is taken", "get_portal_info", {"user": 1}, "INVALID_ARGUMENT"),
    BadCall("an unknown template", "list_workflows", {"template": "Nobody's"}, "UNKNOWN_TEMPLATE"),
    BadCall("an unknown template id", "list_workflows", {"template": 424242}, "UNKNOWN_TEMPLATE"),
    BadCall("two people of one name", "list_workflows", {"started_by": "Smith"}, "AMBIGUOUS_VALUE", "31"),
    BadCall("nobody's name", "list_workflows", {"started_by": "Осипова"}, "UNKNOWN_VALUE", "57"),
    BadCall("half a document", "list_workflows", {"document": {"entity": "deals"}}, "INVALID_ARGUMENT"),
    BadCall(
        "an unknown template in the filter", "list_workflows", {"filter": {"templateId": 424242}}, "UNKNOWN_TEMPLATE"
    ),
    BadCall("an unknown document class", "list_workflows", {"filter": {"entity": "dealz"}}, "INVALID_VALUE", "deals"),
    BadCall("an unknown workflow field", "list_workflows", {"filter": {"template": 5}}, "UNKNOWN_FIELD", "templateId"),
    BadCall("stuck as a word", "list_workflows", {"stuck": "very"}, "INVALID_ARGUMENT"),
    BadCall("an unknown switch", "list_smart_processes", {"filter": {"isStageEnabled": True}}, "UNKNOWN_FIELD"),
    BadCall("an unknown order", "list_smart_processes", {"sort": "titel"}, "UNKNOWN_FIELD", "title"),
]
