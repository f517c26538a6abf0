"""How the values that describe a portal are written for other replicas, and read back as exactly the same."""

import hashlib
import json
from collections.abc import Mapping
from contextlib import suppress
from typing import Any, Generic, TypeVar

from pydantic import TypeAdapter

from bitrix24_mcp.crm.portal_values import Currency, FieldInfo, Funnel, Identity, NamedId, Person, Record, Status

T = TypeVar("T")


class Form(Generic[T]):
    """One kind of value as a text."""

    def __init__(self, adapter: TypeAdapter[T]) -> None:
        self._adapter = adapter

    def written(self, values: Mapping[str, T]) -> dict[str, str]:
        """The values as texts, without those that no text can hold, such as halves of a character."""
        texts: dict[str, str] = {}
        for name, value in values.items():
            with suppress(ValueError):
                text = self._adapter.dump_json(value).decode()
                if self.read(text) == value:
                    texts[name] = text
        return texts

    def read(self, text: str) -> T:
        """The value again. Raises ValueError for a text that is none of this form."""
        return self._adapter.validate_json(text, strict=True)

    def read_all(self, texts: Mapping[str, str]) -> dict[str, T]:
        """Those of the values that can be read."""
        values: dict[str, T] = {}
        for name, text in texts.items():
            with suppress(ValueError):
                values[name] = self.read(text)
        return values

    @property
    def schema(self) -> Mapping[str, Any]:
        """The parts that its values have."""
        return self._adapter.json_schema()


IDENTITY = Form(TypeAdapter(Identity))
TEXT = Form(TypeAdapter(str))
OFFSET: Form[float | None] = Form(TypeAdapter(float | None))
RECORDS = Form(TypeAdapter(tuple[Record, ...]))
FIELDS = Form(TypeAdapter(tuple[FieldInfo, ...]))
STATUSES = Form(TypeAdapter(tuple[Status, ...]))
FUNNELS = Form(TypeAdapter(tuple[Funnel, ...]))
CURRENCIES = Form(TypeAdapter(tuple[Currency, ...]))
NAMED = Form(TypeAdapter(tuple[NamedId, ...]))
USER: Form[NamedId | None] = Form(TypeAdapter(NamedId | None))
PEOPLE = Form(TypeAdapter(tuple[Person, ...]))
_ALL: tuple[Form[Any], ...] = (
    IDENTITY, TEXT, OFFSET, RECORDS, FIELDS, STATUSES, FUNNELS, CURRENCIES, NAMED, USER, PEOPLE,
)  # fmt: skip


def edition() -> str:
    """A word that differs between programs whose values have other parts, so that none reads those of another."""
    return hashlib.sha256(json.dumps([each.schema for each in _ALL], sort_keys=True).encode()).hexdigest()[:12]
