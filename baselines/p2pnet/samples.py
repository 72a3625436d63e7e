"""Images with their true points, from a dataset, from a list file, or from an annotations file and a folder of images.

The form of the source's text decides which of the three it is:

- ``shanghaitech-a:train``: any dataset that crowdeval reads;
- ``train.list``: a list file with a line "image label" for each image; a label is a file with a line "x y" for each
  true point; the paths are relative to the list file's folder, or to ``root``;
- ``annotations.json,images/``: any annotations file that crowdeval reads, and the folder of its images.
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
from crowdeval.datasets.listing import lines_of
from crowdeval.datasets.number_text import number_rows
from crowdeval.errors import InputError, MissingFileError, UsageError, listed, shown
from crowdeval.options import IMAGE_SUFFIXES
from crowdeval.points.assemble import ImageAnnotations, assemble_annotations, join_arrays
from crowdeval.points.fingerprints import fingerprint
from crowdeval.points.ragged import Ragged, offsets_of
from crowdeval.points.sets import Annotations


@dataclass(frozen=True, slots=True, eq=False)
class Sample:
    """An image file and its true points.

    Attributes
    ----------
    id : str
        The image's id in its source.
    path : Path
        The image file.
    points : array of float64, (N, 2)
        x and y in pixels of the file.
    """

    id: str
    path: Path
    points: NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Samples(Sequence[Sample]):
    """The images of one source, or a part of them, in the order of the source.

    Attributes
    ----------
    source : str
        The text of the source, or the description of a part.
    items : tuple of Sample
        The images.
    share_of : str
        The source that this part was taken from, where the other part is for training; else empty.

    Examples
    --------
    >>> samples = Samples("two images", (Sample("a", Path("a.jpg"), np.array([[1.0, 2.0]])),))
    >>> len(samples), samples[0].id, samples.points().xy.tolist()
    (1, 'a', [[1.0, 2.0]])
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
        """Return the true points as annotations, with the sizes of the image files.

        Returns
        -------
        Annotations

        Raises
        ------
        MissingFileError, InputError
            If an image does not exist or can't be read.
        """
        sizes = np.array([image_size(sample.path) for sample in self.items], dtype=np.float64)
        return assemble_annotations(
            {sample.id: ImageAnnotations(xy=sample.points) for sample in self.items},
            sizes=sizes.reshape(-1, 2),  # (N, 2), or () for no images -> (0, 2)
        )

    def points(self) -> Ragged:
        """Return the true points of all images as one column.

        Returns
        -------
        Ragged
            x and y in pixels of the files, by image.
        """
        xy = join_arrays([sample.points for sample in self.items], width=2)
        return Ragged(xy, offsets_of([len(sample.points) for sample in self.items]))


def samples(source: str, *, root: str | os.PathLike[str] | None = None) -> Samples:
    """Read a source of images with true points.

    Parameters
    ----------
    source : str
        A dataset (NAME:SPLIT), a list file, or ANNOTATIONS,IMAGE-FOLDER.
    root : str or path, optional
        The dataset's folder, or the folder of the paths in a list file.

    Returns
    -------
    Samples

    Raises
    ------
    MissingFileError
        If files are missing; the error names them.
    FormatError
        If a label file has a line without two finite numbers, or is not text; the error names file and line.
    InputError
        If a list file is damaged; the error names file and line.
    UsageError
        If the text is not a source.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     Image.new("RGB", (8, 6)).save(f"{folder}/a.png")
    ...     _ = Path(folder, "a.txt").write_text("3.5 2\\n")
    ...     _ = Path(folder, "train.list").write_text("a.png a.txt\\n")
    ...     [(sample.id, sample.points.tolist()) for sample in samples(f"{folder}/train.list")]
    [('a', [[3.5, 2.0]])]
    """
    if is_dataset_spec(source):
        split = open_dataset(source, root=root)
        return Samples(source, tuple(_samples_of(split.annotations, split.image_paths)))
    first, comma, folder = source.partition(",")
    if comma:
        annotations = read_annotations(first)
        return Samples(source, tuple(_samples_of(annotations, _find_images(annotations.image_ids, Path(folder)))))
    if not Path(source).is_file():
        raise MissingFileError(
            f"{source}: no such file; expected a dataset (NAME:SPLIT), a list file, or ANNOTATIONS,IMAGE-FOLDER"
        )
    return Samples(source, tuple(_read_list(Path(source), Path(root) if root is not None else Path(source).parent)))


