"""Groups of images: values of attributes, quartiles, JHU-Crowd++'s levels and weather."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from oracles.counting import quartile
from oracles.crowds import annotations, counts_only, report
from oracles.nap import d_k
from strategies import crowds

from crowdeval.metrics.evidence import Evidence
from crowdeval.metrics.groups import group_columns, groups_of


def groups(name, truth, **options):
    """Label and images of every group, by way of the columns of evidence."""
    columns = {"true": truth.counts, **group_columns(name, truth, **options)}
    offsets = np.zeros(len(truth.image_ids) + 1, dtype=np.int64)
    return list(groups_of(name, Evidence(image_ids=truth.image_ids, offsets=offsets, images=columns)))


def held(name, counts, **given):
    """Label to numbers of the images of each group."""
    truth = annotations(counts_only([0] * len(counts), counts), **given)
    return {label: np.flatnonzero(images).tolist() for label, images in groups(name, truth)}


ATTRIBUTES = [
    ([2, 1, 2, 1], {"1": [1, 3], "2": [0, 2]}),
    ([0.5, 2.0, 0.5], {"0.5": [0, 2], "2": [1]}),
    (["day", "night", "day"], {"day": [0, 2], "night": [1]}),
    ([True, False, True], {"False": [1], "True": [0, 2]}),
    (["", "fog", ""], {"(empty)": [0, 2], "fog": [1]}),
    (["light rain", "fog"], {"fog": [1], "light rain": [0]}),
]


@pytest.mark.parametrize(("values", "expected"), ATTRIBUTES)
def test_every_value_of_an_attribute_is_a_group(values, expected):
    assert held("own", [1] * len(values), attributes={"own": np.array(values)}) == expected


def test_a_value_that_begins_another_is_a_group_of_its_own():
    values = np.array(["rain", "rainy", "r", "rain"])
    assert held("own", [1] * 4, attributes={"own": values}) == {"r": [2], "rain": [0, 3], "rainy": [1]}


def test_a_label_is_text_made_value_by_value_and_never_by_the_columns_type():
    mixed = np.array([10, 9.0, "9", None, float("nan"), True, "b", "ab", 1e300, "10"], dtype=object)
    assert held("own", [1] * 10, attributes={"own": mixed}) == {
        "9": [1, 2], "10": [0, 9], "1e300": [8], "True": [5], "ab": [7], "b": [6]
    }  # fmt: skip


def test_images_without_the_attribute_do_not_stop_the_others():
    found = report(counts_only([3, 5], [1, 1]), "MAE by own", attributes={"own": np.array([np.nan, 1.0])})
    assert found["MAE by own=1"] == 4


def test_two_values_are_two_groups_whatever_their_blanks():
    found = report(counts_only([3, 5], [1, 1]), "MAE by own", attributes={"own": np.array(["a b", "a_b"])})
    assert len(found.values) == 2


QUARTILES = [
    # counts, label to images: the edges are the values at 1/4, 1/2 and 3/4 of the sorted list, rounded down
    ([1, 2, 3, 4], {"q1:1-1": [0], "q2:2-2": [1], "q3:3-3": [2], "q4:4-4": [3]}),
    ([4, 3, 2, 1], {"q1:1-1": [3], "q2:2-2": [2], "q3:3-3": [1], "q4:4-4": [0]}),
    (range(1, 9), {"q1:1-2": [0, 1], "q2:3-4": [2, 3], "q3:5-6": [4, 5], "q4:7-8": [6, 7]}),
    ([5, 5, 5, 5], {"q1:5-5": [0, 1, 2, 3]}),  # equal counts stay together
    ([0, 0, 0, 9], {"q1:0-0": [0, 1, 2], "q4:9-9": [3]}),
    ([7], {"q1:7-7": [0]}),
    ([], {}),
]


@pytest.mark.parametrize(("counts", "expected"), QUARTILES)
def test_quartiles_of_the_count(counts, expected):
    assert held("count_quartile", list(counts)) == expected


@settings(max_examples=60)
@given(st.lists(st.integers(0, 30), min_size=1, max_size=14))
def test_quartiles_of_the_count_equal_the_oracle(counts):
    found = {label[:2]: images for label, images in held("count_quartile", counts).items()}
    expected = {}
    for i, count in enumerate(counts):
        expected.setdefault(f"q{quartile(count, counts)}", []).append(i)
    assert found == expected


def test_quartiles_of_the_scale_go_from_dense_to_sparse_and_leave_empty_images_out():
    # lines of three points with steps 1, 2, 4, 8: with k = 1 every d_k is the step
    steps = [8, 1, 0, 4, 2]
    crowd = [([], [], [(step * i, 0) for i in range(3)] if step else []) for step in steps]
    found = {label: np.flatnonzero(v).tolist() for label, v in groups("scale_quartile", annotations(crowd), k=1)}
    assert found == {"q1:1-1": [1], "q2:2-2": [4], "q3:4-4": [3], "q4:8-8": [0]}


def test_the_scale_of_an_image_is_the_median_of_its_points():
    # d_1 = 1, 1, 100: median 1; the other image has 10, 10
    crowd = [([], [], [(0, 0), (1, 0), (101, 0)]), ([], [], [(0, 0), (10, 0)])]
    found = {label: np.flatnonzero(v).tolist() for label, v in groups("scale_quartile", annotations(crowd), k=1)}
    assert found == {"q1:1-1": [0], "q4:10-10": [1]}  # of two, all three edges are the smaller


@settings(max_examples=60)
@given(crowds(most_images=8), st.integers(1, 3))
def test_quartiles_of_the_scale_equal_the_oracle(crowd, k):
    scales = [float(np.median(d_k(truths, k, lone=1e6))) if truths else None for _, _, truths in crowd]
    known = [scale for scale in scales if scale is not None]
    band = [None if scale is None else quartile(scale, known) for scale in scales]
    found = groups("scale_quartile", annotations(crowd), k=k, lone="1000000")
    # medians that are equal but for rounding may part: compare where all are well apart
    if all(b - a == 0 or b - a > 1e-9 for a, b in zip(sorted(known), sorted(known)[1:], strict=False)):
        for label, images in found:
            assert np.flatnonzero(images).tolist() == [i for i, n in enumerate(band) if f"q{n}" == label[:2]]


def test_lone_points_are_sparse_by_the_protocols_choice():
    crowd = [([], [], [(0, 0)]), ([], [], [(0, 0), (5, 0)])]
    found = {label[:2]: np.flatnonzero(v).tolist() for label, v in groups("scale_quartile", annotations(crowd))}
    assert found["q1"] == [1]
    near = {label: np.flatnonzero(v).tolist() for label, v in groups("scale_quartile", annotations(crowd), lone="2")}
    assert near["q1:2-2"] == [0]


def test_an_infinite_scale_is_called_so():
    crowd = [([], [], [(0, 0)]), ([], [], [(0, 0), (5, 0)])]
    assert [label for label, _ in groups("scale_quartile", annotations(crowd))] == ["q1:5-5", "q4:inf-inf"]


def test_jhu_levels_end_at_50_and_500():
    counts = [0, 50, 51, 500, 501]
    assert held("jhu_level", counts) == {"low": [0, 1], "medium": [2, 3], "high": [4]}


def test_jhu_levels_go_by_the_count_of_the_label():
    given = {"label_count": np.array([50, 51, 501])}
    assert held("jhu_level", [1, 1, 1], attributes=given) == {"low": [0], "medium": [1], "high": [2]}


def test_jhu_weather_is_adverse_above_0():
    given = {"weather": np.array([0, 1, 3, 0])}
    assert held("jhu_weather", [1] * 4, attributes=given) == {"adverse": [1, 2], "normal": [0, 3]}
    assert held("jhu_weather", [1], attributes={"weather": np.array([2])}) == {"adverse": [0]}


@pytest.mark.parametrize(
    ("group", "attribute", "expected"),
    [("jhu_weather", "weather", {"adverse": [1]}), ("jhu_level", "label_count", {"low": [0, 1]})],
)
def test_an_unknown_label_is_no_reason_to_judge(group, attribute, expected):
    # where the label has no count, the true points decide; weather can't be known
    assert held(group, [1, 1], attributes={attribute: np.array([np.nan, 1.0])}) == expected


def test_an_attribute_of_the_annotations_goes_before_a_band_of_its_name():
    assert held("jhu_level", [1, 900], attributes={"jhu_level": np.array(["x", "y"])}) == {"x": [0], "y": [1]}


@pytest.mark.parametrize("group", ["count_quartile", "scale_quartile", "jhu_level", "own"])
@settings(max_examples=40)
@given(crowd=crowds(most_images=6), values=st.lists(st.integers(0, 2), min_size=6, max_size=6))
def test_groups_share_no_image_and_lose_none_with_points(group, crowd, values):
    truth = annotations(crowd, attributes={"own": np.array(values[: len(crowd)])})
    times = sum((images.astype(int) for _, images in groups(group, truth)), np.zeros(len(crowd), dtype=int))
    assert times.max() <= 1
    assert all(times[truth.counts > 0] == 1)
    assert group == "scale_quartile" or all(times == 1)
