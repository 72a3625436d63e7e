import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import crowdeval.datasets.reading as reading
from crowdeval.datasets import open_dataset
from crowdeval.datasets.contract import Split
from crowdeval.datasets.split_table import split_of_table, table_of_split
from crowdeval.points.sets import Annotations


def assert_equal(split, expected):
    for name in ("name", "split", "home", "notes", "image_paths"):
        assert getattr(split, name) == getattr(expected, name)
    assert split.annotations.image_ids == expected.annotations.image_ids
    for name in ("offsets", "xy", "boxes", "radii", "level", "sizes"):
        assert_equal_column(name, getattr(split.annotations, name), getattr(expected.annotations, name))
    for kind in ("attributes", "point_attributes"):
        columns, expected_columns = getattr(split.annotations, kind), getattr(expected.annotations, kind)
        assert list(columns) == list(expected_columns)
        for name in columns:
            assert_equal_column(name, columns[name], expected_columns[name])


def assert_equal_column(name, values, expected):
    assert (values is None) == (expected is None), name
    if values is not None:
        assert values.dtype == expected.dtype, name
        np.testing.assert_array_equal(values, expected, err_msg=name)


@pytest.fixture
def reads(monkeypatch):
    """Count how often a split's files are read."""
    calls = []
    original = reading.reading_of

    def counted(*arguments):
        calls.append(1)
        return original(*arguments)

    monkeypatch.setattr(reading, "reading_of", counted)
    return calls


@pytest.fixture
def cache(tmp_path):
    return tmp_path / "cache" / "datasets"


SPECS = [
    ("shanghaitech", "shanghaitech-a:test"),
    ("ucf_cc_50", "ucf-cc-50:fold1"),
    ("ucf_qnrf", "ucf-qnrf:train"),
    ("nwpu", "nwpu:val"),
    ("nwpu", "nwpu:train"),
    ("jhu", "jhu-crowd++:val"),
    ("wider_face", "wider-face:val"),
]


@pytest.mark.parametrize(("layout", "spec"), SPECS)
def test_a_cached_split_is_equal_to_the_fresh_one_in_every_column(layouts, reads, layout, spec):
    home = getattr(layouts, layout)()
    fresh = open_dataset(spec, root=home, cache=False)
    open_dataset(spec, root=home)
    assert_equal(open_dataset(spec, root=home), fresh)
    assert len(reads) == 2


def test_unknown_labels_and_sizes_survive_the_cache(layouts):
    home = layouts.jhu()
    layouts.text(home / "val" / "image_labels.txt", "0001,2,stadium,0,0\n")
    (home / "val" / "images" / "0002.jpg").unlink()
    fresh = open_dataset("jhu-crowd++:val", root=home)
    assert_equal(open_dataset("jhu-crowd++:val", root=home), fresh)


def test_annotations_without_images_survive_the_cache(layouts):
    home = layouts.shanghaitech(images=False)
    fresh = open_dataset("shanghaitech-a:test", root=home)
    assert fresh.image_paths == ()
    assert_equal(open_dataset("shanghaitech-a:test", root=home), fresh)


def test_without_cache_no_cache_folder_is_made(layouts, cache):
    home = layouts.shanghaitech()
    open_dataset("shanghaitech-a:test", root=home, cache=False)
    assert not cache.exists()


def test_a_changed_file_is_read_again(layouts, reads):
    home = layouts.shanghaitech()
    open_dataset("shanghaitech-a:test", root=home)
    info = layouts.image_info([[1, 1], [2, 2], [3, 3]])
    layouts.mat(home / "test_data" / "ground-truth" / "GT_IMG_1.mat", image_info=info)
    assert open_dataset("shanghaitech-a:test", root=home).annotations.counts.tolist() == [3, 2, 0]
    assert len(reads) == 2


def test_a_file_with_another_time_is_read_again(layouts, reads):
    home = layouts.shanghaitech()
    open_dataset("shanghaitech-a:test", root=home)
    os.utime(home / "test_data" / "ground-truth" / "GT_IMG_1.mat", ns=(1, 1))
    open_dataset("shanghaitech-a:test", root=home)
    assert len(reads) == 2


def test_a_file_changed_with_the_same_size_and_time_is_read_again(layouts, reads):
    home = layouts.shanghaitech()
    file = home / "test_data" / "ground-truth" / "GT_IMG_1.mat"
    open_dataset("shanghaitech-a:test", root=home)
    before = file.stat()
    file.write_bytes(file.read_bytes())
    os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert (file.stat().st_size, file.stat().st_mtime_ns) == (before.st_size, before.st_mtime_ns)
    open_dataset("shanghaitech-a:test", root=home)
    assert len(reads) == 2


def test_a_removed_image_is_noticed(layouts):
    home = layouts.shanghaitech()
    open_dataset("shanghaitech-a:test", root=home)
    (home / "test_data" / "images" / "IMG_2.jpg").unlink()
    assert np.isnan(open_dataset("shanghaitech-a:test", root=home).annotations.sizes[1]).all()


