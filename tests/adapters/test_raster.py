"""Images are read in windows, of many bands, and of more than 8 bits a channel, alike by whichever reader."""

import subprocess
import sys
import warnings

import numpy as np
import pytest
from PIL import Image as Pillow
from PIL import TiffImagePlugin

from crowdeval.adapters import Image
from crowdeval.adapters.command import Command
from crowdeval.adapters.density import Density
from crowdeval.adapters.frames import Frames, predict_in_frames
from crowdeval.adapters.raster import LargeImage
from crowdeval.datasets import open_images
from crowdeval.errors import CrowdevalWarning, FormatError, PredictorError
from crowdeval.runs.images import Pixels

rasterio = pytest.importorskip("rasterio")


def write(path, bands, **options):
    """Write bands (bands, H, W) with GDAL; a driver may be named."""
    number, height, width = bands.shape
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", rasterio.errors.NotGeoreferencedWarning)
        options = {"driver": "GTiff", **options}
        with rasterio.open(path, "w", height=height, width=width, count=number, dtype=bands.dtype, **options) as target:
            target.write(bands)
    return path


def noise(bands, height=150, width=200, *, top=256, dtype="uint8"):
    return np.random.default_rng(3).integers(0, top, (bands, height, width)).astype(dtype)


def opened(path, most=10**9, *, tile=None, **frames):
    """Return the only image of a folder, as a run gets it, and what is said of it."""
    split = open_images(str(path.parent))
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        image = Pixels(split, most, wanted=True, frames=Frames(tile=tile, overlap=8, **frames)).image(0)
    return image, [str(warning.message) for warning in caught if warning.category is CrowdevalWarning]


class Seen:
    """Predicts nothing, and puts the tiles that it sees back to one image."""

    name, revision, batch_size = "seen", "1", 3

    def __init__(self, shape):
        self.whole = np.zeros((*shape[:2], 3), dtype=np.uint8)
        self.tiles = []

    def predict(self, images):
        for image in images:
            left, top, right, bottom = image.window
            self.whole[top:bottom, left:right] = image.pixels
            self.tiles.append(image.pixels.shape)
        return [np.empty((0, 2)) for _ in images]


def tiff_of_mode(path, mode):
    """Write a TIFF with Pillow, in strips of a few rows."""
    TiffImagePlugin.STRIP_SIZE, before = 512, TiffImagePlugin.STRIP_SIZE
    picture = Pillow.fromarray(np.moveaxis(noise(3), 0, 2))
    try:
        picture.convert("L" if mode == "white-is-zero" else mode).save(path, tiffinfo={262: 0} if "-" in mode else {})
    finally:
        TiffImagePlugin.STRIP_SIZE = before


FILES = {
    "tiled": lambda path: write(path, noise(3), tiled=True, blockxsize=32, blockysize=16),
    "striped and compressed": lambda path: write(path, noise(3), compress="deflate", blockysize=7),
    "one after the other band": lambda path: write(path, noise(3), interleave="band"),
    "big TIFF": lambda path: write(path, noise(3), BIGTIFF="YES", tiled=True, blockxsize=64, blockysize=64),
    "grey": lambda path: write(path, noise(1)),
    "grey and alpha": lambda path: write(path, noise(2), alpha="yes"),
    "alpha": lambda path: write(path, noise(4), photometric="RGB", alpha="yes"),
    "grey of 12 bits": lambda path: write(path, noise(1, top=4096, dtype="uint16")),
    "signed grey": lambda path: write(path, noise(1, dtype="int16") - np.int16(70)),
    "floating point": lambda path: write(path, np.float32(noise(1)) / np.float32(300)),
    "RGB of 12 bits": lambda path: write(path, noise(3, top=4096, dtype="uint16"), photometric="RGB"),
    "five bands": lambda path: write(path, noise(5)),
    "four bands of 16 bits": lambda path: write(path, noise(4, top=70, dtype="uint16"), blockysize=9),
    "one bit": lambda path: write(path, noise(1, top=2), nbits=1, blockysize=9),
    "P": lambda path: tiff_of_mode(path, "P"),
    "CMYK": lambda path: tiff_of_mode(path, "CMYK"),
    "white is zero": lambda path: tiff_of_mode(path, "white-is-zero"),
}


