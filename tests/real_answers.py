"""What real portals answer, as tests play it: descriptions of fields, and batches with what failed in them."""

from typing import Any

import respx

Json = dict[str, Any]


def described(type_: str, title: str = "", **rest: Any) -> Json:
    return {"type": type_, "title": title, "isReadOnly": False, "isMultiple": False, **rest}


def batch(*results: Any, **also: Any) -> Json:
    """The answer to a batch; an error stands for a command that failed."""
    named = {f"c{place}": each for place, each in enumerate(results)}
    failed = {key: each for key, each in named.items() if "error" in each}
    found = {key: each for key, each in named.items() if key not in failed}
    return {"result": {"result": found or [], "result_error": failed or [], **also}}


def fields_told(respx_mock: respx.MockRouter, **fields: Json) -> None:
    respx_mock.post("crm.item.fields").respond(json={"result": {"fields": {"id": described("integer"), **fields}}})
