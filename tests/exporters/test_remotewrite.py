"""What a receiver of remote write is sent: every sample once, in order, and the end of series."""

import math

from cramjam import snappy
from hypothesis import given
from hypothesis import strategies as st

from tests.servers.receiver import STALE, Sample, samples
from vedette.exporters.metrics import Labels, gauge, render, slices
from vedette.exporters.remotewrite import MOST, Encoder

texts = st.text(st.characters(codec="utf-8"), max_size=12)
values = st.floats(allow_nan=False)
rows = st.dictionaries(texts, values, max_size=5)


def sent(encoder: Encoder, pieces: list[bytes], at: float = 1.5) -> list[Sample]:
    """Return what a receiver reads of a text."""
    made = [one for one in encoder.requests(pieces, at) if one is not None]
    found = [list(samples(bytes(snappy.decompress_raw(one.body)))) for one in made]
    assert [one.samples for one in made] == [len(some) for some in found]
    return [sample for some in found for sample in some]


def text(told: dict[str, float]) -> list[bytes]:
    """Return a text with a series for each name in *told*."""
    family = gauge("x", "help", [(Labels(name=name), value) for name, value in told.items()])
    return list(slices(render([family])))


@given(told=rows)
def test_every_sample_once(told):
    """Names, label values of any text, values and the time arrive as they were said."""
    found = sent(Encoder(), text(told), at=1234.5)

    named = [(labels.get("name", ""), value, at) for labels, value, at in found]
    assert named == [(name, value, 1234500) for name, value in told.items()]


@given(before=rows, after=rows)
def test_what_is_gone_has_ended(before, after):
    """A series of the last text that this one lacks gets the mark of its end, and only once."""
    encoder = Encoder()
    sent(encoder, text(before))
    ended = {ls.get("name", "") for ls, value, _ in sent(encoder, text(after)) if value == STALE}

    assert ended == before.keys() - after.keys()
    assert not any(value == STALE for _, value, _ in sent(encoder, text(after)))


def test_external_labels_do_not_cover_its_own():
    """A label that a series has stays; an empty one is none, as Prometheus has it."""
    encoder = Encoder({"vantage": "fra-1", "empty": "", "job": "vedette"})
    ((labels, value, _),) = sent(encoder, [b'up{job="own"} 1\n'])

    assert labels == {"__name__": "up", "job": "own", "vantage": "fra-1"}
    assert value == 1


def test_special_values():
    """Infinities and NaN are numbers; that NaN is not the mark of an end."""
    found = sent(Encoder(), [b"a +Inf\nb -Inf\nc NaN\n"])

    assert [value for _, value, _ in found[:2]] == [math.inf, -math.inf]
    assert found[2][1] != STALE
    assert math.isnan(found[2][1])


def test_requests_are_of_bounded_size():
    """No request has many more samples than a receiver likes, and lines may be cut anywhere."""
    whole = b"".join(b'x{n="%d"} %d\n' % (n, n) for n in range(2 * MOST + 10))
    pieces = [whole[at : at + 1000] for at in range(0, len(whole), 1000)]
    made = [one for one in Encoder().requests(pieces, 1.0) if one is not None]

    assert max(one.samples for one in made) <= MOST + 1000 // 8
    assert sum(one.samples for one in made) == 2 * MOST + 10
