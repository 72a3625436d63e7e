"""The format of a file is told by its outside: of every sample exactly one format says yes, other tools are named."""

import json

import pytest

from crowdeval.errors import FormatError
from crowdeval.formats import FORMATS, Source, _format_of
from crowdeval.formats.json_kinds import FOREIGN, KINDS, outline_of, told_by

POINT = {"type": "Feature", "geometry": {"type": "Point", "coordinates": [1, 2]}, "properties": {}}
TASK = {"id": 1, "data": {"image": "a.jpg"}, "annotations": [{"result": []}], "predictions": []}
MIN = {"image": "/data/upload/1/0a1b2c3d-a.jpg", "id": 1, "kp": [{"x": 1, "y": 2, "original_width": 10}]}
BOX = {"category": "1", "conf": 0.5, "bbox": [0.1, 0.1, 0.2, 0.2]}
PERSON = {"image_id": 1, "category_id": 1, "bbox": [1, 2, 3, 4]}

JSON = {
    "json": [
        {"a": [[1, 2]]},
        {"a": []},
        {},
        [],
        {"a": {"points": [[1, 2]]}},
        {"a": 8.5},
        [{"id": "a", "points": []}],
        [{"image": "a", "points": []}],
        {"images": [{"id": "a", "points": []}]},
        {"points": {"a": [[1, 2]]}},
        {"format": "crowdeval/annotations@1", "images": []},
        {"images": [[1, 2]], "annotations": [[3, 4]]},  # two images with such ids
        {"shapes": [[1, 2]], "type": [[3, 4]], "classes": []},
    ],
    "labelme": [{"version": "5", "shapes": [], "imagePath": "a.jpg", "imageData": None}],
    "geojson": [{"type": "FeatureCollection", "features": [POINT]}, [POINT], POINT],
    "dotdotgoose": [{"classes": ["x"], "points": {"a.jpg": {"x": [{"x": 1, "y": 2}]}}, "colors": {}}],
    "megadetector": [
        {"images": [{"file": "a.jpg", "detections": [BOX]}], "detection_categories": {"1": "animal"}, "info": {}},
        [{"file": "a.jpg", "detections": [BOX]}],
    ],
    "label-studio": [[TASK], [MIN]],
    "crowdhuman": [{"ID": "a", "gtboxes": []}, {"ID": "a", "dtboxes": [{"box": [1, 2, 3, 4], "score": 0.5}]}],
    "coco": [
        {"images": [{"id": 1}], "annotations": [{**PERSON, "id": 1}], "categories": []},
        {"images": [], "annotations": []},
        [PERSON],
        [{"image_id": 1, "keypoints": [1, 2, 1], "category_id": 1}],
    ],
    "nwpu-json": [{"img_id": "0001.jpg", "human_num": 1, "points": [[1, 2]], "boxes": [[1, 2, 3, 4]]}],
}
OTHER = {
    "jsonl": [b'{"id": "a", "points": []}', b'{"id": "a", "points": []}\n{"id": "b", "points": []}\n',
              b'{"format": "crowdeval/predictions@1"}\n{"id": "a", "points": []}\n'],
    "crowdhuman": [b'{"ID": "a", "gtboxes": []}\n{"ID": "b", "gtboxes": []}\n'],
    "csv": [b"image,x,y\na,1,2\n", b"filename;x_min;y_min;x_max;y_max;conf\n", b"image,count\na,3\n",
            b"image,gt,pred\na,1,2\n"],
    "nwpu": [b"a 1 10 20\nb 0\n", b"a 1 10 20 3 4 1\n", b"a 0\n"],
    "parquet": [b"PAR1...."],
    "cvat": [b"<?xml version='1.0'?>\n<annotations><version>1.1</version></annotations>"],
    "voc": [b"<annotation><filename>a.jpg</filename></annotation>"],
    "cell-counter": [b"<?xml version='1.0'?>\n<CellCounter_Marker_File></CellCounter_Marker_File>"],
    "image-csv": [b"y,x\n1,2\n", b"index,axis-0,axis-1\n0,1,2\n", b"x,y,score\n1,2,0.5\n",
                  b" ,Label,X,Y\n1,a.jpg,1,2\n"],
    "numpy": [b"\x93NUMPY\x01\x00"],
    "counts": [b"a 8\nb 4.5\n", b"a 0\nb 8\n"],
    "wider": [b"0_Parade_1\n1\n1 2 3 4 0.9\n"],
}  # fmt: skip
SAMPLES = [
    *((name, json.dumps(value).encode()) for name, values in JSON.items() for value in values),
    *((name, json.dumps(value, indent=1).encode()) for name, values in JSON.items() for value in values),
    *((name, data) for name, contents in OTHER.items() for data in contents),
]


