"""Images with their true points, from a dataset, from a list file, or from an annotations file and a folder.

Three sources, told apart by what the text is: ``shanghaitech-a:train`` (any dataset crowdeval reads), a list file of
lines "image label" (labels are files of lines "x y"; both relative to the list or to ``root``), and
``annotations.json,images/`` (any annotations file crowdeval reads, and the folder its images are in).
"""

from __future__ import annotations

import hashlib
import os
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

from crowdeval import read_annotations
from crowdeval.adapters.pixels import rgb
from crowdeval.datasets import is_dataset_spec, open_dataset
from crowdeval.datasets.listing import IMAGE_SUFFIXES, lines_of
from crowdeval.datasets.number_text import number_rows
from crowdeval.errors import InputError, MissingFileError, UsageError, listed, shown
from crowdeval.points.assemble import ImageAnnotations, assemble_annotations, join_arrays
from crowdeval.points.fingerprints import fingerprint
from crowdeval.points.ragged import Ragged, offsets_of
from crowdeval.points.sets import Annotations


@dataclass(frozen=True, slots=True, eq=False)
class Sample:
    """An image file and its true points (N, 2), float64, in pixels of the file."""

    id: str
    path: Path
    points: NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Samples(Sequence[Sample]):
    """Some images of one source, in its order.

    Attributes
    ----------
    source : str
        Where they are from, as it was named.
    items : tuple of Sample
        The images.
    share_of : str
        The source they were taken out of, of whose other images the model learns; else empty.
    """

    source: str
    items: tuple[Sample, ...]
    share_of: str = ""

    def __len__(self) -> int:
        return len(self.items)

    def __getitem__(self, index):  # type: ignore[no-untyped-def]
        return self.items[index]

    def __iter__(self) -> Iterator[Sample]:
        return iter(self.items)

    def annotations(self) -> Annotations:
        """Return the true points as crowdeval scores them; sizes are the files'."""
        return assemble_annotations(
            {each.id: ImageAnnotations(xy=each.points) for each in self.items},
            sizes=np.array([image_size(each.path) for each in self.items], dtype=np.float64).reshape(-1, 2),
        )

    def points(self) -> Ragged:
        """Return all true points by image."""
        xy = join_arrays([each.points for each in self.items], width=2)
        return Ragged(xy, offsets_of([len(each.points) for each in self.items]))


def samples(source: str, *, root: str | os.PathLike[str] | None = None) -> Samples:
    """Read a source of training or test images.

    Raises
    ------
    MissingFileError
        If files are missing; names them.
    FormatError
        If a label file has a line without two finite numbers, or is no text; names file and line.
    InputError
        If a list is damaged; names file and line.
    UsageError
        If the text is no source.
    """
    if is_dataset_spec(source):
        split = open_dataset(source, root=root)
        return Samples(source, tuple(_of(split.annotations, split.image_paths)))
    first, comma, folder = source.partition(",")
    if comma:
        annotations = read_annotations(first)
        return Samples(source, tuple(_of(annotations, _images(annotations.image_ids, Path(folder)))))
    if not Path(source).is_file():
        raise MissingFileError(
            f"{source}: no such file; expected a dataset (NAME:SPLIT), a list file, or ANNOTATIONS,IMAGE-FOLDER"
        )
    return Samples(source, tuple(_listed(Path(source), Path(root) if root is not None else Path(source).parent)))


def halves(source: Samples, share: float, seed: int) -> tuple[Samples, Samples]:
    """Return a source without, and only with, a random share of its images, at least one."""
    aside = max(1, round(len(source) * share))
    if aside >= len(source):
        raise UsageError(f"{source.source}: {len(source)} images are too few to set some aside for validation")
    chosen = set(np.random.default_rng([seed, 0]).permutation(len(source))[:aside].tolist())
    rest = [each for index, each in enumerate(source.items) if index not in chosen]
    apart = [each for index, each in enumerate(source.items) if index in chosen]
    name = f"{aside} of the {len(source)} images of {source.source}, seed {seed}"
    return Samples(source.source, tuple(rest)), Samples(name, tuple(apart), source.source)


def fingerprint_of(source: Samples) -> str:
    """Return a hash of ids and points; the files' places and their order do not matter (``order_of``)."""
    points = source.points()
    return fingerprint("annotations", tuple(each.id for each in source), points, [points.xy])


