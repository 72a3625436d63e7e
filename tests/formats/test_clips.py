"""A frame of a video is the same, whether it is reached one frame after the other or from a key frame."""

import random
import struct
import sys
import warnings

import numpy as np
import pytest
from toy_clips import HEIGHT, WIDTH, encoder_or_skip, number_in, write_clip

from crowdeval.datasets import open_images
from crowdeval.errors import FormatError, MissingFileError, UsageError
from crowdeval.formats.clips import ClipReader, clip_of

av = pytest.importorskip("av")

KINDS = [
    ("clip.mp4", "libx264", {}),
    ("open.mp4", "libx264", {"x264-params": "open-gop=1:keyint=12:scenecut=0:bframes=3"}),
    ("refresh.mkv", "libx264", {"x264-params": "intra-refresh=1:keyint=12"}),
    ("clip.mov", "libx264", {}),
    ("clip.ts", "libx264", {}),
    ("clip.h264", "libx264", {}),
    ("clip.mp4", "mpeg4", {}),
    ("clip.avi", "mpeg4", {}),
    ("clip.m4v", "mpeg4", {}),
    ("clip.mpg", "mpeg2video", {}),
    ("clip.webm", "libvpx-vp9", {}),
    ("clip.mjpeg", "mjpeg", {}),
    ("clip.avi", "mjpeg", {}),
    ("unknown", "mpeg4", {}),
]


@pytest.mark.parametrize(("name", "codec", "options"), KINDS)
def test_a_frame_is_the_same_in_any_order_of_reading(tmp_path, name, codec, options):
    path = write_clip(tmp_path / name, codec, frames=75, options=options)
    clip = clip_of(path)
    assert (clip.width, clip.height, len(clip.stamps), clip.ending) == (WIDTH, HEIGHT, 75, "")
    one_by_one = ClipReader(clip)
    frames = [one_by_one.frame(number) for number in range(75)]
    assert [number_in(pixels) for pixels in frames] == list(range(75))
    order = random.Random(4).sample(range(75), 75)
    anywhere = ClipReader(clip)
    assert all(np.array_equal(anywhere.frame(number), frames[number]) for number in order)
    assert all(np.array_equal(ClipReader(clip).frame(number), frames[number]) for number in order[:20])


def test_the_clips_of_the_tests_have_frames_that_are_shown_in_another_order_than_stored(tmp_path):
    with av.open(str(write_clip(tmp_path / "a.mp4", encoder_or_skip("libx264"), frames=75))) as container:
        stamps = [packet.pts for packet in container.demux(video=0) if packet.size]
    assert stamps != sorted(stamps)


def test_a_search_skips_what_lies_between_distant_frames(tmp_path):
    clip = clip_of(write_clip(tmp_path / "a.mkv", "mpeg4", frames=400))
    one_by_one, distant = ClipReader(clip), ClipReader(clip)
    frames = [one_by_one.frame(number) for number in range(400)]
    assert all(np.array_equal(distant.frame(number), frames[number]) for number in range(0, 400, 130))


def test_ids_are_numbers_in_the_order_of_showing_and_sizes_are_known(tmp_path):
    path = write_clip(tmp_path / "walk.mp4", "mpeg4", frames=20)
    split = open_images(str(path))
    assert (split.name, split.annotations.image_ids[:2]) == ("video", ("walk/000000", "walk/000001"))
    assert np.array_equal(split.annotations.sizes, [[WIDTH, HEIGHT]] * 20)
    assert split.annotations.counts.sum() == 0
    every = open_images(str(path), every=7).annotations.image_ids
    assert every == ("walk/000000", "walk/000007", "walk/000014")


def test_a_step_for_what_is_no_video_is_refused(tmp_path):
    with pytest.raises(UsageError, match="a step is for the frames of a video"):
        open_images(str(tmp_path), every=2)
    with pytest.raises(UsageError, match="at least 1 frame"):
        open_images(str(write_clip(tmp_path / "a.mp4", "mpeg4", frames=3)), every=0)


