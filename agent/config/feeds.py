"""The `feeds` block: where routes are learned from."""

from collections.abc import Mapping

from pydantic import model_validator

from vedette.checks.bgp.settings import (
    BgpStreamSettings,
    BmpSettings,
    MrtSettings,
    RipeStatSettings,
    RisLiveSettings,
)
from vedette.checks.settings import Settings


class FeedSettings(Settings):
    """One source of BGP routes, of one kind; a kind without settings takes the defaults."""

    ris_live: RisLiveSettings | None = None
    """RIPE RIS Live: public collectors, within seconds."""
    bmp: BmpSettings | None = None
    """Your own routers."""
    mrt: MrtSettings | None = None
    """MRT files that a collector writes."""
    bgpstream: BgpStreamSettings | None = None
    """RIS and RouteViews by pybgpstream (extra `bgpstream`)."""
    ripestat: RipeStatSettings | None = None
    """RIPEstat's tables, asked again and again: a slow second opinion."""

    @model_validator(mode="before")
    @classmethod
    def _fill_in(cls, data: object) -> object:
        if isinstance(data, Mapping):
            return {kind: {} if value is None else value for kind, value in data.items()}
        return data

    @model_validator(mode="after")
    def _is_one(self) -> "FeedSettings":
        if len(self.model_fields_set) != 1:
            kinds = ", ".join(type(self).model_fields)
            raise ValueError(f"a feed is one of {kinds}: give each a list item of its own")
        return self