def order_of(source: Samples) -> str:
    """Return a hash of the ids in their order, which crops and the halves of a source follow."""
    return hashlib.blake2b("\n".join(each.id for each in source).encode(), digest_size=8).hexdigest()


def outside_of(sample: Sample) -> int:
    """Return how many of an image's true points lie outside it."""
    return int(((sample.points < 0) | (sample.points >= image_size(sample.path))).any(axis=1).sum())


def image_size(path: Path) -> tuple[int, int]:
    """Return an image file's width and height."""
    with _opened(path) as image:
        return image.size


def pixels_of(path: Path) -> NDArray[np.uint8]:
    """Return a file's pixels as RGB, (H, W, 3) uint8, as ``crowdeval predict`` gives them to every predictor.

    Raises
    ------
    MissingFileError, InputError
        If there is no such file, or it is no image, or a damaged one; names it.
    """
    with _opened(path) as image:
        try:
            return rgb(image)
        except (OSError, SyntaxError, ValueError) as problem:
            raise InputError(f"{path}: a damaged image: {problem}") from None


def _opened(path: Path) -> Image.Image:
    """Open an image; one of more than Pillow's limit of some 179 million pixels is refused, as it may be a bomb."""
    try:
        return Image.open(path)
    except FileNotFoundError:
        raise MissingFileError(f"{path}: no such image") from None
    except (UnidentifiedImageError, Image.DecompressionBombError, OSError, SyntaxError, ValueError) as problem:
        raise InputError(f"{path} is no image that can be read: {problem}") from None


def _of(annotations: Annotations, paths: Sequence[Path | None]) -> Iterator[Sample]:
    missing = [name for name, path in zip(annotations.image_ids, paths, strict=True) if path is None]
    if missing:
        raise MissingFileError(f"no image files for {listed(missing)}")
    for index, (name, path) in enumerate(zip(annotations.image_ids, paths, strict=True)):
        assert path is not None
        start, end = annotations.offsets[index : index + 2]
        yield Sample(name, Path(path), annotations.xy[start:end])


def _images(ids: Sequence[str], folder: Path) -> list[Path | None]:
    if not folder.is_dir():
        raise MissingFileError(f"{folder}: no such folder of images")
    files = {path.name: path for path in sorted(folder.iterdir()) if path.suffix.lower() in IMAGE_SUFFIXES}
    stems: dict[str, list[Path]] = defaultdict(list)
    for file in files.values():
        stems[file.stem].append(file)
    taken: dict[Path, str] = {}
    found: list[Path | None] = []
    for name in ids:
        exact = files.get(Path(name).name)
        near = [exact] if exact else stems.get(name) or stems.get(Path(name).stem) or []
        if len(near) > 1:
            raise InputError(f"{folder}: {listed([path.name for path in near])} could all be the image {name!r}")
        path = near[0] if near else None
        if path is not None and taken.setdefault(path, name) != name:
            raise InputError(f"{folder}: the images {taken[path]!r} and {name!r} would be one file, {path.name}")
        found.append(path)
    return found


def _listed(path: Path, root: Path) -> Iterator[Sample]:
    """Yield a list file's images; an id is the image's path without its suffix, with it where two would be the same."""
    rows: dict[str, str] = {}
    for number, line in lines_of(path):
        image, label = _pair(line, root, f"{path}, line {number}")
        if not (root / image).is_file():
            raise MissingFileError(f"{path}, line {number}: {root / image}: no such image")
        if image in rows:
            raise InputError(f"{path}, line {number}: the image {image} a second time")
        rows[image] = label
    short = Counter(Path(image).with_suffix("").as_posix() for image in rows)
    for image, label in rows.items():
        stem = Path(image).with_suffix("").as_posix()
        yield Sample(stem if short[stem] == 1 else image, root / image, number_rows(root / label, 2, "x y"))


def _pair(line: str, root: Path, where: str) -> tuple[str, str]:
    """Return a line's image and label; names with blanks are told apart by the files there are."""
    parts = line.split(maxsplit=2)
    if len(parts) == 2:
        return parts[0], parts[1]
    text = line.strip()
    cuts = [(text[:at].rstrip(), text[at:].lstrip()) for at, letter in enumerate(text) if letter.isspace()]
    pairs = {cut for cut in cuts if all((root / name).is_file() for name in cut)}
    if len(pairs) != 1:
        raise InputError(f'{where}: expected "image label", found {shown(line)}')
    return pairs.pop()