@pytest.mark.parametrize("name", FILES)
def test_tiles_of_a_large_image_are_those_of_the_whole_bit_for_bit(tmp_path, name):
    FILES[name](tmp_path / "a.tif")
    whole, said = opened(tmp_path / "a.tif")
    large, said_too = opened(tmp_path / "a.tif", 20_000, tile=64)
    assert isinstance(large, LargeImage)
    assert said == said_too
    seen = Seen(whole.pixels.shape)
    predict_in_frames(seen, [large], Frames(tile=64, overlap=8))
    assert np.array_equal(seen.whole, whole.pixels)
    assert max(max(shape[:2]) for shape in seen.tiles) <= 64
    assert whole.pixels.max() > (60 if "four" in name else 200)


def test_a_png_of_16_bits_is_read_in_parts_by_the_range_of_the_whole(tmp_path):
    bands = noise(3, 1100, 1300, top=1000, dtype="uint16")
    bands[:, -1, -1] = 4095
    large, said = opened(write(tmp_path / "a.png", bands, driver="PNG"), 1_200_000, tile=512)
    assert "scaled by the range they use" in said[0]
    seen = Seen((1100, 1300))
    predict_in_frames(seen, [large], Frames(tile=512, overlap=8))
    assert np.array_equal(seen.whole, np.moveaxis(bands >> 4, 0, 2))


@pytest.mark.parametrize(("suffix", "options"), [
    (".jp2", {"driver": "JP2OpenJPEG", "QUALITY": "100", "REVERSIBLE": "YES"}), (".png", {"driver": "PNG"}),
])  # fmt: skip
def test_other_formats_are_read_in_parts_too(tmp_path, suffix, options):
    bands = noise(3, 1100, 1300)
    path = write(tmp_path / f"a{suffix}", bands, **options)
    large, _ = opened(path, 1_200_000, tile=512)
    seen = Seen((1100, 1300))
    predict_in_frames(seen, [large], Frames(tile=512, overlap=8))
    assert np.array_equal(seen.whole, np.moveaxis(bands, 0, 2))


def test_points_of_a_large_image_are_those_of_the_whole_in_their_order_with_its_mirror_image(tmp_path):
    class Bright:
        name, revision, batch_size = "bright", "1", 5

        def predict(self, images):
            found = [np.nonzero(image.pixels[..., 0] > 250)[::-1] for image in images]
            return [np.column_stack([*each, np.full(len(each[0]), 0.5)]) for each in found]

    write(tmp_path / "a.tif", noise(3))
    frames = Frames(tile=64, overlap=8, merge=0.1, flip=True)
    whole, _ = opened(tmp_path / "a.tif")
    large, _ = opened(tmp_path / "a.tif", 64 * 64, tile=64)
    [a], [b] = (predict_in_frames(Bright(), [image], frames) for image in (whole, large))
    assert np.array_equal(a.xy, b.xy)
    assert np.array_equal(a.score, b.score)
    assert len(a.xy) > 300


