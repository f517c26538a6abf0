"""The values that pass between the CRM and what changes a portal: changes that are checked, and what became of them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from bitrix24_mcp.crm.catalogue.entity import Entity
from bitrix24_mcp.crm.errors import PortalError
from bitrix24_mcp.crm.portal_values import Record, RecordId

Action = Literal["create", "update", "delete", "start", "terminate", "complete"]
"""The last three concern workflows: starting one, ending one, and completing a task that one waits for."""
Fate = Literal["done", "refused", "unknown"]
"""`refused`: surely not carried out; `unknown`: sent, and no answer says whether it was carried out."""


def _nothing() -> Mapping[str, Any]:
    return {}


@dataclass(frozen=True, slots=True)
class Change:
    """One thing to change, checked and resolved.

    `entity` and `id`: the record that is changed or deleted, or on which a workflow starts; of what ends, the
    workflow instance; of what is completed, the task; a new record has no id yet. `values` by field, as stored: codes,
    ids, ISO dates, phones as `{"VALUE", "VALUE_TYPE"}`, None where a field is emptied. For workflows they are
    `templateId` and `parameters` (start), `forced` and `status` (terminate), `status`, `comment` and `fields`
    (complete). `before`: the record as it was read; empty for what is new.
    """

    action: Action
    entity: Entity
    id: RecordId | None = None
    values: Mapping[str, Any] = field(default_factory=_nothing)
    before: Record = field(default_factory=_nothing)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a change.

    `id`: of what was created or started; `record`: the record as the answer showed it, None where it showed none;
    `error`: why it was refused, or why nothing is known of it.
    """

    fate: Fate
    id: RecordId | None = None
    record: Record | None = None
    error: PortalError | None = None
