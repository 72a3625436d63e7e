"""P2PNet by section 3.4 of the paper, in plain loops, and a network of the paper's depth with thin layers."""

import itertools
import math

import torch
from torchvision.models.vgg import make_layers

from baselines.p2pnet import Config, P2PNet, Proposals
from baselines.p2pnet.trunks import FEATURES, Trunk


def reference_points(height, width, stride, rows, lines, layout):
    """Reference points x, y of all cells, row by row; in a cell, the lines of its first row come first."""
    points = []
    for cell_y in range(height):
        for cell_x in range(width):
            for row in range(rows):
                for line in range(lines):
                    across, down = ((line + 0.5) / lines, (row + 0.5) / rows) if layout == "grid" else (0.5, 0.5)
                    points.append([stride * (cell_x + across), stride * (cell_y + down)])
    return points


def pairs_of(channels, K):
    """The map of a branch, (2K, height, width), as pairs, one a proposal; channel = 2 * reference + (0 or 1)."""
    height, width = len(channels[0]), len(channels[0][0])
    return [
        [channels[2 * k][y][x], channels[2 * k + 1][y][x]]
        for y in range(height)
        for x in range(width)
        for k in range(K)
    ]


def softmax(nothing, person):
    """Probabilities of nothing and of a person."""
    whole = math.exp(nothing) + math.exp(person)
    return math.exp(nothing) / whole, math.exp(person) / whole


def costs(points, logits, targets, tau):
    """Matching cost (eq. 3), one row a target and one column a proposal."""
    return [[tau * math.dist(p, q) - softmax(*s)[1] for q, s in zip(points, logits, strict=True)] for p in targets]


def cheapest(table):
    """Smallest sum of a one-to-one assignment, by trying all of them."""
    proposals = range(len(table[0]) if table else 0)
    return min(
        math.fsum(table[i][j] for i, j in enumerate(chosen)) for chosen in itertools.permutations(proposals, len(table))
    )


def classification(logits, matched, lambda1, normalizer="proposals"):
    """Classification loss (eq. 4) of a batch; ``matched`` is a list of matched proposals for each image."""
    terms, weights = [], []
    for image, positives in zip(logits, matched, strict=True):
        for proposal, scores in enumerate(image):
            nothing, person = softmax(*scores)
            if proposal in positives:
                terms.append(-math.log(person))
                weights.append(1.0)
            else:
                terms.append(-lambda1 * math.log(nothing))
                weights.append(lambda1)
    return math.fsum(terms) / (len(terms) if normalizer == "proposals" else math.fsum(weights))


def localization(points, targets, pairs):
    """Localization loss (eq. 5) of a batch; ``pairs`` is a list of (proposal, target) for each image."""
    squares = [
        math.dist(there[target], here[proposal]) ** 2
        for here, there, image in zip(points, targets, pairs, strict=True)
        for proposal, target in image
    ]
    return math.fsum(squares) / max(sum(len(there) for there in targets), 1)


def random_batch(images, proposals, seed=0, spread=64.0, stride=8, K=4):
    """Proposals at random places of a square, with random confidences."""
    random = torch.Generator().manual_seed(seed)
    return Proposals(
        logits=3 * torch.randn(images, proposals, 2, generator=random),
        points=spread * torch.rand(images, proposals, 2, generator=random),
        stride=stride,
        K=K,
    )


def random_targets(*numbers, seed=1, spread=64.0):
    """True points at random places of a square, ``numbers`` of them in the images."""
    random = torch.Generator().manual_seed(seed)
    return [spread * torch.rand(number, 2, generator=random) for number in numbers]


THIN = (4, 4, "M", 6, 6, "M", 8, 8, 8, "M", 8, 8, 8, "M", 8, 8, 8, "M")
"""Channels of the thirteen convolutions and the five poolings (M) of VGG-16, few of them."""


def thin_trunk():
    """A vgg16_bn with few channels."""
    features = make_layers(list(THIN), batch_norm=True)
    pools = [index for index, layer in enumerate(features) if isinstance(layer, torch.nn.MaxPool2d)]
    cuts = [0, *pools[2:5]]
    stages = [features[start:end] for start, end in itertools.pairwise(cuts)]
    return Trunk(stages, (8, 8, 8), [list(stage) for stage in stages], FEATURES)


def thin_model(seed=0, **values):
    """A thin model in eval mode with batch statistics of noise; its offsets are tens of pixels large."""
    torch.manual_seed(seed)
    model = P2PNet(Config(**{"width": 8, "channels_last": False, **values}), trunk=thin_trunk())
    for layer in model.modules():
        if isinstance(layer, torch.nn.Conv2d):
            torch.nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
            torch.nn.init.normal_(layer.bias, std=0.1)
    torch.nn.init.normal_(model.regression[-1].weight, std=0.01)
    for layer in model.modules():
        if isinstance(layer, torch.nn.BatchNorm2d):
            layer.momentum = None  # the statistics become those of the next batch
    with torch.no_grad():
        model.train()(torch.randn(2, 3, 128, 128))
    return model.eval()
