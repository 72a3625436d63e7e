import warnings

import numpy as np
import pytest
from PIL import Image as Pillow
from scipy.io import savemat

from crowdeval.adapters import Image, answers, load_adapter
from crowdeval.adapters.density_map import MapReading, local_maxima
from crowdeval.errors import MissingFileError, PredictorError, UsageError

NOTHING = np.empty((0, 0, 3), dtype=np.uint8)


@pytest.fixture
def folder(tmp_path):
    """The map of an image of 40 x 20 pixels, at a quarter of its resolution, with people at cells (1, 2) and (3, 8)."""
    cells = np.zeros((5, 10))
    cells[1, 2], cells[1, 3], cells[3, 8] = 0.7, 0.3, 1.0
    np.save(tmp_path / "a.npy", cells)
    return tmp_path


@pytest.fixture
def image(folder):
    path = folder / "a.png"
    Pillow.new("RGB", (40, 20)).save(path)
    return Image(id="a", pixels=NOTHING, path=path)


def test_without_a_threshold_there_is_a_count_and_no_points(folder, image):
    [answer] = answers(load_adapter("density", [f"folder={folder}"]), [image])
    assert answer.count == pytest.approx(2.0)
    assert answer.xy is None


def test_local_maxima_above_the_threshold_are_points_in_pixels_of_the_image(folder, image):
    [answer] = answers(load_adapter("density", [f"folder={folder}", "threshold=0.1"]), [image])
    assert answer.xy.tolist() == [[10.0, 6.0], [34.0, 14.0]]
    assert answer.score.tolist() == [0.7, 1.0]
    assert answer.count == pytest.approx(2.0)


def test_a_maximum_has_to_exceed_the_threshold(folder, image):
    [answer] = answers(load_adapter("density", [f"folder={folder}", "threshold=0.7"]), [image])
    assert answer.xy.tolist() == [[34.0, 14.0]]


def test_the_size_of_a_cell_can_be_given_where_the_image_is_not_there(folder):
    [answer] = answers(
        load_adapter("density", [f"folder={folder}", "threshold=0.1", "stride=8"]), [Image(id="a", pixels=NOTHING)]
    )
    assert answer.xy.tolist() == [[20.0, 12.0], [68.0, 28.0]]


def test_without_image_and_stride_an_error_requests_the_size(folder):
    with pytest.raises(PredictorError, match=r"the size of image 'a' isn't known.*-o stride="):
        answers(load_adapter("density", [f"folder={folder}", "threshold=0.1"]), [Image(id="a", pixels=NOTHING)])


def test_maps_times_100_are_brought_back_to_persons(folder, image):
    np.save(folder / "a.npy", np.load(folder / "a.npy") * 100)
    options = [f"folder={folder}", "threshold=0.1", "per_person=100"]
    [answer] = answers(load_adapter("density", options), [image])
    assert answer.count == pytest.approx(2.0)
    assert answer.score.tolist() == pytest.approx([0.7, 1.0])


def test_cells_of_equal_value_that_touch_are_one_point():
    cells = np.zeros((6, 6))
    cells[1:3, 1:3] = 0.5
    place, value = local_maxima(cells, 0.1, 3)
    assert place.tolist() == [[1.5, 1.5]]
    assert value.tolist() == [0.5]


def test_a_larger_window_finds_fewer_maxima():
    cells = np.array([[0.9, 0.0, 0.5, 0.0, 0.0]])
    assert len(local_maxima(cells, 0.1, 3)[0]) == 2
    assert len(local_maxima(cells, 0.1, 5)[0]) == 1


def test_a_transposed_map_is_named_and_a_map_of_another_resolution_is_not(folder, image):
    adapter = load_adapter("density", [f"folder={folder}", "threshold=0.1"])
    for shape in ((5, 10), (6, 10), (20, 40), (3, 5)):
        np.save(folder / "a.npy", np.zeros(shape))
        assert answers(adapter, [image])[0].count == 0
    np.save(folder / "a.npy", np.zeros((10, 5)))
    with pytest.raises(PredictorError, match="5 x 10 cells for an image of 40 x 20 pixels: the map is transposed"):
        answers(adapter, [image])


def test_an_empty_map_has_no_points_and_the_count_0():
    answer = MapReading(threshold=0.1).answer(np.zeros((3, 4)), 8, 6)
    assert answer["count"] == 0
    assert answer["points"].shape == (0, 2)


def test_a_sum_below_zero_is_the_count_0():
    assert MapReading().answer(np.full((2, 2), -0.1), 2, 2) == {"count": 0.0}


def test_a_map_of_one_column_keeps_its_shape(folder, image):
    np.save(folder / "a.npy", np.array([[0.0], [1.0], [0.0], [0.0]]))
    [answer] = answers(load_adapter("density", [f"folder={folder}", "threshold=0.1"]), [image])
    assert answer.xy.tolist() == [[20.0, 7.5]]


def test_dimensions_of_length_1_around_a_map_are_ignored(folder, image):
    np.save(folder / "a.npy", np.load(folder / "a.npy")[None, None])
    [answer] = answers(load_adapter("density", [f"folder={folder}"]), [image])
    assert answer.count == pytest.approx(2.0)


