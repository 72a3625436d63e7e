"""How the released code spends its time and memory, re-created from the facts known of it; none of its code is here.

Two facts: the matching cost is one matrix of all proposals and all targets of the batch, of which a matching needs only
the blocks on the diagonal; and the pyramid computes the maps of all its levels, of which one is read, while each branch
holds two convolutions that nothing runs. What comes out is what the fast ways give, and the benchmark checks that.

One thing is not re-created: that code never trains its regression branch. Both sides here train all of eq. 6.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from scipy.optimize import linear_sum_assignment
from torch import Tensor, nn
from torch.nn.functional import interpolate

from baselines.p2pnet import Config, P2PNet, Proposals
from baselines.p2pnet.matching import Matched
from baselines.p2pnet.model import Neck
from baselines.p2pnet.proposals import PERSON


class WholePyramid(nn.Module):
    """A neck that computes the levels of stride 4, 8 and 16, and gives the one of stride 8.

    Parameters
    ----------
    neck : Neck
        The layers that are used.
    fine : int
        Channels of the trunk's map of stride 4.
    width : int
        Channels of every level.
    """

    def __init__(self, neck: Neck, fine: int, width: int):
        super().__init__()
        self.used = neck
        self.lateral = nn.Conv2d(fine, width, 1)
        self.smooth_fine = nn.Conv2d(width, width, 3, padding=1)
        self.smooth_coarse = nn.Conv2d(width, width, 3, padding=1)

    def forward(self, maps: tuple[Tensor, Tensor, Tensor]) -> Tensor:
        """Return F_s: (B, width, H / 8, W / 8)."""
        top = self.used.top(maps[2])
        middle = interpolate(top, scale_factor=2.0, mode="nearest") + self.used.laterals[0](maps[1])
        fine = interpolate(middle, scale_factor=2.0, mode="nearest") + self.lateral(maps[0])
        levels = self.smooth_fine(fine), self.used.smooth(middle), self.smooth_coarse(top)
        return levels[1]


def with_dead_layers(model: P2PNet, config: Config) -> P2PNet:
    """Give the model, in place, the layers that are computed or held for nothing.

    The paper's has 21,579,344 parameters then. Its own weights, and so its proposals, are as they were.
    """
    width = config.width
    model.neck = WholePyramid(model.neck, model.trunk.channels[0], width)
    model.never_run = nn.ModuleList(nn.Conv2d(width, width, 3, padding=1) for _ in range(4))
    return model


@torch.no_grad()
def match_whole_batch(output: Proposals, targets: Sequence[Tensor], *, tau: float = 0.05) -> list[Matched]:
    """Return what ``match`` does, by way of the cost of every proposal and every target of the batch (eq. 3)."""
    images, proposals = output.points.shape[:2]
    everyone = torch.cat(list(targets))  # (N, 2), of all images
    classes = torch.full((len(everyone),), PERSON)
    confidences = output.logits.flatten(0, 1).softmax(-1)  # (B * M, 2)
    distance = torch.cdist(output.points.flatten(0, 1), everyone)  # (B * M, N)
    cost = tau * distance - confidences[:, classes]  # (B * M, N)
    blocks = cost.view(images, proposals, -1).split([len(each) for each in targets], dim=-1)  # B times (B, M, N_b)
    pairs = [linear_sum_assignment(block[index].numpy()) for index, block in enumerate(blocks)]
    return [(torch.from_numpy(rows.astype(np.int64)), torch.from_numpy(columns)) for rows, columns in pairs]
