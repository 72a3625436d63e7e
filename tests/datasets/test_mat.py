import io

import numpy as np
import pytest

from crowdeval.datasets import open_dataset
from crowdeval.datasets.mat import annotated_points
from crowdeval.datasets.shanghaitech import PART_A
from crowdeval.errors import FormatError, MissingFileError


def points_of(home):
    survey = PART_A.survey(home, "test")
    return [item.truth().xy for item in PART_A.contents(survey).items]


@pytest.mark.parametrize("form", ["cell", "struct"])
def test_both_struct_forms_give_the_same_points(layouts, form):
    home = layouts.shanghaitech(form=form)
    assert [xy.tolist() for xy in points_of(home)] == [[[5, 6]], [[7, 8], [9, 10]], []]


@pytest.mark.parametrize("form", ["cell", "struct"])
def test_one_point_stays_a_row_of_two(layouts, form):
    home = layouts.shanghaitech(form=form)
    assert [xy.shape for xy in points_of(home)] == [(1, 2), (2, 2), (0, 2)]


@pytest.mark.parametrize("empty", [np.empty((0, 0)), np.empty((0, 2)), np.empty((2, 0)), np.empty((1, 0))])
def test_an_empty_matrix_of_any_shape_has_no_points(layouts, empty):
    path = layouts.mat(layouts.folder / "1_ann.mat", annPoints=empty)
    assert annotated_points(path).shape == (0, 2)


def test_whole_number_types_become_float64(layouts):
    path = layouts.mat(layouts.folder / "1_ann.mat", annPoints=np.array([[1, 2]], dtype=np.uint16))
    assert annotated_points(path).dtype == np.float64


@pytest.mark.parametrize("keep", [0, 3, 100, 128, 140, -1, -20])
def test_a_truncated_file_is_a_format_error(layouts, keep):
    from scipy.io import savemat

    whole = io.BytesIO()
    savemat(whole, {"annPoints": np.random.default_rng(0).random((500, 2))}, do_compression=True)
    path = layouts.text(layouts.folder / "cut.mat", "")
    path.write_bytes(whole.getvalue()[:keep])
    with pytest.raises(FormatError, match=r"cut\.mat: expected"):
        annotated_points(path)


def test_a_file_with_one_damaged_byte_is_an_error_or_still_a_matrix_of_points(layouts):
    path = layouts.mat(layouts.folder / "1_ann.mat", annPoints=np.arange(40.0).reshape(-1, 2))
    whole = path.read_bytes()
    random = np.random.default_rng(1)
    for _ in range(400):
        data = bytearray(whole)
        data[random.integers(len(data))] = random.integers(256)
        path.write_bytes(bytes(data))
        try:
            points = annotated_points(path)
        except FormatError:
            continue
        assert points.ndim == 2
        assert points.shape[1] == 2


@pytest.mark.parametrize(
    "content",
    [
        b"MATLAB 7.3 MAT-file, Platform: GLNXA64".ljust(512) + b"\x89HDF\r\n\x1a\n" + bytes(64),
        b"\x89HDF\r\n\x1a\n" + bytes(64),
    ],
)
def test_the_error_of_version_7_3_says_how_to_save_an_older_version(layouts, content):
    path = layouts.text(layouts.folder / "1_ann.mat", "")
    path.write_bytes(content)
    with pytest.raises(FormatError, match=r"version 7\.3 \(HDF5\).*-v7"):
        annotated_points(path)


def test_a_file_of_another_kind_is_a_format_error(layouts):
    path = layouts.text(layouts.folder / "1_ann.mat", "<html>404 not found</html>" * 20)
    with pytest.raises(FormatError, match="whole MATLAB file of version 5 to 7"):
        annotated_points(path)


def test_objects_are_refused(layouts):
    from scipy.io.matlab import MatlabObject

    thing = MatlabObject(np.array([[(1.0,)]], dtype=[("value", "O")]), "inline")
    path = layouts.mat(layouts.folder / "1_ann.mat", annPoints=np.ones((1, 2)), thing=thing)
    with pytest.raises(FormatError, match="expected numbers, found an object"):
        annotated_points(path)


def test_objects_inside_cells_and_structs_are_refused(layouts):
    from scipy.io.matlab import MatlabObject

    cell = np.empty((1, 1), dtype=object)
    cell[0, 0] = {"deep": MatlabObject(np.array([[(1.0,)]], dtype=[("value", "O")]), "inline")}
    path = layouts.mat(layouts.folder / "1_ann.mat", annPoints=np.ones((1, 2)), cell=cell)
    with pytest.raises(FormatError, match="expected numbers, found an object"):
        annotated_points(path)


@pytest.mark.parametrize(("kind", "what"), [(16, "a function handle"), (17, "an object")])
def test_function_handles_and_opaque_values_are_refused(layouts, kind, what):
    path = layouts.mat(layouts.folder / "1_ann.mat", annPoints=np.ones((1, 2)))
    data = bytearray(path.read_bytes())
    assert data[144] == 6  # the class byte in the flags of the first variable
    data[144] = kind
    path.write_bytes(bytes(data))
    with pytest.raises(FormatError, match=f"expected numbers, found {what}"):
        annotated_points(path)


def test_a_function_workspace_is_refused(layouts):
    path = layouts.mat(layouts.folder / "1_ann.mat", annPoints=np.ones((1, 2)))
    unnamed = np.frombuffer(path.read_bytes()[128:], np.uint8).copy()
    unnamed[40:44] = (1, 0, 0, 0)  # the name's element becomes a long one of no bytes
    unnamed[44:48] = 0
    body = np.concatenate([unnamed[:48], unnamed[64:]])
    body[4] -= 16
    path.write_bytes(path.read_bytes() + body.tobytes())
    with pytest.raises(FormatError, match="a function workspace"):
        annotated_points(path)


