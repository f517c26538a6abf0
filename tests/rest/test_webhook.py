"""The address of a webhook is taken as people paste it, refused with what is wrong with it, and shown nowhere."""

import pytest

from bitrix24_mcp.rest.access.webhook import Webhook, webhook_error

CODE = "s3cr3t-c0de"
GOOD = {
    "as the portal shows it": f"https://portal.example/rest/1/{CODE}/",
    "without its slash": f"https://portal.example/rest/1/{CODE}",
    "with a method": f"https://portal.example/rest/1/{CODE}/profile",
    "with a method and its form": f"https://portal.example/rest/1/{CODE}/profile.json",
    "with a method and a slash": f"https://portal.example/rest/1/{CODE}/crm.item.list.json/",
    "with blanks around": f"  https://portal.example/rest/1/{CODE}/ \n",
}


@pytest.mark.parametrize("url", GOOD.values(), ids=GOOD)
def test_what_people_paste_is_one_address(url: str) -> None:
    webhook = Webhook(url)

    assert (webhook.endpoint, webhook.portal) == (f"https://portal.example/rest/1/{CODE}/", "portal.example")
    assert (webhook.kind, webhook.loopback) == ("webhook", False)


@pytest.mark.parametrize("host", ["127.0.0.1:8123", "localhost", "[::1]:80"])
def test_plain_http_is_for_this_machine(host: str) -> None:
    webhook = Webhook(f"http://{host}/rest/57/demo-seller/")

    assert (webhook.endpoint, webhook.portal, webhook.loopback) == (f"http://{host}/rest/57/demo-seller/", host, True)


BAD = {
    "": "must be the address of an incoming webhook",
    "portal.example": "must be the address of an incoming webhook",
    "ftp://portal.example/rest/1/s3cr3t-c0de/": "must be the address of an incoming webhook",
    "https:///rest/1/s3cr3t-c0de/": "must be the address of an incoming webhook",
    "https://portal.example:x/rest/1/s3cr3t-c0de/": "must be the address of an incoming webhook",
    "https://[portal/rest/1/s3cr3t-c0de/": "must be the address of an incoming webhook",
    "http://portal.example/rest/1/s3cr3t-c0de/": "must use https",
    "http://127.0.0.1.evil.example/rest/1/s3cr3t-c0de/": "must use https",
    "https://ann:s3cr3t-c0de@portal.example/rest/1/x/": "must be the webhook's plain address",
    "https://portal.example/rest/1/s3cr3t-c0de/profile?a=b": "must be the webhook's plain address",
    "https://portal.example/rest/1/s3cr3t-c0de/#top": "must be the webhook's plain address",
    "https://portal.example": "is the address of a portal, not of a webhook",
    "https://portal.example/": "is the address of a portal, not of a webhook",
    "https://portal.example/rest/": "lacks the user id and the code",
    "https://portal.example/rest/s3cr3t-c0de/": "lacks the user id: ",
    "https://portal.example/rest/s3cr3t-c0de/profile.json": "lacks the user id: ",
    "https://portal.example/rest/1": "lacks the code after the user id",
    "https://portal.example/rest/1/": "lacks the code after the user id",
    "https://portal.example/crm/deal/s3cr3t-c0de/": "must go on after the host with /rest/",
    "https://portal.example/rest/1/s3cr3t-c0de/profile/more": "must go on after the host with /rest/",
    "https://portal.example/rest/1/s3cr3t c0de/": "must go on after the host with /rest/",
}


@pytest.mark.parametrize(("url", "why"), BAD.items(), ids=BAD)
def test_a_wrong_address_is_told_what_is_wrong_with_it_without_being_repeated(url: str, why: str) -> None:
    error = webhook_error(url)
    with pytest.raises(ValueError, match=r"^(?:must|is|lacks) ") as refused:
        Webhook(url)

    assert error.startswith(why)
    assert str(refused.value) == error
    assert "s3cr3t" not in error


def test_the_address_shows_in_no_repr() -> None:
    assert repr(Webhook(GOOD["as the portal shows it"])) == "Webhook(kind='webhook')"


@pytest.mark.anyio
async def test_the_address_is_the_whole_proof_and_cannot_be_renewed() -> None:
    webhook = Webhook(GOOD["as the portal shows it"])

    assert (await webhook.parameters(), await webhook.renewed({})) == ({}, False)
