"""COCO JSON: the point of an entry, the warnings, and the problems with their places."""

import json

import numpy as np
import pytest
from formats.drawn import assert_same

from crowdeval.errors import CrowdevalWarning, FormatError
from crowdeval.formats import FORMATS, Source
from crowdeval.formats import coco_entries as entries_module
from crowdeval.points.sets import Predictions

COCO = FORMATS["coco"]
IMAGES = [{"id": 7, "width": 640, "height": 480, "file_name": "a.jpg", "license": 1}, {"id": 9}]


def source(value):
    return Source("c.json", value if isinstance(value, bytes) else json.dumps(value).encode(), ".json")


def dataset(*annotations, images=IMAGES):
    return source(
        {"info": {}, "images": images, "annotations": list(annotations), "categories": [{"keypoints": ["h"]}]}
    )


def test_one_visible_keypoint_is_the_point():
    read = COCO.read_annotations(
        dataset({"id": 1, "image_id": 7, "keypoints": [5, 6, 2]}, {"image_id": 7, "keypoints": [0, 0, 0, 7, 8, 1]})
    )
    assert read.image_ids == ("7", "9")
    assert read.offsets.tolist() == [0, 2, 2]
    assert read.xy.tolist() == [[5.0, 6.0], [7.0, 8.0]]
    assert read.attributes["file_name"].tolist() == ["a.jpg", None]
    np.testing.assert_array_equal(read.sizes, [[640, 480], [np.nan, np.nan]])


def test_boxes_give_their_centres_with_a_warning_and_are_kept():
    with pytest.warns(CrowdevalWarning, match="the points are the centres of 2 boxes"):
        read = COCO.read_annotations(
            dataset({"image_id": 9, "bbox": [0, 0, 2, 4]}, {"image_id": 7, "bbox": [10, 20, 2, 4]})
        )
    assert read.xy.tolist() == [[11.0, 22.0], [1.0, 2.0]]
    assert read.boxes.tolist() == [[10.0, 20.0, 12.0, 24.0], [0.0, 0.0, 2.0, 4.0]]


def test_where_keypoints_are_parts_of_a_body_every_point_is_a_box_centre():
    body = {"image_id": 7, "keypoints": [1, 1, 2, 9, 9, 2], "bbox": [0, 0, 2, 4]}
    elbow = {"image_id": 7, "keypoints": [0, 0, 0, 9, 9, 2], "bbox": [0, 0, 4, 4]}
    with pytest.warns(CrowdevalWarning, match="centres of 2 boxes"):
        assert COCO.read_annotations(dataset(body, elbow)).xy.tolist() == [[1.0, 2.0], [2.0, 2.0]]
    del body["bbox"]
    with pytest.raises(
        FormatError, match=r"annotations\[0\], image '7': .*2 visible keypoints and no box .*parts of a body"
    ):
        COCO.read_annotations(dataset(body, elbow))


def test_boxes_of_some_are_not_read_with_a_warning():
    with pytest.warns(CrowdevalWarning, match="boxes are not read: they are given for 1 of 2 annotations"):
        read = COCO.read_annotations(
            dataset(
                {"image_id": 7, "keypoints": [5, 6, 2]}, {"image_id": 7, "keypoints": [5, 6, 2], "bbox": [1, 1, 1, 1]}
            )
        )
    assert read.boxes is None


def test_crowd_regions_are_left_out_with_a_warning():
    with pytest.warns(CrowdevalWarning, match=r"1 entry with iscrowd = 1 left out \(regions, not people\)"):
        read = COCO.read_annotations(
            dataset({"image_id": 7, "keypoints": [5, 6, 2]}, {"image_id": 7, "bbox": [0, 0, 9, 9], "iscrowd": 1})
        )
    assert len(read.xy) == 1


