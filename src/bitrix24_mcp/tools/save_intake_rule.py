"""`save_intake_rule`: what the answers to a questionnaire become, checked against the portal and kept."""

from typing import Annotated, Any, Literal

from pydantic import Field, WithJsonSchema
from pydantic.json_schema import SkipJsonSchema

from bitrix24_mcp.crm.errors import InvalidArguments
from bitrix24_mcp.tools.declare import WRITES, Context, Reply, Tool
from bitrix24_mcp.tools.params import Arguments, Name

Quiz = Annotated[Any, WithJsonSchema({"type": "integer"}), Field(description="Number of the questionnaire")]
_PARTS = ("responsible", "source", "funnel", "stage", "type", "lead_status")


class SaveIntakeRule(Arguments):
    """The rule."""

    mode: Annotated[Literal["create", "change"], Field(description="change replaces the whole rule, so give all of it")]
    quiz: Quiz
    responsible: Annotated[Name, Field(description="Who is responsible for what is made: name or id")] = ""
    source: Annotated[Name, Field(description="Its source: code or name")] = ""
    funnel: Annotated[Name, Field(description="Funnel of the deal")] = ""
    stage: Annotated[Name, Field(description="Its stage")] = ""
    type: Annotated[Name, Field(description="Its type")] = ""
    lead: Annotated[
        Annotated[bool, Field(strict=True)] | SkipJsonSchema[None],
        Field(description="Make a lead instead of a deal"),
    ] = None
    lead_status: Annotated[Name, Field(description="Status of the lead")] = ""
    fields: Annotated[
        dict[str, Any] | SkipJsonSchema[None],
        Field(
            description="Where answers go: {deal, lead, company, contact: {question id: field}, contact_names: "
            "{part of the contact: field}}; fields by code or label"
        ),
    ] = None
    tags: Annotated[
        dict[str, Any] | SkipJsonSchema[None],
        Field(description="Always added: {custom field of several values: [texts]}"),
    ] = None
    rule: Annotated[
        dict[str, Any], Field(description="Instead: a whole rule with PerformerID, PipelineID, FieldsRule…")
    ] = {}
    preview: Annotated[bool, Field(strict=True, description="Only check and show it")] = False


class SavedRule(Reply):
    """The rule as this portal understands it, with names; `saved` is false for a preview."""

    saved: bool
    rule: dict[str, Any]
    notes: list[str] | None = None


async def save_intake_rule(arguments: SaveIntakeRule, context: Context) -> SavedRule:
    """Checks the rule, and keeps it unless it is only looked at."""
    from bitrix24_mcp.crm.intake.checking import checked_rule  # noqa: PLC0415 - loaded with the first call
    from bitrix24_mcp.crm.intake.keeping import check_mode, save_rule  # noqa: PLC0415
    from bitrix24_mcp.crm.intake.rule import quiz_number  # noqa: PLC0415
    from bitrix24_mcp.crm.intake.shown import rule_shown  # noqa: PLC0415
    from bitrix24_mcp.crm.intake.written import written_rule  # noqa: PLC0415

    quiz = quiz_number(arguments.quiz)
    given = {name: getattr(arguments, name) or None for name in _PARTS}
    given |= {"quiz": quiz, "lead": arguments.lead, "fields": arguments.fields, "tags": arguments.tags}
    written = written_rule(given, arguments.rule)
    await check_mode(quiz, arguments.mode, context.desk, context.metadata)
    if arguments.mode == "change" and (written.fields is None or written.tags is None):
        raise InvalidArguments(
            "A change replaces the whole rule, and fields or tags are not given.",
            advice="Give both, {} for none; get_intake_rule shows those of now.",
            code="INVALID_ARGUMENT",
        )
    checked = await checked_rule(written, context.metadata)
    checked.problems.check()
    if not arguments.preview:
        await save_rule(checked.rule, arguments.mode, context.desk, context.metadata)
    return SavedRule(
        saved=not arguments.preview,
        rule=await rule_shown(checked.rule, context.metadata),
        notes=list(checked.notes) or None,
    )


TOOL = Tool(
    name="save_intake_rule",
    title="Save an intake rule",
    description="Saves on this server what the answers to a questionnaire become in the CRM: a lead or deal with its "
    "responsible, funnel, stage, source, the fields for answers, and tags. Names and codes are taken, all problems are "
    "named at once. It writes nothing to the portal; submit_intake does. With preview it only checks.",
    arguments=SaveIntakeRule,
    replies=(SavedRule,),
    annotations=WRITES,
    handler=save_intake_rule,
    scope="crm",
)