def set_aside(source: Samples, share: float, seed: int) -> tuple[Samples, Samples]:
    """Split a source at random into images to train on and images to validate on.

    Parameters
    ----------
    source : Samples
        The images.
    share : float
        Share of the images to validate on; at least one image.
    seed : int
        Seed of the draw.

    Returns
    -------
    train, validation : Samples
        Both in the order of the source.

    Raises
    ------
    UsageError
        If no image would be left to train on.

    Examples
    --------
    >>> source = Samples("list", tuple(Sample(str(i), Path(f"{i}.jpg"), np.zeros((0, 2))) for i in range(10)))
    >>> train, validation = set_aside(source, share=0.2, seed=0)
    >>> len(train), validation.source
    (8, '2 of the 10 images of list, seed 0')
    """
    number = max(1, round(len(source) * share))
    if number >= len(source):
        raise UsageError(
            f"{source.source}: {len(source)} images are too few to set some aside for validation; give --validation"
        )
    chosen = set(np.random.default_rng([seed, 0]).permutation(len(source))[:number].tolist())
    train = [sample for index, sample in enumerate(source.items) if index not in chosen]
    validation = [sample for index, sample in enumerate(source.items) if index in chosen]
    name = f"{number} of the {len(source)} images of {source.source}, seed {seed}"
    return Samples(source.source, tuple(train)), Samples(name, tuple(validation), source.source)


def fingerprint_of(source: Samples) -> str:
    """Return a hash of ids and true points.

    Parameters
    ----------
    source : Samples
        The images. Their order and the paths of their files do not change the hash.

    Returns
    -------
    str

    Examples
    --------
    >>> a, b = (Sample(name, Path(name), np.array([[1.0, 2.0]])) for name in "ab")
    >>> fingerprint_of(Samples("list", (a, b))) == fingerprint_of(Samples("other list", (b, a)))
    True
    """
    points = source.points()
    return fingerprint("annotations", tuple(sample.id for sample in source), points, [points.xy])


def order_of(source: Samples) -> str:
    """Return a hash of the ids in their order.

    Parameters
    ----------
    source : Samples
        The images. The draws of crops and of ``set_aside`` depend on their order.

    Returns
    -------
    str

    Examples
    --------
    >>> a, b = (Sample(name, Path(name), np.zeros((0, 2))) for name in "ab")
    >>> order_of(Samples("list", (a, b))) == order_of(Samples("list", (b, a)))
    False
    """
    return hashlib.blake2b("\n".join(sample.id for sample in source).encode(), digest_size=8).hexdigest()


def count_outside(sample: Sample) -> int:
    """Return the number of true points that lie outside their image.

    Parameters
    ----------
    sample : Sample
        The image; its file is opened for its size.

    Returns
    -------
    int

    Raises
    ------
    MissingFileError, InputError
        If the file does not exist or can't be read.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     path = Path(folder, "a.png")
    ...     Image.new("RGB", (8, 6)).save(path)
    ...     count_outside(Sample("a", path, np.array([[7.9, 5.9], [8.0, 0.0], [-0.1, 0.0]])))
    2
    """
    return int(((sample.points < 0) | (sample.points >= image_size(sample.path))).any(axis=1).sum())


def image_size(path: Path) -> tuple[int, int]:
    """Return the size of an image file.

    Parameters
    ----------
    path : Path
        The file; its pixels are not decoded.

    Returns
    -------
    width, height : int
        In pixels.

    Raises
    ------
    MissingFileError, InputError
        If the file does not exist or can't be read; the error names it.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     Image.new("RGB", (8, 6)).save(f"{folder}/a.png")
    ...     image_size(Path(folder, "a.png"))
    (8, 6)
    """
    with _open_image(path) as image:
        return image.size


def read_pixels(path: Path) -> NDArray[np.uint8]:
    """Return the pixels of an image file, as ``crowdeval predict`` gives them to every predictor.

    Parameters
    ----------
    path : Path
        The file.

    Returns
    -------
    array of uint8, (H, W, 3)
        RGB.

    Raises
    ------
    MissingFileError
        If there is no such file.
    InputError
        If the file is not an image, or is damaged; the error names it.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     Image.new("L", (8, 6), 77).save(f"{folder}/grey.png")
    ...     pixels = read_pixels(Path(folder, "grey.png"))
    >>> pixels.shape, pixels[0, 0].tolist()
    ((6, 8, 3), [77, 77, 77])
    """
    with _open_image(path) as image:
        try:
            return rgb(image)
        except (OSError, SyntaxError, ValueError) as problem:
            raise InputError(f"{path}: the image is damaged: {problem}") from None


