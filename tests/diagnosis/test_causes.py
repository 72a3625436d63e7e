"""Causes of errors: against a loop from the definition, by literal repair, and faults that must lead the sheet."""

import numpy as np
import pytest

from crowdeval import Annotations, Predictions, diagnose, evaluate
from crowdeval.diagnosis.causes import NAMES, causes_of, repaired
from crowdeval.errors import NeedsError, UsageError
from crowdeval.matching.scale import knn_scales


def world(seed, images=6, people=40, noise=4.0):
    """Crowds found with noise, doubles, false positives and gaps."""
    random = np.random.default_rng(seed)
    truth, found = {}, {}
    for n in range(images):
        true = random.uniform(0, 300, (int(random.integers(2, people)), 2)).round(2)
        near = true[random.random(len(true)) < 0.8] + random.normal(0, noise, 2)
        double = near[random.random(len(near)) < 0.2] + random.normal(0, 1, 2)
        xy = np.concatenate([near, double, random.uniform(0, 300, (4, 2))]).round(2)
        truth[f"i{n}"] = true
        found[f"i{n}"] = (xy, random.random(len(xy)).round(2))
    return Predictions.from_images(found), Annotations.from_images(truth)


def loop(xy, score, true, scale, delta):
    """The causes of one image by the definition, one prediction and one person after the other."""
    ratio = np.hypot(*(xy[:, None] - true[None]).transpose(2, 0, 1)) / scale
    best = ratio.min(axis=1)
    order = np.lexsort((xy[:, 1], xy[:, 0], best, -score))
    held, hit = np.full(len(true), -1), np.zeros(len(xy), dtype=bool)
    for row in order:
        free = np.where(held < 0, ratio[row], np.inf)
        if free.min() < delta:
            held[free.argmin()], hit[row] = row, True
    wrong, missed = {}, {}
    for row in np.flatnonzero(~hit):
        if (ratio[row] < delta).any():
            wrong[row] = "duplicate"
    rest = [row for row in range(len(xy)) if not hit[row] and row not in wrong]
    people = np.flatnonzero(held < 0)
    taken = {}
    near = ratio[:, people].min(axis=1) if len(people) else np.zeros(len(xy))
    for row in sorted(rest, key=lambda row: (-score[row], near[row], xy[row, 0], xy[row, 1])):
        free = [
            (ratio[row, p], true[p, 0], true[p, 1], p) for p in people if p not in taken and ratio[row, p] < 4 * delta
        ]
        if free:
            taken[min(free)[-1]] = row
            wrong[row] = "displaced"
    for row in rest:
        wrong.setdefault(row, "background")
    for p in people:
        hits = xy[hit]
        clump = len(hits) and (np.hypot(*(hits - true[p]).T) <= scale[p]).any()
        missed[p] = "displaced" if p in taken else "missed_clump" if clump else "missed_alone"
    return wrong, missed


@pytest.mark.parametrize("delta", [0.1, 0.3, 0.5, 0.8])
@pytest.mark.parametrize("seed", range(6))
def test_causes_are_those_of_the_loop_and_each_error_has_one(seed, delta):
    found, truth = world(seed)
    causes = causes_of(found, truth, delta=delta, k=3)
    scale = knn_scales(truth.points, k=3, lone="inf", sizes=None)
    for n in range(len(truth.image_ids)):
        rows, people = slice(*found.offsets[n : n + 2]), slice(*truth.offsets[n : n + 2])
        wrong, missed = loop(found.xy[rows], found.score[rows], truth.xy[people], scale[people], delta)
        own = {row: NAMES[c] for row, c in enumerate(causes.of_prediction[rows]) if c >= 0}
        assert own == wrong
        assert {p: NAMES[c] for p, c in enumerate(causes.of_person[people]) if c >= 0} == missed
    hits = int((causes.holders >= 0).sum())
    assert sum(causes.counts.values()) == (len(found.xy) - hits) + (len(truth.xy) - hits)


@pytest.mark.parametrize("delta", [0.2, 0.5])
def test_the_repairs_are_literal_and_all_of_them_give_1(delta):
    found, truth = world(3)
    metric = f"nAP@{delta}"
    made = diagnose(found, truth, delta=delta)
    causes = causes_of(found, truth, delta=delta, k=3)
    before = evaluate(found, truth, protocol=metric)[metric]
    assert made.value == before
    for name in (*NAMES, "ranking"):
        own = made.causes[name]
        after = evaluate(repaired(found, truth, causes, name), truth, protocol=metric)[metric]
        assert own.cost == pytest.approx(after - before, abs=1e-12)
        assert own.cost >= -1e-12
    assert sum(own.share for name, own in made.causes.items() if name in NAMES) == pytest.approx(1)
    assert evaluate(repaired(found, truth, causes, *NAMES), truth, protocol=metric)[metric] == 1.0


