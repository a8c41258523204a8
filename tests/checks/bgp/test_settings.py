"""What a config may say about prefixes and feeds."""

from typing import Any

import pytest
from pydantic import ValidationError

from vedette.checks.bgp.settings import (
    BgpSettings,
    RipeStatSettings,
    RisLiveSettings,
    RpkiSettings,
)
from vedette.checks.settings import Settings

WELL = {"prefix": "1.1.1.0/24", "origins": [1]}


def test_origins_are_numbers_or_as_names() -> None:
    """13335, "13335" and "AS13335" are one origin, and the prefix becomes canonical."""
    made = BgpSettings.model_validate(
        {"prefix": "2001:DB8:0::/48", "origins": [13335, "AS64500", "64501"], "every": "10s"}
    )
    assert (made.prefix, made.origins) == ("2001:db8::/48", [13335, 64500, 64501])
    assert made.every == 10


@pytest.mark.parametrize(
    ("kind", "values"),
    [
        (BgpSettings, {"prefix": "1.1.1.1/24", "origins": [1]}),
        (BgpSettings, {"prefix": "0.0.0.0/0", "origins": [1]}),
        (BgpSettings, {"prefix": "::/0", "origins": [1]}),
        (BgpSettings, WELL | {"origins": []}),
        (BgpSettings, WELL | {"origins": [0]}),
        (BgpSettings, WELL | {"origins": [2**32]}),
        (BgpSettings, WELL | {"origins": [True]}),
        (BgpSettings, {"prefix": "1.1.1.0/24"}),
        (BgpSettings, WELL | {"origin": 1}),
        (BgpSettings, {"prefix": 5, "origins": [1]}),
        (BgpSettings, WELL | {"more_specifics": ["1.1.1.0/24"]}),
        (BgpSettings, WELL | {"more_specifics": ["1.1.0.0/16"]}),
        (BgpSettings, WELL | {"more_specifics": ["1.1.2.0/25"]}),
        (BgpSettings, WELL | {"more_specifics": ["2001:db8::/32"]}),
        (RisLiveSettings, {"url": "https://x/"}),
        (RisLiveSettings, {"seed": "ws://x/"}),
        (RisLiveSettings, {"stale_after": 0}),
        (RipeStatSettings, {"every": "1s"}),
        (RipeStatSettings, {"url": "ftp://x"}),
        (RipeStatSettings, {"stale_after": 0}),
        (RpkiSettings, {}),
        (RpkiSettings, {"file": "json", "url": "http://localhost:8323/json"}),
        (RpkiSettings, {"file": ""}),
        (RpkiSettings, {"file": "a\0b"}),
        (RpkiSettings, {"url": "localhost:8323/json"}),
        (RpkiSettings, {"file": "json", "every": "0s"}),
        (RpkiSettings, {"file": "json", "stale_after": 0}),
        (RpkiSettings, {"file": "json", "expiring": 0}),
    ],
)
def test_bad_settings(kind: type[Settings], values: dict[str, Any]) -> None:
    """Whatever is no prefix with origins, and no place where routes or VRPs can be, is refused."""
    assert BgpSettings.model_validate(WELL)
    with pytest.raises(ValidationError):
        kind.model_validate(values)


def test_default_times() -> None:
    """VRPs are read every ten minutes and believed for two hours, a feed for two minutes."""
    assert RisLiveSettings().stale_after == 120
    made = RpkiSettings.model_validate({"file": "json", "every": "10m"})
    assert (made.every, made.stale_after, made.expiring) == (600, 7200, 7200)
    assert made == RpkiSettings(file="json")
