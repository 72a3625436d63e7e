"""Sources of images with true points, and errors for bad lists, labels and images."""

import json

import pytest

pytest.importorskip("torch")

import numpy as np
from PIL import Image

from baselines.p2pnet.samples import Sample, Samples, fingerprint_of, image_size, read_pixels, samples, set_aside
from crowdeval.errors import CrowdevalError, FormatError, InputError, MissingFileError, UsageError


@pytest.fixture
def folder(tmp_path):
    """A folder with a list of two images; the second image has no heads."""
    (tmp_path / "images").mkdir()
    for name, size in (("a.png", (40, 30)), ("b.png", (20, 10))):
        Image.new("RGB", size).save(tmp_path / "images" / name)
    (tmp_path / "a.txt").write_text("1.5 2.5\n\n  30 20.25  \n")
    (tmp_path / "b.txt").write_text("")
    (tmp_path / "train.list").write_text("images/a.png a.txt\n\nimages/b.png b.txt\n")
    return tmp_path


def test_a_list_file_names_images_and_labels(folder):
    read = samples(str(folder / "train.list"))
    assert [each.id for each in read] == ["images/a", "images/b"]
    assert [each.path for each in read] == [folder / "images" / "a.png", folder / "images" / "b.png"]
    assert read[0].points.tolist() == [[1.5, 2.5], [30.0, 20.25]]


def test_an_empty_label_file_is_an_image_without_heads(folder):
    assert samples(str(folder / "train.list"))[1].points.shape == (0, 2)


def test_a_lists_names_are_relative_to_the_root_where_one_is_given(folder, tmp_path_factory):
    elsewhere = tmp_path_factory.mktemp("lists") / "any name"
    elsewhere.write_text("images/a.png a.txt\n")
    assert samples(str(elsewhere), root=folder)[0].points.tolist() == [[1.5, 2.5], [30.0, 20.25]]


def test_labels_are_separated_by_any_blanks(folder):
    (folder / "a.txt").write_text("1.5\t2.5\n3    4e1\n")
    assert samples(str(folder / "train.list"))[0].points.tolist() == [[1.5, 2.5], [3.0, 40.0]]


@pytest.mark.parametrize("line", ["images/a.png", "images/a.png a.txt 3"])
def test_a_bad_line_of_a_list_is_named_with_file_and_line(folder, line):
    (folder / "train.list").write_text(f"images/b.png b.txt\n{line}\n")
    with pytest.raises(InputError) as caught:
        samples(str(folder / "train.list"))
    assert str(caught.value).startswith(f'{folder / "train.list"}, line 2: expected "image label", found ')
    assert line in str(caught.value)


@pytest.mark.parametrize("line", ["1.5", "1 2 3", "x y", "1,5 2,5"])
def test_a_bad_line_of_a_label_file_is_named_with_file_and_line(folder, line):
    (folder / "a.txt").write_text(f"1 2\n\n{line}\n")
    with pytest.raises(FormatError) as caught:
        samples(str(folder / "train.list"))
    assert str(caught.value).startswith(f"{folder / 'a.txt'}: line 3: expected ")
    assert "(x y), found" in str(caught.value)


@pytest.mark.parametrize("line", ["nan 1", "1 inf"])
def test_a_label_that_is_not_finite_is_named_with_file_and_line(folder, line):
    (folder / "a.txt").write_text(f"{line}\n")
    with pytest.raises(FormatError, match=r"a\.txt: line 1: expected finite numbers \(x y\), found"):
        samples(str(folder / "train.list"))


def test_a_missing_image_is_named_with_the_lists_line(folder):
    (folder / "train.list").write_text("images/b.png b.txt\nimages/c.png a.txt\n")
    with pytest.raises(MissingFileError) as caught:
        samples(str(folder / "train.list"))
    assert str(caught.value) == f"{folder / 'train.list'}, line 2: {folder / 'images' / 'c.png'}: no such image"


def test_a_missing_label_file_is_named(folder):
    (folder / "a.txt").unlink()
    with pytest.raises(MissingFileError, match=r"no file .*a\.txt"):
        samples(str(folder / "train.list"))


def test_a_list_that_is_no_text_is_refused(folder):
    (folder / "train.list").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(FormatError, match=r"train\.list: expected UTF-8 text, found the byte 0xff"):
        samples(str(folder / "train.list"))


