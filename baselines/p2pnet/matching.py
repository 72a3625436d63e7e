"""One-to-one matching of proposals and targets (section 3.4, eq. 3), by the Hungarian algorithm, image by image.

The cost of target i and proposal j is ``tau * ||p_i - p_j||_2 - c_j``: pixels weighted against confidence. One matrix
for each image, (targets, proposals), so that neither memory nor time grow with the batch's product.

On every result holds: with N targets and M >= N proposals each target has one proposal and no proposal two, and no
other assignment of that image costs less.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Literal

import numpy as np
import torch
from scipy.optimize import linear_sum_assignment
from torch import Tensor

from baselines.p2pnet.proposals import Proposals
from crowdeval.errors import CrowdevalWarning, InputError, UsageError

Matched = tuple[Tensor, Tensor]
"""Of one image: proposal indices and target indices, int64, of equal length, in the order of the targets."""


@torch.no_grad()
def match(
    output: Proposals,
    targets: Sequence[Tensor],
    *,
    tau: float = 0.05,
    surplus: Literal["error", "truncate"] = "error",
    names: Sequence[str] | None = None,
    told: bool = True,
) -> list[Matched]:
    """Assign one proposal to every target.

    Parameters
    ----------
    output : Proposals
        What the model says of B images.
    targets : sequence of B Tensors, (N_b, 2)
        True points in pixels of the input.
    tau : float
        Weight of a pixel of distance.
    surplus : {"error", "truncate"}
        For an image of more targets than proposals: raise, or warn and match the cheapest M of them.
    names : sequence of B str, optional
        The images' names, for errors.
    told : bool
        Whether targets that stay unmatched are a CrowdevalWarning; a training counts them in its log instead.

    Returns
    -------
    list of (Tensor, Tensor)
        For each image, proposal indices and target indices.

    Raises
    ------
    InputError
        If an image has more targets than proposals, or a cost that is not finite; names the image.
    UsageError
        If there are not B targets, or one is not (N, 2).

    Source: eq. 3 and the text after it ("we ensure M > N").
    """
    if len(targets) != len(output.points):
        raise UsageError(f"expected targets for {len(output.points)} images, found {len(targets)}")
    names = names or [f"{index} of the batch" for index in range(len(targets))]
    points, confidences = output.points.float().cpu(), output.confidences.float().cpu()
    matched = []
    for b, target in enumerate(targets):
        excess = _excess(target, output, names[b])
        if excess and surplus == "error":
            raise InputError(f"{excess[0]}, or surplus=truncate")
        if excess and told:
            warnings.warn(f"{excess[0]}; {excess[1]} heads stay unmatched", CrowdevalWarning, stacklevel=2)
        matched.append(_matched(_cost(points[b], confidences[b], target, tau, names[b])))
    return matched


def _cost(points: Tensor, confidences: Tensor, target: Tensor, tau: float, name: str) -> Tensor:
    """Eq. 3: (N, M). The distances come from differences, as those from products lose the digits of near points."""
    target = true_points(target, name)
    distance = torch.cdist(target, points, compute_mode="donot_use_mm_for_euclid_dist")  # (N, M)
    cost = tau * distance - confidences
    if not torch.isfinite(cost).all():
        raise InputError(f"image {name}: the matching cost is not finite ({_culprit(points, confidences, target)})")
    return cost


def true_points(target: Tensor, name: str) -> Tensor:
    """Return an image's true points as float32 (N, 2) on the CPU, also those of an empty tensor of any shape.

    Raises
    ------
    UsageError
        If they are not (N, 2); names the image.
    """
    if target.numel() and (target.ndim != 2 or target.shape[1] != 2):
        raise UsageError(f"image {name}: expected targets (N, 2), found {tuple(target.shape)}")
    return target.float().cpu().reshape(-1, 2)


def _excess(target: Tensor, output: Proposals, name: str) -> tuple[str, int] | None:
    """Return the message and the number of targets beyond an image's proposals, or None where there are none."""
    targets, proposals = len(true_points(target, name)), output.points.shape[1]
    if targets <= proposals:
        return None
    message = (
        f"image {name}: {targets} heads and only {proposals} proposals (stride {output.stride}, K = {output.K}); "
        "take a smaller stride or more reference points"
    )
    return message, targets - proposals


def _matched(cost: Tensor) -> Matched:
    rows, columns = linear_sum_assignment(cost.numpy())
    return torch.from_numpy(columns.astype(np.int64)), torch.from_numpy(rows.astype(np.int64))


def _culprit(points: Tensor, confidences: Tensor, target: Tensor) -> str:
    values = {"a target": target, "a proposal's position": points, "a confidence": confidences}
    return " and ".join(word for word, value in values.items() if not torch.isfinite(value).all()) or "too large"
