"""Benchmark datasets, read from the folders in which their authors distribute them.

A split of a dataset is named ``NAME:SPLIT``. ``open_dataset("shanghaitech-a:test")`` returns the annotations of a
split, and ``check_dataset("shanghaitech-a")`` compares a copy on the disk with the published counts. A copy is found
on the disk and never downloaded, and nothing is written into its folder.
"""

from __future__ import annotations

import os
from difflib import get_close_matches
from pathlib import Path

from crowdeval.datasets.contract import About, Contents, Dataset, Item, Published, Release, Split, Survey, Truth
from crowdeval.datasets.listing import files_in, folders_in, simple_name
from crowdeval.errors import CrowdevalError, MissingFileError, UsageError, did_you_mean, listed
from crowdeval.options import IMAGE_SUFFIXES, VIDEO_SUFFIXES
from crowdeval.plugins import Extensions

__all__ = [
    "DATASETS",
    "About",
    "Contents",
    "Dataset",
    "Item",
    "Published",
    "Release",
    "Split",
    "Survey",
    "Truth",
    "is_dataset_spec",
    "open_dataset",
    "open_images",
]

DATASETS: Extensions[Dataset] = Extensions("dataset", "crowdeval.datasets")
"""The datasets by name: those of the package and those of plugins."""

_NICKNAMES = {
    **dict.fromkeys(("sha", "shha", "shta", "shtecha", "parta", "partafinal", "shanghaitechparta"), "shanghaitech-a"),
    **dict.fromkeys(("shb", "shhb", "shtb", "shtechb", "partb", "partbfinal", "shanghaitechpartb"), "shanghaitech-b"),
    **dict.fromkeys(("ucf50", "ucfcc", "cc50"), "ucf-cc-50"),
    **dict.fromkeys(("qnrf", "ucfecqnrf"), "ucf-qnrf"),
    **dict.fromkeys(("jhu", "jhucrowd", "jhuc++"), "jhu-crowd++"),
    **dict.fromkeys(("nwpucrowd",), "nwpu"),
    **dict.fromkeys(("wider", "widerfaces"), "wider-face"),
}
"""Names that people use for datasets, in the form of ``simple_name``."""

_NEAR = 0.75
"""Smallest similarity (difflib's ratio) between a name and a dataset's name at which NAME:SPLIT means a dataset."""


def is_dataset_spec(text: str) -> bool:
    """Return whether an argument means a split of a dataset.

    True also for the name of a dataset without a split, and for a name similar to a dataset's: ``open_dataset`` then
    raises an error that lists the splits or suggests the name. A file whose name is the argument is never a split.

    Parameters
    ----------
    text : str
        The argument: a file or ``NAME:SPLIT``.

    Returns
    -------
    bool

    Examples
    --------
    >>> is_dataset_spec("ShanghaiTech-A:test"), is_dataset_spec("shanghaitech-a"), is_dataset_spec("jhu-crowd:val")
    (True, True, True)
    >>> is_dataset_spec("gt.json"), is_dataset_spec("C:/gt.json")
    (False, False)
    """
    name, colon, _ = text.partition(":")
    known = [simple_name(dataset) for dataset in DATASETS]
    near = get_close_matches(simple_name(name), known, cutoff=_NEAR) if colon else []
    return (bool(near) or dataset_name(name) in DATASETS) and not os.path.exists(text)


def benchmark_at(folder: Path) -> str | None:
    """Return how to name the benchmark that a folder belongs to.

    Parameters
    ----------
    folder : Path
        The folder of a benchmark, of one of its splits, or of its annotation files.

    Returns
    -------
    str or None
        The name to write with its option ``--root``; None where the folder is of no benchmark.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> with tempfile.TemporaryDirectory() as name:
    ...     folder = Path(name, "part_A", "test_data", "ground-truth")
    ...     folder.mkdir(parents=True)
    ...     (folder / "GT_IMG_1.mat").touch()
    ...     benchmark_at(folder).partition(" --root")[0]
    'write shanghaitech-a:test'
    """
    places = [folder]
    if any(path.suffix.lower() == ".mat" for path in files_in(folder)) or folders_in(folder):
        places += list(folder.resolve().parents)[:2]
    for place in places:
        for name in DATASETS.table:
            dataset = DATASETS[name]
            splits = [split for split in dataset.about.splits if _has_split(dataset, place, split)]
            if not splits:
                continue
            below = [simple_name(part) for part in folder.resolve().relative_to(place.resolve()).parts]
            named = [split for split in splits if any(part.startswith(split) for part in below)] or list(splits)
            return f"write {' or '.join(f'{name}:{split}' for split in named[:4])} --root {place}"
    return None


