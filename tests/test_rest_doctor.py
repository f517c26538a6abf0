"""`doctor` says what is wrong with a webhook or a connected portal, and what to do, in the words of its user."""

import io
import subprocess
from argparse import Namespace
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import anyio
import pytest
import respx

from assistants import direct_assistant_for
from bitrix24_mcp.accounts.exchange import Exchange
from bitrix24_mcp.accounts.store import Accounts
from bitrix24_mcp.commands import doctor
from bitrix24_mcp.commands.terminal import Terminal
from bitrix24_mcp.crm.about.portal_info import OWN_EYES
from bitrix24_mcp.demo import DemoPortal, Fault
from bitrix24_mcp.settings import Settings
from connecting import card_for, environment, hand_over, host_of_portal
from installed import COMMAND

WEBHOOK = "https://portal.example/rest/1/s3cr3t-c0de/"
COMPARE = (
    "Compare its address with the webhook's page in the portal (Developer resources); if it is gone, create a new "
    "inbound webhook there. Set the right address as BITRIX24_WEBHOOK_URL."
)


def run(**settings: str) -> tuple[int, str]:
    """The exit code of the installed command, and all that it prints."""
    paths = {"PATH": str(Path(COMMAND).parent)}
    done = subprocess.run(
        [COMMAND, "doctor"], env={**paths, **settings}, check=False, capture_output=True, text=True, timeout=60
    )
    return done.returncode, done.stdout + done.stderr


def by_webhook(portal: DemoPortal, webhook: str) -> tuple[int, str]:
    return run(BITRIX24_WEBHOOK_URL=f"{portal.url}/rest/{webhook}/")


def here(settings: Mapping[str, str]) -> tuple[int, str]:
    """The same within this process, where the portal can be played."""
    out = io.StringIO()
    code = doctor.run(Namespace(demo=False), Settings.of(settings), Terminal(out, out, colour=False))
    return code, out.getvalue()


def test_nothing_is_wrong_with_an_administrators_webhook(portal: DemoPortal) -> None:
    code, printed = by_webhook(portal, "1/demo-admin")

    assert code == 0
    assert printed.splitlines()[0].endswith("acting as Алексей Северов (user 1), a portal administrator")
    assert printed.endswith("All tools can answer.\n")
    assert OWN_EYES not in printed


def test_a_seller_is_told_whose_eyes_these_are_and_what_is_closed_to_them(portal: DemoPortal) -> None:
    """The scope for workflows alone would not help: they are for administrators."""
    code, printed = by_webhook(portal, "57/demo-seller")

    assert code == 0
    assert ", no portal administrator\n" in printed
    assert f"  {OWN_EYES}\n" in printed
    assert "  without the scope task: no tasks\n" in printed
    assert (
        "FAIL list_workflows: Workflows need the scope bizproc, which was not granted, and a user who administers the "
        "portal. Set a webhook that an administrator created with the scope bizproc. [INSUFFICIENT_SCOPE]\n"
    ) in printed
    assert printed.endswith(
        "Cannot answer: list_workflows. Everything else can be served, but for what the missing scopes close.\n"
    )


def test_who_is_no_administrator_of_the_portal_learns_what_that_closes(portal: DemoPortal) -> None:
    code, printed = by_webhook(portal, "2/demo-crm-admin")

    assert code == 0
    assert (
        "FAIL list_workflows: Bitrix24 shows workflows to administrators of the portal only, and this user is none. "
        "Set a webhook that an administrator created. [ACCESS_DENIED]\n"
    ) in printed


@pytest.mark.parametrize("webhook", ["1/demo-expired", "7/demo-admin"])
def test_a_webhook_that_is_unknown_deleted_or_another_users_is_compared(webhook: str, portal: DemoPortal) -> None:
    expected = (
        "FAIL webhook and connection: The portal does not know this webhook: it is mistyped, deleted or expired, or "
        f"its owner was dismissed. {COMPARE} [INVALID_CREDENTIALS]\n"
    )

    assert by_webhook(portal, webhook) == (1, expected)


