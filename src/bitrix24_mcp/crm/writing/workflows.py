"""Plans that start, end and go on with workflows."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from bitrix24_mcp.crm.errors import InvalidArguments, NotFound, quoted
from bitrix24_mcp.crm.links import called
from bitrix24_mcp.crm.metadata import Metadata
from bitrix24_mcp.crm.portal_changes import Change
from bitrix24_mcp.crm.portal_values import Record
from bitrix24_mcp.crm.resolve import resolve_entity
from bitrix24_mcp.crm.text import plain
from bitrix24_mcp.crm.workflows.documents import document
from bitrix24_mcp.crm.workflows.instances import INSTANCES
from bitrix24_mcp.crm.workflows.tasks import COMMENT_NEEDED, TASKS, WAITING, answers_of
from bitrix24_mcp.crm.workflows.templates import check_template, template_id
from bitrix24_mcp.crm.writer import Writer
from bitrix24_mcp.crm.writing.citing import cited, coded
from bitrix24_mcp.crm.writing.plan import Plan
from bitrix24_mcp.crm.writing.workflow_reading import bound_to, instances_of, running_on, tasks_of


@dataclass(frozen=True, slots=True)
class Start:
    """A workflow to start: its template by name or id, the record, and the template's parameters."""

    template: str
    entity: str
    id: int
    parameters: Mapping[str, Any] = field(default_factory=dict[str, Any])


async def plan_start(wanted: Start, writer: Writer, metadata: Metadata) -> Plan:
    """The plan. Raises InvalidArguments for an unknown template, or a kind of record that it cannot start on here."""
    entity = await resolve_entity(wanted.entity, metadata)
    if not writer.takes("start", entity):
        raise InvalidArguments(
            f"Through this door no workflow can be started on {entity.plural}.",
            advice="The gateway starts them on deals, leads, contacts and companies; a webhook or an account also on "
            "quotes, invoices and items of smart processes.",
            code="NOT_WRITABLE",
        )
    template = await template_id(wanted.template, metadata)
    await check_template(str(template), metadata)
    read = await metadata.portal.records(entity, [wanted.id])
    if wanted.id not in read.found:
        raise _no_record(entity.singular, wanted.id, seen=wanted.id not in read.refused)
    record = read.found[wanted.id]
    running = await running_on(template, entity, wanted.id, metadata.portal)
    name = next((each.name for each in await metadata.workflow_templates() if each.id == template), "")
    notes = [f"Template {template} {cited(plain(name, 80))}."]
    if running:
        notes.append(f"It runs on this record already: {', '.join(map(coded, running))}.")
    change = Change(
        "start", entity, wanted.id, {"templateId": template, "parameters": dict(wanted.parameters)},
        bound_to(record, entity, running),
    )  # fmt: skip
    return Plan("start", entity, (change,), notes=tuple(notes), called={0: called(record, entity)})


async def plan_end(workflow: str, writer: Writer, metadata: Metadata, *, forced: bool, status: str) -> Plan:
    """The plan that ends an instance; `forced` deletes what it holds. Raises NotFound when no such instance runs."""
    if not writer.takes("terminate", INSTANCES):
        raise InvalidArguments("Workflows cannot be ended here.", advice="Use the portal.", code="NOT_WRITABLE")
    found = await instances_of([workflow], metadata.portal)
    if workflow not in found:
        raise NotFound(
            "No workflow instance with this id is running.",
            advice="Call list_workflows for those that are; finished ones are not kept.",
            code="ENTITY_NOT_FOUND",
        )
    row = found[workflow]
    names = {each.id: plain(each.name, 80) for each in await metadata.workflow_templates()}
    about = document(str(row.get("moduleId") or ""), row.get("documentId"))
    on = f"{about['entity']} {about['id']}" if "entity" in about else str(about.get("raw"))
    note = "Ended by force, it loses all that it holds." if forced else "It is ended in order and keeps what it holds."
    change = Change("terminate", INSTANCES, workflow, {"forced": forced, "status": status or None}, row)
    template = row.get("templateId")
    return Plan(
        "terminate", INSTANCES, (change,), notes=(note,), called={0: f"{names.get(template or 0, template)} on {on}"}
    )


@dataclass(frozen=True, slots=True)
class Completion:
    """A task to complete: with which answer (yes, no, ok, cancel), comment and values for what it asks."""

    task: int
    answer: str
    comment: str = ""
    fields: Mapping[str, Any] = field(default_factory=dict[str, Any])