def test_a_rotation_is_said_and_not_applied(tmp_path):
    path = write_clip(tmp_path / "a.mp4", "mpeg4", frames=10)
    plain = ClipReader(clip_of(path)).frame(3)
    data = bytearray(path.read_bytes())
    matrix = data.find(b"tkhd") + 44
    data[matrix : matrix + 36] = struct.pack(">9i", 0, 1 << 16, 0, -(1 << 16), 0, 0, 0, 0, 1 << 30)
    path.write_bytes(data)
    split = open_images(str(path))
    assert split.notes == ("a.mp4 is shown turned by -90 degrees; its frames, and the points, are as stored",)
    assert np.array_equal(ClipReader(split.clip).frame(3), plain)


def sound(path):
    with av.open(str(path), "w") as container:
        stream = container.add_stream("aac", rate=44100)
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), format="fltp", layout="mono")
        frame.rate = 44100
        for packet in [*stream.encode(frame), *stream.encode()]:
            container.mux(packet)


@pytest.mark.parametrize(("make", "words"), [
    (lambda path: path.touch(), "expected a video, found an empty file"),
    (lambda path: path.write_text("text " * 500), r"expected a video, found what PyAV can't open"),
    (sound, "found a file without a video stream"),
    (lambda path: path.write_bytes(write_clip(path, "mpeg4", frames=40).read_bytes()[:3000]), "PyAV can't open"),
])  # fmt: skip
def test_what_is_no_video_is_one_clear_error(tmp_path, make, words):
    make(tmp_path / "a.mp4")
    with pytest.raises(FormatError, match=words) as error:
        open_images(str(tmp_path / "a.mp4"))
    assert "\n" not in str(error.value)


def test_a_video_that_is_not_there_and_a_package_that_is_not_there(tmp_path, monkeypatch):
    with pytest.raises(MissingFileError, match=r"there is no file .*a\.mp4"):
        open_images(str(tmp_path / "a.mp4"))
    path = write_clip(tmp_path / "a.mp4", "mpeg4", frames=3)
    monkeypatch.setitem(sys.modules, "av", None)
    with pytest.raises(MissingFileError, match="pip install av"):
        open_images(str(path))


def test_a_clip_that_was_cut_off_has_the_frames_that_are_left(tmp_path):
    path = write_clip(tmp_path / "a.mkv", "mpeg4", frames=75)
    data = path.read_bytes()
    path.write_bytes(data[: len(data) // 2])
    clip = clip_of(path)
    reader, seen, failed = ClipReader(clip), [], 0
    for number in range(len(clip.stamps)):
        try:
            seen.append((number, number_in(reader.frame(number))))
        except FormatError:
            failed += 1
    assert 20 < len(seen) < 60
    assert failed <= 2
    assert all(number == found for number, found in seen)


def test_damaged_frames_fail_one_by_one(tmp_path):
    path = write_clip(tmp_path / "a.mkv", "mjpeg", frames=60)
    data = bytearray(path.read_bytes())
    starts = [at for at in range(len(data) - 3) if data[at : at + 3] == b"\xff\xd8\xff"]
    for frame in (20, 21):
        data[starts[frame] : starts[frame + 1] - 40] = bytes(starts[frame + 1] - 40 - starts[frame])
    path.write_bytes(data)
    clip = clip_of(path)
    reader, failed = ClipReader(clip), []
    for number in range(len(clip.stamps)):
        try:
            assert number_in(reader.frame(number)) == number
        except FormatError as problem:
            failed.append((number, f"expected frame {number} of" in str(problem)))
    assert failed == [(20, True), (21, True)]


def test_reading_a_clip_warns_of_nothing_and_prints_nothing(tmp_path, capfd):
    path = write_clip(tmp_path / "a.mp4", "mpeg4", frames=30)
    capfd.readouterr()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        ClipReader(clip_of(path)).frame(29)
    assert capfd.readouterr() == ("", "")
