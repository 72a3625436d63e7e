"""The counts of a copy against the published counts: which release of a dataset it is, and how it differs."""

from __future__ import annotations

from collections.abc import Mapping

from crowdeval.datasets.contract import About, Published, Release
from crowdeval.formats.contract import counted

Counts = Mapping[str, tuple[int, int]]
"""Number of images and of points by split, as counted in a copy."""


def release_of(about: About, counts: Counts) -> Release | None:
    """Return the release that a copy is, according to its number of points.

    Parameters
    ----------
    about : About
        The facts about the dataset.
    counts : mapping of str to (int, int)
        Number of images and of points of each split of the copy.

    Returns
    -------
    Release or None
        None where no release has these numbers of points, or none of them is published.

    Examples
    --------
    >>> from crowdeval.datasets import DATASETS
    >>> release_of(DATASETS["shanghaitech-a"].about, {"test": (182, 78_862)}).points
    241275
    """
    return next((release for release in about.releases if _has_points(about, release, counts)), None)


def published_totals(about: About, split: str, release: Release | None) -> Published | None:
    """Return the published counts of a split.

    Parameters
    ----------
    about : About
        The facts about the dataset.
    split : str
        Name of the split.
    release : Release, optional
        The release, or None where it is not known.

    Returns
    -------
    Published or None
        None where nothing is published. For an unknown release, ``points`` is None if the releases differ in it.

    Examples
    --------
    >>> from crowdeval.datasets import DATASETS
    >>> about = DATASETS["shanghaitech-a"].about
    >>> published_totals(about, "test", about.releases[0])
    Published(images=182, points=78862)
    >>> published_totals(about, "test", None)
    Published(images=182, points=None)
    """
    if release is not None:
        return release.splits.get(split)
    published = _published(about, split)
    if not published:
        return None
    points = {totals.points for totals in published}
    return Published(published[0].images, points.pop() if len(points) == 1 else None)


def differences(about: About, counts: Counts) -> list[str]:
    """Return the differences between a copy's counts and the published counts of all releases.

    Parameters
    ----------
    about : About
        The facts about the dataset.
    counts : mapping of str to (int, int)
        Number of images and of points of each split of the copy.

    Returns
    -------
    list of str
        One line for each number that no release has; empty where nothing differs.

    Examples
    --------
    >>> from crowdeval.datasets import DATASETS
    >>> differences(DATASETS["shanghaitech-a"].about, {"test": (181, 78_862)})
    ['test: 181 images, published 182']
    """
    lines = []
    for split, (images, points) in counts.items():
        published = _published(about, split)
        if published and images not in {totals.images for totals in published}:
            lines.append(f"{split}: {counted(images, 'image')}, published {published[0].images:,}")
        # Points differ only where every release has a published number for this split.
        numbers = [totals.points for totals in published if totals.points is not None]
        if numbers and len(numbers) == len(published) and points not in numbers:
            alternatives = " or ".join(f"{number:,}" for number in numbers)
            lines.append(f"{split}: {counted(points, 'point')}, published {alternatives}")
    releases = [release for release in about.releases if release.points is not None and _is_whole(about, counts)]
    total = sum(points for _, points in counts.values())
    if len(counts) > 1 and releases and total not in {release.points for release in releases}:
        alternatives = " or ".join(release.title for release in releases)
        lines.append(f"{counted(total, 'point')} in all splits, published {alternatives}")
    return lines


def _published(about: About, split: str) -> list[Published]:
    """Return the published counts of a split in all releases that have them."""
    return [release.splits[split] for release in about.releases if split in release.splits]


def _is_whole(about: About, counts: Counts) -> bool:
    """Return whether the copy has all splits of the dataset."""
    return counts.keys() >= set(about.parts)


def _has_points(about: About, release: Release, counts: Counts) -> bool:
    """Return whether at least one published number of points agrees with the copy and none differs."""
    agreements = [
        counts[split][1] == totals.points
        for split, totals in release.splits.items()
        if split in counts and totals.points is not None
    ]
    if release.points is not None and _is_whole(about, counts):
        agreements.append(sum(points for _, points in counts.values()) == release.points)
    return bool(agreements) and all(agreements)