def exact(seed=5, images=20, people=60):
    """People found exactly, with confidences that know nothing to confuse."""
    random = np.random.default_rng(seed)
    truth = {f"i{n:02}": random.uniform(0, 400, (people, 2)).round(2) for n in range(images)}
    sizes = [[400.0, 400.0]] * images
    return truth, {name: (xy, random.uniform(0.6, 1, len(xy))) for name, xy in truth.items()}, sizes


def sheet(found, truth, sizes, delta=0.5):
    annotations = Annotations.from_images({
        name: {"points": xy, "size": size} for (name, xy), size in zip(truth.items(), sizes, strict=True)
    })  # fmt: skip
    return diagnose(Predictions.from_images(found), annotations, delta=delta)


def first_cause(made):
    costs = {name: own.cost for name, own in made.causes.items()}
    return max(costs, key=costs.get)


def test_a_shift_of_two_pixels_leads_the_sheet():
    truth, found, sizes = exact()
    moved = {name: (xy + np.array([2.0, 0.0]), score) for name, (xy, score) in found.items()}
    made = sheet(moved, truth, sizes)
    assert made.shift.dx == pytest.approx(2.0, abs=0.05)
    assert "all hits are shifted by +2.0, +0.0 px" in made.text().splitlines()[3]


def test_half_a_pixel_is_suspected():
    truth, found, sizes = exact()
    made = sheet({name: (xy + 0.5, score) for name, (xy, score) in found.items()}, truth, sizes)
    assert made.shift.is_half_a_pixel
    assert "half a pixel" in made.text()


def test_doubled_points_lead_the_sheet_as_duplicates():
    truth, found, sizes = exact()
    doubled = {name: (np.concatenate([xy, xy[::10] + 0.1]), np.concatenate([score, score[::10]]))
               for name, (xy, score) in found.items()}  # fmt: skip
    made = sheet(doubled, truth, sizes)
    assert first_cause(made) == "duplicate"
    assert made.causes["duplicate"].share == 1.0


def test_a_blind_band_of_the_frame_leads_the_sheet():
    truth, found, sizes = exact()
    blind = {name: (xy[kept], score[kept]) for name, (xy, score) in found.items() for kept in [xy[:, 1] > 80]}
    made = sheet(blind, truth, sizes)
    assert "blind band: 0 of" in made.text().splitlines()[3]
    assert "0% to 10% of the height" in made.text() or "10% to 20% of the height" in made.text()


def test_shuffled_scores_lead_the_sheet_as_ranking():
    truth, found, sizes = exact()
    random = np.random.default_rng(0)
    noisy = {name: (np.concatenate([xy, random.uniform(0, 400, (60, 2))]), random.random(120))
             for name, (xy, score) in found.items()}  # fmt: skip
    made = sheet(noisy, truth, sizes)
    costs = {name: own.cost for name, own in made.causes.items()}
    assert costs["ranking"] >= max(costs[name] for name in ("duplicate", "displaced", "missed_clump", "missed_alone"))


def test_a_perfect_system_has_no_errors():
    truth, found, sizes = exact()
    made = sheet(found, truth, sizes)
    assert made.value == 1.0
    assert all(own.count == 0 for own in made.causes.values())
    assert "nan" not in made.text()


def test_the_best_threshold_is_that_of_a_search_and_is_judged_on_other_images():
    found, truth = world(8, images=12)
    made = diagnose(found, truth)
    own = made.thresholds
    counts = np.array([[(found.score[a:b] >= at).sum() for a, b in zip(found.offsets, found.offsets[1:], strict=False)]
                       for at in own.at])  # fmt: skip
    mae = np.abs(counts - truth.counts).mean(axis=1)
    assert own.mae == pytest.approx(mae)
    assert own.best_mae == own.at[mae.argmin()]
    assert own.cross_mae >= own.mae.min() - 1e-12
    for at, f1 in zip(own.at[::9], own.f1[::9], strict=True):
        kept = found.score >= at
        cut = Predictions(image_ids=found.image_ids, xy=found.xy[kept], score=found.score[kept],
                          offsets=np.concatenate([[0], np.cumsum(found.points.per_image(kept))]))  # fmt: skip
        hits = int((causes_of(cut, truth, delta=0.5, k=3).holders >= 0).sum())
        assert f1 == pytest.approx(2 * hits / (kept.sum() + len(truth.xy)))


def test_what_can_not_be_explained_is_refused():
    with pytest.raises(NeedsError, match="needs predicted points"):
        diagnose({"a": 3}, {"a": [[1, 1]]})
    from crowdeval import evidence_of

    evidence = evidence_of(*world(1))
    with pytest.raises(UsageError, match="no coordinates"):
        diagnose(evidence)
    unscored = diagnose({"a": [[1, 1], [9, 9]]}, {"a": [[1, 1], [5, 5], [9, 1]]})
    assert unscored.thresholds is None
    assert "without confidences" in unscored.text()
