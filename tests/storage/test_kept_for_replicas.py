"""What replicas keep together: answers to a questionnaire are taken once, tokens are renewed by one of them."""

from base64 import urlsafe_b64encode
from datetime import UTC, datetime, timedelta

import anyio
import pytest

from bitrix24_mcp.accounts.account import Grant, Tokens
from bitrix24_mcp.accounts.failures import WORDS
from bitrix24_mcp.accounts.store import Accounts
from bitrix24_mcp.crm.errors import KeyRefused
from bitrix24_mcp.crm.intake.rules import LEASE, Answered, Made
from bitrix24_mcp.intake.store import StoredIntake
from bitrix24_mcp.journal.store import StoredJournal
from journalled import operation
from postgres_places import replica

pytestmark = pytest.mark.anyio

KEY = urlsafe_b64encode(b"k" * 32).decode()
PORTAL = "portal.example"
GRANT = Grant(Tokens("first-access", "first-refresh"), "member-1", f"https://{PORTAL}/rest/", ("crm",), 7)


async def test_an_answer_is_taken_by_one_replica_and_what_it_made_is_seen_by_the_other(address: str) -> None:
    answered = Answered(PORTAL, 17, "a1")
    now = datetime(2026, 7, 15, tzinfo=UTC)
    async with replica(address) as one, replica(address) as other:
        first, second = StoredIntake.kept_in(one, now=lambda: now), StoredIntake.kept_in(other, now=lambda: now)
        attempt = await first.claim(answered)
        assert attempt
        assert await second.claim(answered) is None

        await first.note(answered, attempt, "contact", Made(5, 1))
        await first.note(answered, attempt, "contact", Made(6, 2))
        assert await second.made(answered) == {"contact": Made(6, 2)}

        await first.release(answered, attempt)
        assert await second.claim(answered)
        late = StoredIntake.kept_in(one, now=lambda: now + LEASE + timedelta(seconds=1))
        assert await late.claim(answered), "the attempt of a replica that died ends by itself"


async def test_operations_of_both_replicas_have_numbers_of_their_own(address: str) -> None:
    async with replica(address) as one, replica(address) as other:
        journals = [StoredJournal.kept_in(one), StoredJournal.kept_in(other, caller="anna")]
        numbers: list[int] = []

        async def begin(journal: StoredJournal) -> None:
            numbers.append(await journal.begin(operation()))

        async with anyio.create_task_group() as group:
            for _ in range(6):
                for journal in journals:
                    group.start_soon(begin, journal)

        assert sorted(numbers) == list(range(1, 13))
        assert [len(await journal.latest(PORTAL, 20)) for journal in journals] == [12, 6]


async def test_tokens_are_renewed_by_one_replica_and_used_by_the_other(address: str) -> None:
    async with replica(address) as one, replica(address) as other:
        first, second = Accounts.kept_in(one, KEY), Accounts.kept_in(other, KEY)
        account = await first.connect(PORTAL, "oauth.bitrix.info", GRANT)
        assert await second.account(PORTAL) == account
        seen: list[Tokens] = []

        async def renew(accounts: Accounts, name: str) -> None:
            async with accounts.held(account) as held:
                seen.append(held.tokens)
                await anyio.sleep(0.1)
                await held.keep(Grant(Tokens(name, name), "member-1", GRANT.client_endpoint, ("crm",), None))

        async with anyio.create_task_group() as group:
            group.start_soon(renew, first, "by one")
            group.start_soon(renew, second, "by other")

        assert seen[0] == GRANT.tokens
        assert seen[1] in (Tokens("by one", "by one"), Tokens("by other", "by other"))
        assert await first.tokens(account) == await second.tokens(account) != seen[1]
        assert (await first.account(PORTAL)).user_id == 7

        await second.disconnect(PORTAL)
        with pytest.raises(KeyRefused, match="NOT_CONNECTED"):
            await first.tokens(account)


async def test_tokens_are_sealed_in_the_database_and_another_key_does_not_open_them(address: str) -> None:
    async with replica(address) as server:
        account = await Accounts.kept_in(server, KEY).connect(PORTAL, "oauth.bitrix.info", GRANT)
        async with server.database("accounts", [""], WORDS).reading() as connection:
            [row] = await connection.fetch("select tokens from accounts")
        stranger = Accounts.kept_in(server, urlsafe_b64encode(b"x" * 32).decode())

        assert b"first-" not in row["tokens"]
        with pytest.raises(KeyRefused, match="TOKENS_UNREADABLE"):
            await stranger.tokens(account)
        assert [each.stale for each in await stranger.all()] == [True]


async def test_a_state_is_spent_once_by_whichever_replica_is_asked(address: str) -> None:
    ends = datetime(2026, 7, 15, tzinfo=UTC)
    async with replica(address) as one, replica(address) as other:
        stores = [Accounts.kept_in(each, KEY, now=lambda: ends) for each in (one, other, one)]

        assert [await store.spend_state("a nonce", ends) for store in stores] == [True, False, False]
