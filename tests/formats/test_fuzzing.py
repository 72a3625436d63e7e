"""A reader returns columns or raises a CrowdevalError, whatever the bytes are."""

import io
import json

import numpy as np
import pytest
from formats.drawn import ANY_ID, WORD_ID, annotations, only_our_errors, predictions
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from crowdeval.formats import FORMATS, Source, _format_of, read_annotations, read_predictions

NAMES = ["json", "jsonl", "csv", "parquet", "nwpu", "coco"]
KINDS = ["predictions", "annotations"]
SUFFIXES = st.sampled_from(["", ".json", ".jsonl", ".csv", ".txt", ".parquet"])
every = pytest.mark.parametrize("name", NAMES)
quick = settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.too_slow])

SPLICES = st.sampled_from(
    [
        *(b"NaN", b"1e999", b'"12,5"', b"null", b"true", b"{}", b"[]", b'"id"', b'"', b"\\", b"-", b",", b"\n"),
        *(b"\0", b"\xff", b"\xef\xbb\xbf", b"1" * 400, b"[" * 3000, b'"\\ud800"', b"\r", b"\t", b"nan", b"1_0"),
    ]
)


@st.composite
def mutated(draw, data):
    """Flip, cut or splice a few places of valid content."""
    content = bytearray(data)
    for _ in range(draw(st.integers(1, 3))):
        at = draw(st.integers(0, len(content)))
        match draw(st.integers(0, 3)):
            case 0 if at < len(content):
                content[at] ^= draw(st.integers(1, 255))
            case 1:
                del content[at:]
            case 2:
                del content[at : at + draw(st.integers(1, 6))]
            case _:
                content[at:at] = draw(SPLICES)
    return bytes(content)


def read_both(name, data, suffix=""):
    for kind in KINDS:
        only_our_errors(getattr(FORMATS[name], f"read_{kind}"), Source("file", data, suffix))


@pytest.mark.parametrize("name", list(FORMATS.table))
@quick
@given(data=st.binary(min_size=1, max_size=200))
def test_random_bytes(name, data):
    read_both(name, data)


ROWS = {
    "xy": b"1 2 0.5\n3 4 0.25\n",
    "xyxy": b"1,2,3,4,0.5\n",
    "yolo": b"0 0.5 0.5 0.25 0.25 0.9\n1 0.5 0.5 0.25 0.25 0.9\n",
    "visdrone": b"1,2,3,4,1,1,0,0\n1,2,3,4,1,0,0,0\n",
    "counts": b"a 3\nb 4.5\n",
    "wider": b"a\n1\n1 2 3 4 0.5\n",
}


def numpy_file(array):
    content = io.BytesIO()
    np.save(content, array)
    return content.getvalue()


@pytest.mark.parametrize(("name", "sample"), [*ROWS.items(), ("numpy", numpy_file(np.ones((2, 3))))])
@quick
@given(data=st.data())
def test_mutated_rows(name, sample, data):
    read_both(name, data.draw(mutated(sample)))


FILES = st.sampled_from(
    [*ROWS.values(), b"", b"\n", b'{"a": [[1, 2]]}', b"y,x\n1,2\n", b"<annotation/>", b"image,x,y\na,1,2\n"]
)


@settings(quick, suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture], max_examples=150)
@given(
    files=st.lists(st.tuples(st.sampled_from("ab"), st.sampled_from(["txt", "json", "csv", "xml", "npy"]),
                             FILES | FILES.flatmap(mutated)), max_size=4),
    images=st.none() | FILES,
)  # fmt: skip
def test_random_folders(tmp_path_factory, files, images):
    folder = tmp_path_factory.mktemp("folder")
    for name, suffix, content in files:
        (folder / f"{name}.{suffix}").write_bytes(content)
    listed = None
    if images is not None:
        listed = tmp_path_factory.mktemp("images") / "images.txt"
        listed.write_bytes(images)
    only_our_errors(lambda place: read_predictions(place, images=listed), folder)
    only_our_errors(lambda place: read_annotations(place, images=listed), folder)


