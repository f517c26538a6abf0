"""A state proves that a link of ours was followed, for ten minutes, and cannot be made or changed by others."""

from base64 import urlsafe_b64decode, urlsafe_b64encode

import pytest
from hypothesis import given
from hypothesis import strategies as some

from bitrix24_mcp.accounts import state
from bitrix24_mcp.crm.errors import InvalidArguments
from connecting import Moment

KEY = b"k" * 32
NOW = Moment().now


def test_what_was_signed_comes_back_whole() -> None:
    given_out = state.new("portal.example", "https://app.example/", NOW)

    text = state.signed(given_out, KEY)

    assert state.read(text, KEY, NOW) == given_out
    assert urlsafe_b64decode(f"{text}==")[32:].startswith(b'["portal.example"')


def test_no_two_states_are_alike() -> None:
    assert len({state.new("portal.example", "", NOW).nonce for _ in range(100)}) == 100


def test_another_key_does_not_open_it() -> None:
    text = state.signed(state.new("portal.example", "", NOW), KEY)

    with pytest.raises(InvalidArguments) as refused:
        state.read(text, b"x" * 32, NOW)

    assert refused.value.code == "CALLBACK_REFUSED"


@given(place=some.integers(0, 10_000), flipped=some.integers(1, 255))
def test_one_changed_byte_is_noticed(place: int, flipped: int) -> None:
    packed = bytearray(urlsafe_b64decode(state.signed(state.new("portal.example", "", NOW), KEY) + "=="))
    packed[place % len(packed)] ^= flipped

    with pytest.raises(InvalidArguments):
        state.read(urlsafe_b64encode(bytes(packed)).decode(), KEY, NOW)


@given(text=some.text(max_size=300))
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(InvalidArguments):
        state.read(text, KEY, NOW)


@pytest.mark.parametrize("text", ["", "=", "A" * 43, "A" * 10_000, "état", "W10"])
def test_odd_texts_are_refused(text: str) -> None:
    with pytest.raises(InvalidArguments):
        state.read(text, KEY, NOW)


def test_it_ends_after_ten_minutes() -> None:
    moment = Moment()
    text = state.signed(state.new("portal.example", "", moment()), KEY)

    moment.passes(minutes=10, seconds=-1)
    assert state.read(text, KEY, moment()).portal == "portal.example"
    moment.passes(seconds=1)
    with pytest.raises(InvalidArguments, match="too old"):
        state.read(text, KEY, moment())
