"""Radii and levels of heads are the same for boxes from a dataset's folder and from a file."""

import json

import numpy as np
import pytest

from crowdeval import Predictions, Protocol, evaluate, open_dataset, read_annotations

BOXES = {"corner": [0, 0, 11, 261], "reversed": [10, 10, 4, 2], "half": [1.5, 2.25, 9.75, 30.5]}


@pytest.fixture
def both(tmp_path):
    """The same heads as an NWPU folder and as native JSON."""
    home = tmp_path / "NWPU-Crowd"
    (home / "jsons").mkdir(parents=True)
    numbers = range(3110, 3110 + len(BOXES))
    centre = {n: [(b[0] + b[2]) / 2, (b[1] + b[3]) / 2] for n, b in zip(numbers, BOXES.values(), strict=True)}
    for number, box in zip(numbers, BOXES.values(), strict=True):
        head = {"img_id": f"{number}.jpg", "human_num": 1, "points": [centre[number]], "boxes": [box]}
        (home / "jsons" / f"{number}.json").write_text(json.dumps(head))
    (home / "val.txt").write_text("".join(f"{number} 1 1\n" for number in numbers))
    images = [{"id": str(n), "points": [centre[n]], "boxes": [b]} for n, b in zip(numbers, BOXES.values(), strict=True)]
    (tmp_path / "gt.json").write_text(json.dumps({"images": images}))
    return open_dataset("nwpu:val", root=home, cache=False).annotations, read_annotations(tmp_path / "gt.json")


@pytest.mark.parametrize("corner", [0, 1])
def test_a_prediction_at_the_corner_of_a_box_is_a_hit_for_a_folder_and_for_json(both, corner):
    boxes = np.array(list(BOXES.values()), dtype=float)
    predictions = Predictions(
        image_ids=both[0].image_ids, offsets=np.arange(len(boxes) + 1), xy=boxes[:, 2 * corner : 2 * corner + 2]
    )
    metrics = ["TP@sigma_l", "TP@sigma_s", "Recall@sigma_l by level"]
    reports = [evaluate(predictions, truth, protocol=Protocol(metrics=metrics)) for truth in both]
    assert dict(reports[0].values) == dict(reports[1].values)
    assert reports[0]["TP@sigma_l"] == len(boxes)
