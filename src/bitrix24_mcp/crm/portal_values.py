"""The values that pass between the CRM and a portal: questions that are checked and resolved, answers as stored."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from bitrix24_mcp.crm.catalogue.entity import Entity

Operator = Literal["eq", "ne", "gt", "gte", "lt", "lte", "contains", "in", "nin"]
Scalar = str | int | float | bool
Record = Mapping[str, Any]
RecordId = int | str
"""Currencies have codes for ids, everything else has numbers."""


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
    """Which records to read: all conditions hold, in this order, these columns, this many from `offset`.

    `counted`: whether the total is wanted, which a portal may have to count. `expected`: how many rows are likely to
    come, so that a portal which gives small pages asks for no more of them at once; None = nobody knows. A page that
    was expected to be shorter may end before its limit although more follow.
    """

    entity: Entity
    conditions: tuple[Condition, ...] = ()
    sort: tuple[Sort, ...] = ()
    select: tuple[str, ...] = ()
    limit: int = 50
    offset: int = 0
    counted: bool = True
    expected: int | None = None


@dataclass(frozen=True, slots=True)
class WorkflowQuery:
    """Which running workflow instances to read, in which order, from `offset` on. Fields are those of WorkflowPage."""

    conditions: tuple[Condition, ...] = ()
    sort: tuple[Sort, ...] = ()
    offset: int = 0


@dataclass(frozen=True, slots=True)
class RecordPage:
    """Rows as stored. `total` counts all matching records; None when the portal did not say.

    `pieces`: how many readings one after the other made the page; the rows of one are of one moment.
    """

    rows: tuple[Record, ...]
    total: int | None
    has_more: bool
    pieces: int = 1


@dataclass(frozen=True, slots=True)
class Option:
    """One allowed value of a list field: what is stored and what people read."""

    code: str
    name: str


@dataclass(frozen=True, slots=True)
class FieldInfo:
    """A field as the portal describes it. `type` is the portal's own word; `directory` names its status directory.

    `required`: a record cannot be made without it; `immutable`: it is set when a record is made, and not changed later.
    """

    name: str
    type: str
    title: str = ""
    read_only: bool = False
    multiple: bool = False
    options: tuple[Option, ...] = ()
    directory: str = ""
    required: bool = False
    immutable: bool = False


@dataclass(frozen=True, slots=True)
class Status:
    """One value of a directory. `semantics`: "S" won, "F" lost, "" anything else.

    `id`, `initial_name` (what it was called before it was renamed) and `color` come with the list of all directories;
    of one directory read alone a portal may leave them out, so they tell no values apart.
    """

    directory: str
    code: str
    name: str
    sort: int
    semantics: str
    id: int | None = field(default=None, compare=False)
    initial_name: str = field(default="", compare=False)
    color: str = field(default="", compare=False)


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
class Person:
    """A user with the parts of the name; `active` is false for the dismissed. What the portal did not say is empty."""

    id: int
    name: str
    last_name: str
    email: str
    active: bool

    @property
    def called(self) -> str:
        """The full name, else the e-mail address; empty when neither is known."""
        return f"{self.name} {self.last_name}".strip() or self.email


@dataclass(frozen=True, slots=True)
class Currency:
    """A currency of the portal. `code` is ISO 4217; `base` marks the portal's own."""

    code: str
    base: bool
    name: str = ""


@dataclass(frozen=True, slots=True)
class Identity:
    """Whose eyes: the portal's host, the key's scopes, mode and type, its user's id, and whether that is an admin.

    `per_second`: requests a second that the portal takes from all its keys together.
    What the portal did not say is empty, or None for the numbers and for `admin`.
    """

    portal: str
    scopes: tuple[str, ...]
    access_mode: str
    user_id: int | None
    key_type: str
    per_second: int | None = None
    admin: bool | None = None

    @property
    def direct(self) -> bool:
        """Whether Bitrix24's own REST is asked, not the gateway; each has scopes of its own."""
        return self.key_type in {"webhook", "oauth"}


@dataclass(frozen=True, slots=True)
class RateLimits:
    """What the portal last said of the key's requests in a window: how many there are, how many of them are left.

    `resets_in`: seconds from now until the window ends. None = not said.
    """

    limit: int | None = None
    remaining: int | None = None
    resets_in: int | None = None


@dataclass(frozen=True, slots=True)
class GroupCounts:
    """How many of `total` matching records each group holds, by the values of its fields.

    `complete` is false where the portal stopped before the last record or left groups out.
    """

    groups: tuple[tuple[Mapping[str, Any], int], ...]
    total: int
    complete: bool


@dataclass(frozen=True, slots=True)
class WorkflowPage:
    """Running workflow instances by the names of their nine columns, such as `templateId` and `lockedUntil`.

    `templateId` and `startedBy` are numbers; None where an instance has none. `total` None = not said.
    """

    rows: tuple[Record, ...]
    total: int | None


@dataclass(frozen=True, slots=True)
class Records:
    """Records as stored, by id. `missing`: there are none; `refused`: this key's user may not see them."""

    found: Mapping[RecordId, Record]
    missing: tuple[RecordId, ...] = ()
    refused: tuple[RecordId, ...] = ()
