"""Redis is asked by scripts; a Redis that does not answer is noticed at once and left alone for a while."""

import logging

import anyio
import pytest

from bitrix24_mcp.sharing.link import Absent, Link
from services import Service, redis_address, redis_server

pytestmark = pytest.mark.anyio


async def test_a_script_is_answered_with_its_keys_and_arguments(redis_service: Service) -> None:
    async with Link.opened(redis_address(redis_service)) as link:
        told = await link.run("return {KEYS[1], ARGV[1], 7}", ["a key"], [2.5])
        assert (told, link.present, link.losses) == (["a key", "2.5", 7], True, 0)


async def test_a_lost_redis_is_said_once_left_alone_for_a_second_and_found_again(
    caplog: pytest.LogCaptureFixture,
) -> None:
    times = [0.0]
    with redis_server() as service:
        async with Link.opened(redis_address(service), lambda: times[0]) as link:
            await link.check()
            service.stop()
            for _ in range(2):
                with pytest.raises(Absent):
                    await link.check()
            service.start()
            times[0] = 0.9
            with pytest.raises(Absent):  # not asked yet
                await link.check()
            assert (link.present, link.losses) == (False, 1)
            times[0] = 1.1
            await link.check()
            assert (link.present, link.losses) == (True, 1)
    said = [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING]
    assert said == ["Redis does not answer (ConnectionError); this replica goes on alone.", "Redis answers again."]


async def test_a_redis_restarted_between_two_questions_is_not_missed() -> None:
    with redis_server() as service:
        async with Link.opened(redis_address(service)) as link:
            await link.check()
            service.stop()
            service.start()
            await link.check()
            assert link.losses == 0


async def test_a_redis_that_hangs_is_absent_after_a_second() -> None:
    listener = await anyio.create_tcp_listener(local_host="127.0.0.1")
    port = listener.extra(anyio.abc.SocketAttribute.local_port)  # noqa: S610 - no Django here
    async with listener, Link.opened(f"redis://:a-password@127.0.0.1:{port}/0") as link:
        with anyio.fail_after(10), pytest.raises(Absent) as error:
            await link.check()
        assert "a-password" not in str(error.value)