def test_a_source_that_is_nothing_is_refused_with_what_there_could_be(tmp_path):
    with pytest.raises(MissingFileError, match=r"NAME:SPLIT"):
        samples(str(tmp_path / "none.list"))


@pytest.fixture
def annotated(folder):
    """The path of an annotations file for the same images."""
    images = [{"id": 1, "file_name": "a.png", "width": 40, "height": 30}]
    heads = [{"id": 1, "image_id": 1, "keypoints": [5, 6, 2], "category_id": 1}]
    categories = [{"id": 1, "name": "person", "keypoints": ["head"]}]
    (folder / "coco.json").write_text(json.dumps({"images": images, "annotations": heads, "categories": categories}))
    (folder / "native.csv").write_text("image_id,x,y\na,1.5,2.5\na,30,20\nb.png,3,4\n")
    return folder


def test_an_annotations_file_and_a_folder_are_a_source(annotated):
    read = samples(f"{annotated / 'native.csv'},{annotated / 'images'}")
    assert [(each.id, each.path.name) for each in read] == [("a", "a.png"), ("b.png", "b.png")]
    assert [each.points.tolist() for each in read] == [[[1.5, 2.5], [30.0, 20.0]], [[3.0, 4.0]]]


def test_an_image_that_the_folder_does_not_have_is_named(annotated):
    (annotated / "native.csv").write_text("image_id,x,y\na,1,2\nzebra,3,4\n")
    with pytest.raises(MissingFileError, match="no image files for 'zebra'"):
        samples(f"{annotated / 'native.csv'},{annotated / 'images'}")


def test_a_folder_that_is_not_there_is_named(annotated):
    with pytest.raises(MissingFileError, match="no such folder of images"):
        samples(f"{annotated / 'native.csv'},{annotated / 'pictures'}")


def test_a_sources_annotations_are_what_crowdeval_scores(folder):
    true = samples(str(folder / "train.list")).annotations()
    assert true.image_ids == ("images/a", "images/b")
    assert true.offsets.tolist() == [0, 2, 2]
    assert true.xy.tolist() == [[1.5, 2.5], [30.0, 20.25]]
    assert true.sizes.tolist() == [[40, 30], [20, 10]]


def many(number):
    return Samples("a list", tuple(Sample(str(i), None, np.full((i, 2), float(i))) for i in range(number)))


def test_halves_are_disjoint_and_together_the_whole():
    rest, aside = set_aside(many(20), 0.1, seed=3)
    assert (len(rest), len(aside)) == (18, 2)
    assert sorted(int(each.id) for each in [*rest, *aside]) == list(range(20))
    assert aside.source == "2 of the 20 images of a list, seed 3"


def test_halves_depend_on_the_seed_alone():
    chosen = [[each.id for each in set_aside(many(50), 0.1, seed=seed)[1]] for seed in (3, 3, 4)]
    assert chosen[0] == chosen[1] != chosen[2]


def test_at_least_one_image_is_set_aside_and_one_is_left():
    assert [len(each) for each in set_aside(many(5), 0.0, seed=0)] == [4, 1]
    with pytest.raises(UsageError, match=r"1 images are too few .*; give --validation$"):
        set_aside(many(1), 0.1, seed=0)


def test_a_fingerprint_follows_points_and_ids_and_not_the_order():
    source = many(4)
    turned = Samples("another", source.items[::-1])
    moved = Samples("a list", (*source.items[:3], Sample("3", None, np.full((3, 2), 3.5))))
    assert fingerprint_of(source) == fingerprint_of(turned)
    assert fingerprint_of(source) != fingerprint_of(moved)


def test_grey_images_become_rgb(tmp_path):
    grey = np.arange(12, dtype=np.uint8).reshape(3, 4)
    Image.fromarray(grey).save(tmp_path / "grey.png")
    assert np.array_equal(read_pixels(tmp_path / "grey.png"), np.stack([grey] * 3, axis=2))


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGBA", "CMYK"])
def test_images_of_any_mode_are_three_channels_of_bytes(tmp_path, mode):
    path = tmp_path / ("image.tif" if mode == "CMYK" else "image.png")
    Image.new("RGB", (7, 5), (255, 255, 255)).convert(mode).save(path)
    pixels = read_pixels(path)
    assert (pixels.shape, pixels.dtype) == ((5, 7, 3), np.uint8)
    assert (pixels == 255).all()


