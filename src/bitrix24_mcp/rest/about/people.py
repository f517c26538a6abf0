"""Users by id and all of them (user.get). Bots, mail users and system users are never among them."""

from collections.abc import Sequence

from bitrix24_mcp.crm.portal_values import NamedId, Person
from bitrix24_mcp.rest.calling.calls import RestCall
from bitrix24_mcp.rest.calling.client import RestClient
from bitrix24_mcp.rest.calling.envelope import Json
from bitrix24_mcp.rest.calling.forms import known_form, text
from bitrix24_mcp.rest.calling.lists import PAGE, Lists, answered
from bitrix24_mcp.sending.failures import unexpected

_COLUMNS = ("ID", "NAME", "LAST_NAME", "EMAIL", "ACTIVE")
_UPWARDS = {"sort": "ID", "order": "ASC"}
"""Two texts here, where every other list takes a map."""
_MOST_CALLS = 50


async def users(ids: Sequence[int], lists: Lists) -> tuple[NamedId, ...]:
    """Names of those that the portal shows, fifty a page, the pages in shared requests."""
    wanted = list(dict.fromkeys(ids))
    pages = [wanted[place : place + PAGE] for place in range(0, len(wanted), PAGE)]
    answers = await lists.answers(*(_page({"ID": page}) for page in pages))
    with known_form():
        people = [person_of(row) for answer in answers for row in answer.rows()]
    return tuple(NamedId(person.id, person.called) for person in people)


async def everybody(client: RestClient, lists: Lists) -> tuple[Person, ...]:
    """Every user, dismissed ones included: the first page, then pages that go on behind each other's last id."""
    [first] = await lists.answers(_page({}))
    rows, more = list(first.rows()), first.next is not None
    while more and rows:
        missing = PAGE if first.total is None else first.total - len(rows)
        further = await _behind(rows[-1], -(-missing // PAGE), client, lists)
        rows += further
        more = len(further) >= PAGE if first.total is None else bool(further) and len(rows) < first.total
    with known_form():
        found = {person.id: person for person in map(person_of, rows)}
    if len(found) < len(rows):
        raise unexpected("The portal says that there are more users, and sends the same again.")
    return tuple(found.values())


def person_of(row: Json) -> Person:
    """A user; only one who is known to be dismissed counts as such. What the scope hides is empty."""
    return Person(
        int(row["ID"]),
        text(row, "NAME"),
        text(row, "LAST_NAME"),
        text(row, "EMAIL"),
        active=row.get("ACTIVE") not in {False, "N", "false", "0"},
    )


async def _behind(last: Json, pages: int, client: RestClient, lists: Lists) -> list[Json]:
    """The pages behind a row in one request, each behind the last id of the one before."""
    bounds = [last.get("ID"), *(f"$result[c{place}][{PAGE - 1}][ID]" for place in range(min(pages, _MOST_CALLS) - 1))]
    calls = [_page({">ID": bound}) for bound in bounds]
    rows: list[Json] = []
    for outcome in await client.batch(calls, chained=True) if len(calls) > 1 else await lists.outcomes(calls):
        page = answered(outcome).rows()
        rows += page
        if len(page) < PAGE:
            break  # behind a short page the reference names nobody, and what follows begins anew
    return rows


def _page(chosen: dict[str, object]) -> RestCall:
    return RestCall("user.get", {**({"FILTER": chosen} if chosen else {}), **_UPWARDS, "select": list(_COLUMNS)})