def test_a_tile_keeps_the_file_and_a_window_and_a_changed_view_does_not(tmp_path):
    write(tmp_path / "a.tif", noise(5))
    whole, _ = opened(tmp_path / "a.tif")
    views = []

    class Views:
        name, revision = "views", "1"

        def predict(self, images):
            views.extend(images)
            return [np.empty((0, 2)) for _ in images]

    predict_in_frames(Views(), [whole], Frames(tile=128, overlap=8, flip=True))
    predict_in_frames(Views(), [whole], Frames(max_side=100))
    assert [view.path for view in views[:2]] == [whole.path, None]
    assert views[0].window == (0, 0, 108, 83)
    assert views[-1].path is None
    bands = np.moveaxis(noise(5), 0, 2)
    for view in views[::2][:4]:
        left, top, right, bottom = view.window
        assert np.array_equal(view.raw, bands[top:bottom, left:right])
        assert np.array_equal(view.pixels, view.raw[:, :, :3])
    with pytest.raises(PredictorError, match="scaled, mirrored or made in memory"):
        _ = views[1].raw


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "int16", "uint32", "int32", "float32", "float64"])
@pytest.mark.parametrize("interleave", ["pixel", "band"])
@pytest.mark.parametrize("number", [1, 2, 3, 4, 5])
def test_raw_samples_are_those_of_the_file_in_its_type(tmp_path, number, interleave, dtype):
    bands = noise(number, 20, 30, top=120, dtype=dtype)
    path = write(tmp_path / "a.tif", bands, interleave=interleave)
    image, _ = opened(path)
    assert image.raw.dtype == dtype
    assert np.array_equal(image.raw, bands[0] if number == 1 else np.moveaxis(bands, 0, 2))
    part = Image(id="a", pixels=image.pixels[5:9, 3:20], path=path, window=(3, 5, 20, 9)).raw
    assert np.array_equal(part, image.raw[5:9, 3:20])


@pytest.mark.parametrize("mode", ["1", "L", "P", "RGB", "RGBA", "LA", "I;16"])
def test_raw_samples_of_a_png(tmp_path, mode):
    picture = Pillow.fromarray(np.moveaxis(noise(3), 0, 2)).convert("L" if mode == "I;16" else mode)
    if mode == "I;16":
        picture = Pillow.fromarray(noise(1, top=4096, dtype="uint16")[0])
    picture.save(tmp_path / "a.png")
    image, _ = opened(tmp_path / "a.png")
    assert np.array_equal(image.raw, np.asarray(picture))
    assert image.raw.dtype == ("uint16" if mode == "I;16" else "uint8")


@pytest.mark.parametrize("window", [None, (10, 20, 40, 50)])
def test_raw_samples_of_four_inks(tmp_path, window):
    picture = Pillow.fromarray(np.moveaxis(noise(3), 0, 2)).convert("CMYK")
    picture.save(tmp_path / "a.tif")
    image, _ = opened(tmp_path / "a.tif")
    raw = Image(id="a", pixels=image.pixels, path=image.path, window=window).raw
    left, top, right, bottom = window or (0, 0, 200, 150)
    assert np.array_equal(raw, np.asarray(picture)[top:bottom, left:right])


def test_raw_of_a_jpeg_is_what_its_decoder_gives(tmp_path):
    Pillow.fromarray(np.moveaxis(noise(3), 0, 2)).save(tmp_path / "a.jpg")
    image, _ = opened(tmp_path / "a.jpg")
    assert np.array_equal(image.raw, image.pixels)
    empty = Image(id="a", pixels=np.empty((0, 0, 3), dtype=np.uint8), path=image.path, window=(1, 2, 5, 9))
    assert np.array_equal(empty.raw, image.pixels[2:9, 1:5])


def test_raw_of_a_file_that_is_none_is_one_clear_error(tmp_path):
    pixels = np.empty((0, 0, 3), dtype=np.uint8)
    (tmp_path / "a.tif").write_bytes(b"II*\0 nothing")
    for name in ("a.tif", "b.tif"):
        with pytest.raises(PredictorError, match=rf"{name}: expected an image"):
            _ = Image(id="a", pixels=pixels, path=tmp_path / name).raw


