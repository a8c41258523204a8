"""Signatures of requests: those of the published scheme, for each body and moment another."""

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vedette.exporters.signature import signed, signing_key

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"


def test_the_published_example() -> None:
    """The scheme's own example comes out as it is published."""
    headers = signed(
        b'{"test": 2432232314}', signing_key(SECRET), 1614265330.9, "msg_p5jXN8AQM9LWM0D4loKWxJek"
    )
    assert headers == {
        "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
        "webhook-timestamp": "1614265330",
        "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    }


@given(st.binary(max_size=60), st.binary(max_size=60), st.integers(0, 10**9))
def test_no_two_bodies_or_moments_share_a_signature(one: bytes, other: bytes, at: int) -> None:
    """What is signed is the body and the moment together."""
    key = signing_key(SECRET)
    same = signed(one, key, at) == signed(other, key, at)
    assert same is (one == other)
    assert signed(one, key, at) != signed(one, key, at + 1)


@pytest.mark.parametrize("secret", ["", "whsec_", "whsec_c2hvcnQ=", "whsec_***", "hunter2"])
def test_a_secret_that_is_none_is_not_quoted(secret: str) -> None:
    """What is too short or no base64 is refused, in words that do not hold it."""
    with pytest.raises(ValueError, match="it should") as refused:
        signing_key(secret)
    assert not secret or secret.removeprefix("whsec_") not in str(refused.value) or len(secret) == 6


@given(st.binary(min_size=24, max_size=64))
def test_any_long_secret_in_base64_is_a_key(key: bytes) -> None:
    """What a secret manager makes, 24 to 64 bytes, is taken as it is."""
    assert signing_key("whsec_" + base64.b64encode(key).decode()) == key
