"""REST of the demo portal: batches of commands that may refer to each other."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import httpx

from bitrix24_mcp.demo import DemoPortal, Fault

from .demo_client import column
from .rest_asking import ADMIN, SELLER, rows

if TYPE_CHECKING:
    from collections.abc import Sequence

NOT_FOUND = {"error": "ERROR_METHOD_NOT_FOUND", "error_description": "Method not found!"}


def batch(portal: DemoPortal, cmd: dict[str, str] | list[str], webhook: str = ADMIN, **more: Any) -> dict[str, Any]:
    result: dict[str, Any] = rows(portal, "batch", webhook, cmd=cmd, **more)  # type: ignore[assignment] -- a map
    return result


def item_ids(result: dict[str, Any], key: str) -> list[int]:
    return [item["id"] for item in result["result"][key]["items"]]


def pages(number: int, first: str = "") -> dict[str, str]:
    """Pages of deals that continue one another by id."""
    plain = "crm.item.list?entityTypeId=2&select[0]=id&order[id]=ASC&start=-1"
    commands = {"c0": plain + first}
    for page in range(1, number):
        commands[f"c{page}"] = f"{plain}&filter[%3Eid]=$result[c{page - 1}][items][49][id]"
    return commands


def test_results_totals_and_times_stand_under_the_keys_of_their_commands(portal: DemoPortal) -> None:
    result = batch(portal, {"deals": "crm.item.list?entityTypeId=2&select[]=id", "me": "profile", "odd": "no.method"})

    assert list(result) == ["result", "result_error", "result_total", "result_next", "result_time"]
    assert (list(result["result"]), result["result"]["me"]["ID"]) == (["deals", "me"], "1")
    assert (result["result_total"], result["result_next"]) == ({"deals": 300}, {"deals": 50})
    assert result["result_error"] == {"odd": NOT_FOUND}
    assert list(result["result_time"]) == ["deals", "me"]


def test_maps_that_are_empty_or_numbered_are_printed_as_arrays(portal: DemoPortal) -> None:
    named = batch(portal, {"me": "profile"})
    numbered = batch(portal, ["no.method", "nor.this"])

    assert (named["result_error"], named["result_total"], named["result_next"]) == ([], [], [])
    assert numbered["result_error"] == [NOT_FOUND, NOT_FOUND]


def test_chained_pages_walk_through_all_deals(portal: DemoPortal) -> None:
    result = batch(portal, pages(6))

    walked = [number for page in range(6) for number in item_ids(result, f"c{page}")]
    assert walked == column(portal, "SELECT id FROM deals ORDER BY id")
    assert (result["result_total"], result["result_next"]) == ({f"c{page}": 0 for page in range(6)}, [])


def test_a_reference_that_leads_nowhere_lets_its_condition_vanish(portal: DemoPortal) -> None:
    """Behind a short page the walk begins anew, so whoever asked has to throw away what follows."""
    last = column(portal, "SELECT id FROM deals ORDER BY id DESC LIMIT 1 OFFSET 9")[0]

    result = batch(portal, pages(2, f"&filter[%3E%3Did]={last}"))

    assert item_ids(result, "c0") == column(portal, "SELECT id FROM deals WHERE id >= ? ORDER BY id", last)
    assert item_ids(result, "c1") == column(portal, "SELECT id FROM deals ORDER BY id LIMIT 50")


def test_a_reference_may_stand_inside_a_value_and_name_a_list(portal: DemoPortal) -> None:
    result = batch(
        portal,
        {
            "deal": "crm.item.get?entityTypeId=2&id=3",
            "same": "crm.item.list?entityTypeId=2&select[]=id&filter[title]=$result[deal][item][title]",
            "part": "crm.item.list?entityTypeId=2&select[]=id&filter[%3D%25title]=%25$result[deal][item][id]",
            "people": "crm.item.list?entityTypeId=3&select[]=id&filter[@id]=$result[deal][item][contactIds]",
        },
    )

    title = column(portal, "SELECT title FROM deals WHERE id = 3")[0]
    assert item_ids(result, "same") == column(portal, "SELECT id FROM deals WHERE title = ? ORDER BY id", title)
    assert item_ids(result, "part") == column(portal, "SELECT id FROM deals WHERE title LIKE '%3' ORDER BY id LIMIT 50")
    contacts = "SELECT part.value FROM deals, json_each(contactIds) AS part WHERE deals.id = 3 ORDER BY 1"
    assert item_ids(result, "people") == column(portal, contacts)


def test_values_are_decoded_once(portal: DemoPortal) -> None:
    title = column(portal, "SELECT title FROM deals WHERE title LIKE '% — %' LIMIT 1")[0]
    encoded = httpx.QueryParams({"entityTypeId": 2, "filter[title]": title, "select[]": "title"})

    result = batch(portal, {"c0": f"crm.item.list?{encoded}"})

    assert {item["title"] for item in result["result"]["c0"]["items"]} == {title}


def test_halt_stops_at_the_first_failure(portal: DemoPortal) -> None:
    commands = {"c0": "profile", "c1": "no.method", "c2": "profile"}

    halted, through = batch(portal, commands, halt=1), batch(portal, commands, halt=0)

    assert (list(halted["result"]), list(halted["result_error"])) == (["c0"], ["c1"])
    assert (list(through["result"]), list(through["result_error"])) == (["c0", "c2"], ["c1"])


def test_the_fifty_first_command_and_what_cannot_be_batched_fail_alone(portal: DemoPortal) -> None:
    commands = {f"c{place}": "server.time" for place in range(51)}
    commands["c3"] = "batch?cmd[a]=profile"
    commands["c4"] = "disk.folder.uploadfile?id=1"

    result = batch(portal, commands)

    assert {key: error["error"] for key, error in result["result_error"].items()} == {
        "c3": "ERROR_BATCH_METHOD_NOT_ALLOWED",
        "c4": "ERROR_BATCH_METHOD_NOT_ALLOWED",
        "c50": "ERROR_BATCH_LENGTH_EXCEEDED",
    }
    assert len(result["result"]) == 48


def test_each_command_needs_the_scope_of_its_method(portal: DemoPortal) -> None:
    result = batch(portal, {"c0": "department.get", "c1": "crm.item.fields?entityTypeId=2"}, SELLER)

    assert (result["result_error"]["c0"]["error"], list(result["result"])) == ("insufficient_scope", ["c1"])


def test_a_command_fails_in_passing_on_request(own_portal: DemoPortal) -> None:
    own_portal.inject(Fault("partial_batch", times=2))

    results: Sequence[dict[str, Any]] = [
        batch(own_portal, {"a": "profile", "b": "profile", "c": "profile"}),
        batch(own_portal, {"a": "profile"}),
        batch(own_portal, {"a": "profile", "b": "profile"}),
    ]

    failure = {"error": "INTERNAL_SERVER_ERROR", "error_description": "Internal server error"}
    assert [result["result_error"] for result in results] == [{"b": failure}, {"a": failure}, []]
