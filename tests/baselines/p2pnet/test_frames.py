"""Inputs of ``predict``: files, folders, patterns, and the frames of videos."""

import numpy as np
import pytest

pytest.importorskip("torch")

from PIL import Image

from baselines.p2pnet.frames import count_images, find_inputs, read_images
from crowdeval.errors import InputError, MissingFileError


@pytest.fixture
def folder(tmp_path):
    for name in ("b.png", "a.jpg", "c.PNG"):
        Image.new("RGB", (8, 6), (10, 20, 30)).save(tmp_path / name)
    (tmp_path / "notes.txt").write_text("no image")
    return tmp_path


@pytest.fixture
def video(tmp_path):
    """A video of ten frames of 64 x 48 pixels; frame n has the brightness 20 n."""
    av = pytest.importorskip("av")
    path = tmp_path / "crowd.mp4"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mpeg4", rate=10)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        for number in range(10):
            frame = av.VideoFrame.from_ndarray(np.full((48, 64, 3), 20 * number, dtype=np.uint8), format="rgb24")
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def names(found):
    return [path.name for path in found]


def test_a_folder_gives_its_images_by_name(folder):
    assert names(find_inputs([str(folder)])) == ["a.jpg", "b.png", "c.PNG"]


def test_a_pattern_gives_what_fits_it(folder):
    assert names(find_inputs([f"{folder}/*.png"])) == ["b.png"]


def test_a_pattern_reaches_into_folders(folder):
    (folder / "deep" / "er").mkdir(parents=True)
    Image.new("RGB", (8, 6)).save(folder / "deep" / "er" / "d.png")
    assert names(find_inputs([f"{folder}/**/*.png"])) == ["b.png", "d.png"]


def test_a_file_named_twice_is_one_file(folder):
    assert names(find_inputs([str(folder / "b.png"), str(folder), str(folder / "b.png")])) == [
        "b.png",
        "a.jpg",
        "c.PNG",
    ]


def test_a_name_with_brackets_is_a_file_and_no_pattern(folder):
    (folder / "b.png").rename(folder / "b[1].png")
    assert names(find_inputs([str(folder / "b[1].png")])) == ["b[1].png"]


@pytest.mark.parametrize("name", ["nope.png", "*.webp"])
def test_what_names_nothing_is_reported(folder, name):
    with pytest.raises(MissingFileError, match="no such file, folder or match"):
        find_inputs([f"{folder}/{name}"])


def test_a_folder_without_images_is_reported(folder):
    (folder / "empty").mkdir()
    with pytest.raises(MissingFileError, match="empty: the folder has no images and no videos"):
        find_inputs([str(folder / "empty")])


def test_an_image_is_called_as_its_file_without_suffix(folder):
    [(name, pixels)] = read_images([folder / "b.png"])
    assert name == "b"
    assert pixels.shape == (6, 8, 3)
    assert pixels[0, 0].tolist() == [10, 20, 30]


def test_a_grey_image_comes_as_rgb(tmp_path):
    Image.new("L", (8, 6), 77).save(tmp_path / "grey.png")
    [(_, pixels)] = read_images([tmp_path / "grey.png"])
    assert pixels.shape == (6, 8, 3)
    assert pixels.min() == pixels.max() == 77


@pytest.mark.parametrize("content", [b"", b"no image at all", b"\x89PNG\r\n\x1a\n"])
def test_an_image_that_is_none_is_named(tmp_path, content):
    (tmp_path / "a.png").write_bytes(content)
    with pytest.raises(InputError, match=r"a\.png is not an image that can be read"):
        list(read_images([tmp_path / "a.png"]))


def test_a_truncated_image_is_named(tmp_path):
    Image.fromarray(np.random.default_rng(0).integers(0, 255, (64, 64, 3), dtype=np.uint8)).save(tmp_path / "a.jpg")
    (tmp_path / "a.jpg").write_bytes((tmp_path / "a.jpg").read_bytes()[:1500])
    with pytest.raises(InputError, match=r"a\.jpg: the image is damaged: image file is truncated"):
        list(read_images([tmp_path / "a.jpg"]))


def test_a_video_gives_its_frames_with_their_numbers(video):
    found = list(read_images([video]))
    assert [name for name, _ in found] == [f"crowd_{number:06d}" for number in range(10)]
    assert {pixels.shape for _, pixels in found} == {(48, 64, 3)}
    assert [int(pixels.mean()) for _, pixels in found] == pytest.approx([20 * number for number in range(10)], abs=4)


def test_of_a_video_every_nth_frame_can_be_had(video):
    assert [name for name, _ in read_images([video], every=4)] == ["crowd_000000", "crowd_000004", "crowd_000008"]


def test_a_damaged_video_is_named(tmp_path):
    pytest.importorskip("av")
    (tmp_path / "a.mp4").write_bytes(b"no video at all" * 100)
    with pytest.raises(InputError, match=r"a\.mp4: the video is damaged"):
        list(read_images([tmp_path / "a.mp4"]))


def test_a_video_without_pictures_is_named(tmp_path):
    av = pytest.importorskip("av")
    path = tmp_path / "sound.mp4"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("aac", rate=8000)
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 1024), dtype=np.float32), format="fltp", layout="mono")
        frame.sample_rate = 8000
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    with pytest.raises(InputError, match=r"sound\.mp4: the file has no video stream"):
        list(read_images([path]))


def test_the_number_of_images_is_known_unless_there_is_a_video(folder, tmp_path):
    assert count_images(find_inputs([str(folder)])) == 3
    assert count_images([tmp_path / "a.png", tmp_path / "b.mp4"]) is None
