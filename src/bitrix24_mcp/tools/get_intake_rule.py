"""`get_intake_rule`: the rule of a questionnaire, and whether it still fits the portal."""

from typing import Annotated, Any

from pydantic import Field, WithJsonSchema

from bitrix24_mcp.tools.declare import READS, Context, Reply, Tool
from bitrix24_mcp.tools.params import Arguments


class GetIntakeRule(Arguments):
    """Which rule."""

    quiz: Annotated[Any, WithJsonSchema({"type": "integer"}), Field(description="Number of the questionnaire")]


class IntakeRuleReply(Reply):
    """The rule with names beside codes; `problems` are parts of it that the portal would not take now."""

    rule: dict[str, Any]
    created_at: str
    changed_at: str
    problems: list[str] | None = None
    notes: list[str] | None = None


async def get_intake_rule(arguments: GetIntakeRule, context: Context) -> IntakeRuleReply:
    """The rule as it is kept, checked against the portal of now."""
    from bitrix24_mcp.crm.intake.checking import checked_rule  # noqa: PLC0415 - loaded with the first call
    from bitrix24_mcp.crm.intake.keeping import kept_rule  # noqa: PLC0415
    from bitrix24_mcp.crm.intake.rule import quiz_number  # noqa: PLC0415
    from bitrix24_mcp.crm.intake.shown import rule_shown  # noqa: PLC0415
    from bitrix24_mcp.crm.intake.written import as_written  # noqa: PLC0415

    kept = await kept_rule(quiz_number(arguments.quiz), context.desk, context.metadata)
    checked = await checked_rule(as_written(kept.rule), context.metadata)
    zone = await context.metadata.zone()
    return IntakeRuleReply(
        rule=await rule_shown(kept.rule, context.metadata),
        created_at=kept.created_at.astimezone(zone).isoformat(timespec="seconds"),
        changed_at=kept.changed_at.astimezone(zone).isoformat(timespec="seconds"),
        problems=checked.problems.told or None,
        notes=list(checked.notes) or None,
    )


TOOL = Tool(
    name="get_intake_rule",
    title="Get an intake rule",
    description="Gives the rule of a questionnaire as save_intake_rule keeps it, with names, and names what the "
    "portal would not take any more: a dismissed person, a stage or field that is gone.",
    arguments=GetIntakeRule,
    replies=(IntakeRuleReply,),
    annotations=READS,
    handler=get_intake_rule,
    scope="crm",
)