def _has_split(dataset: Dataset, folder: Path, split: str) -> bool:
    """Return whether a folder is the home of a dataset and has annotation files of a split."""
    if dataset.home(folder, split) is None:
        return False
    try:
        survey = dataset.survey(folder, split)
    except CrowdevalError:
        return False
    return bool(survey.truths or survey.lists)


def open_dataset(spec: str, *, root: str | os.PathLike[str] | None = None, cache: bool = True) -> Split:
    """Read one split of a dataset.

    Parameters
    ----------
    spec : str
        ``"NAME:SPLIT"``: ``"shanghaitech-a:test"``, ``"ucf-cc-50:fold1"``, ``"folder:mydata"``. Case, ``-``, ``_`` and
        blanks in the name do not matter.
    root : str or path, optional
        The dataset's own folder or a folder above it. By default the dataset is searched in the folder that the
        environment variable CROWDEVAL_DATA names, and in those that crowdeval.toml names.
    cache : bool
        Whether a split is taken from the user's cache folder where its files have not changed since it was stored,
        and is stored there where it was read from the files.

    Returns
    -------
    Split
        The annotations, the image paths in the same order, and notes.

    Raises
    ------
    UsageError
        If no dataset or split has this name.
    MissingFileError
        If the dataset is not found, or its annotations are not public. The message has the expected folder, the
        places that were searched, and the source of the dataset.
    FormatError
        If files of the split are damaged (the error names all of them), or crowdeval.toml is.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     _ = Path(folder, "gt.json").write_text('{"points": {"a": [[1, 2], [3, 4]], "b": []}}')
    ...     split = open_dataset("folder:.", root=folder, cache=False)
    >>> split.annotations.image_ids, split.annotations.counts.tolist()
    (('a', 'b'), [2, 0])
    >>> split.notes
    ('the folder has no images: their sizes are unknown',)
    """
    from crowdeval.datasets.cache import cached_split, files_digest, store_split
    from crowdeval.datasets.reading import reading_of, split_of
    from crowdeval.datasets.roots import home_of

    dataset, split_name = dataset_and_split(spec)
    home = home_of(dataset, split_name, root)
    survey = dataset.survey(home, split_name)
    split = cached_split(dataset.about.name, survey) if cache else None
    if split is None:
        # The digest is taken before the files are read: a file that changes meanwhile makes the entry out of date.
        digest = files_digest(dataset.about.name, survey) if cache else ""
        split = split_of(reading_of(dataset, survey))
        if cache:
            store_split(split, survey, digest)
    return split


