"""An entity's fields: what kind of value each holds, and the right name for what the caller wrote."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Literal

from bitrix24_mcp.crm.catalogue.entity import Entity
from bitrix24_mcp.crm.errors import InvalidArguments, nearest, quoted, suggestion
from bitrix24_mcp.crm.portal_values import FieldInfo
from bitrix24_mcp.crm.text import plain

Kind = Literal[
    "integer", "number", "money", "string", "boolean", "date", "datetime",
    "user", "stage", "status", "funnel", "list", "currency", "owner type", "link", "other",
]  # fmt: skip
"""`money` is a user field's `amount|currency`; a standard money field is a `number` with a currency field beside it."""

_KINDS: dict[str, Kind] = {
    "integer": "integer",
    "int": "integer",
    "number": "number",
    "double": "number",
    "float": "number",
    "money": "money",
    "string": "string",
    "text": "string",
    "url": "string",
    "address": "string",
    "boolean": "boolean",
    "bool": "boolean",
    "date": "date",
    "datetime": "datetime",
    "user": "user",
    "employee": "user",
    "crm_status": "status",
    "enumeration": "list",
    "crm_multifield": "string",
}
NUMERIC: frozenset[Kind] = frozenset({"integer", "number", "money"})
UNORDERED: frozenset[Kind] = frozenset({"boolean", "stage", "status", "list", "money", "currency", "owner type"})
"""Kinds without a meaningful less and more. Money in user fields is kept as the text `amount|currency`."""
_CHANGED = ("updatedAt", "updatedTime", "changedDate")
_ROLES = (
    {"created", "createdat", "createdtime", "createddate", "datecreate"},
    {"updated", "updatedat", "updatedtime", "changeddate", "dateupdate", "changed"},
    {"amount", "opportunity"},
    {"currency", "currencyid"},
    {"stage", "stageid", "statusid"},
    {"outcome", "stagesemanticid"},
    {"funnel", "categoryid", "category", "pipeline"},
    {"responsible", "assignedbyid", "responsibleid", "assignedto", "owner"},
)
"""What the same fact is called from one entity to the next (docs/entities); the first that an entity has is meant."""
_SHOWN = 80
"""Characters of a label in an error."""


class Fields:
    """The fields of one entity by name, in the portal's order."""

    def __init__(self, entity: Entity, described: Iterable[FieldInfo]) -> None:
        self.entity = entity
        known = {info.name: info for info in described}
        for name, type_ in entity.known_fields.items():
            known.setdefault(name, FieldInfo(name=name, type=type_))
        if "id" not in known:
            known["id"] = FieldInfo(name="id", type="integer", read_only=True)
        self._known = known
        self._kinds = _kinds_of(entity)
        self._spellings: dict[str, list[str]] = {}
        self._labels: dict[str, list[str]] = {}
        for info in known.values():
            self._spellings.setdefault(spelling(info.name), []).append(info.name)
            self._labels.setdefault(_said(info.title), []).append(info.name)

    def __contains__(self, name: str) -> bool:
        return name in self._known

    def __getitem__(self, name: str) -> FieldInfo:
        return self._known[name]

    def __iter__(self) -> Iterator[FieldInfo]:
        return iter(self._known.values())

    def kind(self, name: str) -> Kind:
        """What kind of value the field holds, with the entity's own knowledge before the portal's type."""
        if known := self._kinds.get(name):
            return known
        if self.entity.target(name):
            return "link"
        type_ = self._known[name].type.casefold()
        if type_.startswith("crm") and type_ not in _KINDS:
            return "link"
        return _KINDS.get(type_, "other")

    def directory(self, name: str) -> str:
        """The status directory behind a status field; empty when none is known."""
        return self.entity.directories.get(name) or self._known[name].directory

    def is_user_field(self, name: str) -> bool:
        """Whether this is a field that the portal's administrators added (docs/userfields)."""
        return name.casefold().startswith("uf")

    def has_parts(self, name: str) -> bool:
        """Whether its values are objects: files with their links, phones with their kinds (docs/entities/contacts)."""
        return self._known[name].type.casefold() in {"file", "crm_multifield"}

    @property
    def changed_field(self) -> str:
        """The field with the moment of a record's last change; empty where the portal keeps none."""
        return next((name for name in _CHANGED if name in self and self.kind(name) == "datetime"), "")

    def currency_of(self, name: str) -> str:
        """The field that holds a standard money field's currency; empty for everything else."""
        return self.entity.money.get(name, "")

    def resolve(self, written: str) -> str:
        """The canonical name for a field name in any case, a user-field code in either form, or a label.

        Raises InvalidArguments with the nearest names when there is no such field or the word fits several.
        """
        if written in self._known:
            return written
        said = _said(written)
        labelled = self._labels.get(said, []) if said else []
        meant = list(dict.fromkeys([*self._spellings.get(spelling(written), []), *labelled]))
        if len(meant) == 1:
            return meant[0]
        if meant:
            raise InvalidArguments(
                f"{self.entity.title} have several fields called “{written[:60]}”.",
                advice=f"Use one of the field names: {quoted(meant)}.",
                code="AMBIGUOUS_FIELD",
                candidates=meant,
            )
        if synonyms := [name for name in self._known if _role(name) and _role(name) == _role(written)]:
            return synonyms[0]
        raise self._unknown(written)

    def _unknown(self, written: str) -> InvalidArguments:
        by_word = {info.name: info.name for info in self}
        by_word.update({info.title: info.name for info in self if info.title and info.title not in by_word})
        near = list(dict.fromkeys(by_word[word] for word in nearest(written, list(by_word), 6)))[:5]
        names = [info.name for info in self]
        return InvalidArguments(
            f"{self.entity.title} have no field “{written[:60]}”.",
            advice=suggestion(self._shown(near), self._shown(names)),
            code="UNKNOWN_FIELD",
            candidates=near or names[:8],
        )

    def _shown(self, names: Sequence[str]) -> list[str]:
        titled = ((name, plain(self._known[name].title, _SHOWN)) for name in names)
        return [f"{name} ({title})" if title and title != name else name for name, title in titled]


def _kinds_of(entity: Entity) -> Mapping[str, Kind]:
    """What the catalogue knows of an entity's fields; of two that name one field the later counts."""
    named: tuple[tuple[Iterable[str], Kind], ...] = (
        (entity.days, "date"),
        (entity.values, "list"),
        (entity.money.values(), "currency"),
        (entity.money, "number"),
        (entity.directories, "status"),
        (entity.user_fields, "user"),
        ([entity.owner_type_field], "owner type"),
        ([entity.funnel_field], "funnel"),
        (entity.stage_fields, "stage"),
    )
    return {name: kind for names, kind in named for name in names}


def fold(text: str) -> str:
    """The text as people compare it: case and ё/е do not matter, nor do spaces around it."""
    return text.strip().casefold().replace("ё", "е")


def _said(label: str) -> str:
    """The label as people compare it, without what answers do not show of it."""
    return fold(plain(label))


def _role(name: str) -> int:
    """The place of a field's role among those that have several names; 0 for a field that has but one."""
    word = spelling(name)
    return next((place for place, names in enumerate(_ROLES, 1) if word in names), 0)


def spelling(name: str) -> str:
    """What tells fields apart: not case, and `UF_CRM_17` is `ufCrm_17` (docs/entity-api, user fields)."""
    return name.replace("_", "").casefold()