MISTAKES = {
    "{url}/rest/demo-admin/": "lacks the user id: a number must stand between /rest/ and the code",
    "{url}/rest/1/": "lacks the code after the user id",
    "{url}/": "is the address of a portal, not of a webhook",
    "http://portal.example/rest/1/demo-admin/": "must use https",
}


@pytest.mark.parametrize("address", MISTAKES)
def test_an_address_that_is_no_webhook_is_explained_before_anything_is_asked(address: str, portal: DemoPortal) -> None:
    code, printed = run(BITRIX24_WEBHOOK_URL=address.format(url=portal.url))

    assert code == 2
    assert printed.startswith(f"BITRIX24_WEBHOOK_URL: {MISTAKES[address]}")


REFUSED: Mapping[str, tuple[int, str, str, str]] = {
    "a plan without REST": (403, "ACCESS_DENIED", "REST is available on paid tariffs", "plan does not include REST"),
    "no REST at all": (403, "ACCESS_DENIED", "Access denied!", "whether the plan includes REST and who may use it"),
    "https only": (401, "INVALID_REQUEST", "Https required.", "The portal takes requests over https only."),
    "deleted": (410, "PORTAL_DELETED", "Portal was deleted", "This portal is closed or deleted."),
    "dismissed": (401, "authorization_error", "Unable to authorize user", "Its owner may have been dismissed"),
    "extranet": (403, "allowed_only_intranet_user", "x", "from outside the company (extranet)"),
    "expired": (401, "expired_token", "x", "The access has expired. Create an inbound webhook in the portal"),
    "blocked": (503, "OVERLOAD_LIMIT", "REST API is blocked", "Only Bitrix24's support can lift that"),
    "unpaid": (401, "PAYMENT_REQUIRED", "Subscription has been ended", "Ask its administrator to renew"),
    "path": (404, "ERROR_METHOD_NOT_FOUND", "Method not found!", "has the user's id before the code"),
}  # fmt: skip


@pytest.mark.parametrize("what", REFUSED)
def test_every_refusal_of_the_portal_says_what_to_do(what: str) -> None:
    status, code, description, says = REFUSED[what]
    with respx.mock() as portal:
        portal.post(host="portal.example").respond(status, json={"error": code, "error_description": description})
        ended, printed = here({"BITRIX24_WEBHOOK_URL": WEBHOOK})

    assert ended == 1
    assert printed.startswith("FAIL webhook and connection: ")
    assert says in printed
    assert f"[{code.upper()}]" in printed
    assert "s3cr3t" not in printed


def answers(**wrong: Any) -> dict[str, Any]:
    told = {"c0": {"ID": "1", "ADMIN": True, "TIME_ZONE": "Europe/Moscow"}, "c1": ["crm", "user"], **wrong}
    return {"result": {"result": told, "result_error": [], "result_total": [], "result_next": [], "result_time": []}}


def test_a_portal_that_has_moved_is_followed_and_named() -> None:
    with respx.mock(assert_all_called=False) as web:
        old = "https://old.bitrix24.ru/rest/1/s3cr3t-c0de/"
        web.post(host="old.bitrix24.ru").respond(302, headers={"Location": f"{old.replace('old', 'new')}batch"})
        web.post(host="new.bitrix24.ru", path="/rest/1/s3cr3t-c0de/batch").respond(json=answers())
        web.post(host="new.bitrix24.ru").respond(403, json={"error": "ACCESS_DENIED", "error_description": "x"})
        code, printed = here({"BITRIX24_WEBHOOK_URL": old})

    assert code == 0
    assert "  the portal has moved to new.bitrix24.ru: put this host in the place of the old one in " in printed


def test_a_portal_that_sends_elsewhere_is_not_followed(own_portal: DemoPortal) -> None:
    own_portal.inject(Fault(kind="redirect", times=None))
    code, printed = by_webhook(own_portal, "1/demo-admin")

    assert code == 1
    assert (
        "Copy the webhook's new address from the portal and set it as BITRIX24_WEBHOOK_URL. [PORTAL_MOVED]" in printed
    )


