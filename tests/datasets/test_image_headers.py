import numpy as np
import pytest

from crowdeval.datasets import open_dataset
from crowdeval.formats.image_headers import is_truncated_jpeg, read_headers
from crowdeval.points.labels import natural_key


def test_sizes_are_those_of_the_stored_pixels(layouts):
    plain = layouts.image(layouts.folder / "a.jpg", (64, 48))
    turned = layouts.image(layouts.folder / "b.jpg", (64, 48), orientation=6)
    upright = layouts.image(layouts.folder / "c.jpg", (64, 48), orientation=1)
    headers = read_headers([plain, turned, upright])
    assert headers.sizes.tolist() == [[64, 48]] * 3
    assert headers.turned == (1,)


def test_turned_images_are_a_note_and_have_a_mark(layouts):
    home = layouts.shanghaitech()
    layouts.image(home / "test_data" / "images" / "IMG_2.jpg", orientation=8)
    split = open_dataset("shanghaitech-a:test", root=home, cache=False)
    assert any("images with an EXIF orientation other than 1 (1, " in note for note in split.notes)
    assert split.annotations.attributes["exif_turned"].tolist() == [False, True, False]


@pytest.mark.parametrize("suffix", [".png", ".bmp", ".webp", ".tif"])
def test_other_image_formats_are_read_too(layouts, suffix):
    path = layouts.image(layouts.folder / f"a{suffix}", (33, 22))
    assert read_headers([path]).sizes.tolist() == [[33, 22]]


def test_an_image_is_recognised_by_its_content_and_not_by_its_suffix(layouts):
    path = layouts.image(layouts.folder / "a.png", (33, 22)).rename(layouts.folder / "a.jpg")
    assert read_headers([path]).sizes.tolist() == [[33, 22]]


def test_an_image_of_half_a_gigapixel_is_read(layouts):
    path = layouts.image(layouts.folder / "a.jpg")
    data = path.read_bytes()
    at = data.index(b"\xff\xc0") + 5
    path.write_bytes(data[:at] + (28448).to_bytes(2) + (19044).to_bytes(2) + data[at + 4 :])
    assert read_headers([path]).sizes.tolist() == [[19044, 28448]]


@pytest.mark.parametrize("content", [b"", b"no image", b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n"])
def test_an_unreadable_image_has_no_size_and_is_named(layouts, content):
    path = layouts.text(layouts.folder / "a.jpg", "")
    path.write_bytes(content)
    headers = read_headers([path, layouts.folder / "absent.jpg", None])
    assert np.isnan(headers.sizes).all()
    assert list(headers.unreadable) == [0]
    assert headers.unreadable[0].startswith("a.jpg: ")


def test_a_truncated_jpeg_is_recognised(layouts):
    path = layouts.image(layouts.folder / "a.jpg")
    assert not is_truncated_jpeg(path)
    path.write_bytes(path.read_bytes()[:-40])
    assert is_truncated_jpeg(path)


def test_numbers_inside_names_are_sorted_by_value():
    names = ["IMG_10", "IMG_2", "img_3", "a", "10", "9", "x" + "9" * 5000]
    assert sorted(names, key=natural_key) == ["9", "10", "a", "IMG_2", "img_3", "IMG_10", "x" + "9" * 5000]