@pytest.mark.parametrize(("bands", "words"), [
    (noise(5), "has 5 bands, of which the first three are taken as red, green and blue"),
    (noise(2, dtype="uint16", top=4096), "has 2 bands, of which the first is taken as grey"),
])  # fmt: skip
def test_bands_that_are_no_colours_are_said(tmp_path, bands, words):
    image, said = opened(write(tmp_path / "a.tif", bands))
    assert any(words in text for text in said)
    assert image.pixels.shape == (150, 200, 3)
    first = bands[:3] if len(bands) > 2 else np.repeat(bands[:1] >> 4, 3, axis=0)
    assert np.array_equal(image.pixels, np.moveaxis(first, 0, 2))


@pytest.mark.parametrize("suffix", [".png", ".tif", ".jp2"])
def test_colours_of_12_bits_in_files_of_16_are_not_black(tmp_path, suffix):
    bands = noise(3, top=4096, dtype="uint16")
    options = {".png": {"driver": "PNG"}, ".tif": {"photometric": "RGB"}}
    lossless = {"driver": "JP2OpenJPEG", "QUALITY": "100", "REVERSIBLE": "YES"}
    path = write(tmp_path / f"a{suffix}", bands, **options.get(suffix, lossless))
    image, said = opened(path)
    assert said == [
        f"{path.name} has values of more than 8 bits, which are scaled by the range they use; so it is for all such "
        "images"
    ]
    assert np.array_equal(image.pixels, np.moveaxis(bands >> 4, 0, 2))
    assert np.array_equal(image.raw, np.moveaxis(bands, 0, 2))


@pytest.mark.parametrize(("options", "suffix"), [({"driver": "PNG"}, ".png"), ({"photometric": "RGB"}, ".tif")])
def test_without_rasterio_only_the_high_byte_is_read_and_that_is_said(tmp_path, monkeypatch, options, suffix):
    bands = noise(3, top=65536, dtype="uint16")
    path = write(tmp_path / f"a{suffix}", bands, **options)
    monkeypatch.setitem(sys.modules, "rasterio", None)
    image, said = opened(path)
    assert "more than 8 bits a channel, of which the highest 8 are read; pip install rasterio reads all" in said[0]
    assert np.array_equal(image.pixels, np.moveaxis(bands >> 8, 0, 2))
    with pytest.raises(PredictorError, match="pip install rasterio"):
        _ = image.raw


def test_without_rasterio_five_bands_are_one_clear_failure(tmp_path, monkeypatch):
    path = write(tmp_path / "a.tif", noise(5))
    monkeypatch.setitem(sys.modules, "rasterio", None)
    with pytest.raises(FormatError, match=r"a\.tif: expected an image, .*pip install rasterio reads it"):
        opened(path)


@pytest.mark.parametrize(("frames", "installed", "hint"), [
    ({}, True, r"\(--max-pixels 30000 allows it; --tile 1024 reads it in parts\)"),
    ({}, False, r"\(--max-pixels 30000 allows it; --tile 1024 reads it in parts after pip install rasterio\)"),
    ({"tile": 64, "max_side": 100}, True, "--tile 64 without --max-side reads it in parts"),
    ({"tile": 64}, False, "--tile 64 reads it in parts after pip install rasterio"),
    ({"max_side": 100}, True, "--tile 1024 without --max-side reads it in parts"),
    ({"tile": 180}, True, "a smaller --tile reads it in parts"),
])  # fmt: skip
def test_an_image_above_the_limit_fails_with_the_way_to_read_it(tmp_path, monkeypatch, frames, installed, hint):
    path = write(tmp_path / "a.tif", noise(3))
    if not installed:
        monkeypatch.setitem(sys.modules, "rasterio", None)
    with pytest.raises(FormatError, match=rf"expected at most 5,000 pixels, found 200 x 150 .*{hint}"):
        opened(path, 5_000, **frames)


def test_an_image_of_one_block_above_the_limit_is_not_read_in_parts(tmp_path):
    path = write(tmp_path / "a.tif", noise(3), compress="deflate", blockysize=150)
    with pytest.raises(FormatError, match=r"stored in blocks of 200 x 150, which can't be read in parts"):
        opened(path, 5_000, tile=64)


