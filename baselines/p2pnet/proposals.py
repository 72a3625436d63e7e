"""Point proposals (section 3.4, eq. 2): reference points of every cell, moved by the offsets of the regression branch.

Proposals are ordered by cell, row by row, and within a cell as its reference points are: rows outside, lines inside.
A channel of either branch is ``reference * 2 + {x, y}`` and ``reference * 2 + {nothing, person}``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

PERSON = 1
"""The class of a person; 0 is nothing."""


@dataclass(frozen=True, slots=True, eq=False)
class Proposals:
    """What the model says of a batch.

    Attributes
    ----------
    logits : Tensor of float32, (B, M, 2)
        {nothing, person}, before the softmax.
    points : Tensor of float32, (B, M, 2)
        x and y in pixels of the input, pixel i being [i, i + 1).
    stride, K : int
        Pixels of a cell's side, and proposals of a cell.
    """

    logits: Tensor
    points: Tensor
    stride: int
    K: int

    @property
    def confidences(self) -> Tensor:
        """Confidence that a proposal is a person, (B, M)."""
        return self.logits.softmax(-1)[..., PERSON]


def reference_offsets(stride: int, rows: int, lines: int, layout: Literal["grid", "center"]) -> Tensor:
    """Return where in its cell each reference point lies (Fig. 4): (K, 2), x and y in pixels.

    >>> reference_offsets(8, 2, 2, "grid").tolist()
    [[2.0, 2.0], [6.0, 2.0], [2.0, 6.0], [6.0, 6.0]]
    """
    if layout == "center":
        return torch.full((rows * lines, 2), stride / 2)
    y = (torch.arange(rows, dtype=torch.float32) + 0.5) * (stride / rows)
    x = (torch.arange(lines, dtype=torch.float32) + 0.5) * (stride / lines)
    return torch.stack([x.repeat(rows), y.repeat_interleave(lines)], dim=1)  # (rows * lines, 2)


def reference_points(height: int, width: int, stride: int, offsets: Tensor) -> Tensor:
    """Return the reference points of a feature map of ``height`` x ``width`` cells: (height * width * K, 2)."""
    y = torch.arange(height, dtype=torch.float32, device=offsets.device) * stride
    x = torch.arange(width, dtype=torch.float32, device=offsets.device) * stride
    corners = torch.stack(torch.meshgrid(x, y, indexing="xy"), dim=-1)  # (height, width, 2)
    return (corners[:, :, None] + offsets).reshape(-1, 2)  # (height, width, K, 2) -> (M, 2)


def in_pairs(branch: Tensor) -> Tensor:
    """Return a branch's channels as pairs in the order of the proposals: (B, 2K, h, w) -> (B, h * w * K, 2)."""
    return branch.permute(0, 2, 3, 1).reshape(branch.shape[0], -1, 2)
