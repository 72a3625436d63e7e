"""People whom one system finds and the other misses, against the loop of the definition."""

import numpy as np
import pytest

from crowdeval import Annotations, Predictions, compare, evidence_of
from crowdeval.matching.holders import holders_of
from crowdeval.matching.scale import knn_scales


def loop(xy, score, true, scale, delta):
    """Who holds each true point, prediction by prediction."""
    held = np.full(len(true), -1)
    ratio = np.hypot(*(xy[:, None] - true[None]).transpose(2, 0, 1)) / scale
    best = ratio.min(axis=1) if len(true) else np.zeros(len(xy))
    for row in np.lexsort((xy[:, 1], xy[:, 0], best, -score)):
        free = np.where(held < 0, ratio[row], np.inf)
        if len(free) and free.min() < delta:
            held[int(free.argmin())] = row
    return held


@pytest.mark.parametrize("delta", [0.1, 0.5, 1.3])
@pytest.mark.parametrize("seed", range(5))
def test_holders_are_those_of_the_loop(seed, delta):
    random = np.random.default_rng(seed)
    parts = [random.uniform(0, 100, (int(random.integers(2, 30)), 2)) for _ in range(4)]
    found = [np.concatenate([part + random.normal(0, 6, part.shape), random.uniform(0, 100, (5, 2))]) for part in parts]
    scores = [random.random(len(part)).round(1) for part in found]
    true = Annotations.from_images(dict(zip("abcd", parts, strict=True))).points
    predicted = Predictions.from_images({n: (f, s) for n, f, s in zip("abcd", found, scores, strict=True)})
    scale = knn_scales(true, k=3, lone="inf", sizes=None)
    held = holders_of(predicted.points, predicted.score, true, scale, delta=delta, k=3)
    for n in range(4):
        people, rows = slice(*true.offsets[n : n + 2]), predicted.offsets[n]
        own = loop(found[n], scores[n], parts[n], scale[people], delta)
        assert held[people].tolist() == [-1 if row < 0 else int(row + rows) for row in own]


def test_compare_counts_the_people_that_one_alone_finds():
    truth = {"a": [[10, 10], [50, 10], [90, 10], [90, 60]], "b": [[10, 10], [50, 50], [90, 90]]}
    first = {"a": [[10, 10], [50, 10]], "b": [[10, 10], [50, 50], [90, 90]]}
    second = {"a": [[90, 10], [10, 10], [90, 60]], "b": [[10, 10]]}
    ahead, behind = compare(first, second, truth, protocol="MAE").flips["A / B"]
    assert [(flip.image, flip.a_alone, flip.b_alone, flip.true) for flip in ahead] == [("b", 2, 0, 3), ("a", 1, 2, 4)]
    assert [(flip.image, flip.b_alone) for flip in behind] == [("a", 2)]


def test_evidence_has_no_people_and_compares_hits():
    truth = Annotations.from_images({"a": [[10, 10], [50, 10]], "b": [[10, 10], [50, 50]]})
    found = {"x": {"a": [[10, 10]], "b": [[10, 10], [50, 50]]}, "y": {"a": [], "b": [[10, 10]]}}
    systems = {name: evidence_of(Predictions.from_images(points), truth) for name, points in found.items()}
    ahead, behind = compare(systems).flips["x / y"]
    assert {(flip.image, flip.a, flip.b, flip.a_alone) for flip in ahead} == {("a", 1, 0, None), ("b", 2, 1, None)}
    assert behind == []
