"""Datasets drawn by hypothesis, the comparison of two of them, and the quiet reader that fuzzing uses."""

import warnings

import numpy as np
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from crowdeval.errors import CrowdevalError, CrowdevalWarning
from crowdeval.points.sets import Annotations, Predictions

ANY_ID = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=8)
PLAIN_ID = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=8)
WORD_ID = st.from_regex(r"[A-Za-z0-9_./-]{1,8}", fullmatch=True)
COORDINATE = st.floats(-1e9, 1e9)
NUMBER = st.floats(allow_nan=False, allow_infinity=False)
SIDE = st.floats(1, 1e5)


def table(rows, width, elements):
    return hnp.arrays(np.float64, (rows, width), elements=elements)


def column(rows, elements, dtype=np.float64):
    return hnp.arrays(dtype, rows, elements=elements)


@st.composite
def layouts(draw, ids, least=0):
    names = draw(st.lists(ids, unique=True, min_size=least, max_size=4))
    counts = draw(st.lists(st.integers(0, 4), min_size=len(names), max_size=len(names)))
    return tuple(names), np.concatenate([[0], np.cumsum(counts, dtype=np.int64)]).astype(np.int64)


@st.composite
def predictions(draw, ids=ANY_ID, least=0, scores=True, counts=True):
    names, offsets = draw(layouts(ids, least))
    rows = int(offsets[-1])
    estimate = st.floats(0, 1e9) | st.just(np.nan)
    count = draw(st.none() | column(len(names), estimate)) if counts else None
    return Predictions(
        image_ids=names,
        offsets=offsets,
        xy=draw(table(rows, 2, COORDINATE)),
        score=draw(st.none() | column(rows, NUMBER)) if scores else None,
        counts=None if count is None or np.isnan(count).all() else count,
    )


@st.composite
def count_only(draw, ids=ANY_ID):
    names = draw(st.lists(ids, unique=True, min_size=1, max_size=4))
    counts = draw(column(len(names), st.floats(0, 1e9)))
    zeros = np.zeros(len(names) + 1, dtype=np.int64)
    return Predictions(image_ids=names, offsets=zeros, xy=np.empty((0, 2)), counts=counts, located=False)


@st.composite
def annotations(draw, ids=ANY_ID, least=0, columns=("boxes", "radii", "level", "sizes", "attributes")):
    names, offsets = draw(layouts(ids, least))
    rows, images = int(offsets[-1]), len(names)
    size = st.tuples(SIDE, SIDE) | st.just((np.nan, np.nan))
    sizes = np.array(draw(st.lists(size, min_size=images, max_size=images))).reshape(images, 2)
    drawn = {
        "boxes": table(rows, 4, st.floats(-1e6, 1e6)),
        "radii": table(rows, 2, st.floats(0, 1e6)).map(lambda radii: np.sort(radii, axis=1)),
        "level": column(rows, st.integers(0, 5), np.int64),
        "sizes": st.just(None if np.isnan(sizes).all() else sizes),
    }
    chosen = {name: draw(st.none() | drawn[name]) for name in columns if name != "attributes"}
    if "attributes" in columns and images:
        values = st.one_of(
            column(images, st.integers(-(2**62), 2**62), np.int64),
            column(images, NUMBER),
            column(images, st.booleans(), np.bool_),
            st.lists(ANY_ID, min_size=images, max_size=images).map(lambda v: np.array(v, dtype=object)),
        )
        chosen["attributes"] = draw(st.dictionaries(ANY_ID, values, max_size=2))
        if rows:
            chosen["point_attributes"] = draw(st.dictionaries(ANY_ID, column(rows, NUMBER), max_size=2))
    xy = draw(table(rows, 2, COORDINATE))
    return Annotations(image_ids=names, offsets=offsets, xy=xy, **chosen)


def assert_same(left, right, *columns):
    """Two datasets agree in ids, offsets, points and these columns, to the bit."""
    assert left.image_ids == right.image_ids
    np.testing.assert_array_equal(left.offsets, right.offsets)
    for name in ("xy", *columns):
        ours, theirs = getattr(left, name), getattr(right, name)
        if not left.image_ids and not len(ours if ours is not None else ()):
            continue  # without images there is nothing that a column could be
        assert (ours is None) == (theirs is None), name
        if ours is not None:
            np.testing.assert_array_equal(ours, theirs, err_msg=name)


def assert_same_attributes(left, right):
    for ours, theirs in ((left.attributes, right.attributes), (left.point_attributes, right.point_attributes)):
        assert ours.keys() == theirs.keys()
        for name, values in ours.items():
            assert values.tolist() == theirs[name].tolist(), name


def only_our_errors(read, source):
    """Read; a CrowdevalError is fine, anything else comes through."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warnings.simplefilter("ignore", CrowdevalWarning)
        try:
            value = read(source)
        except CrowdevalError as problem:
            assert str(problem)  # noqa: PT017
            return None
        return value
