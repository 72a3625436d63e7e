"""nAP by its definition, in nested loops over images, predictions and true points; shares nothing with the package."""

import math


def distance(a, b):
    return math.sqrt((a[0] - b[0]) * (a[0] - b[0]) + (a[1] - b[1]) * (a[1] - b[1]))


def d_k(points, k, lone=math.inf):
    """Mean distance of each point to its k nearest others; ``lone`` where there are no others."""
    scales = []
    for i, p in enumerate(points):
        others = sorted(distance(p, q) for j, q in enumerate(points) if j != i)[:k]
        scales.append(sum(others) / len(others) if others else lone)
    return scales


def normalised(q, p, scale):
    """Distance / scale; infinite where the scale is 0."""
    return distance(q, p) / scale if scale > 0 else math.inf


def image_flags(points, scores, truths, delta, k, lone=math.inf):
    """List of (score, is true positive), one a prediction of one image, by the sequential loop."""
    scales = d_k(truths, k, lone)
    ratio = [[normalised(q, p, s) for p, s in zip(truths, scales, strict=True)] for q in points]
    order = sorted(
        range(len(points)), key=lambda j: (-scores[j], min(ratio[j], default=math.inf), points[j][0], points[j][1])
    )
    taken, flags = set(), [None] * len(points)
    for j in order:
        free = [
            (ratio[j][i], truths[i][0], truths[i][1], i)
            for i in range(len(truths))
            if i not in taken and ratio[j][i] < delta
        ]
        if free:
            taken.add(min(free)[3])
        flags[j] = (scores[j], bool(free))
    return flags


def curve(flags, total):
    """List of (recall, precision) after each distinct confidence."""
    points = []
    for threshold in sorted({score for score, _ in flags}, reverse=True):
        entered = [hit for score, hit in flags if score >= threshold]
        points.append((sum(entered) / total, sum(entered) / len(entered)))
    return points


def area(points, ap="area"):
    """Area under the curve by one of the four definitions."""
    if ap == "step":
        return math.fsum((r - r0) * p for (r0, _), (r, p) in zip([(0, 0), *points], points, strict=False))
    if ap == "area":
        steps = zip([(0, 0), *points], points, strict=False)
        return math.fsum((r - r0) * max(q for _, q in points[g:]) for g, ((r0, _), (r, _)) in enumerate(steps))
    levels = [i / 100 for i in range(101)] if ap == "coco101" else [i / 10 for i in range(11)]
    # Recall is a quotient of integers. Compare with a small tolerance, as i / 10 and 0.1 * i differ in the last bit.
    return math.fsum(max((p for r, p in points if r >= t - 1e-12), default=0.0) for t in levels) / len(levels)


def average_precision(images, delta, k=3, ap="area", pool="set", lone=math.inf):
    """AP of a list of (points, scores, true points), one an image, at one delta; NaN without true points."""
    flags = [image_flags(*image, delta, k, lone) for image in images]
    if pool == "image":
        values = [area(curve(f, len(t)), ap) for f, (_, _, t) in zip(flags, images, strict=True) if len(t)]
        return math.fsum(values) / len(values) if values else math.nan
    total = sum(len(truths) for _, _, truths in images)
    return area(curve([flag for image in flags for flag in image], total), ap) if total else math.nan
