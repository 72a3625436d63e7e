"""Files: how they are found, recognised, read and written; names, suffixes, compression, standard streams, plugins."""

import gzip
import io
import os
import sys

import pytest
from formats.drawn import assert_same

from crowdeval import formats
from crowdeval.errors import CrowdevalWarning, FormatError, MissingFileError, UsageError
from crowdeval.formats import (
    FORMATS,
    Source,
    detect,
    read_annotations,
    read_predictions,
    write_annotations,
    write_predictions,
)
from crowdeval.formats.contract import Format
from crowdeval.plugins import Extensions

NAMES = ["json", "jsonl", "csv", "parquet", "nwpu", "coco"]


@pytest.mark.parametrize("name", NAMES)
def test_every_built_in_format_keeps_the_protocol(name):
    assert isinstance(FORMATS[name], Format)
    assert FORMATS[name].name == name


@pytest.mark.parametrize("name", NAMES)
def test_content_decides_where_the_suffix_says_otherwise(name, tmp_path, one_point):
    for suffix in ("json", "txt", "csv", "parquet", "jsonl", "dat"):
        path = tmp_path / f"points.{suffix}"
        write_predictions(one_point(), path, format=name)
        assert detect(path) == name
        assert_same(read_predictions(path), one_point())


@pytest.mark.parametrize("suffix", [".json", ".jsonl", ".csv", ".parquet", ".txt", ".JSON", ".json.gz", ".csv.GZ"])
def test_the_suffix_chooses_the_format_to_write(suffix, tmp_path, one_point):
    path = tmp_path / f"points{suffix}"
    write_predictions(one_point(), path)
    assert path.read_bytes().startswith(b"\x1f\x8b") == suffix.lower().endswith(".gz")
    assert_same(read_predictions(path), one_point())


def test_a_gzipped_file_is_unpacked_whatever_it_is_called(tmp_path):
    path = tmp_path / "points.json"
    path.write_bytes(gzip.compress(b'{"a": [[1, 2, 0.5]]}'))
    assert read_predictions(path).score.tolist() == [0.5]


def test_a_byte_order_mark_is_passed_over(tmp_path):
    for name, text in (("a.json", '{"a": [[1, 2]]}'), ("a.csv", "image,x,y\na,1,2\n"), ("a.txt", "a 1 1 2\n")):
        path = tmp_path / name
        path.write_text(text, encoding="utf-8-sig")
        assert read_predictions(path).image_ids == ("a",)


def test_the_dash_is_standard_input(monkeypatch):
    stream = io.TextIOWrapper(io.BytesIO(gzip.compress(b"image,x,y\na,1,2\n")))
    monkeypatch.setattr(sys, "stdin", stream)
    assert read_annotations("-").xy.tolist() == [[1.0, 2.0]]


def test_the_dash_is_standard_output_in_json(capfdbinary, one_point):
    write_predictions(one_point(), "-")
    written, _ = capfdbinary.readouterr()
    assert_same(FORMATS["json"].read_predictions(Source("out", written)), one_point())


def test_a_missing_file_names_its_neighbours(tmp_path):
    (tmp_path / "predictions.json").write_text("{}")
    with pytest.raises(MissingFileError, match=r"there is no file .*did you mean 'predictions\.json'"):
        read_predictions(tmp_path / "prediction.json")


def test_a_missing_file_has_no_neighbours_by_suffix_alone(tmp_path):
    (tmp_path / "deep.json").write_text("{}")
    with pytest.raises(MissingFileError) as caught:
        read_predictions(tmp_path / "nofile.json")
    assert "did you mean" not in str(caught.value)


def test_a_missing_file_may_have_another_suffix(tmp_path):
    (tmp_path / "gt.csv.gz").write_text("")
    with pytest.raises(MissingFileError, match=r"did you mean 'gt\.csv\.gz'"):
        read_predictions(tmp_path / "gt.json")


