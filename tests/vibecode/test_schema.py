"""Field lists are read in both shapes that the gateway sends."""

from typing import Any

import pytest

from bitrix24_mcp.crm.errors import UnexpectedAnswer
from bitrix24_mcp.crm.portal_values import FieldInfo, Option
from bitrix24_mcp.vibecode.schema import field_list

DESCRIBED = {
    "id": {"type": "integer", "isReadOnly": True, "title": "ID"},
    "title": {"type": "string", "readonly": False},
}
READ = (FieldInfo("id", "integer", "ID", read_only=True), FieldInfo("title", "string"))


@pytest.mark.parametrize(
    "data",
    [DESCRIBED, {"fields": DESCRIBED}, {"fields": DESCRIBED, "include": ["contact"], "batch": ["create"]}],
    ids=["bare map", "under fields", "with include and batch"],
)
def test_both_shapes_give_the_same_fields(data: Any) -> None:
    assert field_list(data) == READ


def test_a_field_may_be_called_fields() -> None:
    data = {"fields": {"fields": {"type": "string"}, "id": {"type": "integer"}}}

    assert field_list(data) == (FieldInfo("fields", "string"), FieldInfo("id", "integer"))


@pytest.mark.parametrize(
    ("described", "read"),
    [
        ({}, FieldInfo("f", "")),
        ({"type": "string", "label": "Name"}, FieldInfo("f", "string", "Name")),
        ({"type": "string", "title": "Title", "label": "Name"}, FieldInfo("f", "string", "Title")),
        ({"type": "string", "readonly": True}, FieldInfo("f", "string", read_only=True)),
        ({"type": "string", "isMultiple": True}, FieldInfo("f", "string", multiple=True)),
        ({"type": "string", "isMultiple": "Y"}, FieldInfo("f", "string", multiple=True)),
        ({"type": "string", "isMultiple": "N"}, FieldInfo("f", "string")),
        ({"type": "string", "isRequired": True}, FieldInfo("f", "string", required=True)),
        ({"type": "string", "required": "Y"}, FieldInfo("f", "string", required=True)),
        ({"type": "string", "isRequired": "N", "required": False}, FieldInfo("f", "string")),
        ({"type": "string", "isImmutable": True}, FieldInfo("f", "string", immutable=True)),
        ({"type": "crm_status", "statusType": "SOURCE"}, FieldInfo("f", "crm_status", directory="SOURCE")),
        (
            {"type": "enumeration", "items": [{"ID": "44", "VALUE": "Red"}, {"id": 45, "value": "Green"}, "odd"]},
            FieldInfo("f", "enumeration", options=(Option("44", "Red"), Option("45", "Green"))),
        ),
        ({"type": "enumeration", "items": {"44": "Red"}}, FieldInfo("f", "enumeration")),
    ],
    ids=str,
)
def test_a_field_is_read_with_all_spellings_of_its_facts(described: dict[str, Any], read: FieldInfo) -> None:
    assert field_list({"f": described}) == (read,)


@pytest.mark.parametrize("data", [None, [], "text", {}, {"fields": {}}, {"fields": []}, {"a": 1}], ids=str)
def test_what_is_no_field_list_is_an_error(data: Any) -> None:
    with pytest.raises(UnexpectedAnswer, match="field list"):
        field_list(data)
