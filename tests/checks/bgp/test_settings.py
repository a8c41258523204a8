"""What a config may say about prefixes and feeds."""

from typing import Any

import pytest
from pydantic import ValidationError

from vedette.checks.bgp.settings import BgpSettings, RisLiveSettings


def test_origins_are_numbers_or_as_names() -> None:
    """13335, "13335" and "AS13335" are one origin, and the prefix becomes canonical."""
    made = BgpSettings.model_validate(
        {"prefix": "2001:DB8:0::/48", "origins": [13335, "AS64500", "64501"], "every": "10s"}
    )
    assert (made.prefix, made.origins) == ("2001:db8::/48", [13335, 64500, 64501])
    assert made.every == 10


@pytest.mark.parametrize(
    "values",
    [
        {"prefix": "1.1.1.1/24", "origins": [1]},
        {"prefix": "0.0.0.0/0", "origins": [1]},
        {"prefix": "::/0", "origins": [1]},
        {"prefix": "1.1.1.0/24", "origins": []},
        {"prefix": "1.1.1.0/24", "origins": [0]},
        {"prefix": "1.1.1.0/24", "origins": [2**32]},
        {"prefix": "1.1.1.0/24", "origins": [True]},
        {"prefix": "1.1.1.0/24"},
        {"prefix": "1.1.1.0/24", "origins": [1], "origin": 1},
        {"prefix": 5, "origins": [1]},
        {"prefix": "1.1.1.0/24", "origins": [1], "more_specifics": ["1.1.1.0/24"]},
        {"prefix": "1.1.1.0/24", "origins": [1], "more_specifics": ["1.1.0.0/16"]},
        {"prefix": "1.1.1.0/24", "origins": [1], "more_specifics": ["1.1.2.0/25"]},
        {"prefix": "1.1.1.0/24", "origins": [1], "more_specifics": ["2001:db8::/32"]},
    ],
)
def test_bad_settings(values: dict[str, Any]) -> None:
    """Whatever is not a canonical prefix with origins is refused."""
    with pytest.raises(ValidationError):
        BgpSettings.model_validate(values)


def test_feed_urls_are_websocket_and_http() -> None:
    """The feed's URLs take only their own schemes, and the defaults are RIPE's."""
    assert RisLiveSettings().stale_after == 120
    for bad in ({"url": "https://x/"}, {"seed": "ws://x/"}, {"stale_after": 0}):
        with pytest.raises(ValidationError):
            RisLiveSettings.model_validate(bad)