@pytest.mark.parametrize(("name", "data"), SAMPLES, ids=lambda value: value if isinstance(value, str) else "")
def test_exactly_one_format_says_yes(name, data):
    source = Source("file", data)
    assert [form for form in FORMATS.table if FORMATS[form].recognises(source)] == [name]
    assert _format_of(source, None).name == name
    outline = outline_of(source)
    if outline is not None:
        assert sum(test(outline) for test in KINDS.values()) == (name in KINDS)


def test_every_format_that_is_told_by_its_content_has_a_sample():
    named_only = {"yolo", "xy", "xyxy", "visdrone"}
    assert {name for name, _ in SAMPLES} | named_only == set(FORMATS.table)


TOOLS = {
    "Datumaro": {"dm_format_version": "1.0", "items": [], "categories": {}},
    "Supervisely": {"description": "", "tags": [], "size": {"height": 1, "width": 1}, "objects": []},
    "VGG Image Annotator": {"_via_settings": {}, "_via_img_metadata": {}},
    "Labelbox": [{"data_row": {"id": "x"}, "projects": {}}],
    "V7 Darwin": {"version": "2.0", "item": {"name": "a"}, "annotations": []},
    "SuperAnnotate": {"metadata": {"name": "a"}, "instances": []},
    "FiftyOne": {"samples": [{"filepath": "a"}]},
    "SageMaker": {"source-ref": "s3://a", "boxes": {}},
    "OpenPose": {"version": 1.3, "people": []},
    "Ultralytics": [{"name": "person", "class": 0, "confidence": 0.5, "box": {"x1": 1}}],
    "Detectron2": [{"image_id": 1, "instances": []}],
    "HoVer-Net": {"mag": 40, "nuc": {"1": {"centroid": [1, 2]}}},
    "Prodigy": {"image": "a.jpg", "spans": []},
    "Scale AI": [{"task_id": "a", "response": {}}],
    "Encord": [{"label_hash": "a", "data_units": {}}],
    "segmentation": [{"image_id": 1, "category_id": 1, "segmentation": {"counts": "abc"}}],
    "crowdeval report": {"signature": "crowdeval@2|k:3", "values": {"MAE": 1}},
}


@pytest.mark.parametrize("tool", TOOLS)
def test_the_files_of_other_tools_are_named_with_what_to_do(tool):
    data = json.dumps(TOOLS[tool]).encode()
    with pytest.raises(FormatError, match=rf"found .*{tool}.* \(.+\)"):
        _format_of(Source("file.json", data, ".json"), None)


def test_every_named_tool_has_a_sample():
    assert len(TOOLS) == len(FOREIGN)


def test_no_image_id_makes_a_native_file_foreign():
    for words in ("dm_format_version", "source-ref", "label_hash", "_via_settings", "samples", "people", "nuc"):
        assert told_by(Source("a.json", json.dumps({words: [[1, 2, 0.5]]}).encode())).formats == ("json",)


@pytest.mark.parametrize("size", [10, 100_000, 3_000_000])
def test_the_keys_of_a_long_or_damaged_file_are_found(size):
    long = json.dumps([{"points": [[1, 2]] * (size // 6), "image_id": 3, "bbox": [1, 2, 3, 4]}]).encode()
    names = outline_of(Source("a.json", long)).values
    assert "points" in names
    assert ("bbox" in names) == (size < 1_000_000)  # a first object of more than a megabyte is not looked through
    cut = b'{"shapes": [], "imagePath": "a.jpg", "flags": {'
    assert told_by(Source("a.json", cut)).formats == ("labelme",)


@pytest.mark.parametrize("text", [b"100\t50\n140\t60\n", b"1,2,0.5\n", b"0 0.5 0.5 0.1 0.1 0.9\n"])
def test_one_file_of_numbers_is_named_by_its_user(text):
    with pytest.raises(FormatError, match=r"rows of numbers, .* xy, xyxy, yolo, visdrone or counts"):
        _format_of(Source("points.txt", text, ".txt"), None)
