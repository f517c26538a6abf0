"""A caller of the test's own, in the Redis that all tests of a worker share."""

import secrets

import pytest

from services import Service, redis_address


@pytest.fixture
def redis(redis_service: Service) -> str:
    return redis_address(redis_service)


@pytest.fixture
def whose() -> str:
    return secrets.token_hex(16)