def _open_image(path: Path) -> Image.Image:
    """Open an image; refuse one beyond Pillow's limit of some 179 million pixels (a possible decompression bomb)."""
    try:
        return Image.open(path)
    except FileNotFoundError:
        raise MissingFileError(f"{path}: no such image") from None
    except (UnidentifiedImageError, Image.DecompressionBombError, OSError, SyntaxError, ValueError) as problem:
        raise InputError(f"{path} is not an image that can be read: {problem}") from None


def _samples_of(annotations: Annotations, paths: Sequence[Path | None]) -> Iterator[Sample]:
    """Yield the images of annotations; raise MissingFileError for images without a file."""
    missing = [name for name, path in zip(annotations.image_ids, paths, strict=True) if path is None]
    if missing:
        raise MissingFileError(f"no image files for {listed(missing)}")
    for index, (name, path) in enumerate(zip(annotations.image_ids, paths, strict=True)):
        assert path is not None
        # Offsets [0, 2, 5]: image 1 has the rows 2 to 4 of xy.
        start, end = annotations.offsets[index : index + 2]
        yield Sample(name, Path(path), annotations.xy[start:end])


def _find_images(ids: Sequence[str], folder: Path) -> list[Path | None]:
    """Return the file of each id in a folder: the one of its name, else the only one of its stem, else None."""
    if not folder.is_dir():
        raise MissingFileError(f"{folder}: no such folder of images")
    files = {path.name: path for path in sorted(folder.iterdir()) if path.suffix.lower() in IMAGE_SUFFIXES}
    stems: dict[str, list[Path]] = defaultdict(list)
    for file in files.values():
        stems[file.stem].append(file)
    ids_by_path: dict[Path, str] = {}
    paths: list[Path | None] = []
    for name in ids:
        exact = files.get(Path(name).name)
        candidates = [exact] if exact else stems.get(name) or stems.get(Path(name).stem) or []
        if len(candidates) > 1:
            raise InputError(
                f"{folder}: expected one file for the image {name!r}, found "
                f"{listed([path.name for path in candidates])}"
            )
        path = candidates[0] if candidates else None
        if path is not None and ids_by_path.setdefault(path, name) != name:
            raise InputError(
                f"{folder}: the images {ids_by_path[path]!r} and {name!r} have the same file, {path.name}; expected a "
                "file for each"
            )
        paths.append(path)
    return paths


def _read_list(path: Path, root: Path) -> Iterator[Sample]:
    """Yield the images of a list file; the id is the path without suffix, with it where two ids would be equal."""
    labels: dict[str, str] = {}
    for number, line in lines_of(path):
        image, label = _split_line(line, root, f"{path}, line {number}")
        if not (root / image).is_file():
            raise MissingFileError(f"{path}, line {number}: {root / image}: no such image")
        if image in labels:
            raise InputError(f"{path}, line {number}: the image {image} is listed a second time")
        labels[image] = label
    stems = Counter(Path(image).with_suffix("").as_posix() for image in labels)
    for image, label in labels.items():
        stem = Path(image).with_suffix("").as_posix()
        yield Sample(stem if stems[stem] == 1 else image, root / image, number_rows(root / label, 2, "x y"))


def _split_line(line: str, root: Path, where: str) -> tuple[str, str]:
    """Return image and label of a line; where names contain blanks, the existing files decide where to split it."""
    parts = line.split(maxsplit=2)
    if len(parts) == 2:
        return parts[0], parts[1]
    # Every blank is a possible split: "a b.jpg a b.txt" -> ("a", "b.jpg a b.txt"), ("a b.jpg", "a b.txt"), ...
    text = line.strip()
    cuts = [(text[:at].rstrip(), text[at:].lstrip()) for at, letter in enumerate(text) if letter.isspace()]
    pairs = {cut for cut in cuts if all((root / name).is_file() for name in cut)}
    if len(pairs) != 1:
        raise InputError(f'{where}: expected "image label", found {shown(line)}')
    return pairs.pop()
