"""REST of the demo portal: calendar events."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .demo_client import column, sql
from .rest_asking import ask, ids, refused, write

if TYPE_CHECKING:
    from bitrix24_mcp.demo import DemoPortal


def test_calendar_events_come_all_at_once_in_the_format_of_the_site(portal: DemoPortal) -> None:
    events = sql(portal, 'SELECT id, "from", "to" FROM calendar_events WHERE type = ?', "company_calendar")
    found = ask(
        portal, "calendar.event.get", type="company_calendar", ownerId="", **{"from": "2026-06-01", "to": "2026-08-31"}
    )
    assert set(found) == {"result"}
    assert {int(event["ID"]) for event in found["result"]} == {event for event, _, _ in events}
    event = next(event for event in found["result"] if event["ID"] == "1")
    assert {name: event[name] for name in ("CAL_TYPE", "OWNER_ID", "DATE_FROM", "DATE_FROM_TS_UTC", "DT_LENGTH")} == {
        "CAL_TYPE": "company_calendar",
        "OWNER_ID": "0",
        "DATE_FROM": "13.08.2026 18:30:00",
        "DATE_FROM_TS_UTC": "1786635000",
        "DT_LENGTH": 3600,
    }


def test_both_days_of_the_calendar_are_included(portal: DemoPortal) -> None:
    day = {"from": "2026-08-13", "to": "2026-08-13"}
    expected = column(
        portal,
        "SELECT id FROM calendar_events WHERE type = 'company_calendar' AND date(\"from\", '+3 hours') = ?"
        ' ORDER BY "from"',
        "2026-08-13",
    )
    assert ids(portal, "calendar.event.get", type="company_calendar", ownerId=0, **day) == expected


def test_without_days_the_calendar_shows_a_month_back_and_three_ahead(own_portal: DemoPortal) -> None:
    write(own_portal, "DELETE FROM calendar_events WHERE id > 4")
    write(own_portal, "UPDATE calendar_events SET type = 'group', ownerId = 1")
    for event, day in ((1, "2026-06-10"), (2, "2026-06-20"), (3, "2026-10-01"), (4, "2026-11-01")):
        write(own_portal, f"UPDATE calendar_events SET \"from\" = '{day}T09:00:00Z' WHERE id = {event}")
        write(own_portal, f"UPDATE calendar_events SET \"to\" = '{day}T10:00:00Z' WHERE id = {event}")
    assert ids(own_portal, "calendar.event.get", type="group", ownerId=1) == [2, 3]


def test_the_calendar_needs_its_owner(portal: DemoPortal) -> None:
    text = 'The required parameter "ownerId" for the method "calendar.event.get" is not set'
    assert refused(portal, "calendar.event.get", type="user") == (400, "", text)


def test_an_event_is_found_by_its_id_and_an_unknown_one_is_null(portal: DemoPortal) -> None:
    assert ask(portal, "calendar.event.getbyid", id=1)["result"]["ID"] == "1"
    assert ask(portal, "calendar.event.getbyid", id=999_999)["result"] is None
