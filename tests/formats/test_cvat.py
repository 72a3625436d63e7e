"""CVAT XML: the points and boxes of every image, alone or in a ZIP archive."""

import io
import zipfile

import numpy as np
import pytest
from formats.test_fuzzing import mutated, quick
from formats.test_xml_text import damaged, read_both
from hypothesis import given
from hypothesis import strategies as st

from crowdeval.errors import CrowdevalWarning, FormatError
from crowdeval.formats import FORMATS, Source, detect

CVAT = FORMATS["cvat"]

HERD = """<?xml version="1.0" encoding="utf-8"?>
<annotations>
  <version>1.1</version>
  <meta><task><name>herd</name><labels><label><name>gnu</name></label></labels></task></meta>
  <image id="0" name="a/IMG_1.jpg" width="640" height="480">
    <points label="gnu" source="manual" occluded="0" points="100.00,50.00;140.5,60" z_order="0">
      <attribute name="age">young</attribute>
    </points>
    <points label="hippo" source="manual" occluded="1" points="300,200" z_order="0"></points>
  </image>
  <image id="1" name="IMG_2.jpg" width="800" height="600">
  </image>
  <image id="2" name="IMG_3.jpg" width="320" height="240">
    <points label="gnu" points="1,2"/>
  </image>
</annotations>
"""

MIXED = """<annotations>
  <image id="0" name="IMG_1.jpg" width="640" height="480">
    <box label="gnu" source="manual" occluded="0" xtl="10" ytl="20" xbr="30" ybr="60" z_order="0"></box>
    <polygon label="gnu" points="1,2;3,4;5,6"/><polygon label="gnu" points="1,2;3,4;5,6"/>
    <mask label="gnu" rle="1, 2" left="1" top="2" width="3" height="4"/>
    <skeleton label="gnu"><points label="head" points="7,8"/></skeleton>
    <tag label="dawn"/>
    <points label="gnu" points="1,2"/>
  </image>
</annotations>
"""


def image(*shapes, attributes='name="IMG_1.jpg" width="640" height="480"'):
    return f"<annotations><image {attributes}>{''.join(shapes)}</image></annotations>".encode()


def source(text, name="herd.xml"):
    return Source(name, text.encode() if isinstance(text, str) else text, ".xml")


def archive(**files):
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as file:
        for name, text in files.items():
            file.writestr(name.replace("__", "/").replace("_xml", ".xml"), text)
    return stream.getvalue()


def problems(data, kind="annotations"):
    with pytest.raises(FormatError) as error:
        getattr(CVAT, f"read_{kind}")(source(data))
    return str(error.value)


@pytest.mark.parametrize("kind", ["predictions", "annotations"])
def test_every_pair_of_a_points_element_is_a_point(kind):
    value = getattr(CVAT, f"read_{kind}")(source(HERD))
    assert value.image_ids == ("a/IMG_1.jpg", "IMG_2.jpg", "IMG_3.jpg")
    assert value.offsets.tolist() == [0, 3, 3, 4]
    assert value.xy.tolist() == [[100, 50], [140.5, 60], [300, 200], [1, 2]]
    assert value.labels.tolist() == ["gnu", "gnu", "hippo", "gnu"]
    assert value.sizes.tolist() == [[640, 480], [800, 600], [320, 240]]


def test_without_confidences_there_is_no_column_of_them():
    assert CVAT.read_predictions(source(HERD)).score is None


def test_confidences_of_predictions():
    shapes = ('<points label="gnu" score="0.5" points="1,2;3,4"/>', '<points label="gnu" points="5,6"><attribute '
              'name="confidence">0.25</attribute><attribute name="age">9</attribute></points>')  # fmt: skip
    assert CVAT.read_predictions(source(image(*shapes))).score.tolist() == [0.5, 0.5, 0.25]
    with pytest.warns(CrowdevalWarning, match="confidences are not read as annotations"):
        assert len(CVAT.read_annotations(source(image(*shapes))).xy) == 3


def test_an_attribute_of_annotations_is_no_confidence():
    shape = '<points label="gnu" points="1,2"><attribute name="score">good</attribute></points>'
    assert len(CVAT.read_annotations(source(image(shape))).xy) == 1
    assert "expected a confidence, a finite number, found 'good'" in problems(image(shape), "predictions")


def test_other_shapes_are_counted_and_boxes_are_centres():
    with pytest.warns(CrowdevalWarning) as caught:
        value = CVAT.read_annotations(source(MIXED))
    assert value.xy.tolist() == [[20, 40], [1, 2]]
    assert {str(warning.message) for warning in caught} == {
        "herd.xml: the points are the centres of 1 box",
        "herd.xml: 2 polygons are not read",
        "herd.xml: 1 mask is not read",
        "herd.xml: 1 skeleton is not read",
        "herd.xml: 1 tag is not read",
        "herd.xml: boxes are not kept: they are given for 1 of 2 points",
    }