def open_images(place: str, *, root: str | os.PathLike[str] | None = None, cache: bool = True, every: int = 1) -> Split:
    """Open the images that a predictor runs on: a dataset's split, a folder with or without points, or a video.

    Parameters
    ----------
    place : str
        ``NAME:SPLIT``, a folder of images, or the file of a video. With one points file a folder is ``folder:PATH``;
        without, it is photos.
    root, cache
        As for ``open_dataset``.
    every : int
        The step of a video: every ``every``-th frame is an image.

    Returns
    -------
    Split
        Photos have no points and the name "photos"; the frames of a video have none and the name "video".

    Raises
    ------
    UsageError
        If no dataset or split has this name, the folder is that of a benchmark, or a step is given for no video.
    MissingFileError, FormatError
        As ``open_dataset``, if the folder has no image, and if a video is damaged or PyAV is not installed.

    Examples
    --------
    >>> import tempfile
    >>> from PIL import Image
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     Image.new("L", (64, 48)).save(Path(folder, "a.png"))
    ...     open_images(folder).name
    'photos'
    """
    if _is_video(Path(place)):
        from crowdeval.datasets.video import video

        return video(Path(place), every=every)
    if every != 1:
        raise UsageError(f"every: a step is for the frames of a video, and {place} is none")
    if os.path.isfile(place) and Path(place).suffix.lower() in IMAGE_SUFFIXES:
        raise UsageError(f"{place} is one image; give the folder of images, {Path(place).parent}")
    if not os.path.isdir(place):
        if os.sep in place and not place.startswith("folder:"):
            raise MissingFileError(f"there is no folder {place}")
        return open_dataset(place, root=root, cache=cache)
    from crowdeval.datasets.folder import points_file_in
    from crowdeval.datasets.photos import photos

    benchmark = benchmark_at(Path(place))
    if benchmark is not None:
        raise UsageError(f"{place} is the folder of a benchmark: {benchmark}")
    if points_file_in(Path(place)) is not None:
        return open_dataset(f"folder:{place}", root=root, cache=cache)
    return photos(Path(place))


def _is_video(path: Path) -> bool:
    """Return whether a path is that of a video; raise MissingFileError where there is no such file."""
    suffix = path.suffix.lower()
    if suffix in VIDEO_SUFFIXES and not path.is_dir():
        if not path.is_file():
            raise MissingFileError(f"there is no file {path}")
        return True
    from crowdeval.formats.clips import is_video

    return path.is_file() and suffix not in IMAGE_SUFFIXES and is_video(path)


def dataset_and_split(spec: str) -> tuple[Dataset, str]:
    """Return the dataset and the name of the split that a spec means.

    Parameters
    ----------
    spec : str
        ``"NAME:SPLIT"``.

    Returns
    -------
    (Dataset, str)

    Raises
    ------
    UsageError
        If no dataset or split has this name.
    MissingFileError
        If the annotations of the split are not public.

    Examples
    --------
    >>> dataset, split = dataset_and_split("ShanghaiTech_A:test")
    >>> dataset.about.name, split
    ('shanghaitech-a', 'test')
    """
    name, _, split = spec.partition(":")
    dataset = find_dataset(name)
    name, splits = dataset.about.name, dataset.about.splits
    if not split:
        known = f" (splits: {listed(splits, most=20)})" if splits else ""
        raise UsageError(f"{spec!r}: expected NAME:SPLIT, such as {name}:{splits[0] if splits else 'PATH'}{known}")
    if split in dataset.about.hidden:
        raise MissingFileError(f"{spec} can't be opened: {dataset.about.hidden[split]}")
    if splits and split not in splits:
        known = listed(splits, most=20)
        raise UsageError(f"{name} has no split {split!r}{did_you_mean(split, splits)} (known: {known})")
    return dataset, split


def find_dataset(name: str) -> Dataset:
    """Return the dataset of a name, in any spelling of case, ``-``, ``_`` and blanks.

    Parameters
    ----------
    name : str
        The name, without a split.

    Returns
    -------
    Dataset

    Raises
    ------
    UsageError
        If there is no such dataset; the message suggests similar names.

    Examples
    --------
    >>> find_dataset("UCF CC 50").about.title
    'UCF_CC_50'
    """
    return DATASETS[dataset_name(name)]


def dataset_name(name: str) -> str:
    """Return the proper spelling of a dataset's name.

    Parameters
    ----------
    name : str
        A name in any spelling of case, ``-``, ``_`` and blanks.

    Returns
    -------
    str
        The dataset's name, or ``name`` unchanged where no dataset is called so.

    Examples
    --------
    >>> dataset_name("ShanghaiTech_A"), dataset_name("mall")
    ('shanghaitech-a', 'mall')
    """
    if name in DATASETS:
        return name
    if simple_name(name) in _NICKNAMES:
        return _NICKNAMES[simple_name(name)]
    return next((dataset for dataset in DATASETS if simple_name(dataset) == simple_name(name)), name)
