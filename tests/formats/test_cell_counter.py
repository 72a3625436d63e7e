"""ImageJ's Cell Counter: markers on pixels become points in the middle of the pixels."""

import pytest
from formats.test_fuzzing import quick
from formats.test_xml_text import damaged, read_both
from hypothesis import given

from crowdeval.errors import CrowdevalWarning, FormatError
from crowdeval.formats import FORMATS, Source, detect

CELL_COUNTER = FORMATS["cell-counter"]
SHIFT = "a.xml: markers are on pixels counted from 0: 0.5 is added to x and y, which is the middle of the pixel"


def marker(x, y, z="1"):
    return f"<Marker><MarkerX>{x}</MarkerX><MarkerY>{y}</MarkerY><MarkerZ>{z}</MarkerZ></Marker>"


def file(*types, name="Counter Window - IMG_1.jpg"):
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\r\n<CellCounter_Marker_File>\r\n <Image_Properties>\r\n'
        f"     <Image_Filename>{name}</Image_Filename>\r\n     <X_Calibration>0.5</X_Calibration>\r\n"
        "     <Calibration_Unit>micron</Calibration_Unit>\r\n </Image_Properties>\r\n"
        f" <Marker_Data>\r\n     <Current_Type>1</Current_Type>\r\n{''.join(types)} </Marker_Data>\r\n"
        "</CellCounter_Marker_File>\r\n"
    )


def type_of(number, *markers, name=""):
    return f"<Marker_Type><Type>{number}</Type>{name and f'<Name>{name}</Name>'}{''.join(markers)}</Marker_Type>"


CELLS = file(
    type_of(1, marker(100, 50), marker(0, 0)), type_of(2, marker(" 300 ", "200.5"), name="mitosis"), type_of(3)
)


def source(text):
    return Source("a.xml", text.encode(), ".xml")


def problems(text, kind="annotations"):
    with pytest.raises(FormatError) as error:
        getattr(CELL_COUNTER, f"read_{kind}")(source(text))
    return str(error.value)


@pytest.mark.parametrize("kind", ["predictions", "annotations"])
def test_markers_are_points_in_the_middle_of_pixels(kind):
    with pytest.warns(CrowdevalWarning) as caught:
        value = getattr(CELL_COUNTER, f"read_{kind}")(source(CELLS))
    assert value.image_ids == ("IMG_1.jpg",)
    assert value.xy.tolist() == [[100.5, 50.5], [0.5, 0.5], [300.5, 201]]
    assert value.labels.tolist() == ["1", "1", "mitosis"]
    assert value.sizes is None
    assert [str(warning.message) for warning in caught] == [SHIFT]


@pytest.mark.parametrize("name", ["IMG_1.jpg", "Counter Window - IMG_1.jpg", "MTB Cell Counter Window - IMG_1.jpg"])
def test_the_words_of_the_window_are_no_part_of_the_name(name):
    assert CELL_COUNTER.read_annotations(source(file(name=name))).image_ids == ("IMG_1.jpg",)


def test_an_image_without_markers_says_nothing():
    value = CELL_COUNTER.read_predictions(source(file(type_of(1), type_of(2))))
    assert (value.image_ids, len(value.xy)) == (("IMG_1.jpg",), 0)


@pytest.mark.filterwarnings("ignore::crowdeval.errors.CrowdevalWarning")
def test_markers_on_one_slice_of_a_stack():
    text = file(type_of(1, marker(1, 2, 7), marker(3, 4, 7)))
    assert CELL_COUNTER.read_annotations(source(text)).xy.tolist() == [[1.5, 2.5], [3.5, 4.5]]


def test_several_slices_are_refused():
    text = file(type_of(1, marker(1, 2, 1)), type_of(2, marker(3, 4, 3)))
    assert problems(text) == (
        "a.xml: MarkerZ: expected markers on one slice, found the slices '1', '3' "
        "(save the markers of every slice as those of an image)"
    )


def test_all_problems_are_named_with_their_places():
    text = problems(file(type_of(1, marker(1, 2), marker("x", "")), type_of(2, marker("1e999", "1_0")), name=""))
    for words in (
        "Image_Properties.Image_Filename: expected the name of an image, found null",
        "Marker_Type[0].Marker[1], image '0': expected a coordinate, a finite number, found 'x'",
        "Marker_Type[0].Marker[1], image '0': expected a coordinate, a finite number, found null",
        "Marker_Type[1].Marker[0], image '0': expected a coordinate, a finite number, found inf",
        "Marker_Type[1].Marker[0], image '0': expected a coordinate, a finite number, found '1_0'",
    ):
        assert words in text


def test_another_root_and_entities_are_refused():
    assert "expected XML with the root <CellCounter_Marker_File>, found <annotation>" in problems("<annotation/>")
    text = '<!DOCTYPE a [<!ENTITY b "c">]><CellCounter_Marker_File>&b;</CellCounter_Marker_File>'
    assert "expected XML without entities" in problems(text)


def test_recognised_by_the_root(tmp_path):
    assert CELL_COUNTER.recognises(source(CELLS))
    for text in ("<annotations/>", "<annotation/>", "CellCounter_Marker_File", "{}"):
        assert not CELL_COUNTER.recognises(source(text))
    (tmp_path / "a.xml").write_text(CELLS)
    assert detect(tmp_path / "a.xml") == "cell-counter"


@quick
@given(data=damaged(CELLS))
def test_damaged_files(data):
    read_both("cell-counter", data)
