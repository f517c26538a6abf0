"""The days between which a date lies, where the filter does not say: the first and the last record show them."""

from datetime import date, datetime, timedelta

from bitrix24_mcp.crm import dates
from bitrix24_mcp.crm.errors import KeyRefused, PortalError
from bitrix24_mcp.crm.figures.plan import Plan
from bitrix24_mcp.crm.portal import Portal
from bitrix24_mcp.crm.portal_values import RecordPage, RecordQuery, Sort

LOOKS = 2
"""The most requests that it takes."""


async def days_held(name: str, plan: Plan, portal: Portal) -> tuple[date, date] | None:
    """The first day that a date of the matching records has, and the day after the last.

    None where a record has no date, or the portal does not order by it. Only what was counted since proves that no
    other day came meanwhile.
    """
    ends = [
        RecordQuery(plan.fields.entity, plan.conditions, (Sort(name, last),), (name,), 1, counted=False)
        for last in (False, True)
    ]
    try:
        found = [_day(page, name, plan) for page in await portal.searches(ends)]
    except KeyRefused:
        raise
    except PortalError:
        return None
    first, last = found
    return (first, last + timedelta(days=1)) if first and last and first <= last else None


def _day(page: RecordPage | PortalError, name: str, plan: Plan) -> date | None:
    """The day in the portal's zone in which the date of the one record lies."""
    if isinstance(page, PortalError) or not page.rows:
        return None
    written = str(page.rows[0].get(name) or "")
    moment = dates.parse_moment(written, plan.zone)
    return moment.astimezone(plan.zone).date() if isinstance(moment, datetime) else dates.parse_day(written)
