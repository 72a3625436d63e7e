"""GAME by its definition, in nested loops over images and cells."""

import math


def cell(point, size, order):
    """Column and row of a point's cell; a point outside the image is in the nearest cell."""
    side = 2**order
    return tuple(min(max(math.floor(at * side / length), 0), side - 1) for at, length in zip(point, size, strict=True))


def image_error(points, truths, size, order):
    """Sum over cells of |predicted - true|."""
    error = 0
    for column in range(2**order):
        for row in range(2**order):
            predicted = sum(cell(q, size, order) == (column, row) for q in points)
            true = sum(cell(p, size, order) == (column, row) for p in truths)
            error += abs(predicted - true)
    return error


def game(crowd, sizes, order, threshold=0.5):
    """Mean error of the images, from predictions above the threshold."""
    errors = []
    for (points, scores, truths), size in zip(crowd, sizes, strict=True):
        kept = [q for q, s in zip(points, scores, strict=True) if s > threshold]
        errors.append(image_error(kept, truths, size, order))
    return math.fsum(errors) / len(errors)