def test_an_npz_of_one_array_needs_no_key_and_of_two_does(folder, image):
    cells = np.load(folder / "a.npy")
    (folder / "a.npy").unlink()
    np.savez(folder / "a.npz", density=cells)
    assert answers(load_adapter("density", [f"folder={folder}"]), [image])[0].count == pytest.approx(2.0)
    np.savez(folder / "a.npz", density=cells, mask=cells > 0)
    with pytest.raises(PredictorError, match="holds the arrays 'density', 'mask'; give the name of the map: -o key="):
        answers(load_adapter("density", [f"folder={folder}"]), [image])
    keyed = load_adapter("density", [f"folder={folder}", "key=density"])
    assert answers(keyed, [image])[0].count == pytest.approx(2.0)


@pytest.mark.parametrize(
    ("cells", "words"),
    [
        (np.array([[np.nan, 1.0]]), "finite values, found 1 NaN or infinite"),
        (np.zeros((2, 3, 4)), r"shape \(h, w\), found float64 of shape \(2, 3, 4\)"),
        (np.array([["a"]]), "expected a density map"),
    ],
)
def test_a_file_that_is_no_map_is_named_and_so_is_the_image(folder, image, cells, words):
    np.save(folder / "a.npy", cells)
    with pytest.raises(PredictorError, match=rf"image 'a': .*a\.npy: .*{words}"):
        answers(load_adapter("density", [f"folder={folder}"]), [image])


def test_a_file_that_numpy_does_not_read_is_named(folder, image):
    (folder / "a.npy").write_bytes(b"no map")
    with pytest.raises(PredictorError, match=r"a\.npy can't be read as a density map"):
        answers(load_adapter("density", [f"folder={folder}"]), [image])


def test_an_image_without_a_map_is_named(folder):
    with pytest.raises(PredictorError, match=r"there is no map of image 'b': no file .*b\.npy"):
        answers(load_adapter("density", [f"folder={folder}"]), [Image(id="b", pixels=NOTHING)])


def test_a_folder_that_is_not_there_is_reported(tmp_path):
    with pytest.raises(MissingFileError, match="there is no folder"):
        load_adapter("density", [f"folder={tmp_path / 'nope'}"])


def test_a_folder_without_maps_is_reported(tmp_path):
    with pytest.raises(MissingFileError, match="holds no density maps"):
        load_adapter("density", [f"folder={tmp_path}"])


def test_the_revision_follows_the_content_of_the_maps(folder):
    before = load_adapter("density", [f"folder={folder}"]).revision
    np.save(folder / "a.npy", np.ones((5, 10)))
    assert load_adapter("density", [f"folder={folder}"]).revision != before


@pytest.mark.parametrize("option", ["window=2", "window=0", "per_person=0", "stride=-1"])
def test_options_that_are_not_valid_are_refused(folder, option):
    with pytest.raises(UsageError, match=option):
        load_adapter("density", [f"folder={folder}", option])


@pytest.mark.parametrize(
    ("form", "said"),
    [
        ("sub/{}.npy", False),
        ("DM_{}.npy", True),
        ("{}_density.npy", True),
        ("x/pred-{}-v2.npy", True),
        ("{}.mat", False),
    ],
)
def test_a_map_is_found_in_folders_and_between_words(tmp_path, form, said):
    for letter, people in (("a", 2.0), ("b", 3.0)):
        file = tmp_path / form.format(letter)
        file.parent.mkdir(exist_ok=True)
        cells = np.full((2, 5), people / 10)
        savemat(file, {"map": cells}) if file.suffix == ".mat" else np.save(file, cells)
    predictor = load_adapter("density", [f"folder={tmp_path}"])
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        found = answers(predictor, [Image(id=f"{letter}.jpg", pixels=NOTHING) for letter in "ab"])
    assert [answer.count for answer in found] == pytest.approx([2.0, 3.0])
    assert ["the maps are named" in str(each.message) for each in caught] == [True] * said


def test_a_map_of_another_image_is_not_taken(tmp_path):
    np.save(tmp_path / "IMG_1_2.npy", np.ones((2, 2)))
    predictor = load_adapter("density", [f"folder={tmp_path}"])
    with pytest.raises(PredictorError, match=r"no map of image 'IMG_1'.*did you mean 'IMG_1_2'"):
        answers(predictor, [Image(id="IMG_1", pixels=NOTHING)])
    for name in ("x_IMG_3", "IMG_3_y"):
        np.save(tmp_path / f"{name}.npy", np.ones((2, 2)))
    predictor = load_adapter("density", [f"folder={tmp_path}"])
    with pytest.raises(PredictorError, match=r"can have the maps 'IMG_3_y\.npy', 'x_IMG_3\.npy'"):
        answers(predictor, [Image(id="IMG_3", pixels=NOTHING)])


def test_a_map_of_torch_is_read(tmp_path):
    torch = pytest.importorskip("torch")
    torch.save(torch.full((1, 2, 5), 0.2, requires_grad=True), tmp_path / "a.pt")
    torch.save({"density": torch.ones(2, 2), "other": torch.ones(1)}, tmp_path / "b.pt")
    [answer] = answers(load_adapter("density", [f"folder={tmp_path}"]), [Image(id="a", pixels=NOTHING)])
    assert answer.count == pytest.approx(2.0)
    [answer] = answers(load_adapter("density", [f"folder={tmp_path}", "key=density"]), [Image(id="b", pixels=NOTHING)])
    assert answer.count == 4


def test_one_map_is_not_that_of_two_images(folder):
    images = [Image(id=name, pixels=NOTHING) for name in ("a", "sub/a")]
    with pytest.raises(PredictorError, match="would be that of the images 'a' and 'sub/a'"):
        answers(load_adapter("density", [f"folder={folder}"]), images)
