"""Pascal VOC: the centres of the boxes of one image."""

import pytest
from formats.test_fuzzing import quick
from formats.test_xml_text import damaged, read_both
from hypothesis import given
from hypothesis import strategies as st

from crowdeval.errors import CrowdevalWarning, FormatError
from crowdeval.formats import FORMATS, Source, detect
from crowdeval.formats.reading import Reading

VOC = FORMATS["voc"]

HERD = """<annotation verified="yes">
  <folder>herd</folder><filename>IMG_1.jpg</filename><path>/home/me/herd/IMG_1.jpg</path>
  <size><width>640</width><height>480</height><depth>3</depth></size><segmented>0</segmented>
  <object>
    <name>gnu</name><pose>Unspecified</pose><truncated>0</truncated><difficult>0</difficult>
    <bndbox><xmin>95</xmin><ymin>45</ymin><xmax>105</xmax><ymax>65</ymax></bndbox>
    <part><name>head</name><bndbox><xmin>1</xmin><ymin>2</ymin><xmax>3</xmax><ymax>4</ymax></bndbox></part>
  </object>
  <object>
    <name>hippo</name>
    <bndbox><xmax>300.5</xmax><ymax>200</ymax><xmin>100</xmin><ymin>100</ymin></bndbox>
  </object>
</annotation>
"""
BOX = "<bndbox><xmin>1</xmin><ymin>2</ymin><xmax>3</xmax><ymax>4</ymax></bndbox>"


def source(text, name="IMG_1.xml"):
    return Source(name, text.encode(), ".xml")


def file(*objects, filename="<filename>a.jpg</filename>", size=""):
    return f"<annotation>{filename}{size}{''.join(f'<object>{text}</object>' for text in objects)}</annotation>"


def problems(text, kind="annotations"):
    with pytest.raises(FormatError) as error:
        getattr(VOC, f"read_{kind}")(source(text))
    return str(error.value)


def said(text, kind="annotations"):
    with pytest.warns(CrowdevalWarning) as caught:
        value = getattr(VOC, f"read_{kind}")(source(text))
    return value, [str(warning.message) for warning in caught]


@pytest.mark.parametrize("kind", ["predictions", "annotations"])
def test_the_points_are_the_centres_of_the_boxes(kind):
    value, messages = said(HERD, kind)
    assert value.image_ids == ("IMG_1.jpg",)
    assert value.xy.tolist() == [[100, 55], [200.25, 150]]
    assert value.labels.tolist() == ["gnu", "hippo"]
    assert value.sizes.tolist() == [[640, 480]]
    assert messages == ["IMG_1.xml: the points are the centres of 2 boxes"]


def test_annotations_keep_the_boxes():
    assert said(HERD)[0].boxes.tolist() == [[95, 45, 105, 65], [100, 100, 300.5, 200]]


def test_an_image_without_objects():
    value = VOC.read_annotations(source(file()))
    assert (value.image_ids, len(value.xy), value.sizes) == (("a.jpg",), 0, None)


@pytest.mark.parametrize("tag", ["score", "confidence"])
def test_confidences_of_results(tag):
    text = file(f"<name>gnu</name><{tag}>0.75</{tag}>{BOX}")
    assert said(text, "predictions")[0].score.tolist() == [0.75]
    assert "IMG_1.xml: confidences are not read as annotations" in said(text)[1]


def test_what_is_no_box_is_counted():
    value, messages = said(file(f"<name>gnu</name>{BOX}<polygon/>", "<polygon/>", "<polygon/>", "<robndbox/>"))
    assert value.xy.tolist() == [[2, 3]]
    assert messages == [
        "IMG_1.xml: the points are the centres of 1 box",
        "IMG_1.xml: 2 polygons are not read",
        "IMG_1.xml: 1 rotated box is not read",
    ]


def test_difficult_objects_are_read_and_said():
    value, messages = said(file(f"<difficult>1</difficult>{BOX}"))
    assert len(value.xy) == 1
    assert "IMG_1.xml: objects marked as difficult are read like the others" in messages


def test_a_size_of_zero_is_no_size():
    value, messages = said(file(size="<size><width>0</width><height>0</height></size>"))
    assert value.sizes is None
    assert messages == ["IMG_1.xml: the size 0 x 0 is not read"]


def test_all_problems_are_named_with_their_places():
    text = problems(
        file(
            "<name>gnu</name>",
            BOX.replace("<xmin>1</xmin>", "<xmin>one</xmin>").replace("<ymax>4</ymax>", ""),
            BOX.replace("<xmax>3<", "<xmax>0<"),
            filename="",
            size="<size><width>640</width></size>",
        )
    )
    for words in (
        "filename: expected the name of an image, found null",
        "filename, image '0': expected a height, a finite number, found null",
        "object[0], image '0': expected a box <bndbox>, found none",
        "object[1].bndbox, image '0': expected a corner, a finite number, found 'one'",
        "object[1].bndbox, image '0': expected a corner, a finite number, found null",
        "object[2].bndbox, image '0': expected a box with x1 <= x2 and y1 <= y2, found [1.0, 2.0, 0.0, 4.0]",
    ):
        assert words in text


def test_another_root_is_refused():
    assert problems("<annotations/>") == "IMG_1.xml: expected XML with the root <annotation>, found <annotations>"


def test_entities_are_refused():
    assert "expected XML without entities" in problems('<!DOCTYPE a [<!ENTITY b "c">]><annotation>&b;</annotation>')


@pytest.mark.filterwarnings("ignore::crowdeval.errors.CrowdevalWarning")
def test_files_of_several_images_are_one_set():
    reading = Reading(Source("herd", b""), "annotations")
    for name in ("a", "b"):
        reading.open(source(file(BOX, filename=f"<filename>{name}.jpg</filename>"), f"herd/{name}.xml"))
        VOC.read(reading)
    value = reading.finish()
    assert (value.image_ids, value.offsets.tolist()) == (("a.jpg", "b.jpg"), [0, 1, 2])


def test_recognised_by_the_root(tmp_path):
    assert VOC.recognises(source(HERD))
    for text in ("<annotations/>", "<CellCounter_Marker_File/>", "annotation", "{}"):
        assert not VOC.recognises(source(text))
    (tmp_path / "a.xml").write_text(HERD)
    assert detect(tmp_path / "a.xml") == "voc"


@quick
@given(data=damaged(HERD) | st.just(b"<annotation/>"))
def test_damaged_files(data):
    read_both("voc", data)
