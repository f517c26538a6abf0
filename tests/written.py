"""What becomes of changes, through either door, held against what the demo portal's database has afterwards."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from assistants import sql_over
from bitrix24_mcp.crm.catalogue.entities import BY_NAME
from bitrix24_mcp.crm.catalogue.entity import Entity, smart_process
from bitrix24_mcp.crm.portal import Portal
from bitrix24_mcp.crm.portal_changes import Change, Fate, Outcome
from bitrix24_mcp.crm.portal_values import Record
from bitrix24_mcp.crm.writer import Writer
from bitrix24_mcp.demo import DemoPortal, Fault
from bitrix24_mcp.demo.faults import FaultKind

DEALS = BY_NAME["deals"]
_PHONES = [{"ID": "7", "VALUE": "+7 916", "VALUE_TYPE": "MOBILE"}, {"VALUE": "+7 495"}]
NEW: Sequence[tuple[Entity, Mapping[str, Any]]] = [
    (DEALS, {"title": "A", "amount": 5, "UF_CRM_1700000004": ["301", "302"], "UF_CRM_1700000009": True}),
    (BY_NAME["leads"], {"title": "A", "phone": _PHONES}),
    (BY_NAME["contacts"], {"name": "A", "phone": _PHONES, "email": [{"VALUE": "a@example.com", "VALUE_TYPE": "HOME"}]}),
    (BY_NAME["companies"], {"title": "A", "web": [{"VALUE": "https://a.example"}]}),
    (BY_NAME["quotes"], {"title": "A", "beginDate": "2026-07-01"}),
    (BY_NAME["invoices"], {"title": "A", "closedate": "2026-07-01"}),
    (smart_process(174, "Contracts", stages=True, funnels=True), {"title": "A", "opportunity": 7.5}),
    (
        BY_NAME["tasks"],
        {"title": "A", "responsibleId": 1, "deadline": "2026-08-01T10:00:00+03:00", "tags": ["x"], "priority": 2},
    ),
    (BY_NAME["products"], {"name": "A", "price": 10}),
    (BY_NAME["timelines"], {"entityType": "dynamic_174", "entityId": 1, "comment": "A"}),
]
"""One new record of every kind that can be made."""


@dataclass(frozen=True)
class Disturbed:
    """What one kind of fault does to a change that is alone, and to every second of those that share a request.

    `once`: where it strikes a single request, `lasting`: where it stays. `others`: the calls of a batch that it spares.
    """

    once: Fate
    lasting: Fate
    others: Fate | None = None


UNNOTICED = Disturbed("done", "done")
REFUSED = Disturbed("refused", "refused")
UNKNOWN = Disturbed("unknown", "unknown")
WAITED_OUT = Disturbed("done", "refused")


def titles(number: int) -> list[str]:
    """Names that no other deal has."""
    return [f"disturbed {place}" for place in range(number)]


def creations(number: int) -> Sequence[Change]:
    """Changes that make deals of those names."""
    return [Change("create", DEALS, values={"title": title}) for title in titles(number)]


async def outcomes_under(fault: Fault, number: int, writer: Writer, portal: DemoPortal) -> Sequence[Outcome]:
    """What becomes of that many new deals while a fault strikes; each is held against the database."""
    portal.inject(fault)
    outcomes = await writer.send(creations(number))
    portal.clear_faults()
    check(outcomes, portal)
    return outcomes


def check(outcomes: Sequence[Outcome], portal: DemoPortal) -> None:
    """What is done is there once, under its id, and what is refused is not there; nothing is there twice."""
    sql = sql_over(portal.database)
    for title, outcome in zip(titles(len(outcomes)), outcomes, strict=True):
        ids = [number for (number,) in sql('SELECT "id" FROM "deals" WHERE "title" = ?', title)]
        expected: Mapping[Fate, Sequence[list[int | str | None]]] = {
            "done": [[outcome.id]],
            "refused": [[]],
            "unknown": [[], ids[:1]],
        }
        assert ids in expected[outcome.fate], (title, outcome)
        assert (outcome.error is None) == (outcome.fate == "done")


def expected_fates(disturbed: Disturbed, kind: FaultKind, number: int, *, lasting: bool) -> list[Fate]:
    """The fate of each change; some faults spare every second call of a batch."""
    fate = disturbed.lasting if lasting else disturbed.once
    if number == 1:
        return ["done" if kind in {"partial_batch", "limit_within"} else fate]
    return [fate if disturbed.others is None or place % 2 else disturbed.others for place in range(number)]


async def check_made_changed_and_deleted(
    entity: Entity,
    values: Mapping[str, Any],
    number: int,
    writer: Writer,
    portal: Portal,
    demo: DemoPortal,
    *,
    shown: bool,
) -> None:
    """So many records are made, changed and deleted again; in the end the portal is what it was.

    `shown`: whether answers show records.
    """
    sql, table = sql_over(demo.database), "items_174" if entity.smart_process else entity.name
    before = sql(f'SELECT COUNT(*) FROM "{table}"')
    text = next(name for name in ("title", "name", "comment") if name in values)

    made = await writer.send([Change("create", entity, values=values)] * number)
    ids = [each.id for each in made if each.id is not None]
    read = (await portal.records(entity, ids)).found
    assert [(each.fate, each.error) for each in made] == [("done", None)] * number
    assert len(read) == number
    check_shown(made, [read[each] for each in ids], shown=shown)

    changed = await writer.send([Change("update", entity, id=each, values={text: "B"}) for each in ids])
    read = (await portal.records(entity, ids)).found
    assert [(each.fate, each.error) for each in changed] == [("done", None)] * number
    check_shown(changed, [read[each] for each in ids], shown=shown)
    assert {read[each][text] for each in ids} == {"B"}

    assert list(await writer.send([Change("delete", entity, id=each) for each in ids])) == [Outcome("done")] * number
    assert sql(f'SELECT COUNT(*) FROM "{table}"') == before


def check_shown(outcomes: Sequence[Outcome], read: Sequence[Record], *, shown: bool) -> None:
    """Each record is what reading gives of the fields that the answer had."""
    for outcome, row in zip(outcomes, read, strict=True):
        assert (outcome.record is not None) == shown
        told = outcome.record or {}
        assert told == {name: row[name] for name in told}, told
        assert not shown or len(told) > 5


async def check_workflows(writer: Writer, demo: DemoPortal) -> None:
    """Two workflows are started on a deal; one is ended, the other killed."""
    sql = sql_over(demo.database)
    [(template,)] = sql('SELECT MIN("id") FROM "bizproc_templates" WHERE "entity" = ?', "CCrmDocumentDeal")
    running = 'SELECT "ID", "DOCUMENT_ID", "TEMPLATE_ID" FROM "workflows" ORDER BY "ID"'
    before = sql(running)

    started = await writer.send([Change("start", DEALS, id=each, values={"templateId": template}) for each in (5, 6)])
    assert [(each.fate, each.error) for each in started] == [("done", None)] * 2
    new = [(each.id, f"DEAL_{deal}", str(template)) for each, deal in zip(started, (5, 6), strict=True)]
    assert sorted({*sql(running)} - {*before}) == sorted(new)

    ended = [
        Change("terminate", DEALS, id=each.id, values={"forced": forced, "status": "no more"})
        for each, forced in zip(started, (False, True), strict=True)
    ]
    assert list(await writer.send(ended)) == [Outcome("done")] * 2
    assert sql(running) == before
    assert [each.fate for each in await writer.send(ended)] == ["refused"] * 2
