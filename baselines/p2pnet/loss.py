"""The loss (section 3.4, eq. 4 to 6): cross entropy over all proposals, squared distance over the matched ones.

Each term is a field of a record that carries its weight beside it, so that no term can be without one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from baselines.p2pnet.config import Config
from baselines.p2pnet.matching import Matched, match, true_points
from baselines.p2pnet.proposals import PERSON, Proposals


@dataclass(frozen=True, slots=True, eq=False)
class Losses:
    """The two terms of eq. 6, scalars, with their weights.

    Attributes
    ----------
    classification : Tensor
        L_cls, eq. 4; its weight is 1.
    localization : Tensor
        L_loc, eq. 5, in squared pixels.
    lambda2 : float
        Weight of the localization.
    """

    classification: Tensor
    localization: Tensor
    lambda2: float

    @property
    def total(self) -> Tensor:
        """Eq. 6."""
        return self.classification + self.lambda2 * self.localization


@dataclass(frozen=True, slots=True)
class Totals:
    """What the terms are divided by: proposals, targets and pairs of the batch, over all its parts and processes."""

    proposals: int
    targets: int
    pairs: int

    def weight(self, lambda1: float, normalizer: str) -> float:
        """Return the classification's divisor: M of eq. 4, or the sum of the proposals' weights."""
        if normalizer == "proposals":
            return float(self.proposals)
        return self.pairs + lambda1 * (self.proposals - self.pairs)


def losses(
    output: Proposals,
    targets: Sequence[Tensor],
    matched: Sequence[Matched] | None = None,
    *,
    lambda1: float = 0.5,
    lambda2: float = 2e-4,
    ce_normalizer: Literal["proposals", "weights"] = "proposals",
    totals: Totals | None = None,
) -> Losses:
    """Return the loss of a batch.

    Parameters
    ----------
    output : Proposals
        What the model says of B images.
    targets : sequence of B Tensors, (N_b, 2)
        True points in pixels of the input.
    matched : sequence of B (Tensor, Tensor), optional
        What ``match`` gave; with its defaults where it is not given.
    lambda1 : float
        Weight of the proposals without a target.
    lambda2 : float
        Weight of the localization.
    ce_normalizer : {"proposals", "weights"}
        Divide the classification by M (the paper) or by the sum of the weights.
    totals : Totals, optional
        The whole batch's numbers, where ``output`` is a part of it.

    Returns
    -------
    Losses
        Without targets, the localization is 0.

    Source: eq. 4, 5 and 6.
    """
    matched = match(output, targets) if matched is None else matched
    totals = totals or Totals(
        proposals=output.points.shape[0] * output.points.shape[1],
        targets=sum(len(each) for each in targets),
        pairs=sum(len(pairs[0]) for pairs in matched),
    )
    image, proposal, truth = _flat(output, targets, matched)
    classes = torch.zeros(output.logits.shape[:2], dtype=torch.int64, device=output.logits.device)  # (B, M)
    classes[image, proposal] = PERSON
    weights = torch.tensor([lambda1, 1.0], device=output.logits.device)
    entropy = cross_entropy(  # (B, M, 2) -> (B * M, 2), (B, M) -> (B * M,)
        output.logits.flatten(0, 1).float(), classes.flatten(), weights, reduction="sum"
    )
    squares = (output.points[image, proposal].float() - truth).square().sum()
    return Losses(
        classification=entropy / totals.weight(lambda1, ce_normalizer),
        localization=squares / max(totals.targets, 1),
        lambda2=lambda2,
    )


def losses_by(
    config: Config, output: Proposals, targets: Sequence[Tensor], matched: Sequence[Matched], totals: Totals
) -> Losses:
    """Return the loss with the weights of a config."""
    return losses(
        output,
        targets,
        matched,
        lambda1=config.lambda1,
        lambda2=config.lambda2,
        ce_normalizer=config.ce_normalizer,
        totals=totals,
    )


def _flat(output: Proposals, targets: Sequence[Tensor], matched: Sequence[Matched]) -> tuple[Tensor, Tensor, Tensor]:
    """Return, over the whole batch, the images and proposals of the pairs, (P,), and their true points, (P, 2)."""
    device = output.points.device
    image = torch.cat([torch.full_like(pairs[0], index) for index, pairs in enumerate(matched)])
    proposal = torch.cat([pairs[0] for pairs in matched])
    pairs_of = zip(targets, matched, strict=True)
    truth = torch.cat([true_points(each, f"{b} of the batch")[pairs[1]] for b, (each, pairs) in enumerate(pairs_of)])
    return image.to(device), proposal.to(device), truth.to(device)