async def plan_completion(wanted: Completion, writer: Writer, metadata: Metadata) -> Plan:
    """The plan. Raises InvalidArguments for an answer, a comment or values that the task does not take."""
    if not writer.takes("complete", TASKS):
        raise _no_tasks_here()
    task = (await tasks_of([wanted.task], metadata.portal)).get(wanted.task)
    if task is None:
        raise NotFound(
            f"There is no workflow task {wanted.task} that this key may see.",
            advice="Call complete_workflow_task without arguments for those that wait.",
            code="ENTITY_NOT_FOUND",
        )
    _check_waiting(task, (await metadata.identity()).user_id)
    code = _answer(wanted, task)
    fields = _asked_for(wanted, task)
    values = {"status": code, "comment": wanted.comment or None, "fields": fields}
    change = Change("complete", TASKS, wanted.task, values, task)
    asks = plain(str(task.get("description") or ""), 200)
    notes = [f"Answer: {wanted.answer}.", *([f"It asks: {cited(asks)}."] if asks else [])]
    return Plan("complete", TASKS, (change,), notes=tuple(notes), called={0: str(task.get("name") or "")})


def _check_waiting(task: Record, own: int | None) -> None:
    if task.get("userStatus") != WAITING:
        raise InvalidArguments(
            f"The workflow task {task['id']} is completed already.",
            advice="Call complete_workflow_task without arguments for those that wait.",
            code="ALREADY_DONE",
        )
    if own is not None and task.get("userId") not in {own, None}:
        raise InvalidArguments(
            f"The workflow task {task['id']} waits for user {task.get('userId')}, not for the user of this key.",
            advice="Only that person can complete it.",
            code="ACCESS_DENIED",
        )


def _answer(wanted: Completion, task: Record) -> int:
    takes = answers_of(task)
    if wanted.answer not in takes:
        raise InvalidArguments(
            f"This task does not take the answer “{wanted.answer[:40]}”.",
            advice=f"It takes {quoted(list(takes)) or 'none that is known here: complete it in the portal'}.",
            code="INVALID_VALUE",
            candidates=list(takes),
        )
    needs = COMMENT_NEEDED.get(str(task.get("commentRequired") or ""), frozenset())
    if wanted.answer in needs and not wanted.comment.strip():
        raise InvalidArguments(
            "This task needs a comment with that answer.", advice="Give comment.", code="REQUIRED_FIELD"
        )
    return takes[wanted.answer]


def _asked_for(wanted: Completion, task: Record) -> dict[str, Any]:
    known: Sequence[Mapping[str, Any]] = task.get("fields") or ()
    by_word = {str(word).casefold(): str(each["id"]) for each in known for word in (each["id"], each.get("name") or "")}
    given: dict[str, Any] = {}
    for word, value in wanted.fields.items():
        if word.casefold() not in by_word:
            names = [str(each.get("name") or each["id"]) for each in known]
            raise InvalidArguments(
                f"This task asks for no “{word[:40]}”.",
                advice=f"It asks for {quoted(names) or 'nothing'}.",
                code="UNKNOWN_FIELD",
                candidates=[str(each["id"]) for each in known],
            )
        given[by_word[word.casefold()]] = value
    missing = [str(each.get("name") or each["id"]) for each in known if each.get("required")]
    missing = [name for name in missing if given.get(by_word[name.casefold()]) in (None, "")]
    if missing and wanted.answer != "cancel":
        raise InvalidArguments(
            f"This task needs {quoted(missing).replace(' or ', ' and ')}.",
            advice="Give them in fields.",
            code="REQUIRED_FIELD",
        )
    return given


def _no_tasks_here() -> InvalidArguments:
    return InvalidArguments(
        "The gateway does not give workflow tasks.",
        advice="Complete it in the portal, or connect by a webhook or an account.",
        code="NOT_WRITABLE",
    )


def _no_record(what: str, record_id: int, *, seen: bool) -> InvalidArguments:
    if not seen:
        return InvalidArguments(
            f"This key may not see {what} {record_id}.", advice="Choose another.", code="ACCESS_DENIED"
        )
    return InvalidArguments(f"There is no {what} {record_id}.", advice="Check the id.", code="NOT_FOUND")
