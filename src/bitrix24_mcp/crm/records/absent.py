"""Why nothing was found, where that is cheap to say: a condition may name a person who does not exist."""

from collections.abc import Sequence

from bitrix24_mcp.crm.fields import Fields
from bitrix24_mcp.crm.metadata import Metadata
from bitrix24_mcp.crm.portal_values import Condition


async def absent(conditions: Sequence[Condition], fields: Fields, metadata: Metadata) -> str:
    """A sentence on the user ids that the key cannot see; empty when there is nothing to say."""
    asked = [each for each in conditions if fields.kind(each.field) == "user" and each.operator in {"eq", "in"}]
    values = [value for each in asked for value in (each.value if isinstance(each.value, tuple) else (each.value,))]
    ids = sorted({value for value in values if isinstance(value, int) and value > 0})
    if not ids:
        return ""
    visible = await metadata.users(ids)
    missing = [str(user) for user in ids if user not in visible]
    return f"There is no user {', '.join(missing)} that this key can see." if missing else ""