def test_two_roots_have_two_entries(layouts, reads):
    one = layouts.shanghaitech("one/part_A")
    other = layouts.shanghaitech("other/part_A", splits={"test": {5: [[1, 1]]}})
    for _ in range(2):
        assert len(open_dataset("shanghaitech-a:test", root=one).annotations.image_ids) == 3
        assert open_dataset("shanghaitech-a:test", root=other).annotations.image_ids == ("IMG_5",)
    assert len(reads) == 2


def flip_bit(path):
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(bytes(data))


def change_checksum(path):
    path.write_text(json.dumps(json.loads(path.read_text()) | {"sha256": "0"}))


@pytest.mark.parametrize(
    ("suffix", "damage"),
    [
        (".parquet", flip_bit),
        (".parquet", lambda path: path.write_bytes(path.read_bytes()[:50])),
        (".parquet", lambda path: path.write_bytes(b"")),
        (".parquet", lambda path: path.unlink()),
        (".json", lambda path: path.write_bytes(b"{")),
        (".json", lambda path: path.write_bytes(b"[]")),
        (".json", lambda path: path.write_bytes(b"\xff\xfe")),
        (".json", lambda path: path.unlink()),
        (".json", change_checksum),
    ],
)
def test_a_damaged_entry_is_noticed_and_replaced(layouts, reads, cache, suffix, damage):
    home = layouts.nwpu()
    fresh = open_dataset("nwpu:val", root=home)
    damage(next(cache.glob(f"*{suffix}")))
    assert_equal(open_dataset("nwpu:val", root=home), fresh)
    assert len(reads) == 2
    assert_equal(open_dataset("nwpu:val", root=home), fresh)
    assert len(reads) == 2


def test_a_file_with_a_right_checksum_that_is_no_split_is_ignored(layouts, reads, cache):
    import hashlib

    home = layouts.shanghaitech()
    open_dataset("shanghaitech-a:test", root=home)
    table, manifest = next(cache.glob("*.parquet")), next(cache.glob("*.json"))
    table.write_bytes(b"something else")
    sums = {"sha256": hashlib.sha256(b"something else").hexdigest()}
    manifest.write_text(json.dumps(json.loads(manifest.read_text()) | sums))
    assert len(open_dataset("shanghaitech-a:test", root=home).annotations.image_ids) == 3
    assert len(reads) == 2


def test_a_cache_folder_that_cant_be_made_is_no_error(layouts, tmp_path, monkeypatch):
    layouts.text(tmp_path / "file", "x")
    monkeypatch.setenv("CROWDEVAL_CACHE", str(tmp_path / "file"))
    home = layouts.shanghaitech()
    for _ in range(2):
        assert len(open_dataset("shanghaitech-a:test", root=home).annotations.image_ids) == 3


def test_no_temporary_file_is_left(layouts, cache):
    open_dataset("shanghaitech-a:test", root=layouts.shanghaitech())
    assert sorted(path.suffix for path in cache.iterdir()) == [".json", ".parquet"]


def test_two_processes_may_write_the_cache_at_the_same_time(layouts, cache):
    home = layouts.ucf_cc_50()
    program = (
        "import sys, crowdeval.datasets as d\n"
        "for _ in range(15):\n"
        "    for path in __import__('pathlib').Path(sys.argv[2]).glob('*.json'):\n"
        "        path.unlink(missing_ok=True)\n"
        "    s = d.open_dataset('ucf-cc-50:all', root=sys.argv[1])\n"
        "    assert s.annotations.xy[:, 0].tolist() == [float(n) for n in range(1, 51)]\n"
    )
    command = [sys.executable, "-W", "error", "-c", program, str(home), str(cache)]
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parents[2])}
    running = [subprocess.Popen(command, stderr=subprocess.PIPE, env=environment) for _ in range(2)]
    for process in running:
        _, talk = process.communicate(timeout=60)
        assert (process.returncode, talk) == (0, b"")
    assert len(open_dataset("ucf-cc-50:all", root=home).annotations.image_ids) == 50


def a_split(tmp_path, **attributes):
    annotations = Annotations(
        image_ids=["b", "a\nb", "人"],
        offsets=[0, 1, 1, 3],
        xy=[[0.1, 2], [3, 4], [5, 6]],
        sizes=[[1, 2], [np.nan, np.nan], [3, 4]],
        attributes=attributes,
        point_attributes={"mark": np.array([1, 2, 3], dtype=np.uint8)},
    )
    paths = tuple(tmp_path / name for name in ("b.jpg", "x/a.jpg", "人.jpg"))
    return Split(name="x", split="y", home=tmp_path, annotations=annotations, image_paths=paths, notes=("n",))


def test_columns_of_every_type_are_restored_unchanged(tmp_path):
    mixed = np.array(["a", None, "c"], dtype=object)
    split = a_split(
        tmp_path,
        word=np.array(["one", "two words", ""]),
        mixed=mixed,
        flag=np.array([True, False, True]),
        small=np.array([1, 2, 3], dtype=np.int16),
        number=np.array([0.1, np.nan, np.inf]),
    )
    assert_equal(split_of_table(table_of_split(split), name="x", split="y", home=tmp_path), split)


def test_a_column_that_parquet_cant_hold_is_not_cached(tmp_path):
    odd = np.array([{"a": 1}, (1, "x"), object()], dtype=object)
    assert table_of_split(a_split(tmp_path, odd=odd)) is None
