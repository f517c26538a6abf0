"""Running workflow instances as plain SQL knows them, in the words of `list_workflows`."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from assistants import Sql, sql_over
from bitrix24_mcp.demo import DemoPortal
from oracle import moment, stored

COLUMNS: Mapping[str, str] = {
    "id": "ID",
    "templateId": "cast(TEMPLATE_ID as integer)",
    "startedBy": "cast(STARTED_BY as integer)",
    "started": "STARTED",
    "modified": "MODIFIED",
    "lockedUntil": "OWNED_UNTIL",
    "moduleId": "MODULE_ID",
    "entity": "ENTITY",
    "documentId": "DOCUMENT_ID",
}
"""The SQL behind each field that can be filtered and sorted."""
ENTITIES = {
    "LEAD": "leads",
    "DEAL": "deals",
    "CONTACT": "contacts",
    "COMPANY": "companies",
    "QUOTE": "quotes",
    "SMART_INVOICE": "invoices",
    "DYNAMIC_174": "174",
}


def ids_where(sql: Sql, where: str = "1", *values: Any) -> list[str]:
    """The ids of the instances that meet an SQL condition, in the tool's usual order."""
    return [row[0] for row in sql(f"select ID from workflows where {where} order by MODIFIED desc, ID", *values)]


def stuck_since(portal: DemoPortal) -> str:
    """The latest lock of an instance that is stuck, not included."""
    return stored(portal.now - timedelta(minutes=5))


def expected_items(portal: DemoPortal) -> dict[str, dict[str, Any]]:
    """Every instance as the tool must show it, by id."""
    sql = sql_over(portal.database)
    templates = dict(sql("select id, name from bizproc_templates"))
    people = {id_: f"{name} {last}" for id_, name, last in sql("select id, name, lastName from users")}
    people[0] = "system"
    columns = ", ".join(COLUMNS.values())
    items: dict[str, dict[str, Any]] = {}
    for id_, template, starter, started, modified, locked, module, _, document in sql(
        f"select {columns} from workflows"
    ):
        kind, _, number = document.rpartition("_")
        items[id_] = {
            "id": id_,
            "templateId": template,
            "templateId_name": templates[template],
            "document": {"entity": ENTITIES[kind], "id": int(number)}
            if module == "crm"
            else {"module": module, "raw": document},
            "startedBy": starter,
            "startedBy_name": people[starter],
            "started": moment(started),
            "modified": moment(modified),
            **({"lockedUntil": moment(locked)} if locked else {}),
            "stuck": locked is not None and locked < stuck_since(portal),
        }
    return items
