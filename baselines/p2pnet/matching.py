"""One-to-one matching of proposals and targets (section 3.4, eq. 3) by the Hungarian algorithm, image by image.

The cost of target i and proposal j is ``tau * ||p_i - p_j||_2 - c_j``: the distance in pixels, weighted against the
confidence. Each image has its own matrix, (targets, proposals). One matrix for a whole batch would grow with the
product of all its targets and all its proposals, in memory and in time.

Every result satisfies, for N targets and M >= N proposals: each target has one proposal, no proposal has two targets,
and no other assignment of that image has a lower cost.
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
"""Pairs of one image: proposal indices and target indices, (P,) int64 each, in the order of the targets."""


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
    """Assign one proposal to every target, with the least total cost.

    Parameters
    ----------
    output : Proposals
        The output of the model for B images.
    targets : sequence of B Tensors, (N_b, 2)
        x and y of the true points in pixels of the input.
    tau : float
        Weight of a pixel of distance against a unit of confidence.
    surplus : {"error", "truncate"}
        For an image with more targets than proposals: raise an error, or warn and match the cheapest M targets.
    names : sequence of B str, optional
        Names of the images for messages.
    told : bool
        Whether unmatched targets give a CrowdevalWarning; training counts them in its log instead.

    Returns
    -------
    list of B (Tensor, Tensor)
        Proposal indices and target indices of each image, (P_b,) int64, in the order of the targets.

    Raises
    ------
    InputError
        If an image has more targets than proposals, or a cost that is not finite; the error names the image.
    UsageError
        If there are not B targets, or one of them is not (N, 2).

    Notes
    -----
    Source: eq. 3 and the sentence after it ("we ensure M > N").

    Examples
    --------
    >>> points = torch.tensor([[[0.0, 0.0], [50.0, 50.0], [90.0, 90.0]]])
    >>> output = Proposals(logits=torch.zeros(1, 3, 2), points=points, stride=8, K=1)
    >>> proposals, truth = match(output, [torch.tensor([[88.0, 91.0], [2.0, 1.0]])])[0]
    >>> proposals.tolist(), truth.tolist()
    ([2, 0], [0, 1])
    """
    if len(targets) != len(output.points):
        raise UsageError(f"expected targets for {len(output.points)} images, found targets for {len(targets)}")
    names = names or [f"{index} of the batch" for index in range(len(targets))]
    points, confidences = output.points.float().cpu(), output.confidences.float().cpu()
    matched = []
    for b, target in enumerate(targets):
        excess = _excess(target, output, names[b])
        if excess and surplus == "error":
            raise InputError(f"{excess[0]}, or surplus=truncate")
        if excess and told:
            warnings.warn(f"{excess[0]}; {excess[1]} heads are not matched", CrowdevalWarning, stacklevel=2)
        matched.append(_assign(_cost(points[b], confidences[b], target, tau, names[b])))
    return matched


def _cost(points: Tensor, confidences: Tensor, target: Tensor, tau: float, name: str) -> Tensor:
    """Return the matrix of costs, eq. 3: (N, M)."""
    target = true_points(target, name)
    # By default torch computes many distances from a matrix product, which loses the digits of close points.
    distance = torch.cdist(target, points, compute_mode="donot_use_mm_for_euclid_dist")  # (N, M)
    cost = tau * distance - confidences
    if not torch.isfinite(cost).all():
        raise InputError(f"image {name}: the matching cost is not finite: {_not_finite(points, confidences, target)}")
    return cost


def true_points(target: Tensor, name: str) -> Tensor:
    """Return the true points of an image in one form.

    Parameters
    ----------
    target : Tensor, (N, 2)
        x and y in pixels, of any dtype and device. An empty tensor may have any shape.
    name : str
        The image, for the message.

    Returns
    -------
    Tensor of float32, (N, 2)
        On the CPU.

    Raises
    ------
    UsageError
        If the shape is not (N, 2); the error names the image.

    Examples
    --------
    >>> true_points(torch.tensor([]), "a.jpg").shape
    torch.Size([0, 2])
    """
    if target.numel() and (target.ndim != 2 or target.shape[1] != 2):
        raise UsageError(f"image {name}: expected targets (N, 2), found {tuple(target.shape)}")
    return target.float().cpu().reshape(-1, 2)  # (N, 2), or an empty tensor of any shape -> (0, 2)


def _excess(target: Tensor, output: Proposals, name: str) -> tuple[str, int] | None:
    """Return a message and the number of surplus targets of an image, or None where it has enough proposals."""
    targets, proposals = len(true_points(target, name)), output.points.shape[1]
    if targets <= proposals:
        return None
    message = (
        f"image {name}: {targets} heads and only {proposals} proposals (stride {output.stride}, K = {output.K}); "
        "use a smaller stride or more reference points"
    )
    return message, targets - proposals


def _assign(cost: Tensor) -> Matched:
    """Return the pairs of least total cost; with more targets than proposals, min(N, M) pairs."""
    rows, columns = linear_sum_assignment(cost.numpy())
    return torch.from_numpy(columns.astype(np.int64)), torch.from_numpy(rows.astype(np.int64))


def _not_finite(points: Tensor, confidences: Tensor, target: Tensor) -> str:
    """Return the values that make a cost not finite."""
    values = {"a target": target, "a proposal's position": points, "a confidence": confidences}
    causes = [name for name, value in values.items() if not torch.isfinite(value).all()]
    return f"{' and '.join(causes)} is NaN or infinite" if causes else "the distances are too large"
