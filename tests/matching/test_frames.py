"""The suspected frame: every fault is named with its mend, and no sound predictor raises one, however weak."""

import numpy as np
import pytest

from crowdeval import Annotations, Predictions, evaluate
from crowdeval.errors import FrameWarning
from crowdeval.matching.frames import suspect_frame
from crowdeval.points.frames import parse_frame, to_pixels
from crowdeval.points.ragged import Ragged

SIZES = np.array(
    [[1024.0, 768.0], [640.0, 480.0], [2048.0, 1536.0], [900.0, 1200.0], [1000.0, 1000.0], [1600.0, 900.0]]
)


def crowd(seed=0, people=60, sizes=SIZES):
    """True points, denser at the top of each image."""
    random = np.random.default_rng(seed)
    xy = [size * np.column_stack([random.random(people), random.random(people) ** 1.7]) for size in sizes]
    return Ragged(np.concatenate(xy), np.arange(len(sizes) + 1) * people)


def found(true, noise=1.0, seed=1, lost=0.1):
    """Predictions: most true points, moved by some pixels."""
    random = np.random.default_rng(seed)
    points = true.where(random.random(len(true)) > lost)
    return Ragged(points.xy + random.normal(0, noise, points.xy.shape), points.offsets)


INVERSE = {
    "yx": lambda xy, size: xy[:, ::-1],
    "y-up": lambda xy, size: np.column_stack([xy[:, 0], size[:, 1] - xy[:, 1]]),
    "x-left": lambda xy, size: np.column_stack([size[:, 0] - xy[:, 0], xy[:, 1]]),
    "normalized": lambda xy, size: xy / size,
    "percent": lambda xy, size: 100 * xy / size,
    "permille": lambda xy, size: 1000 * xy / size,
    "yx,normalized": lambda xy, size: (xy / size)[:, ::-1],
    "yx,permille": lambda xy, size: (1000 * xy / size)[:, ::-1],
    "512x512": lambda xy, size: 512 * xy / size,
    "max-side:800": lambda xy, size: xy * np.minimum(1, 800 / size.max(axis=1, keepdims=True)),
    "stride:8": lambda xy, size: xy / 8,
}


@pytest.mark.parametrize("frame", INVERSE)
def test_every_fault_is_named(frame):
    true = crowd()
    sound = found(true)
    wrong = Ragged(
        np.ascontiguousarray(INVERSE[frame](sound.xy, np.repeat(SIZES, sound.counts, axis=0))), sound.offsets
    )
    suspicion = suspect_frame(wrong, None, true, SIZES)
    assert suspicion.frame == frame
    assert suspicion.certain
    assert suspicion.text.endswith(f"--frame {frame}")
    # The frame that is named brings the points back, up to rounding.
    assert np.allclose(to_pixels(wrong, SIZES, parse_frame(frame)), sound.xy)


@pytest.mark.parametrize("factor", [0.7, 1.37, 0.333])
def test_one_factor_for_the_whole_set_is_fitted(factor):
    true = crowd()
    sound = found(true)
    suspicion = suspect_frame(Ragged(sound.xy * factor, sound.offsets), None, true, SIZES)
    (step,) = parse_frame(suspicion.frame)
    assert step.name == "scale"
    assert step.values[0] == pytest.approx(1 / factor, rel=2e-3)


@pytest.mark.parametrize("seed", range(12))
@pytest.mark.parametrize("noise", [1, 15, 40, 120])
def test_a_weak_predictor_is_not_in_another_frame(seed, noise):
    true = crowd(seed, people=(4, 20, 80)[seed % 3])
    assert suspect_frame(found(true, noise, seed + 100, lost=0.5), None, true, SIZES) is None


@pytest.mark.parametrize("seed", range(12))
def test_chance_is_not_a_frame(seed):
    true, other = crowd(seed), crowd(seed + 50)
    assert suspect_frame(other, None, true, SIZES) is None


def test_a_few_points_are_a_question():
    row = np.column_stack([np.arange(100.0, 350, 50), [20.0, 22, 18, 21, 19]])  # five people side by side
    true = Ragged(np.concatenate([row, row + 7]), np.array([0, 5, 10]))
    suspicion = suspect_frame(Ragged(true.xy[:, ::-1].copy(), true.offsets), None, true, SIZES[:2])
    assert (suspicion.frame, suspicion.certain) == ("yx", False)
    assert suspicion.text.endswith("is it --frame yx?")


def test_one_crowded_image_is_a_question():
    true = crowd(3, people=80, sizes=SIZES[:1])
    sound = found(true)
    suspicion = suspect_frame(Ragged(sound.xy[:, ::-1].copy(), sound.offsets), None, true, SIZES[:1])
    assert (suspicion.frame, suspicion.certain) == ("yx", False)


def test_of_an_image_only_the_best_predictions_take_part():
    true = crowd()
    random = np.random.default_rng(5)
    parts, scores = [], []
    for i in range(len(SIZES)):
        own = true.xy[true.offsets[i] : true.offsets[i + 1]]
        parts += [own[:, ::-1], SIZES[i] * random.random((600, 2))]  # ten times as many points of no use
        scores += [np.full(len(own), 0.9), np.full(600, 0.1)]
    wrong = Ragged(np.concatenate(parts), np.arange(len(SIZES) + 1) * 660)
    assert suspect_frame(wrong, np.concatenate(scores), true, SIZES).frame == "yx"


def test_without_sizes_frames_that_need_them_are_left_out():
    true = crowd()
    sound = found(true)
    wrong = Ragged(sound.xy / np.repeat(SIZES, sound.counts, axis=0), sound.offsets)
    assert suspect_frame(wrong, None, true, None).frame.startswith("scale")  # the nearest that can be said
    assert suspect_frame(Ragged(sound.xy[:, ::-1].copy(), sound.offsets), None, true, None).frame == "yx"


@pytest.mark.parametrize("offsets", [[0, 0, 0], [0, 0, 3], [0, 1, 2]])
def test_sets_without_points_or_neighbours_are_no_case(offsets):
    points = Ragged(np.arange(6.0).reshape(3, 2)[: offsets[-1]], np.array(offsets))
    assert suspect_frame(points, None, Ragged(np.empty((0, 2)), np.array([0, 0, 0])), None) is None
    assert suspect_frame(points, None, Ragged(np.array([[1.0, 1], [1, 1]]), np.array([0, 1, 2])), None) is None


def test_a_report_says_it_and_the_named_frame_mends_it():
    true = crowd()
    sound = found(true)
    ids = [f"i{n}" for n in range(len(SIZES))]
    truth = Annotations(image_ids=ids, offsets=true.offsets, xy=true.xy, sizes=SIZES)
    right = Predictions(image_ids=ids, offsets=sound.offsets, xy=sound.xy)
    wrong = Predictions(image_ids=ids, offsets=sound.offsets, xy=sound.xy[:, ::-1])
    with pytest.warns(FrameWarning, match="with x and y swapped, .* match as given: --frame yx"):
        evaluate(wrong, truth)
    mended = evaluate(wrong, truth, frame="yx")
    assert mended["nAP"] == evaluate(right, truth)["nAP"]
    assert not any("frame-suspected" in text for text in mended.warnings)
    assert mended.predictions.changes == {"frame": "yx"}
    assert mended.predictions.fingerprint == evaluate(right, truth).predictions.fingerprint
    assert type(mended).from_json(mended.to_json()).predictions.changes == {"frame": "yx"}