def test_categories_are_the_classes_of_points_by_name_or_by_number():
    entries = [{"image_id": 7, "keypoints": [5, 6, 2], "category_id": i} for i in (1, 2, 3)]
    value = {
        "images": IMAGES,
        "annotations": entries,
        "categories": [{"id": 1, "name": "cow"}, {"id": 3, "name": "dog"}],
    }
    truth = COCO.read_annotations(source(value))
    assert truth.labels.tolist() == ["cow", "2", "dog"]
    assert truth.classes == {"1": "cow", "3": "dog"}
    assert COCO.read_predictions(source(entries)).labels.tolist() == ["1", "2", "3"]
    again = COCO.read_annotations(source(COCO.write_annotations(truth)))
    assert again.labels.tolist() == truth.labels.tolist()


def test_an_entry_of_the_category_empty_is_an_empty_image():
    entries = [{"image_id": 7, "category_id": 0}, {"image_id": 9, "bbox": [1, 2, 3, 4], "category_id": 1}]
    value = {"images": IMAGES, "annotations": entries, "categories": [{"id": 0, "name": "empty"}]}
    with pytest.warns(CrowdevalWarning) as caught:
        assert COCO.read_annotations(source(value)).counts.tolist() == [0, 1]
    assert any("1 entry of the category 'empty' for" in str(warning.message) for warning in caught)


@pytest.mark.parametrize(
    ("boxes", "words"),
    [
        ([[0.1 * i, 0.1, 0.05, 0.05] for i in range(5)], "within 0 and 1, as parts of width and height"),
        ([[10 * i, 20, 10 * i + 8, 30] for i in range(1, 10)], "as corners x1, y1, x2, y2 are"),
    ],
)
def test_boxes_in_another_unit_or_as_corners_are_said(boxes, words):
    with pytest.warns(CrowdevalWarning) as caught:
        COCO.read_predictions(source([{"image_id": 7, "bbox": box, "score": 0.5} for box in boxes]))
    assert any(words in str(warning.message) for warning in caught)


def test_a_cvat_export_without_its_points_says_what_to_export():
    with pytest.warns(CrowdevalWarning, match="export 'CVAT for images'"):
        COCO.read_annotations(source({"licenses": [], "info": {}, "images": IMAGES, "annotations": []}))


def test_a_list_of_results_is_predictions():
    read = COCO.read_predictions(
        source(
            [
                {"image_id": "b", "category_id": 1, "keypoints": [1, 2, 0.0], "score": 0.5},
                {"image_id": "a", "category_id": 1, "keypoints": [3, 4, 1], "score": 0.25},
                {"image_id": "b", "category_id": 1, "keypoints": [5, 6, 1], "score": 0.75},
            ]
        )
    )
    assert read.image_ids == ("b", "a")
    assert read.score.tolist() == [0.5, 0.75, 0.25]


def test_a_dataset_with_scores_is_predictions_and_names_images_without_any():
    read = COCO.read_predictions(dataset({"image_id": 9, "keypoints": [1, 2, 2], "score": 0.5}))
    assert read.image_ids == ("7", "9")
    assert read.score.tolist() == [0.5]


def test_scores_are_not_read_as_annotations_and_a_warning_says_so():
    with pytest.warns(CrowdevalWarning, match="scores are not read as annotations"):
        COCO.read_annotations(dataset({"image_id": 9, "keypoints": [1, 2, 2], "score": 0.5}))


def test_images_without_predictions_are_lost_with_a_warning():
    value = Predictions(image_ids=["1", "2"], offsets=[0, 0, 1], xy=[[1, 2]])
    with pytest.warns(CrowdevalWarning, match="'1' are left out"):
        data = COCO.write_predictions(value)
    assert json.loads(data) == [{"image_id": 2, "category_id": 1, "keypoints": [1.0, 2.0, 1]}]


def test_annotations_are_written_as_persons_of_one_keypoint(truth):
    with pytest.warns(CrowdevalWarning, match="'radii', 'level', 'attribute scene'"):
        data = COCO.write_annotations(truth)
    value = json.loads(data)
    assert value["images"][0] == {"id": "a", "file_name": "a.jpg", "width": 640.0, "height": 480.0}
    assert value["annotations"][1]["bbox"] == [29.0, 39.0, 3.0, 2.0]
    assert value["categories"][0]["keypoints"] == ["head"]
    assert_same(truth, COCO.read_annotations(source(data)), "boxes", "sizes")


