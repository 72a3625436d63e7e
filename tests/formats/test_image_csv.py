"""Tables of the points of one image, and those of ImageJ and QuPath."""

import warnings

import pytest
from formats.drawn import only_our_errors
from formats.test_fuzzing import mutated, quick
from hypothesis import given, settings
from hypothesis import strategies as st

from crowdeval.errors import FormatError
from crowdeval.formats import FORMATS, Source, detect
from crowdeval.formats.reading import Reading

IMAGE_CSV = FORMATS["image-csv"]
CALIBRATED = "X and Y are read as pixels: if the image had a scale, ImageJ wrote them in its unit, not in pixels"

NAPARI = "index,axis-0,axis-1,label\n0.0,50.0,100.5,gnu\n1.0,60.0,140.0,hippo\n"
SPOTIFLOW = "y,x,intensity,probability\n50,100.5,7,0.9\n60,140,8,0.8\n"
QUPATH_POINTS = "x\ty\tclass\tname\tcolor\n100.5\t50\tgnu\t\t-65536\n140\t60\thippo\tmine\t-65536\n"
RESULTS = (
    " \tLabel\tArea\tMean\tMin\tMax\tX\tY\tCh\tSlice\tCounter\tCount\n"
    "1\tIMG_1.jpg\t0\t80\t80\t80\t100.5\t50\t1\t1\t0\t2\n2\tIMG_1.jpg\t0\t80\t80\t80\t140\t60\t1\t1\t1\t2\n"
    "3\tIMG_2.jpg\t0\t80\t80\t80\t7\t8\t1\t1\t0\t1\n"
)
DETECTIONS = (
    "Image\tObject ID\tObject type\tName\tClassification\tParent\tROI\tCentroid X px\tCentroid Y px\tNum points\t"
    "Detection probability\n"
    "IMG_1.jpg\tf0\tDetection\t\tgnu\tRoot\tPoint\t100.5\t50\t\t0.9\n"
    "IMG_1.jpg\tf1\tCell\t\tTumor: Positive\tRoot\tPolygon\t140\t60\t\t0.8\n"
    "IMG_2.jpg\tf2\tAnnotation\t\t\tRoot\tPoints\t7\t8\t1\t0.7\n"
)


def source(text, name="herd/IMG_1.csv"):
    return Source(name, text.encode() if isinstance(text, str) else text, ".csv")