def test_an_images_size_is_its_width_and_height(tmp_path):
    Image.new("L", (7, 5)).save(tmp_path / "image.png")
    assert image_size(tmp_path / "image.png") == (7, 5)


@pytest.mark.parametrize("read", [read_pixels, image_size])
def test_a_file_that_is_no_image_is_named(tmp_path, read):
    path = tmp_path / "image.jpg"
    path.write_text("no image")
    with pytest.raises(InputError) as caught:
        read(path)
    assert str(caught.value).startswith(f"{path} is not an image that can be read: ")


@pytest.mark.parametrize("suffix", [".jpg", ".png"])
def test_a_truncated_image_is_named(tmp_path, suffix):
    path = tmp_path / f"image{suffix}"
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)).save(path)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(InputError) as caught:
        read_pixels(path)
    assert str(caught.value).startswith(f"{path}: the image is damaged: ")


def test_an_image_that_is_not_there_is_missing(tmp_path):
    with pytest.raises(MissingFileError, match="no such image"):
        read_pixels(tmp_path / "image.png")


def test_a_folder_is_no_image(tmp_path):
    with pytest.raises(CrowdevalError, match="is not an image that can be read"):
        read_pixels(tmp_path)


def test_a_dataset_is_a_source_with_its_images(data_folder):
    read = samples("shanghaitech-a:test", root=data_folder / "ShanghaiTech")
    assert len(read) == 182
    assert all(each.path.is_file() for each in read)
    assert sum(len(each.points) for each in read) == 78_862


def test_two_images_that_differ_in_their_suffix_have_two_ids(folder):
    Image.new("RGB", (8, 8)).save(folder / "images" / "a.jpg")
    (folder / "train.list").write_text("images/a.png a.txt\nimages/a.jpg b.txt\n")
    assert [each.id for each in samples(str(folder / "train.list"))] == ["images/a.png", "images/a.jpg"]


def test_an_image_listed_twice_is_refused_with_its_line(folder):
    (folder / "train.list").write_text("images/a.png a.txt\nimages/a.png b.txt\n")
    with pytest.raises(InputError, match=r"train\.list, line 2: the image images/a\.png is listed a second time"):
        samples(str(folder / "train.list"))


def test_sixteen_bit_grey_keeps_its_range(tmp_path):
    Image.fromarray(np.arange(64, dtype=np.uint16).reshape(8, 8) * 1000).save(tmp_path / "g.png")
    assert len(np.unique(read_pixels(tmp_path / "g.png"))) > 60


def test_two_images_of_an_annotations_file_are_never_one_file(tmp_path):
    Image.new("RGB", (20, 20)).save(tmp_path / "1.jpg")
    images = [{"id": name, "points": []} for name in ("a/1", "b/1")]
    (tmp_path / "t.json").write_text(json.dumps({"format": "crowdeval/annotations@1", "images": images}))
    with pytest.raises(
        InputError, match=r"the images 'a/1' and 'b/1' have the same file, 1.jpg; expected a file for each"
    ):
        samples(f"{tmp_path / 't.json'},{tmp_path}")


def test_an_image_that_may_be_two_files_is_refused(tmp_path):
    for name in ("1.jpg", "1.png"):
        Image.new("RGB", (20, 20)).save(tmp_path / name)
    content = {"format": "crowdeval/annotations@1", "images": [{"id": "1", "points": []}]}
    (tmp_path / "t.json").write_text(json.dumps(content))
    with pytest.raises(InputError, match=r"expected one file for the image '1', found '1.jpg', '1.png'"):
        samples(f"{tmp_path / 't.json'},{tmp_path}")


def test_a_list_takes_names_with_blanks_and_a_mark_of_utf8(tmp_path):
    for name in ("in the park.png", "b.png"):
        Image.new("RGB", (20, 20)).save(tmp_path / name)
    (tmp_path / "in the park.txt").write_text("1 2\n")
    (tmp_path / "b.txt").write_text("\ufeff3 4\n", encoding="utf-8")
    (tmp_path / "list.txt").write_text("\ufeffin the park.png in the park.txt\nb.png b.txt\n", encoding="utf-8")
    found = samples(str(tmp_path / "list.txt"))
    assert [(each.id, each.points.tolist()) for each in found] == [("in the park", [[1, 2]]), ("b", [[3, 4]])]