@pytest.mark.parametrize(
    ("name", "is_split"),
    [
        ("shanghaitech-a:test", True),
        ("folder:my/data", True),
        ("C:/gt.json", False),
        ("http://a/b.json", False),
        ("a.json", False),
    ],
)
def test_the_message_of_a_dataset_split_names_the_function_that_opens_it(name, is_split, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(MissingFileError) as caught:
        read_annotations(name)
    assert ("is opened with crowdeval.datasets.open_dataset" in str(caught.value)) == is_split


@pytest.mark.parametrize(("error", "words"), [(MemoryError, "too large"), (RecursionError, "nested too deep")])
def test_a_file_that_exceeds_memory_or_depth_is_reported(error, words, tmp_path, monkeypatch):
    path = tmp_path / "a.json"
    path.write_text('{"a": []}')

    def fail(source, side):
        raise error

    monkeypatch.setattr("crowdeval.formats.native_json._read", fail)
    with pytest.raises(FormatError, match=f"that fits into memory, found one {words}"):
        read_predictions(path)


@pytest.mark.parametrize("call", ["pathlib.Path.read_bytes", "gzip.decompress"])
def test_a_file_too_large_for_the_memory_is_reported(call, tmp_path, monkeypatch):
    path = tmp_path / "a.json.gz"
    path.write_bytes(gzip.compress(b'{"a": []}'))

    def fail(*_):
        raise MemoryError

    monkeypatch.setattr(call, fail)
    with pytest.raises((FormatError, MissingFileError), match="memory"):
        read_predictions(path)


def test_a_missing_folder_is_reported(tmp_path):
    with pytest.raises(MissingFileError, match="there is no folder"):
        read_predictions(tmp_path / "nowhere" / "a.json")
    with pytest.raises(MissingFileError, match="there is no folder"):
        write_annotations(read_annotations_of_nothing(), tmp_path / "nowhere" / "a.json")


def read_annotations_of_nothing():
    return FORMATS["json"].read_annotations(Source("file", b"[]"))


def test_a_folder_is_not_written(tmp_path, one_point):
    (tmp_path / "a.json").mkdir()
    with pytest.raises(MissingFileError, match=r"is a folder|s a directory"):
        write_predictions(one_point(), tmp_path / "a.json")


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="root may read everything")
def test_a_file_without_permission_can_not_be_read(tmp_path):
    path = tmp_path / "a.json"
    path.write_text("{}")
    path.chmod(0)
    with pytest.raises(MissingFileError, match="permission denied"):
        read_predictions(path)


def test_a_refused_open_is_a_missing_file(tmp_path, monkeypatch):
    def refuse(path):
        raise PermissionError

    monkeypatch.setattr("pathlib.Path.read_bytes", refuse)
    with pytest.raises(MissingFileError, match="permission denied"):
        read_predictions(tmp_path / "a.json")


@pytest.mark.parametrize("name", ["a\0b", "a" * 5000])
def test_an_impossible_name_is_a_missing_file(name, one_point):
    with pytest.raises(MissingFileError, match="can't be read"):
        read_predictions(name)
    with pytest.raises(MissingFileError, match="can't be written"):
        write_predictions(one_point(), f"{name}.json")


@pytest.mark.parametrize("content", [b"", b"  \n\t\r\n", b"\xef\xbb\xbf\n", gzip.compress(b"", mtime=0)])
@pytest.mark.parametrize("suffix", [".json", ".csv", ".txt", ".parquet", ""])
def test_an_empty_file_is_reported_as_empty(content, suffix, tmp_path):
    path = tmp_path / f"a{suffix}"
    path.write_bytes(content)
    with pytest.raises(FormatError, match="found an empty file"):
        read_predictions(path)


def test_a_truncated_gzip_file_is_reported_as_damaged(tmp_path):
    path = tmp_path / "a.json.gz"
    path.write_bytes(gzip.compress(b'{"a": [[1, 2]]}' * 50)[:-9])
    with pytest.raises(FormatError, match="truncated or damaged"):
        read_predictions(path)


@pytest.mark.parametrize(
    ("content", "nature"),
    [
        (b"\xff\xd8\xff\xe0", "a JPEG image"),
        (b"\x89PNG\r\n\x1a\n", "a PNG image"),
        (b"PK\x03\x04", "a ZIP archive"),
        (b"MATLAB 5.0 MAT-file", "a MATLAB file"),
        (b"\x93NUMPY", "no NumPy file of plain numbers"),
        (b"\xd0\xcf\x11\xe0", r"an Excel workbook; in Python:\n  import pandas\n  pandas.read_excel"),
        (b"PK\x03\x04" + b" " * 26 + b"[Content_Types].xml", "an Excel workbook"),
        (b"PK\x03\x04" + b" " * 26 + b"archive/data.pkl", r"a PyTorch file; in Python:\n  import json, torch"),
        (b"\x80\x04\x95", r"a Python pickle; in Python:\n  import json, pickle"),
        (b"\x00\x00\x27\x0a", r"a shapefile; in Python:\n  import geopandas"),
        ('{"a": []}'.encode("utf-16"), "UTF-16 text"),
        (b"ab\ncd\x00", r"binary data \(a NUL byte in line 2\)"),
    ],
)
@pytest.mark.parametrize("suffix", ["", ".json", ".csv", ".txt", ".jsonl"])
def test_other_kinds_of_file_are_called_by_their_name(content, nature, suffix, tmp_path):
    path = tmp_path / f"a{suffix}"
    path.write_bytes(content)
    with pytest.raises(FormatError, match=f"found {nature}"):
        read_predictions(path)