@pytest.mark.parametrize("after", [0, 1, 4, 8])
def test_a_portal_that_fails_in_the_middle_ends_no_check_but_its_own(after: int, own_portal: DemoPortal) -> None:
    own_portal.inject(Fault(kind="expired_key", after=after))
    code, printed = by_webhook(own_portal, "1/demo-admin")

    assert code == int(after == 0)
    assert "Traceback" not in printed
    assert printed.count("FAIL") <= 1


def test_a_page_instead_of_an_answer_is_looked_at_in_a_browser(own_portal: DemoPortal) -> None:
    own_portal.inject(Fault(kind="html", times=None))
    _, printed = by_webhook(own_portal, "1/demo-admin")

    assert "open the portal in a browser: it may be closed, moved or behind a sign-in. [UNEXPECTED_ANSWER]" in printed
    assert "bitrix24-mcp doctor" not in printed


@pytest.fixture
def account(own_portal: DemoPortal, tmp_path: Path) -> dict[str, str]:
    """The settings for the demo portal, connected as its administrator."""
    host, folder = host_of_portal(own_portal), tmp_path / "data"
    anyio.run(hand_over, card_for(host), Accounts.open(folder), host)
    return environment(folder, host, BITRIX24_PORTAL=host)


def test_nothing_is_wrong_with_a_connected_portal(account: dict[str, str]) -> None:
    code, printed = run(**account)

    assert (code, printed.splitlines()[-1]) == (0, "All tools can answer.")


WRONG_APPLICATIONS = {
    "secret": ({"BITRIX24_CLIENT_SECRET": "wrong"}, "INVALID_CLIENT", "Compare BITRIX24_CLIENT_ID and"),
    "client id": ({"BITRIX24_CLIENT_ID": "wrong"}, "WRONG_CLIENT", "does not know the client id"),
    "server": ({"BITRIX24_MCP_AUTHORIZATION_HOSTS": ""}, "UNTRUSTED_HOST", "BITRIX24_MCP_AUTHORIZATION_HOSTS"),
}  # fmt: skip


@pytest.mark.parametrize("what", WRONG_APPLICATIONS)
def test_an_application_that_cannot_renew_its_access_says_why(
    what: str, account: dict[str, str], own_portal: DemoPortal
) -> None:
    changed, error, says = WRONG_APPLICATIONS[what]
    own_portal.expire_tokens()
    code, printed = run(**{**account, **changed})

    assert code == 1
    assert printed.startswith("FAIL account and connection: ")
    assert says in printed
    assert f"[{error}]" in printed
    assert run(**account)[0] == 0, "nothing is lost by that"


def test_a_portal_whose_tokens_are_spent_is_connected_again(account: dict[str, str], own_portal: DemoPortal) -> None:
    host = account["BITRIX24_PORTAL"]
    accounts = Accounts.open(Path(account["BITRIX24_MCP_DATA_DIR"]))
    anyio.run(Exchange(card_for(host)).renew, host, anyio.run(accounts.tokens, anyio.run(accounts.account, host)))
    own_portal.expire_tokens()

    for _ in range(2):  # the second time without asking
        code, printed = run(**account)
        assert code == 1
        assert f"Run `bitrix24-mcp connect {host}` to connect it again. [ACCOUNT_STALE]" in printed


def test_a_portal_that_is_not_connected_is_to_be_connected_first(account: dict[str, str]) -> None:
    code, printed = run(**{**account, "BITRIX24_PORTAL": "other.bitrix24.ru"})

    assert code == 2
    assert "Run `bitrix24-mcp connect other.bitrix24.ru` first. [NOT_CONNECTED]" in printed


@pytest.mark.anyio
@pytest.mark.parametrize(("webhook", "note"), [("1/demo-admin", None), ("57/demo-seller", OWN_EYES)])
async def test_whose_eyes_is_said_to_assistants_too(webhook: str, note: str | None, portal: DemoPortal) -> None:
    async with direct_assistant_for(portal.url, webhook) as assistant:
        told = await assistant.ask("get_portal_info")

    assert told.get("note") == note
    assert told["user"]["admin"] is (note is None)