POINT = {"image_id": 7, "keypoints": [1, 2, 2]}


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (dataset(POINT | {"image_id": 8}), r"annotations\[0\]\.image_id: expected an image of \"images\", found 8"),
        (dataset(POINT, images=[{"id": 7}, {"id": "7"}]), r"images\[1\]\.id: .*'7', which is also at images\[0\]"),
        (dataset(POINT, images=[{"id": 7, "width": 0, "height": 2}]), r"images\[0\], image '7': .*positive"),
        (dataset({"image_id": 7}), "0 visible keypoints and no box"),
        (dataset({"image_id": 7, "keypoints": [0, 0, 0]}), "0 visible keypoints and no box"),
        (dataset({"image_id": 7, "keypoints": [1, 2]}), "x, y, v of every keypoint"),
        (dataset({"image_id": 7, "bbox": [1, 2, 3]}), r"annotations\[0\]\.bbox, image '7': .*width, height"),
        (dataset({"image_id": 7, "bbox": [1, 2, -3, 3]}), "at least 0"),
        (dataset({"image_id": 7, "bbox": [1, 2, 3, "x"]}), r"annotations\[0\]\.bbox\[3\]: expected float, found str"),
        (dataset({"image_id": 7, "bbox": [1, 2, 3, float("nan")]}), "finite"),
        (dataset({"image_id": 7, "bbox": [1, 2, 3, 10**400]}), r"annotations\[0\]\.bbox"),
        (dataset({"image_id": 7, "keypoints": [1e300, 2, 3]}), "finite numbers within"),
        (dataset({"keypoints": [1, 2, 3]}), r"annotations\[0\]: .*image_id"),
        (dataset(3), r"annotations\[0\]: expected object, found int"),
        (source({"images": [], "annotations": 3}), "annotations: expected a list, found 3"),
        (source({"annotations": []}), "images: expected a list, found no such key"),
        (source(b'{"images": [], "images": [], "annotations": []}'), "'images' twice"),
        (
            source(b'{"images": [{"id": 7}], "annotations": [{"image_id": 7, "bbox": [1,1,1,1], "bbox": [2,2,2,2]}]}'),
            r"annotations\[0\]\.bbox: .*'bbox' twice",
        ),
        (dataset(POINT | {"image_id": "\ud800"}), r"annotations\[0\]: .*half of a surrogate pair"),
        (source([POINT]), "a list of results is COCO's form of predictions"),
        (source(3), "a COCO dataset or a list of results, found 3"),
        (source(b'{"images": [', ), "ends in the middle"),
    ],
)  # fmt: skip
def test_a_problem_is_reported_with_its_place(value, words):
    with pytest.raises(FormatError, match=words):
        COCO.read_annotations(value)


def test_scores_are_for_all_or_none_and_finite():
    with pytest.raises(FormatError, match=r"\[1\], image '7': expected a score for every entry"):
        COCO.read_predictions(source([POINT | {"score": 1}, POINT]))
    with pytest.raises(FormatError, match=r"\[0\]\.score.*finite"):
        COCO.read_predictions(source([POINT | {"score": float("nan")}]))


@pytest.mark.parametrize(
    "entry", [{"image_id": "\ud800"}, {"image_id": 1, "bbox": ["\ud800"]}, {"image_id": "\ud800", "bbox": [1]}]
)
def test_half_a_surrogate_pair_is_reported(entry):
    with pytest.raises(FormatError, match="surrogate"):
        COCO.read_predictions(source([entry]))


def test_a_file_without_problems_never_needs_the_careful_way(truth, monkeypatch):
    monkeypatch.setattr(entries_module, "_decode_carefully", None)
    with pytest.warns(CrowdevalWarning):
        data = COCO.write_annotations(truth)
    COCO.read_annotations(source(data))
