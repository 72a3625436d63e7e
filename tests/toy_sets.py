"""Two images with two points and one, and predictions of them; each column can be replaced."""

from crowdeval import Annotations, Predictions


def toy_annotations(**change):
    columns = {"image_ids": ["a", "b"], "offsets": [0, 2, 3], "xy": [[1.0, 2], [3, 4], [5, 6]]}
    return Annotations(**(columns | change))


def toy_predictions(**change):
    columns = {
        "image_ids": ["a", "b"],
        "offsets": [0, 1, 3],
        "xy": [[1.0, 2], [3, 4], [5, 6]],
        "score": [0.9, 0.8, 0.7],
    }
    return Predictions(**(columns | change))
