"""The fields of one kind of record, under the names of tools and under those of REST."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, cast

from bitrix24_mcp.crm.portal_values import Record
from bitrix24_mcp.rest.reading.dialects import Column
from bitrix24_mcp.rest.reading.values import read, read_several

Json = dict[str, Any]


def _same(name: str) -> str:
    return name


class Columns:
    """Columns by the names of tools. A field that nobody described is known by its name alone."""

    def __init__(self, columns: Iterable[Column], rename: Callable[[str], str] = _same) -> None:
        """`rename`: what REST calls a field that is not among the columns."""
        self._by_name = {column.name: column for column in columns}
        self._rename = rename
        self._by_key: dict[str, list[Column]] = {}
        for column in self._by_name.values():
            self._by_key.setdefault(column.read, []).append(column)

    def __getitem__(self, name: str) -> Column:
        renamed = self._rename(name)
        return self._by_name.get(name) or Column(name, renamed, renamed)

    def __contains__(self, name: str) -> bool:
        return name in self._by_name

    @property
    def multiple(self) -> frozenset[str]:
        """The fields that hold several values."""
        return frozenset(name for name, column in self._by_name.items() if column.multiple)

    def selected(self, names: Sequence[str], every: Sequence[str]) -> list[str]:
        """What to select for these columns and the id; `every` where one of them cannot be named."""
        columns = [self[name] for name in ("id", *names)]
        if all(column.asked for column in columns):
            return list(dict.fromkeys(column.asked for column in columns))
        return list(every)

    def row(self, raw: Mapping[str, Any], names: Sequence[str] = ()) -> Record:
        """A row under the names of tools, with the id and these columns; empty = all that came."""
        if names:
            return {name: _value(raw.get(self[name].read), self[name]) for name in dict.fromkeys(("id", *names))}
        known = {column.name: _value(raw[key], column) for key in raw for column in self._by_key.get(key, ())}
        return {**{key: value for key, value in raw.items() if key not in self._by_key}, **known}


def _value(raw: Any, column: Column) -> Any:
    if column.form == "multifield":
        return _multifield(raw, column.part)
    if column.multiple:
        return read_several(raw, column.form)
    return read(raw, column.form)


def _multifield(raw: Any, part: str) -> list[Json]:
    """The phones, say, among the multifields of a record, as `{ID, VALUE_TYPE, VALUE, TYPE_ID}` (crm.item.get, fm)."""
    rows = cast("Sequence[Any]", raw) if isinstance(raw, list) else ()
    held = [cast("Json", each) for each in rows if isinstance(each, dict)]
    return [
        {"ID": str(each.get("id")), "VALUE_TYPE": each.get("valueType"), "VALUE": each.get("value"), "TYPE_ID": part}
        for each in held
        if each.get("typeId") == part
    ]