def test_an_unrecognisable_file_says_where_the_formats_are_and_how_to_name_one(tmp_path):
    path = tmp_path / "notes.md"
    path.write_text("hello\n")
    with pytest.raises(FormatError, match=r"in a known format, .*--predictions-format"):
        read_predictions(path)


def test_an_unknown_format_gets_the_near_ones(tmp_path):
    path = tmp_path / "a.json"
    path.write_text("{}")
    with pytest.raises(UsageError, match="did you mean 'parquet'"):
        read_predictions(path, format="parket")


def test_an_unknown_suffix_to_write_lists_the_known_ones(tmp_path, one_point):
    with pytest.raises(UsageError, match=r"no format has the suffix '\.xyz'.*\.csv \(csv\)"):
        write_predictions(one_point(), tmp_path / "a.xyz")


def test_a_failed_write_leaves_the_old_file_and_nothing_else(tmp_path, one_point, monkeypatch):
    path = tmp_path / "a.json"
    path.write_text("old")

    def full(draft, target):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.replace", full)
    with pytest.raises(MissingFileError, match="No space left on device"):
        write_predictions(one_point(), path)
    assert path.read_text() == "old"
    assert [entry.name for entry in tmp_path.iterdir()] == ["a.json"]


def test_a_link_is_written_through(tmp_path, one_point):
    (tmp_path / "link.json").symlink_to(tmp_path / "real.json")
    write_predictions(one_point(), tmp_path / "link.json")
    assert (tmp_path / "link.json").is_symlink()
    assert detect(tmp_path / "real.json") == "json"


def test_a_device_is_written_to_and_not_replaced(one_point):
    write_predictions(one_point(), os.devnull, format="json")
    assert not os.path.isfile(os.devnull)


class ThirdParty:
    name = "points3"
    suffixes = (".p3",)
    summary = "a format of somebody else"

    def recognises(self, source):
        return source.data.startswith(b"P3")

    def read_predictions(self, source):
        return FORMATS["json"].read_predictions(Source(source.name, b'{"theirs": []}'))


@pytest.fixture
def plugins(monkeypatch):
    """Replace the entry points by these."""

    class Point:
        def __init__(self, name, load):
            self.name, self.value, self.load = name, f"{name}:FORMAT", load

    def install(**loaders):
        points = {name: Point(name, load) for name, load in loaders.items()}
        monkeypatch.setattr(Extensions, "entry_points", lambda self: points)

    return install


def broken():
    raise ImportError("no module named quux")


def test_a_third_party_format_is_recognised_after_the_built_in_ones(tmp_path, plugins):
    plugins(points3=ThirdParty)
    path = tmp_path / "a.dat"
    path.write_bytes(b"P3 ...")
    assert detect(path) == "points3"
    assert read_predictions(path).image_ids == ("theirs",)
    assert read_predictions(path, format="points3").image_ids == ("theirs",)


def test_a_broken_plugin_is_a_warning_unless_it_was_asked_for(tmp_path, plugins):
    plugins(bad=broken, points3=ThirdParty)
    path = tmp_path / "a.dat"
    path.write_bytes(b"P3 ...")
    with pytest.warns(CrowdevalWarning, match="'bad' .*can't be imported: no module named quux"):
        assert read_predictions(path).image_ids == ("theirs",)
    with pytest.raises(UsageError, match="can't be imported"):
        read_predictions(path, format="bad")


def test_a_broken_plugin_is_not_even_tried_for_a_known_file(tmp_path, plugins):
    plugins(bad=broken)
    path = tmp_path / "a.json"
    path.write_text('{"a": []}')
    assert read_predictions(path).image_ids == ("a",)


def test_the_table_of_formats_is_complete():
    assert list(FORMATS.table)[: len(NAMES)] == NAMES
    assert set(formats.__all__) >= {"FORMATS", "detect", "read_predictions", "write_annotations"}
