"""The Portal protocol: what any backend can do, and the values that pass between it and the CRM.

A backend gets questions that are already checked and resolved (`Condition`, `Sort`) and gives rows as the portal
stores them. It raises only errors of `crm.errors`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, Literal, Protocol

from bitrix24_mcp.crm.entity import Entity

Operator = Literal["eq", "ne", "gt", "gte", "lt", "lte", "contains", "in", "nin"]
Scalar = str | int | float | bool
Record = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Condition:
    """One condition on one field. `in` and `nin` hold a tuple, every other operator a scalar."""

    field: str
    operator: Operator
    value: Scalar | tuple[Scalar, ...]


@dataclass(frozen=True, slots=True)
class Sort:
    """One step of an order."""

    field: str
    descending: bool = False


@dataclass(frozen=True, slots=True)
class RecordQuery:
    """Which records to read: all conditions hold, in this order, these columns, this many from `offset`."""

    entity: Entity
    conditions: tuple[Condition, ...] = ()
    sort: tuple[Sort, ...] = ()
    select: tuple[str, ...] = ()
    limit: int = 50
    offset: int = 0


@dataclass(frozen=True, slots=True)
class RecordPage:
    """Rows as stored. `total` counts all matching records; None when the portal did not say."""

    rows: tuple[Record, ...]
    total: int | None
    has_more: bool


@dataclass(frozen=True, slots=True)
class Option:
    """One allowed value of a list field: what is stored and what people read."""

    code: str
    name: str


@dataclass(frozen=True, slots=True)
class FieldInfo:
    """A field as the portal describes it. `type` is the portal's own word; `directory` names its status directory."""

    name: str
    type: str
    title: str = ""
    read_only: bool = False
    multiple: bool = False
    options: tuple[Option, ...] = ()
    directory: str = ""


@dataclass(frozen=True, slots=True)
class Status:
    """One value of a directory. `semantics`: "S" won, "F" lost, "" anything else."""

    directory: str
    code: str
    name: str
    sort: int
    semantics: str


@dataclass(frozen=True, slots=True)
class Funnel:
    """A funnel (category) of an entity."""

    id: int
    name: str
    default: bool = False


@dataclass(frozen=True, slots=True)
class NamedId:
    """A user or a workflow template: its id and what people call it."""

    id: int
    name: str


@dataclass(frozen=True, slots=True)
class Currency:
    """A currency of the portal. `code` is ISO 4217; `base` marks the portal's own."""

    code: str
    base: bool
    name: str = ""


@dataclass(frozen=True, slots=True)
class Identity:
    """Whose eyes: the portal's host, the key's scopes, mode and type, and its user's id.

    What the portal did not say is empty, or None for the user.
    """

    portal: str
    scopes: tuple[str, ...]
    access_mode: str
    user_id: int | None
    key_type: str


@dataclass(frozen=True, slots=True)
class MeasureRequest:
    """A function over a field, in the portal's aggregate."""

    function: Literal["count", "sum", "min", "max"]
    field: str


@dataclass(frozen=True, slots=True)
class FigureGroup:
    """Figures of one group: `key` by group field, `count` of records, `values` by (function, field).

    `covered` is how many of the records the values were computed from.
    """

    key: Mapping[str, Any]
    count: int
    covered: int
    values: Mapping[tuple[str, str], Decimal | None]


@dataclass(frozen=True, slots=True)
class Figures:
    """The portal's own aggregate. `total` counts all matching records, `processed` those that the figures cover.

    `truncated`: the portal stopped before the last record; `groups_truncated`: it left out groups.
    """

    groups: tuple[FigureGroup, ...]
    total: int
    processed: int
    truncated: bool
    groups_truncated: bool


@dataclass(frozen=True, slots=True)
class WorkflowPage:
    """Running workflow instances, newest change first, with seed names in camelCase. `total` None = not said."""

    rows: tuple[Record, ...]
    total: int | None


class Portal(Protocol):
    """What any backend can do. Every read raises the errors of `crm.errors`, nothing else."""

    def now(self) -> datetime:
        """The portal's present moment, aware."""
        ...

    async def identity(self) -> Identity:
        """Whose key this is and how far it reaches."""
        ...

    async def time_zone(self) -> str:
        """IANA name of the current user's zone; empty when the portal does not say."""
        ...

    async def smart_processes(
        self, conditions: Sequence[Condition] = (), sort: Sequence[Sort] = ()
    ) -> tuple[Record, ...]:
        """All smart-process types that match, as stored."""
        ...

    async def smart_process_fields(self) -> tuple[FieldInfo, ...]:
        """The fields of a smart-process type itself."""
        ...

    async def fields(self, entity: Entity) -> tuple[FieldInfo, ...]:
        """The fields of an entity's records, user fields included."""
        ...

    async def statuses(self, directory: str | None) -> tuple[Status, ...]:
        """The values of one directory in their order, or of all directories."""
        ...

    async def funnels(self, entity: Entity) -> tuple[Funnel, ...]:
        """The funnels of an entity; empty when it has none."""
        ...

    async def users(self, ids: Sequence[int]) -> tuple[NamedId, ...]:
        """Names of those of the users that the key may see, dismissed ones included."""
        ...

    async def currencies(self) -> tuple[Currency, ...]:
        """The portal's currencies."""
        ...

    async def search(self, query: RecordQuery) -> RecordPage:
        """One page of records; never a page with rows silently left out."""
        ...

    async def count(self, entity: Entity, conditions: Sequence[Condition]) -> int:
        """How many records match, exact at any size."""
        ...

    async def aggregate(
        self,
        entity: Entity,
        conditions: Sequence[Condition],
        measures: Sequence[MeasureRequest],
        group_by: Sequence[str],
    ) -> Figures:
        """The portal's own figures, with its own limits stated in them."""
        ...

    async def workflows(self, template_id: int | None, started_by: int | None, offset: int) -> WorkflowPage:
        """One page of running workflow instances, most recently modified first."""
        ...

    async def workflow_templates(self) -> tuple[NamedId, ...]:
        """The workflow templates."""
        ...
