"""Ranges of thresholds."""

import itertools

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from crowdeval.errors import UsageError
from crowdeval.metrics.strings import parse_range, range_text


def test_added_steps_are_the_numbers_of_the_range():
    assert parse_range(np.arange(0.05, 0.55, 0.05)) == parse_range("0.05:0.05:0.5")
    assert parse_range([1e-13, 1 / 3]) == (1e-13, 1 / 3)
    assert parse_range(2.9999999999999996) == (2.9999999999999996,)  # one number is what it is


def test_a_range_of_one_value_is_one_value():
    assert parse_range("0.5:0.05:0.5") == (0.5,)


def test_the_papers_range_is_exactly_ten_values():
    assert parse_range("0.05:0.05:0.50") == (0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.35, 0.4, 0.45, 0.5)


@pytest.mark.parametrize(
    ("text", "values"),
    [("0.5", (0.5,)), (0.5, (0.5,)), ("0.25,0.05", (0.05, 0.25)), ("1:1:3", (1, 2, 3)), ([0.1, 0.2], (0.1, 0.2))],
)
def test_numbers_lists_and_ranges(text, values):
    assert parse_range(text) == values


@pytest.mark.parametrize(
    ("bad", "words"),
    [
        ("", "number"),
        ("a", "number"),
        ("0", "positive"),
        ("-0.1", "positive"),
        ("nan", "finite"),
        ("inf", "finite"),
        ("0.1:0.2", "start, step, end"),
        ("0.1:0:0.5", "positive step"),
        ("0.5:0.1:0.1", "end not below"),
        ("0.1:0.2:0.4", "end it at 0.3 or 0.5"),
        ("0.1,0.1", "twice"),
        ("0.001:1e-9:1", "at most 1000"),
        ("1:1e-300:1e9", "at most 1000"),
        ([], "at least one"),
        ("0.05:0.5:0.05", "from 0.05 to 0.5 is 0.05:0.05:0.5"),
    ],
)
def test_what_is_no_range_is_one_clear_error(bad, words):
    with pytest.raises(UsageError, match=words):
        parse_range(bad)


@given(st.integers(1, 500), st.integers(1, 50), st.integers(0, 60))
def test_a_range_prints_and_parses_back(start, step, steps):
    assume(steps or step <= start)
    values = parse_range(f"{start / 100}:{step / 100}:{round((start + step * steps) / 100, 12)}")
    assert len(values) == steps + 1
    assert parse_range(range_text(values)) == values


@given(st.lists(st.floats(1e-6, 1e6), min_size=1, max_size=6, unique=True))
def test_any_thresholds_print_and_parse_back(values):
    apart = sorted(values)
    assume(all(b - a > 1e-12 for a, b in itertools.pairwise(apart)))
    thresholds = parse_range(values)
    assert parse_range(range_text(thresholds)) == thresholds
    assert thresholds == pytest.approx(sorted(values), rel=1e-14)


def test_exactly_1000_thresholds_are_a_range_and_one_more_is_none():
    assert len(parse_range("0.001:0.001:1")) == 1000
    assert len(parse_range([n / 8 for n in range(1, 1001)])) == 1000
    for value in ("0.001:0.001:1.001", [n / 8 for n in range(1, 1002)]):
        with pytest.raises(UsageError, match="at most 1000"):
            parse_range(value)
