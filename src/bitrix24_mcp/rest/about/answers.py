"""The part of the Portal that is not about records by conditions: the portal itself, people, workflows, histories."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import tzinfo

from bitrix24_mcp.crm.catalogue.entity import Entity
from bitrix24_mcp.crm.portal_values import (
    Condition,
    Currency,
    FieldInfo,
    Funnel,
    Identity,
    NamedId,
    Person,
    RateLimits,
    Record,
    Sort,
    Status,
    WorkflowPage,
    WorkflowQuery,
)
from bitrix24_mcp.rest.about import (
    clients,
    directories,
    histories,
    identity,
    people,
    smart_processes,
    workflow_tasks,
    workflows,
)
from bitrix24_mcp.rest.calling.client import RestClient
from bitrix24_mcp.rest.calling.lists import Lists
from bitrix24_mcp.rest.calling.reads import Reads


class RestAbout:
    """What a portal says about itself and about single records, by REST."""

    def __init__(self, client: RestClient, reads: Reads) -> None:
        self._client = client
        self._reads = reads
        self._lists = Lists(reads)

    def limits(self) -> RateLimits:
        """Nothing: REST does not say what is left."""
        return RateLimits()

    async def identity(self) -> Identity:
        """`profile` and `scope`; the host is the one to which the portal has moved."""
        per_second = int(self._client.budget.capacity.drain)
        told = await identity.identity(self._client.access, self._lists, per_second)
        return replace(told, portal=self._client.portal)

    async def time_zone(self) -> str:
        """`profile`, else `user.current`."""
        return await identity.time_zone(self._lists)

    async def offset(self) -> tzinfo | None:
        """That of the moment with which every answer is stamped."""
        return self._client.offset

    async def smart_processes(
        self, conditions: Sequence[Condition] = (), sort: Sequence[Sort] = ()
    ) -> tuple[Record, ...]:
        """`crm.type.list`, or `crm.enum.ownertype` for users who may not administer the CRM."""
        return await smart_processes.types(conditions, sort, self._lists)

    async def smart_process_fields(self) -> tuple[FieldInfo, ...]:
        """`crm.type.fields`."""
        return await smart_processes.type_fields(self._lists)

    async def statuses(self, directory: str | None) -> tuple[Status, ...]:
        """`crm.status.list`, or `crm.status.entity.items`."""
        return await directories.statuses(directory, self._lists)

    async def funnels(self, entity: Entity) -> tuple[Funnel, ...]:
        """`crm.category.list`."""
        return await directories.funnels(entity, self._lists)

    async def leads_in_use(self) -> bool | None:
        """`crm.settings.mode.get`."""
        return await directories.leads_in_use(self._lists)

    async def contacts_with(self, phones: Sequence[str], emails: Sequence[str]) -> tuple[int, ...]:
        """`crm.duplicate.findbycomm`."""
        return await clients.contacts_with(phones, emails, self._lists)

    async def currencies(self) -> tuple[Currency, ...]:
        """`crm.currency.list`."""
        return await directories.currencies(self._lists)

    async def users(self, ids: Sequence[int]) -> tuple[NamedId, ...]:
        """`user.get` by ids."""
        return await people.users(ids, self._lists)

    async def people(self) -> tuple[Person, ...]:
        """`user.get`, page behind page."""
        return await people.everybody(self._client, self._lists)

    def filters_workflows(self, condition: Condition) -> bool:
        """By every comparison of one value."""
        return workflows.filters(condition)

    def orders_workflows(self, sort: Sequence[Sort]) -> bool:
        """By moments, numbers and the id."""
        return workflows.orders(sort)

    async def workflows(self, query: WorkflowQuery) -> WorkflowPage:
        """`bizproc.workflow.instances`."""
        return await workflows.instances(query, self._client.access.kind, self._lists)

    async def workflow_templates(self) -> tuple[NamedId, ...]:
        """`bizproc.workflow.template.list`."""
        return await workflows.templates(self._client.access.kind, self._lists)

    async def workflow_tasks(self, ids: Sequence[int] = ()) -> tuple[Record, ...]:
        """`bizproc.task.list`."""
        return await workflow_tasks.tasks(ids, self._lists)

    async def product_rows(self, entity: Entity, owner_id: int) -> tuple[Record, ...]:
        """`crm.item.productrow.list`."""
        return await histories.product_rows(entity, owner_id, self._lists)

    async def stage_history(self, entity: Entity, owner_id: int) -> tuple[Record, ...]:
        """`crm.stagehistory.list`."""
        return await histories.stage_history(entity, owner_id, self._lists)
