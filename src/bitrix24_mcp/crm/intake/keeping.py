"""Rules where they are kept: found, saved, or an error that says why not."""

from typing import Literal

from bitrix24_mcp.crm.errors import PermissionRefused
from bitrix24_mcp.crm.intake.rule import IntakeRule, already_there, no_rule
from bitrix24_mcp.crm.intake.rules import Intake, KeptRule
from bitrix24_mcp.crm.metadata import Metadata
from bitrix24_mcp.crm.writing.desk import Desk

Mode = Literal["create", "change"]


def intake_of(desk: Desk | None) -> Intake:
    """What keeps the rules; raises PermissionRefused where nothing does."""
    if desk is None or desk.intake is None:  # its tools are not offered without it
        raise PermissionRefused(
            "This server keeps no intake rules.",
            advice="Its operator switches them on with --allow-writes and --intake.",
            code="INTAKE_NOT_ALLOWED",
        )
    return desk.intake


async def kept_rule(quiz: int, desk: Desk | None, metadata: Metadata) -> KeptRule:
    """The rule of a questionnaire on this portal; raises NotFound when it has none."""
    kept = await intake_of(desk).get((await metadata.identity()).portal, quiz)
    if kept is None:
        raise no_rule(quiz)
    return kept


async def check_mode(quiz: int, mode: Mode, desk: Desk | None, metadata: Metadata) -> None:
    """Raises InvalidArguments for a rule to create that is there, NotFound for one to change that is not."""
    there = await intake_of(desk).get((await metadata.identity()).portal, quiz) is not None
    if there and mode == "create":
        raise already_there(quiz)
    if not there and mode == "change":
        raise no_rule(quiz)


async def save_rule(rule: IntakeRule, mode: Mode, desk: Desk | None, metadata: Metadata) -> None:
    """Keeps the rule; raises the same where another call was quicker."""
    intake, portal = intake_of(desk), (await metadata.identity()).portal
    if mode == "create" and not await intake.create(portal, rule):
        raise already_there(rule.quiz)
    if mode == "change" and not await intake.change(portal, rule):
        raise no_rule(rule.quiz)
