"""The text of a scrape."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client.parser import text_string_to_metric_families

from vedette.agent.blackbox.page import labels, measured, number, render


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0, "0"),
        (1.0, "1"),
        (-1, "-1"),
        (1.1, "1.1"),
        (0.5, "0.5"),
        (5.2958e-05, "5.2958e-05"),
        (999999, "999999"),
        (1000000, "1e+06"),
        (3668918509, "3.668918509e+09"),
        (1797873902.0, "1.797873902e+09"),
        (-62135596800.0, "-6.21355968e+10"),
        (1.79528190151158e09, "1.79528190151158e+09"),
        (math.inf, "+Inf"),
        (-math.inf, "-Inf"),
        (math.nan, "NaN"),
    ],
)
def test_numbers_are_written_as_go_writes_them(value, text):
    """The same probe gives the same text as blackbox_exporter's."""
    assert number(value) == text


@pytest.mark.parametrize("seconds", [0.0, 1.0, 5, 0.25, 0.000123, 5.2958e-05, 119.5, 1.2e-07])
def test_measured_seconds_are_written_as_other_numbers(seconds):
    """What a clock tells to nine digits reads as it would anywhere else on the page."""
    assert measured(seconds) == number(seconds)


@given(st.floats(0, 1000))
def test_measured_seconds_are_told_to_nine_digits(seconds):
    """What is left out is below what the clock of a probe can tell."""
    assert float(measured(seconds)) == pytest.approx(seconds, rel=1e-8)


@given(st.floats(allow_nan=False))
def test_no_digit_of_a_number_is_lost(value):
    """What is written reads back as the same number."""
    assert float(number(value)) == value


@given(st.dictionaries(st.sampled_from(["issuer", "subject"]), st.text(), min_size=1))
def test_a_label_may_be_any_text(values):
    """A certificate of a stranger cannot break the page."""
    text = render({"probe_success": 0, "probe_ssl_last_chain_info": {labels(**values): 1}})
    families = {family.name: family for family in text_string_to_metric_families(text)}
    clean = {k: v.encode(errors="replace").decode() for k, v in values.items()}
    assert families["probe_ssl_last_chain_info"].samples[0].labels == clean


def test_families_are_sorted_and_have_help_and_type():
    """The page is what promhttp makes of the same gauges."""
    text = render(
        {"probe_success": 1, "probe_dns_duration_seconds": {'phase="b"': 2, 'phase="a"': 1}}
    )
    assert text == (
        "# HELP probe_dns_duration_seconds Duration of DNS request by phase\n"
        "# TYPE probe_dns_duration_seconds gauge\n"
        'probe_dns_duration_seconds{phase="a"} 1\n'
        'probe_dns_duration_seconds{phase="b"} 2\n'
        "# HELP probe_success Displays whether or not the probe was a success\n"
        "# TYPE probe_success gauge\n"
        "probe_success 1\n"
    )
