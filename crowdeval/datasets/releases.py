"""Totals found against totals published: which release of a dataset it is, and how it differs."""

from __future__ import annotations

from collections.abc import Mapping

from crowdeval.datasets.contract import About, Published, Release
from crowdeval.formats.contract import counted

Found = Mapping[str, tuple[int, int]]
"""Images and points by split."""


def release_of(about: About, found: Found) -> Release | None:
    """Return the release whose published point totals are those found; None where there is none or no evidence."""
    return next((release for release in about.releases if _agrees(about, release, found)), None)


def published(about: About, split: str, release: Release | None) -> Published | None:
    """Return the totals of a split in a release; where that is unknown, points only if all releases agree."""
    if release is not None:
        return release.splits.get(split)
    known = [release.splits[split] for release in about.releases if split in release.splits]
    if not known:
        return None
    points = {entry.points for entry in known}
    return Published(known[0].images, points.pop() if len(points) == 1 else None)


def differences(about: About, found: Found) -> list[str]:
    """Return how the totals found differ from every published one; nothing where they do not."""
    lines = []
    for split, (images, points) in found.items():
        known = [release.splits[split] for release in about.releases if split in release.splits]
        if known and images not in {entry.images for entry in known}:
            lines.append(f"{split}: {counted(images, 'image')}, published {known[0].images:,}")
        totals = [entry.points for entry in known]
        exact = [total for total in totals if total is not None]
        if exact and len(exact) == len(totals) and points not in exact:
            lines.append(
                f"{split}: {counted(points, 'point')}, published {' or '.join(f'{total:,}' for total in exact)}"
            )
    whole = [release for release in about.releases if release.points is not None and _whole(about, found)]
    total = sum(points for _, points in found.values())
    if len(found) > 1 and whole and total not in {release.points for release in whole}:
        lines.append(f"{counted(total, 'point')} in all, published {' or '.join(release.title for release in whole)}")
    return lines


def _whole(about: About, found: Found) -> bool:
    return found.keys() >= set(about.parts)


def _agrees(about: About, release: Release, found: Found) -> bool:
    """Return whether some published point total agrees and none disagrees."""
    checks = [
        found[split][1] == entry.points
        for split, entry in release.splits.items()
        if split in found and entry.points is not None
    ]
    if release.points is not None and _whole(about, found):
        checks.append(sum(points for _, points in found.values()) == release.points)
    return bool(checks) and all(checks)