@pytest.mark.filterwarnings("ignore::crowdeval.errors.CrowdevalWarning")
def test_boxes_are_kept_where_every_point_has_one():
    data = image('<box label="gnu" xtl="10" ytl="20" xbr="30" ybr="60"/>')
    assert CVAT.read_annotations(source(data)).boxes.tolist() == [[10, 20, 30, 60]]


@pytest.mark.parametrize(("rotation", "said"), [("30.00", True), ("0.00", False)])
def test_the_rotation_of_boxes_is_said(rotation, said):
    data = image(f'<box label="gnu" xtl="10" ytl="20" xbr="30" ybr="60" rotation="{rotation}"/>')
    with pytest.warns(CrowdevalWarning) as caught:
        assert CVAT.read_predictions(source(data)).xy.tolist() == [[20, 40]]
    assert any("boxes are rotated: the points are their centres" in str(warning.message) for warning in caught) == said


def test_tracks_of_video_are_refused():
    data = '<annotations><version>1.1</version><track id="0" label="gnu"><points frame="0" points="1,2"/></track>'
    assert problems(data + "<track/></annotations>") == (
        "herd.xml: expected images, as in 'CVAT for images 1.1', found 2 tracks of 'CVAT for video' "
        "(export the task in the format 'CVAT for images 1.1')"
    )


def test_a_file_without_images_is_refused():
    assert "expected at least one <image>, as in 'CVAT for images 1.1', found none" in problems("<annotations/>")


def test_all_problems_are_named_with_their_places():
    data = image(
        '<points label="gnu" points="1,2;3;4,x"/>', '<points label="gnu"/>', '<box xtl="1" ytl="2" xbr="3"/>',
        '<box xtl="9" ytl="2" xbr="3" ybr="4"/>', '<points points="1,2;nan,3"/>',
        attributes='width="640" height="-1"',
    )  # fmt: skip
    text = problems(data)
    for words in (
        "image[0]: expected the name of an image, found null",
        "image[0], image '0': expected a positive width and height, found ['640', '-1']",
        "image[0].points[0].points[1], image '0': expected a point x,y, found '3'",
        "image[0].points[0].points[2], image '0': expected a coordinate, a finite number, found 'x'",
        "image[0].points[1].points[0], image '0': expected a point x,y, found ''",
        "image[0].box[0], image '0': expected a corner, a finite number, found null",
        "image[0].box[1], image '0': expected a box with x1 <= x2 and y1 <= y2, found [9.0, 2.0, 3.0, 4.0]",
        "image[0].points[2].points[1], image '0': expected a coordinate, a finite number, found nan",
    ):
        assert words in text


def test_an_image_stands_once():
    twice = '<annotations><image name="a"/><image name="a"/></annotations>'
    assert "image[1], image 'a': expected every image once, found 'a' a second time" in problems(twice)


def test_the_export_as_an_archive():
    data = archive(annotations_xml=HERD, images__IMG_1="no image")
    assert CVAT.recognises(Source("task.zip", data, ".zip"))
    value = CVAT.read_annotations(Source("task.zip", data, ".zip"))
    np.testing.assert_array_equal(value.xy, CVAT.read_annotations(source(HERD)).xy)


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (archive(notes="x"), "expected a ZIP archive with annotations.xml, found one without it"),
        (archive(annotations_xml=HERD)[:-30], "expected a ZIP archive with annotations.xml, found a damaged one"),
        (archive(a__annotations_xml=HERD, b__annotations_xml=HERD), "expected one file annotations.xml in the archive"),
        (archive(annotations_xml="<annotations>"), "line 1: expected XML, found text that ends in the middle"),
    ],
)
def test_archives_that_are_refused(data, words):
    assert words in problems(data)


def test_a_huge_archive_is_refused(monkeypatch):
    monkeypatch.setattr("crowdeval.formats.cvat._LARGEST", 1000)
    assert "expected an annotations.xml of at most 1,000 bytes" in problems(archive(annotations_xml=HERD + " " * 900))


def test_recognised_by_the_root(tmp_path):
    assert CVAT.recognises(source(HERD))
    assert CVAT.recognises(source('<!DOCTYPE annotations [<!ENTITY a "b">]><annotations/>'))
    for data in (b"<annotation/>", b"{}", b"PK", b"PK\x03\x04", archive(points_npy="x"), b"image,x,y\n"):
        assert not CVAT.recognises(Source("a", data))
    for name, data in (("a.xml", HERD.encode()), ("a.zip", archive(annotations_xml=HERD)), ("a.txt", HERD.encode())):
        (tmp_path / name).write_bytes(data)
        assert detect(tmp_path / name) == "cvat"


def test_entities_are_refused():
    assert "expected XML without entities" in problems('<!DOCTYPE a [<!ENTITY b "c">]><annotations>&b;</annotations>')


@quick
@given(data=st.sampled_from([HERD, MIXED]).flatmap(damaged))
def test_damaged_files(data):
    read_both("cvat", data)


@quick
@given(data=mutated(archive(annotations_xml=HERD)))
def test_damaged_archives(data):
    read_both("cvat", data, ".zip")
