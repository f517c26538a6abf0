"""The Portal protocol: what any backend can do.

A backend gets questions that are already checked and resolved (`Condition`, `Sort`) and gives rows as the portal
stores them. It raises only errors of `crm.errors`.
"""

from collections.abc import Sequence
from datetime import datetime, tzinfo
from typing import Protocol

from bitrix24_mcp.crm.catalogue.entity import Entity
from bitrix24_mcp.crm.errors import PortalError
from bitrix24_mcp.crm.portal_values import (
    Condition,
    Currency,
    FieldInfo,
    Funnel,
    GroupCounts,
    Identity,
    NamedId,
    Person,
    RateLimits,
    Record,
    RecordId,
    RecordPage,
    RecordQuery,
    Records,
    Sort,
    Status,
    WorkflowPage,
    WorkflowQuery,
)


class Descriptions(Protocol):
    """What a portal says of itself, which may be kept for a while. Raises the errors of `crm.errors`, nothing else."""

    async def identity(self) -> Identity:
        """Whose key this is and how far it reaches."""
        ...

    async def time_zone(self) -> str:
        """IANA name of the current user's zone; empty when the portal does not say."""
        ...

    async def offset(self) -> tzinfo | None:
        """The offset in which the portal writes moments; None when it shows none, or only UTC."""
        ...

    async def smart_processes(self) -> tuple[Record, ...]:
        """All smart-process types, as stored."""
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

    async def people(self) -> tuple[Person, ...]:
        """Every user that the key may see, dismissed ones included."""
        ...

    async def currencies(self) -> tuple[Currency, ...]:
        """The portal's currencies."""
        ...

    async def workflow_templates(self) -> tuple[NamedId, ...]:
        """The workflow templates."""
        ...


class SharedDescriptions(Descriptions, Protocol):
    """Descriptions that others keep as well; they count in `usage` whether it was kept or read."""

    @property
    def lifetime(self) -> float:
        """Seconds for which an answer may be kept beside it."""
        ...

    def forget(self) -> None:
        """Has the next question read the portal again, whoever asks."""
        ...


class Portal(Descriptions, Protocol):
    """What any backend can do. Every read raises the errors of `crm.errors`, nothing else."""

    @property
    def page_at_most(self) -> int:
        """Records that one search gives at most."""
        ...

    @property
    def piece_at_most(self) -> int:
        """Records that one reading gives at most: those of one moment. A page may be made of several."""
        ...

    @property
    def figures_at_most(self) -> int:
        """Matching records up to which its own groups are complete; 0 where it makes none."""
        ...

    @property
    def reads_at_once(self) -> int:
        """Counts and reads of one record that are worth having under way at the same time."""
        ...

    @property
    def reads_a_request(self) -> int:
        """How many of those share one request."""
        ...

    def requests_a_look(self, entity: Entity, conditions: Sequence[Condition]) -> int:
        """The most requests that one count, or one page of records, takes where these conditions choose; asks nothing.

        Counts that are asked at once may share them.
        """
        ...

    def now(self) -> datetime:
        """The portal's present moment, aware."""
        ...

    def limits(self) -> RateLimits:
        """What is left of the key's requests, as the latest answer said; asks nothing."""
        ...

    @property
    def heard(self) -> bool:
        """Whether it has answered yet: its clock, and the offset of its moments, are known from then on."""
        ...

    def fields_changed(self, entity: Entity) -> None:
        """Somebody else was told other fields of the entity: what is known of them here is out of date."""
        ...

    async def smart_processes(
        self, conditions: Sequence[Condition] = (), sort: Sequence[Sort] = ()
    ) -> tuple[Record, ...]:
        """All smart-process types that match, as stored."""
        ...

    async def leads_in_use(self) -> bool | None:
        """Whether the CRM works with leads; None where the portal does not say through this door."""
        ...

    async def contacts_with(self, phones: Sequence[str], emails: Sequence[str]) -> tuple[int, ...]:
        """Ids of all contacts with one of these phones, however they are written, or e-mail addresses.

        Others may be among them: how portals compare phones is not documented, so compare by `crm.phones`.
        """
        ...

    async def search(self, query: RecordQuery) -> RecordPage:
        """One page of records; never a page with rows silently left out."""
        ...

    async def searches(self, queries: Sequence[RecordQuery]) -> tuple[RecordPage | PortalError, ...]:
        """A page for each query in few requests; in the place of a page that failed, the error.

        Raises KeyRefused, which is no matter of one page.
        """
        ...

    async def count(self, entity: Entity, conditions: Sequence[Condition]) -> int:
        """How many records match, exact at any size."""
        ...

    async def group_counts(
        self, entity: Entity, conditions: Sequence[Condition], group_by: Sequence[str]
    ) -> GroupCounts:
        """How many of the matching records each group holds, by the portal's own count, with its limits stated."""
        ...

    def filters_workflows(self, condition: Condition) -> bool:
        """Whether it chooses workflow instances by this condition itself."""
        ...

    def orders_workflows(self, sort: Sequence[Sort]) -> bool:
        """Whether it gives workflow instances in this order itself."""
        ...

    async def workflows(self, query: WorkflowQuery) -> WorkflowPage:
        """One page of running workflow instances; only conditions and orders that it says it takes."""
        ...

    async def workflow_tasks(self, ids: Sequence[int] = ()) -> tuple[Record, ...]:
        """The workflow tasks of these ids, without ids those that wait for the key's user.

        Each holds id, name, description, activity (its kind), workflowId, moduleId, documentId, userId, userStatus (0 =
        waits), commentRequired, overdue and fields, `{id, name, type, required}` of what it asks for. Raises
        InvalidArguments where the portal does not give them through this door.
        """
        ...

    async def records(self, entity: Entity, ids: Sequence[RecordId]) -> Records:
        """The records with all their fields; reads that come at once share requests."""
        ...

    async def product_rows(self, entity: Entity, owner_id: int) -> tuple[Record, ...]:
        """The product rows of a record: productId, productName, price, quantity, discount, taxRate, taxIncluded."""
        ...

    async def stage_history(self, entity: Entity, owner_id: int) -> tuple[Record, ...]:
        """Every stage that a record came to: id, typeId, createdAt, categoryId, stageId, stageSemanticId."""
        ...