def read(text, kind="annotations", name="herd/IMG_1.csv"):
    """Return the columns of a table and what is said about them."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        value = getattr(IMAGE_CSV, f"read_{kind}")(source(text, name))
    return value, [str(warning.message).removeprefix(f"{name}: ") for warning in caught]


def problems(text, kind="annotations"):
    with pytest.raises(FormatError) as error:
        getattr(IMAGE_CSV, f"read_{kind}")(source(text))
    return str(error.value).removeprefix("herd/IMG_1.csv: ")


@pytest.mark.parametrize("kind", ["predictions", "annotations"])
@pytest.mark.parametrize(
    ("text", "labels", "scores", "said"),
    [
        (NAPARI, ["gnu", "hippo"], None, []),
        (SPOTIFLOW, None, [0.9, 0.8], ["these columns are not read: 'intensity'"]),
        (QUPATH_POINTS, ["gnu", "hippo"], None, []),
        ("x,y\n100.5,50\n140,60\n", None, None, []),
        ("y,x\n50,100.5\n60,140\n", None, None, []),
        ("Y;X\n50;100.5\n60;140\n", None, None, []),
        ("axis-1,axis-0\r\n100.5,50\r\n140,60\r\n", None, None, []),
        ("\ufeff\n x , y ,score\n\n 100.5 , 50 ,0.9\n140,60,0.8", None, [0.9, 0.8], []),
        ('"x"\t"y"\t"confidence"\n"100.5"\t"50"\t.9\n140\t60\t8e-1\n', None, [0.9, 0.8], []),
        (",x,y,p\n0,100.5,50,.9\n1,140,60,.8\n", None, [0.9, 0.8], []),
        ("X,Y,Label\n100.5,50,gnu\n140,60,hippo\n", ["gnu", "hippo"], None, []),
        (" ,Area,Mean,Min,Max,X,Y\n1,0,0,0,0,100.5,50\n2,0,0,0,0,140,60\n", None, None,
         ["these columns are not read: 'Area', 'Mean', 'Min', 'Max'", CALIBRATED]),
    ],
)  # fmt: skip
def test_the_points_of_one_image(text, labels, scores, said, kind):
    value, messages = read(text, kind)
    assert value.image_ids == ("IMG_1",)
    assert value.xy.tolist() == [[100.5, 50], [140, 60]]
    assert (None if value.labels is None else value.labels.tolist()) == labels
    if kind == "predictions":
        assert (None if value.score is None else value.score.tolist()) == scores
        assert messages == said
    else:
        assert messages == said + ["confidences are not read as annotations"] * bool(scores)


@pytest.mark.parametrize("name", ["score", "confidence", "conf", "prob", "probability", "p", "Detection probability"])
def test_names_of_confidences(name):
    value, messages = read(f"x,y,{name}\n1,2,0.5\n", "predictions")
    assert (value.score.tolist(), messages) == ([0.5], [])


@pytest.mark.parametrize("text", ["x,y\n", "index,axis-0,axis-1", "x\ty\tclass\tname\tcolor\n\n"])
def test_a_header_alone_is_an_image_without_points(text):
    for kind in ("predictions", "annotations"):
        value, _ = read(text, kind)
        assert (value.image_ids, len(value.xy)) == (("IMG_1",), 0)
    assert IMAGE_CSV.recognises(source(text))


@pytest.mark.parametrize("kind", ["predictions", "annotations"])
def test_results_of_imagej_have_images_in_the_label(kind):
    value, messages = read(RESULTS, kind)
    assert value.image_ids == ("IMG_1.jpg", "IMG_2.jpg")
    assert value.offsets.tolist() == [0, 2, 3]
    assert value.xy.tolist() == [[100.5, 50], [140, 60], [7, 8]]
    assert value.labels.tolist() == ["0", "1", "0"]
    assert messages == ["these columns are not read: 'Area', 'Mean', 'Min', 'Max', 'Ch', 'Count'", CALIBRATED]


@pytest.mark.parametrize("head", ["Label,X,Y", " ,Label,X,Y", ",Label,Area,X,Y"])
def test_few_columns_of_imagej(head):
    width = len(head.split(",")) - 3
    text = f"{head}\n{'1,' * (head[0] in ' ,')}a.tif,{'0,' * (width - (head[0] in ' ,'))}1,2\n"
    assert read(text)[0].image_ids == ("a.tif",)
    assert CALIBRATED in read(text)[1]


@pytest.mark.parametrize(
    ("rows", "points"),
    [
        ("a.tif:3,1,2\na.tif:3,3,4", 2),
        ("a.tif:0050-0100,1,2\na.tif:0060-0140,3,4", 2),
        ("a.tif:0050-0100:2,1,2\na.tif:0003-0060-0140:2,3,4", 2),
    ],
)
def test_a_label_with_one_slice(rows, points):
    value, _ = read(f"Label,X,Y\n{rows}\n")
    assert (value.image_ids, len(value.xy)) == (("a.tif",), points)


@pytest.mark.parametrize(
    "text",
    [
        "Label,X,Y\na.tif:1,1,2\na.tif:2,3,4\n",
        "Label,X,Y\na.tif:0050-0100:1,1,2\na.tif:0050-0100:2,3,4\n",
        "Label,X,Y,Slice\na.tif,1,2,1\na.tif,3,4,2\n",
        "Label,X,Y,Slice,Frame\na.tif,1,2,1,1\na.tif,3,4,1,2\n",
    ],
)
def test_several_slices_of_an_image_are_refused(text):
    assert problems(text) == (
        "image 'a.tif': expected points on one slice of the image, found points on 2 "
        "(make an image of every slice, or take one of them)"
    )


def test_several_slices_without_a_label_are_refused():
    assert "image 'IMG_1': expected points on one slice of the image" in problems(" ,X,Y,Slice\n1,1,2,1\n2,1,2,2\n")


@pytest.mark.parametrize("kind", ["predictions", "annotations"])
def test_detections_of_qupath(kind):
    value, messages = read(DETECTIONS, kind)
    assert value.image_ids == ("IMG_1.jpg", "IMG_2.jpg")
    assert value.xy.tolist() == [[100.5, 50], [140, 60], [7, 8]]
    assert value.labels.tolist() == ["gnu", "Tumor: Positive", ""]
    assert messages == ["confidences are not read as annotations"] * (kind == "annotations")
    if kind == "predictions":
        assert value.score.tolist() == [0.9, 0.8, 0.7]


def test_areas_of_qupath_are_counted():
    text = DETECTIONS.replace("Detection\t\tgnu\tRoot\tPoint", "Annotation\t\tgnu\tRoot\tRectangle").replace(
        "Cell\t", "Tile\t"
    )
    value, messages = read(text, "predictions")
    assert value.xy.tolist() == [[7, 8]]
    assert messages == ["1 annotation is not read", "1 tile is not read"]


def test_the_centroid_of_several_points_is_refused():
    text = DETECTIONS.replace("7\t8\t1\t", "7\t8\t12\t")
    assert problems(text) == (
        "line 4, image 'IMG_2.jpg': expected one point in every row, found '12' points "
        "(export the points themselves, as TSV or GeoJSON)"
    )


@pytest.mark.parametrize("unit", ["µm", "μm", "Âµm", "um", "mm"])
@pytest.mark.parametrize("kind", ["predictions", "annotations"])
def test_calibrated_centroids_are_refused(unit, kind):
    text = DETECTIONS.replace(" px\t", f" {unit}\t")
    assert IMAGE_CSV.recognises(source(text))
    assert problems(text, kind) == (
        "line 1: expected centroids in pixels, found calibrated units: export centroids in pixels"
    )


def test_the_line_of_calibrated_centroids_is_a_number():
    with pytest.raises(FormatError) as error:
        IMAGE_CSV.read_predictions(source(DETECTIONS.replace(" px\t", " µm\t")))
    assert error.value.problems[0].line == 1


def test_centroids_without_images_are_those_of_the_file():
    assert read("Cell ID,Centroid X px,Centroid Y px\nf0,1,2\n")[0].image_ids == ("IMG_1",)


def test_an_image_without_points_in_a_table_of_images():
    value, _ = read("Label,X,Y\na.tif,1,2\nb.tif,,\n")
    assert (value.image_ids, value.offsets.tolist()) == (("a.tif", "b.tif"), [0, 1, 1])


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("z,y,x\n1,2,3\n", "line 1: expected the two axes x and y, found a third axis 'z'"),
        ("index,axis-0,axis-1,axis-2\n0,1,2,3\n", "line 1: expected the two axes x and y, found a third axis 'axis-2'"),
        ("index,shape-type,vertex-index,axis-0,axis-1\n0,path,0,1,2\n",
         "line 1: expected points of napari, found its shapes (save the points layer)"),
        ("image,x,y\na,1,2\n",
         "line 1: expected the points of one image, found a column of images (this is the format 'csv')"),
        ("a,b\n1,2\n", "line 1: expected the columns 'x' and 'y', found 'a', 'b'"),
        ("1,2\n3,4\n", "line 1: expected the columns 'x' and 'y', found '1', '2'"),
        ("x,y,X\n1,2,3\n", "line 1: expected one column 'x', found 2"),
        ("x,y\n1,2,3\n", "line 2: expected 2 cells, found 3 (does a cell have a decimal comma?)"),
        ("x;y\n1\n", "line 2: expected 2 cells, found 1"),
        ('x,y\n1,2\n"1,2\n', "line 3: expected a row of CSV, found unexpected end of data (is a quote not closed?)"),
        ("Label,X,Y\n,1,2\n", "line 2: expected the name of an image, found ''"),
    ],
)  # fmt: skip
def test_tables_that_are_refused(text, words):
    assert problems(text) == words


def test_all_problems_are_named_with_their_lines():
    text = problems('x,y,score\n1,a,0.5\n"1",2,high\nnan,2,1\n1,2\n\n,3,0.5\n1e10,2,0.5\n', "predictions")
    for words in (
        "line 2, image 'IMG_1': expected a coordinate, a finite number, found 'a'",
        "line 3, image 'IMG_1': expected a confidence, a finite number, found 'high'",
        "line 4, image 'IMG_1': expected a coordinate, a finite number, found nan",
        "line 5: expected 3 cells, found 2",
        "line 7, image 'IMG_1': expected a coordinate, a finite number, found ''",
        "line 8, image 'IMG_1': expected a coordinate within 1e+09 pixels, found [10000000000.0, 2.0]",
    ):
        assert words in text


def test_a_confidence_for_some_points_only_is_refused():
    assert "expected a confidence for every point, or for none" in problems("x,y,score\n1,2,0.5\n3,4,\n", "predictions")


def test_columns_that_look_like_confidences_are_refused():
    text = "x,y,peak_score\n1,2,0.5\n"
    assert problems(text, "predictions") == (
        "line 1: expected confidences in the column 'score', found 'peak_score', which would not be read "
        "(rename it, or take it out of the file)"
    )
    assert read(text)[1] == ["these columns are not read: 'peak_score'"]


def test_bytes_that_are_not_utf8():
    assert problems(b"x,y,class\n1,2,caf\xe9\n") == (
        "line 2: expected UTF-8 text, found the byte 0xe9 (save it as UTF-8)"
    )


def test_files_of_several_images_are_one_set():
    reading = Reading(Source("herd", b""), "annotations")
    for name in ("a", "b"):
        reading.open(source("x,y\n1,2\n", f"herd/{name}.csv"))
        IMAGE_CSV.read(reading)
    value = reading.finish()
    assert (value.image_ids, value.offsets.tolist()) == (("a", "b"), [0, 1, 2])


@pytest.mark.parametrize(
    "text", [NAPARI, SPOTIFLOW, QUPATH_POINTS, RESULTS, DETECTIONS, "x,y\n", "z,y,x\n", "\n\nX;Y\n"]
)
def test_recognised_by_the_header(text, tmp_path):
    assert IMAGE_CSV.recognises(source(text))
    assert not FORMATS["csv"].recognises(source(text))
    (tmp_path / "Results.xls").write_text(text)
    assert detect(tmp_path / "Results.xls") == "image-csv"


@pytest.mark.parametrize(
    "text",
    [
        *(
            f"{name},x,y\na,1,2\n"
            for name in ("image", "filename", "images", "image_id", "image_path", "Image", "file")
        ),
        *(
            "x,y,label,score,image_path\n",
            "image,axis,x,y\n",
            "image,count\n",
            "x,score\n",
            "1,2\n3,4\n",
            "",
            "\n",
            "{}",
        ),
        *("x y\n1 2\n", "label,centroid_x,centroid_y\n", "IMG_1 2\n", '"x,y\n', "x1,y1,x2,y2\n"),
    ],
)
def test_other_tables_are_left_to_others(text):
    assert not IMAGE_CSV.recognises(source(text))


def read_both(data):
    IMAGE_CSV.recognises(source(data))
    for kind in ("predictions", "annotations"):
        only_our_errors(getattr(IMAGE_CSV, f"read_{kind}"), source(data))


@quick
@given(
    data=st.sampled_from([NAPARI, SPOTIFLOW, QUPATH_POINTS, RESULTS, DETECTIONS]).flatmap(
        lambda text: mutated(text.encode())
    )
)
def test_damaged_files(data):
    read_both(data)


HEADERS = [
    "x",
    "y",
    "X",
    "Y",
    "axis-0",
    "axis-1",
    "axis-2",
    "Label",
    "label",
    "Image",
    "image",
    "score",
    "p",
    "Counter",
]
HEADERS += [
    "",
    " ",
    "z",
    "Slice",
    "class",
    "Centroid X px",
    "Centroid Y px",
    "Centroid X µm",
    "ROI",
    "Num points",
    "Mean",
]
CELLS = [
    "",
    " ",
    "a",
    "1",
    "2.5",
    "nan",
    "1e999",
    "1_0",
    "12,5",
    '"',
    "\u0661",
    "a:1",
    "a:0001-0002:3",
    "-3",
    "1" * 400,
]


@settings(quick, max_examples=250)
@given(
    head=st.lists(st.sampled_from(HEADERS), min_size=1, max_size=7),
    rows=st.lists(st.lists(st.sampled_from(CELLS), max_size=9), max_size=4),
    separator=st.sampled_from(",;\t"),
    start=st.sampled_from(["x,y", "axis-0,axis-1", "X,Y,", " ,Label,X,Y", "Centroid X px,Centroid Y px,Image"]),
)
def test_random_cells(head, rows, separator, start):
    lines = [separator.join([*start.split(","), *head]), *(separator.join(row) for row in rows)]
    read_both("\n".join(lines).encode())


@quick
@given(data=st.binary(max_size=100))
def test_random_bytes(data):
    read_both(data)