def test_cells_nested_too_deep_are_refused(layouts):
    value = np.ones((1, 2))
    for _ in range(30):
        cell = np.empty((1, 1), dtype=object)
        cell[0, 0] = value
        value = cell
    path = layouts.mat(layouts.folder / "1_ann.mat", annPoints=value)
    with pytest.raises(FormatError, match="nested deeper"):
        annotated_points(path)


def test_a_small_file_that_unpacks_to_gigabytes_is_refused(layouts):
    import struct
    import zlib

    packer = zlib.compressobj(9)
    packed = b"".join(packer.compress(bytes(1 << 24)) for _ in range(20)) + packer.flush()
    path = layouts.mat(layouts.folder / "1_ann.mat", annPoints=np.ones((1, 2)))
    path.write_bytes(path.read_bytes()[:128] + struct.pack("<II", 15, len(packed)) + packed)
    with pytest.raises(FormatError, match="more than 268,435,456 bytes"):
        annotated_points(path)


@pytest.mark.parametrize("compressed", [False, True])
@pytest.mark.parametrize("kind", ["f8", "f4", "i1", "u1", "i2", "u2", "i4", "u4", "i8", "u8"])
def test_matrices_are_equal_to_those_that_scipy_reads(tmp_path, kind, compressed):
    from scipy.io import loadmat, savemat

    path = tmp_path / "any.mat"
    values = np.random.default_rng(2).integers(0, 100, size=(7, 2)).astype(kind)
    savemat(path, {"annPoints": values, "word": "text"}, do_compression=compressed)
    assert np.array_equal(annotated_points(path), loadmat(path)["annPoints"])


def test_big_endian_files_are_read(tmp_path):
    import struct

    def element(kind, data):
        return struct.pack(">II", kind, len(data)) + data + bytes(-len(data) % 8)

    matrix = element(6, struct.pack(">II", 6, 0)) + element(5, struct.pack(">ii", 1, 2))
    matrix += element(1, b"annPoints") + element(9, struct.pack(">dd", 1.5, 2.5))
    path = tmp_path / "big.mat"
    path.write_bytes(b"MATLAB 5.0 MAT-file".ljust(124) + struct.pack(">H", 0x0100) + b"MI" + element(14, matrix))
    assert annotated_points(path).tolist() == [[1.5, 2.5]]


@pytest.mark.parametrize(
    ("variables", "message"),
    [
        ({"other": np.ones((1, 2))}, "expected a variable 'annPoints', found 'other'"),
        ({"annPoints": np.ones((3, 3))}, r"an \(N, 2\) matrix, found float64 of shape \(3, 3\)"),
        ({"annPoints": np.array([[1.0, np.nan]])}, "finite numbers"),
        ({"annPoints": "text"}, "matrix of numbers, found text"),
        ({"annPoints": np.array([[1 + 2j, 3]])}, "matrix of numbers, found complex"),
    ],
)
def test_the_error_of_a_wrong_value_says_what_was_found(layouts, variables, message):
    path = layouts.mat(layouts.folder / "1_ann.mat", **variables)
    with pytest.raises(FormatError, match=message):
        annotated_points(path)


def test_every_row_that_is_not_finite_is_named_once_and_counted_from_1(layouts):
    points = np.array([[1.0, 2.0], [np.nan, 3.0], [4.0, np.inf], [1e10, 0.0]])
    path = layouts.mat(layouts.folder / "1_ann.mat", annPoints=points)
    with pytest.raises(FormatError) as caught:
        annotated_points(path)
    assert [str(problem) for problem in caught.value.problems] == [
        "annPoints(2, :): expected finite numbers within 1e+09, found (nan, 3)",
        "annPoints(3, :): expected finite numbers within 1e+09, found (4, inf)",
        "annPoints(4, :): expected finite numbers within 1e+09, found (1e+10, 0)",
    ]


def test_the_error_of_a_struct_without_location_lists_its_fields(layouts):
    home = layouts.shanghaitech()
    info = {"number": 1.0}
    layouts.mat(home / "test_data" / "ground-truth" / "GT_IMG_1.mat", image_info=info)
    with pytest.raises(FormatError, match="a field 'location', found 'number'"):
        points_of(home)


def test_image_info_that_is_no_struct_is_a_format_error(layouts):
    home = layouts.shanghaitech()
    layouts.mat(home / "test_data" / "ground-truth" / "GT_IMG_1.mat", image_info=np.ones((3, 2)))
    with pytest.raises(FormatError, match=r"a \(1, 1\) struct, bare or in a cell"):
        points_of(home)


def test_a_file_that_does_not_exist_is_missing(tmp_path):
    with pytest.raises(MissingFileError, match="can't be read"):
        annotated_points(tmp_path / "1_ann.mat")


@pytest.mark.parametrize("error", [MemoryError, RecursionError])
def test_a_file_that_does_not_fit_into_memory_is_a_format_error(layouts, monkeypatch, error):
    def fail(data):
        raise error

    monkeypatch.setattr("crowdeval.datasets.mat.variables_of", fail)
    with pytest.raises(FormatError, match="annotations that fit into memory"):
        open_dataset("shanghaitech-a:test", root=layouts.shanghaitech(), cache=False)
