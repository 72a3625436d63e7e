import pytest

from crowdeval.points.sets import Annotations, Predictions


@pytest.fixture
def one_point():
    """Predictions of a single point in an image of this name."""

    def make(image="IMG_1", **columns):
        return Predictions(image_ids=[image], offsets=[0, 1], xy=[[1.5, 2.0]], **columns)

    return make


@pytest.fixture
def truth():
    """Two annotated images, the second without points, with every column."""
    return Annotations(
        image_ids=["a", "b"],
        offsets=[0, 2, 2],
        xy=[[1.0, 2.0], [30.5, 40.0]],
        boxes=[[0, 1, 2, 3], [29, 39, 32, 41]],
        radii=[[1, 2], [3, 4]],
        level=[0, 3],
        sizes=[[640, 480], [800, 600]],
        attributes={"file_name": ["a.jpg", "b.jpg"], "scene": [1, 2]},
    )