@quick
@given(data=st.binary(min_size=1, max_size=100) | st.text(max_size=60).map(str.encode), suffix=SUFFIXES)
def test_random_bytes_without_a_named_format(data, suffix):
    def read(source):
        return _format_of(source, None).read_predictions(source)

    only_our_errors(read, Source("file", data, suffix))


@every
@quick
@given(data=st.data())
def test_mutated_predictions(name, data):
    ids = ANY_ID if name in ("json", "jsonl", "parquet", "coco") else WORD_ID
    drawn = only_our_errors(FORMATS[name].write_predictions, data.draw(predictions(ids, least=1)))
    read_both(name, data.draw(mutated(drawn)))


@every
@quick
@given(data=st.data())
def test_mutated_annotations(name, data):
    ids = ANY_ID if name in ("json", "jsonl", "parquet", "coco") else WORD_ID
    drawn = only_our_errors(FORMATS[name].write_annotations, data.draw(annotations(ids, least=1)))
    read_both(name, data.draw(mutated(drawn)))


IMAGE_KEYS = ["id", "points", "scores", "score", "count", "width", "height", "boxes", "radii", "levels", "attributes"]
COCO_KEYS = ["annotations", "image_id", "bbox", "keypoints", "file_name", "iscrowd", "category_id"]
KEYS = st.sampled_from(["format", "images", "IMG_1", "point_attributes", *IMAGE_KEYS, *COCO_KEYS])
SCALARS = (
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=3) | st.sampled_from([10**400, 2**64])
)
VALUES = st.recursive(
    SCALARS | st.lists(st.lists(SCALARS, max_size=4), max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=5),
    max_leaves=12,
)


@pytest.mark.parametrize("name", ["json", "jsonl", "coco"])
@settings(quick, max_examples=250)
@given(value=VALUES)
def test_random_json_values(name, value):
    read_both(name, json.dumps(value).encode())


@pytest.mark.parametrize("depth", [100, 300, 900, 1100, 3000, 100_000])
@pytest.mark.parametrize("name", ["json", "jsonl", "coco"])
def test_deep_json_values(name, depth):
    deep = "[" * depth + "]" * depth
    objects = '{"a": ' * depth + "1" + "}" * depth
    for value in (deep, objects):
        read_both(name, value.encode())
        read_both(name, f'{{"id": {value}, "points": {value}}}'.encode())
        read_both(name, f'[{{"id": "a", "points": [], "attributes": {{"k": {value}}}}}]'.encode())
        read_both(name, f'{{"images": [{{"id": 1}}], "annotations": [{{"image_id": 1, "bbox": {value}}}]}}'.encode())


CELLS = st.sampled_from(
    [
        *("", "a", "b", "1", "2.5", "-3", "nan", "inf", "1e999", "1e10", "12,5", '"', " 4 ", "x", "1_0", "\u0661"),
        *("NA", "0", "1.0", "[1, 2, 3, 4]", '"[1, 2, 3, 4]"', "POINT (1 2)", "POLYGON ((1 2, 3 4, 1 2))"),
    ]
)
HEADERS = ["image", "x", "y", "score", "count", "label", "x1", "y1", "x2", "y2", "level", "width", "sigma_s", "k", ""]
HEADERS += ["height", "image_width", "left", "top", "image_path", "bbox", "geometry", "gt", "pred", "conf2"]
HEADERS += ["survey id", "w", "species"]
HEADS = st.lists(st.sampled_from(HEADERS), min_size=1, max_size=6)


@settings(quick, max_examples=250)
@given(head=HEADS, rows=st.lists(st.lists(CELLS, max_size=6), max_size=4), separator=st.sampled_from(",;\t"))
def test_random_csv_cells(head, rows, separator):
    if "image" not in head:
        head = ["image", "x", "y", *head]
    text = "\n".join(separator.join(row) for row in [head, *rows])
    read_both("csv", text.encode())


@settings(quick, max_examples=200)
@given(lines=st.lists(st.lists(CELLS | st.just("0"), max_size=8), max_size=4))
def test_random_text_cells(lines):
    read_both("nwpu", "\n".join(" ".join(line) for line in lines).encode())
