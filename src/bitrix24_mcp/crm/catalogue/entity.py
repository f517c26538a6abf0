"""What an entity is: one kind of record, and what the portal is known to do with it."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

CREATED_AND_UPDATED = ("id", "createdTime", "updatedTime")
"""What every record of most CRM entities has."""
CLIENT_LINKS: Mapping[str, str] = {
    "companyId": "companies", "contactId": "contacts", "contactIds": "contacts", "mycompanyId": "companies",
}  # fmt: skip
"""The client of a deal, an invoice or an item."""
ORIGINATOR = ("originatorId", "originId")
XML_ID = ("xmlId",)
_PARENT = re.compile(r"parentId(\d+)")
"""A link to a record of the entity type with that number (docs/entities/items)."""
_NAME_FIELDS = frozenset({"title", "name", "lastName", "subject"})


def _none() -> Mapping[str, str]:
    return {}


def _no_words() -> Mapping[str, Mapping[str, tuple[str, ...]]]:
    return {}


def _no_values() -> Mapping[str, Mapping[str, str]]:
    return {}


@dataclass(frozen=True, slots=True, kw_only=True)
class Entity:
    """One kind of record.

    `name` is what tools accept and answer, `label` what people call its records if that is another word;
    `entity_type_id` is Bitrix24's number where it has one; `select` are the default columns.
    `money` maps a money field to the field that holds its currency.
    `never_empty` are the fields that every record has, so that paging may continue after a value of theirs.
    `groupable` and `summable` are the standard fields that the gateway's aggregate takes; None = it must be asked.
    `filterable` and `sortable` are closed lists where the portal ignores every other field; None = no such limit.
    `required` are conditions without which the portal refuses to list.
    `directories` maps a field to its status directory; `stage_directory` may hold `{funnel}`.
    `funnels_alone`: there may be funnels, but no stages stand in them (crm.category.list).
    `known_fields` are field types the portal does not list itself (observed, or an entity without a field list);
    `days` are dates that the portal writes as moments at midnight UTC; `values` are closed lists it does not name,
    by field, code and name, `also_values` other words for them; `owner_type_field` says whose record it is; `links`
    maps a field that holds ids of other records to their entity. `also` are other words for the entity.
    `writable`: records can be created, changed and deleted; `origin` are the fields in which an outside system notes
    whose record it is and which one, or the last of them alone (docs: crm/universal/object-fields).
    """

    name: str
    singular: str
    scope: str
    label: str = ""
    entity_type_id: int | None = None
    smart_process: bool = False
    has_field_list: bool = True
    select: tuple[str, ...] = ("title",)
    money: Mapping[str, str] = field(default_factory=_none)
    never_empty: tuple[str, ...] = ("id",)
    groupable: tuple[str, ...] | None = None
    summable: tuple[str, ...] | None = None
    filterable: tuple[str, ...] | None = None
    sortable: tuple[str, ...] | None = None
    required: tuple[str, ...] = ()
    stage_fields: tuple[str, ...] = ()
    stage_directory: str = ""
    funnel_field: str = ""
    funnels_alone: bool = False
    directories: Mapping[str, str] = field(default_factory=_none)
    known_fields: Mapping[str, str] = field(default_factory=_none)
    days: tuple[str, ...] = ()
    values: Mapping[str, Mapping[str, str]] = field(default_factory=_no_values)
    also_values: Mapping[str, Mapping[str, tuple[str, ...]]] = field(default_factory=_no_words)
    owner_type_field: str = ""
    links: Mapping[str, str] = field(default_factory=_none)
    also: tuple[str, ...] = ()
    user_fields: tuple[str, ...] = ("assignedById", "createdBy", "updatedBy")
    keyset: bool = True
    writable: bool = False
    origin: tuple[str, ...] = ()

    def stages_of(self, funnel: int) -> str:
        """The directory with a funnel's stages; that of the deals' default funnel has no number (docs/statuses)."""
        if self.name == "deals" and funnel == 0:
            return "DEAL_STAGE"
        return self.stage_directory.format(funnel=funnel)

    @property
    def title(self) -> str:
        """What people call its records: the label, or the name as words."""
        return self.label or self.name.replace("-", " ").capitalize()

    @property
    def plural(self) -> str:
        """Its records within a sentence: `deals`, `items of Contracts`."""
        return f"items of {self.title}" if self.smart_process else self.title.lower()

    def target(self, name: str) -> str:
        """The entity whose records a link field names, by name or entityTypeId; empty for every other field."""
        parent = _PARENT.fullmatch(name)
        return parent[1] if parent else self.links.get(name, "")

    @property
    def name_fields(self) -> tuple[str, ...]:
        """The default columns that together are what people call a record."""
        return tuple(name for name in self.select if name in _NAME_FIELDS)

    @property
    def has_product_rows(self) -> bool:
        """Whether its records hold product rows: all do that move through stages, and items (docs/entities)."""
        return self.smart_process or bool(self.stage_fields)

    @property
    def has_stage_history(self) -> bool:
        """Whether the portal tells which stages a record came to; of items it is not known (docs/stage-history)."""
        return bool(self.stage_fields) and not self.smart_process

    @property
    def has_funnels(self) -> bool:
        """Whether the stages stand in funnels, each with a directory of its own."""
        return "{funnel}" in self.stage_directory


def smart_process(entity_type_id: int, title: str, *, stages: bool, funnels: bool) -> Entity:
    """The entity for the items of one smart-process type. Without stages it has no stage field to ask for."""
    shown = ("title", "stageId") if stages else ("title",)
    return Entity(
        name=str(entity_type_id),
        label=title,
        singular="item",
        scope="crm",
        entity_type_id=entity_type_id,
        smart_process=True,
        select=(
            *shown,
            *(("categoryId",) if funnels else ()),
            "opportunity",
            "currencyId",
            "assignedById",
            "createdTime",
        ),
        money={"opportunity": "currencyId"},
        never_empty=(*CREATED_AND_UPDATED, "opportunity"),
        groupable=("stageId", "categoryId", "assignedById"),
        summable=("opportunity",),
        stage_fields=("stageId", "previousStageId"),
        stage_directory=f"DYNAMIC_{entity_type_id}_STAGE_{{funnel}}" if stages else "",
        funnel_field="categoryId",
        funnels_alone=funnels and not stages,
        directories={"sourceId": "SOURCE"},
        links=CLIENT_LINKS,
        user_fields=("assignedById", "createdBy", "updatedBy", "movedBy"),
        writable=True,
        origin=XML_ID,
    )