def test_a_damaged_block_is_a_failure_and_no_traceback(tmp_path):
    path = write(tmp_path / "a.tif", noise(3), compress="deflate", tiled=True, blockxsize=32, blockysize=32)
    damaged = bytearray(path.read_bytes())
    damaged[len(damaged) // 2 : len(damaged) // 2 + 9000] = bytes(9000)
    path.write_bytes(damaged)
    large, _ = opened(path, 64 * 64, tile=64)
    with pytest.raises(FormatError, match=r"a\.tif: expected an image, found damaged blocks"):
        predict_in_frames(Seen((150, 200)), [large], Frames(tile=64, overlap=8))


def test_a_program_gets_no_file_in_place_of_its_tile(tmp_path):
    (tmp_path / "size.py").write_text(
        "import json, sys\nfrom PIL import Image\n"
        "for line in sys.stdin:\n"
        "    size = Image.open(json.loads(line)['path']).size\n"
        "    print(json.dumps({'points': [list(size)]}), flush=True)\n"
    )
    Pillow.fromarray(np.moveaxis(noise(3), 0, 2)).save(tmp_path / "a.png")
    image, _ = opened(tmp_path / "a.png")
    program = Command(command=f"{sys.executable} {tmp_path / 'size.py'}")
    part = Image(id="a", pixels=image.pixels[:50, :40], path=image.path, window=(0, 0, 40, 50))
    try:
        assert [answer["points"] for answer in program.predict([part, image])] == [[[40, 50]], [[200, 150]]]
    finally:
        program.close()


def test_a_density_map_of_a_file_of_five_bands_has_its_size(tmp_path):
    path = write(tmp_path / "photos.tif", noise(5))
    maps = tmp_path / "maps"
    maps.mkdir()
    np.save(maps / "a.npy", np.eye(15, 20, dtype=np.float32)[:, ::-1])
    image = Image(id="a", pixels=np.empty((0, 0, 3), dtype=np.uint8), path=path)
    [answer] = Density(folder=maps, threshold=0.5).predict([image])
    assert np.asarray(answer["points"]).max() > 100


SPARSE = """
import resource, sys
import numpy as np
import rasterio, warnings
from crowdeval.adapters.frames import Frames
from crowdeval.datasets import open_images
from crowdeval.runs.run import Plan, run
from pathlib import Path

warnings.simplefilter("ignore")
folder = Path(sys.argv[1])
(folder / "photos").mkdir()
side = dict(height=20_000, width=20_000, count=3, dtype=sys.argv[2])
with rasterio.open(folder / "photos" / "a.tif", "w", tiled=True, SPARSE_OK=True, **side) as target:
    target.write(np.full((3, 1, 1), 4095 if sys.argv[2] == "uint16" else 255, side["dtype"]),
                 window=rasterio.windows.Window(13_000, 17_001, 1, 1))

class Bright:
    name = revision = "1"
    batch_size = 4
    def predict(self, images):
        return [np.column_stack(np.nonzero(image.pixels[..., 0] > 250)[::-1]) for image in images]

split = open_images(str(folder / "photos"))
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
outcome = run(Plan(adapter="bright", frames=Frames(tile=1024)), Bright(), split, folder / "runs")
from crowdeval.runs.folder import run_predictions
after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
print(run_predictions(outcome.folder).xy.tolist(), (after - before) // 1024)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="the unit of the peak differs")
@pytest.mark.parametrize("dtype", ["uint8", "uint16"])
def test_memory_of_a_giant_image_is_that_of_its_tiles(tmp_path, dtype):
    done = subprocess.run(
        [sys.executable, "-c", SPARSE, str(tmp_path), dtype], capture_output=True, text=True, check=True
    )
    points, megabytes = done.stdout.rsplit(" ", 1)
    assert points == "[[13000.0, 17001.0]]"
    assert int(megabytes) < 700  # decoded whole it has 1,200 MB of 8 bits
