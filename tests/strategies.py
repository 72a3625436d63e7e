"""Random crowds: small images that are rich in the cases that go wrong."""

import numpy as np
from hypothesis import strategies as st

DELTAS = st.one_of(
    st.sampled_from([0.05, 0.1, 0.25, 0.3, 0.5, 0.75, 1.0, 2.0, 3.0]),
    st.floats(0.01, 3.0, allow_nan=False),
)


def coordinates(grid):
    """Eighths of a pixel on a small grid: many ties and duplicates, and every shift or doubling is exact."""
    return st.integers(0, grid).map(lambda v: v / 8)


@st.composite
def points(draw, most):
    shape = draw(st.sampled_from(["cloud", "line", "grid", "dense"]))
    number = draw(st.integers(0, most))
    if shape == "grid":
        side = max(1, int(number**0.5))
        step = draw(st.sampled_from([1.0, 2.0, 5.0]))
        return [(i * step, j * step) for i in range(side) for j in range(side)][:number]
    span = {"cloud": 800, "line": 80, "dense": 16}[shape]
    xs = draw(st.lists(coordinates(span), min_size=number, max_size=number))
    if shape == "line":
        return [(x, x) for x in xs]
    return list(zip(xs, draw(st.lists(coordinates(span), min_size=number, max_size=number)), strict=True))


@st.composite
def images(draw, most=12):
    """(points, scores, truths) of one image; predictions often sit near true points."""
    truths = draw(points(most))
    scattered = draw(points(most))
    near = []
    if truths:
        for x, y in draw(st.lists(st.sampled_from(truths), max_size=most)):
            near.append((x + draw(st.integers(-8, 8)) / 8, y + draw(st.integers(-8, 8)) / 8))
    predicted = scattered + near
    levels = draw(st.sampled_from([1, 3, 1000]))
    scores = draw(st.lists(st.integers(0, levels), min_size=len(predicted), max_size=len(predicted)))
    return predicted, [score / levels for score in scores], truths


def crowds(most_images=4, most=12):
    """A list of images."""
    return st.lists(images(most), min_size=1, max_size=most_images)


def arguments(crowd):
    """The crowd as arguments of crowdeval.nap."""
    predictions = [(np.array(q, dtype=float).reshape(-1, 2), np.array(s, dtype=float)) for q, s, _ in crowd]
    return predictions, [np.array(t, dtype=float).reshape(-1, 2) for _, _, t in crowd]
