"""Workflow templates by name or id."""

from collections.abc import Sequence

from bitrix24_mcp.crm.errors import InvalidArguments, nearest, suggestion
from bitrix24_mcp.crm.fields import fold
from bitrix24_mcp.crm.metadata import Metadata
from bitrix24_mcp.crm.text import plain


async def template_id(written: str, metadata: Metadata) -> int:
    """The id of the template with this id or name; raises InvalidArguments when a name fits none or several."""
    if written.strip().isdecimal():
        return int(written)
    templates = await metadata.workflow_templates()
    found = [each for each in templates if fold(each.name) == fold(written)]
    if len(found) == 1:
        return found[0].id
    if found:
        ids = [str(each.id) for each in found]
        raise InvalidArguments(
            f"Several workflow templates are called “{written[:60]}”.",
            advice=f"Use the template id: {', '.join(ids)}.",
            code="AMBIGUOUS_TEMPLATE",
            candidates=ids,
        )
    raise _unknown_template(written, [each.name for each in templates])


async def check_template(written: str, metadata: Metadata) -> None:
    """Nothing found is no answer when there is no such template either."""
    templates = await metadata.workflow_templates()
    if written.strip().isdecimal() and int(written) not in {each.id for each in templates}:
        raise _unknown_template(written, [each.name for each in templates])


def _unknown_template(written: str, known: Sequence[str]) -> InvalidArguments:
    near = [plain(name, 80) for name in nearest(written, known)]
    others = [plain(name, 80) for name in known]
    return InvalidArguments(
        f"There is no workflow template “{written[:60]}”.",
        advice=suggestion(near, others) or "The portal shows no templates.",
        code="UNKNOWN_TEMPLATE",
        candidates=near or others[:8],
    )
