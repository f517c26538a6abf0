"""`submit_intake`: the answers to a questionnaire become a contact, a company, and a lead or deal, once."""

from typing import TYPE_CHECKING, Annotated, Any

from pydantic import Field, WithJsonSchema

from bitrix24_mcp.tools.confirmable import REPLIES, Confirmable
from bitrix24_mcp.tools.declare import ADDS, Context, Reply, Tool
from bitrix24_mcp.tools.given import check_given
from bitrix24_mcp.tools.params import Name

if TYPE_CHECKING:
    from bitrix24_mcp.crm.intake.making import Submitted
    from bitrix24_mcp.crm.intake.submission import Submission
    from bitrix24_mcp.crm.metadata import Metadata
    from bitrix24_mcp.crm.writing.desk import Desk
    from bitrix24_mcp.crm.writing.work import Work


class SubmitIntake(Confirmable):
    """One answer."""

    quiz: Annotated[Any, WithJsonSchema({"type": "integer"}), Field(description="Number of the questionnaire")] = None
    answer: Annotated[
        Name, Field(description="Id of this answer in the questionnaire's service; the same id is written once")
    ] = ""
    answers: Annotated[
        dict[str, Any], Field(description="{question id: value or list of values}; labels work for list fields")
    ] = {}
    contact: Annotated[
        dict[str, Any], Field(description="Who answered: name, last_name, phone, email, and what the rule maps besides")
    ] = {}
    company: Annotated[str, Field(max_length=255, description="Name of their company")] = ""
    title: Annotated[str, Field(max_length=255, description="Title of the lead or deal")] = ""


class SubmittedIntake(Reply):
    """What is there now: each record with its id, its card in the portal, and whether it was found or made.

    `already`: the answer was submitted before, and nothing was written. `operations`: numbers for undo, in the order
    in which to reverse them. `stopped`: why something is missing.
    """

    lead: dict[str, Any] | None = None
    deal: dict[str, Any] | None = None
    contact: dict[str, Any] | None = None
    company: dict[str, Any] | None = None
    already: bool | None = None
    operations: list[int] | None = None
    stopped: str | None = None
    notes: list[str] | None = None


async def submit_intake(arguments: SubmitIntake, context: Context) -> Reply:
    """What would be made of the answer, or what was."""
    from bitrix24_mcp.crm.intake.telling import told  # noqa: PLC0415 - loaded with the first call
    from bitrix24_mcp.tools.confirming import carry_out_work  # noqa: PLC0415

    if not arguments.confirm:
        check_given(arguments, "answer")
    portal = (await context.metadata.identity()).portal

    async def make(wanted: SubmitIntake, desk: "Desk", metadata: "Metadata") -> "Submission | Reply":
        work = await _work(wanted, desk, metadata)
        return SubmittedIntake(**told(work.found, portal)) if work.is_done else work

    def answer(_: "Work[Submitted]", submitted: "Submitted") -> Reply:
        return SubmittedIntake(**told(submitted, portal))

    return await carry_out_work("submit_intake", arguments, make, answer, context)


async def _work(arguments: SubmitIntake, desk: "Desk", metadata: "Metadata") -> "Submission":
    from bitrix24_mcp.crm.intake.incoming import Incoming, answer_id  # noqa: PLC0415 - loaded with the first call
    from bitrix24_mcp.crm.intake.rule import quiz_number  # noqa: PLC0415
    from bitrix24_mcp.crm.intake.rules import Answered  # noqa: PLC0415
    from bitrix24_mcp.crm.intake.submission import Submission  # noqa: PLC0415

    portal = (await metadata.identity()).portal
    incoming = Incoming(
        Answered(portal, quiz_number(arguments.quiz), answer_id(arguments.answer)),
        arguments.answers,
        arguments.contact,
        arguments.company.strip(),
        arguments.title.strip(),
        await metadata.now(),
    )
    return await Submission.of(incoming, desk, metadata)


TOOL = Tool(
    name="submit_intake",
    title="Submit an answer to a questionnaire",
    description="Turns one answer to a questionnaire into records, as the rule of save_intake_rule says: the contact "
    "is found by phone or e-mail, else made, so is the company, and a lead or deal is made that links both. Records "
    "that exist are never changed. The same answer id is written once: calling again goes on where it stopped. "
    "Previewed and confirmed as in write_items.",
    arguments=SubmitIntake,
    replies=(SubmittedIntake, *REPLIES),
    annotations=ADDS,
    handler=submit_intake,
    scope="crm",
)
