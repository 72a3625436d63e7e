"""Crowds, lists of (points, scores, true points) an image, as columns of the package, and chains of points.

The maximum matching of a chain is known by construction.
"""

import numpy as np
from hypothesis import strategies as st

from crowdeval import Annotations, Predictions, Protocol, evaluate
from crowdeval.points.ragged import Ragged


def points_of(images):
    return np.array([point for image in images for point in image], dtype=float).reshape(-1, 2)


def offsets_of(images):
    return np.array([sum(len(image) for image in images[:i]) for i in range(len(images) + 1)], dtype=np.int64)


def ragged(images):
    return Ragged(points_of(images), offsets_of(images))


def columns(crowd):
    """Predicted and true points of a crowd as two Ragged."""
    return ragged([image[0] for image in crowd]), ragged([image[2] for image in crowd])


def predictions(crowd, scored=True, **given):
    points, _ = columns(crowd)
    score = [s for image in crowd for s in image[1]] if scored else None
    return Predictions(
        image_ids=[str(i) for i in range(len(crowd))], offsets=points.offsets, xy=points.xy, score=score, **given
    )


def annotations(crowd, **given):
    _, points = columns(crowd)
    ids = [str(i) for i in range(len(crowd))]
    return Annotations(image_ids=ids, offsets=points.offsets, xy=points.xy, **given)


def report(crowd, *metrics, scored=True, per_image=False, counts=None, options=None, **given):
    """Report of a crowd; ``given`` are columns of the annotations, ``options`` those of the protocol."""
    return evaluate(
        predictions(crowd, scored, counts=counts),
        annotations(crowd, **given),
        protocol=Protocol(metrics=list(metrics), **(options or {})),
        per_image=per_image,
    )


def scores_of(crowd, *metrics, **given):
    return report(crowd, *metrics, **given).values


def counts_only(predicted, true):
    """Crowd of images with these numbers of predictions and true points, all far apart."""
    return [
        ([(50.0 * j, 0.0) for j in range(p)], [1.0] * p, [(50.0 * j, 20.0) for j in range(t)])
        for p, t in zip(predicted, true, strict=True)
    ]


def same(a, b):
    return np.isclose(a, b, rtol=1e-12, atol=1e-12, equal_nan=True)


def shuffled(crowd, random):
    """The crowd with its images, and the points of every image, in another order."""
    mixed = []
    for points, scores, truths in crowd:
        rows = random.sample(list(zip(points, scores, strict=True)), len(points))
        mixed.append(([q for q, _ in rows], [s for _, s in rows], random.sample(truths, len(truths))))
    return random.sample(mixed, len(mixed))


def chain(links, thick=1):
    """Predictions and true points of a chain, at radius 1, in which the last prediction moves all others.

    The true points are at 0, 2, 4, ... and the predictions between them, so each prediction reaches two. The last
    ``thick`` predictions, the keys, reach only the first place: each key moves every link to its next true point.
    Every point occurs ``thick`` times; a matching of size ``thick`` x (links + 1) exists.
    """
    truths = [(2.0 * i, 0.0) for i in range(links + 1) for _ in range(thick)]
    between = [(2.0 * i + 1, 0.0) for i in range(links) for _ in range(thick)]
    keys = [(-1.0, 0.0)] * thick
    return between + keys, truths


@st.composite
def chains(draw, most=14):
    """Crowd of one image: at radius 1 a chain with gaps and repeated points, in any order."""
    times = draw(st.lists(st.integers(0, 2), min_size=1, max_size=2 * most))
    places = [(float(i), 0.0) for i, n in enumerate(times) for _ in range(n)]
    predicted = draw(st.permutations([p for p in places if p[0] % 2]))
    truths = draw(st.permutations([p for p in places if not p[0] % 2]))
    return [(predicted, [1.0] * len(predicted), truths)]
