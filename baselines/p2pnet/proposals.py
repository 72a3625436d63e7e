"""Point proposals (section 3.4, eq. 2): reference points of every cell, moved by the offsets of the regression branch.

Proposals are in the order of the cells, row by row, and within a cell in the order of its reference points: rows
outside, lines inside. The channels of the branches are ``reference * 2 + {x, y}`` and ``reference * 2 + {nothing,
person}``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

PERSON = 1
"""Index of the class "person"; 0 is "nothing"."""


@dataclass(frozen=True, slots=True, eq=False)
class Proposals:
    """The output of the model for a batch.

    Attributes
    ----------
    logits : Tensor of float32, (B, M, 2)
        {nothing, person}, before the softmax.
    points : Tensor of float32, (B, M, 2)
        x and y in pixels of the input; pixel i is [i, i + 1).
    stride, K : int
        Side in pixels of a cell, and proposals of a cell.

    Examples
    --------
    >>> Proposals(torch.zeros(1, 4, 2), torch.zeros(1, 4, 2), stride=8, K=4).confidences.tolist()
    [[0.5, 0.5, 0.5, 0.5]]
    """

    logits: Tensor
    points: Tensor
    stride: int
    K: int

    @property
    def confidences(self) -> Tensor:
        """Confidence that a proposal is a person, (B, M), from 0 to 1."""
        return self.logits.softmax(-1)[..., PERSON]


def reference_offsets(stride: int, rows: int, lines: int, layout: Literal["grid", "center"]) -> Tensor:
    """Return the reference points of one cell, relative to its top-left corner (Fig. 4).

    Parameters
    ----------
    stride : int
        Side in pixels of the cell.
    rows, lines : int
        Reference points of the cell: K = rows x lines.
    layout : {"grid", "center"}
        Spread over the cell, or all at its center.

    Returns
    -------
    Tensor of float32, (K, 2)
        x and y in pixels.

    Examples
    --------
    >>> reference_offsets(8, 2, 2, "grid").tolist()
    [[2.0, 2.0], [6.0, 2.0], [2.0, 6.0], [6.0, 6.0]]
    """
    if layout == "center":
        return torch.full((rows * lines, 2), stride / 2)
    y = (torch.arange(rows, dtype=torch.float32) + 0.5) * (stride / rows)
    x = (torch.arange(lines, dtype=torch.float32) + 0.5) * (stride / lines)
    # Rows outside, lines inside. For 2 rows and 3 lines:
    # x.repeat -> x0 x1 x2 x0 x1 x2, y.repeat_interleave -> y0 y0 y0 y1 y1 y1.
    return torch.stack([x.repeat(rows), y.repeat_interleave(lines)], dim=1)  # (rows * lines, 2)


def reference_points(height: int, width: int, stride: int, offsets: Tensor) -> Tensor:
    """Return the reference points of a whole feature map.

    Parameters
    ----------
    height, width : int
        Size of the map in cells.
    stride : int
        Side in pixels of a cell.
    offsets : Tensor, (K, 2)
        The result of ``reference_offsets``; its device is that of the result.

    Returns
    -------
    Tensor of float32, (height * width * K, 2)
        x and y in pixels of the input, in the order of the proposals.

    Examples
    --------
    >>> reference_points(1, 2, 8, reference_offsets(8, 1, 2, "grid")).tolist()
    [[2.0, 4.0], [6.0, 4.0], [10.0, 4.0], [14.0, 4.0]]
    """
    y = torch.arange(height, dtype=torch.float32, device=offsets.device) * stride
    x = torch.arange(width, dtype=torch.float32, device=offsets.device) * stride
    corners = torch.stack(torch.meshgrid(x, y, indexing="xy"), dim=-1)  # (height, width, 2)
    # Every corner (height, width, 1, 2) plus every offset (K, 2) -> (height, width, K, 2).
    return (corners[:, :, None] + offsets).reshape(-1, 2)  # (height, width, K, 2) -> (M, 2)


def channel_pairs(branch: Tensor) -> Tensor:
    """Return the channels of a branch as one pair for each proposal.

    Parameters
    ----------
    branch : Tensor, (B, 2K, h, w)
        The output of a branch.

    Returns
    -------
    Tensor, (B, h * w * K, 2)
        Pairs in the order of the proposals.

    Examples
    --------
    >>> channel_pairs(torch.arange(8).reshape(1, 4, 1, 2)).tolist()  # 2 cells, K = 2
    [[[0, 2], [4, 6], [1, 3], [5, 7]]]
    """
    # Channels go last, so that the 2K values of a cell lie side by side: K pairs.
    return branch.permute(0, 2, 3, 1).reshape(branch.shape[0], -1, 2)  # (B, h, w, 2K) -> (B, h * w * K, 2)
