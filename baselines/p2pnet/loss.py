"""The loss (section 3.4, eq. 4 to 6): cross entropy over all proposals, squared distance over the matched ones.

The terms are fields of a record that has their weights too, so that no term can be without its weight.
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
    """The two terms of eq. 6 with the weight of the second one.

    Attributes
    ----------
    classification : Tensor, ()
        L_cls, eq. 4; its weight is 1.
    localization : Tensor, ()
        L_loc, eq. 5, in squared pixels.
    lambda2 : float
        Weight of the localization.

    Examples
    --------
    >>> float(Losses(torch.tensor(0.5), torch.tensor(100.0), lambda2=0.01).total)
    1.5
    """

    classification: Tensor
    localization: Tensor
    lambda2: float

    @property
    def total(self) -> Tensor:
        """The weighted sum of both terms, eq. 6."""
        return self.classification + self.lambda2 * self.localization


@dataclass(frozen=True, slots=True)
class Totals:
    """The numbers that the terms are divided by, of the whole batch over all its parts and processes.

    Attributes
    ----------
    proposals, targets, pairs : int
        Number of proposals, of targets, and of matched pairs.
    """

    proposals: int
    targets: int
    pairs: int

    def classification_divisor(self, lambda1: float, normalizer: str) -> float:
        """Return the divisor of the classification loss.

        Parameters
        ----------
        lambda1 : float
            Weight of the unmatched proposals.
        normalizer : {"proposals", "weights"}
            The number of proposals, M of eq. 4, or the sum of their weights.

        Returns
        -------
        float

        Examples
        --------
        >>> totals = Totals(proposals=10, targets=2, pairs=2)
        >>> [totals.classification_divisor(0.5, normalizer) for normalizer in ("proposals", "weights")]
        [10.0, 6.0]
        """
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
    """Return the loss of a batch, eq. 4, 5 and 6.

    Parameters
    ----------
    output : Proposals
        The output of the model for B images.
    targets : sequence of B Tensors, (N_b, 2)
        x and y of the true points in pixels of the input.
    matched : sequence of B (Tensor, Tensor), optional
        The result of ``match``; by default ``match`` is called with its default options.
    lambda1 : float
        Weight of the proposals without a target.
    lambda2 : float
        Weight of the localization.
    ce_normalizer : {"proposals", "weights"}
        Divide the classification by the number of proposals M (the paper), or by the sum of the weights.
    totals : Totals, optional
        The numbers of the whole batch, where ``output`` is one part of it.

    Returns
    -------
    Losses
        The localization is 0 where there are no targets.

    Raises
    ------
    InputError, UsageError
        As ``match``.

    Examples
    --------
    One of two proposals is matched, at a distance of (3, 4) pixels:

    >>> points = torch.tensor([[[3.0, 4.0], [90.0, 90.0]]])
    >>> output = Proposals(logits=torch.zeros(1, 2, 2), points=points, stride=8, K=1)
    >>> terms = losses(output, [torch.tensor([[0.0, 0.0]])])
    >>> float(terms.localization), round(float(terms.classification), 3)  # log(2) * (1 + lambda1) / M
    (25.0, 0.52)
    """
    matched = match(output, targets) if matched is None else matched
    totals = totals or Totals(
        proposals=output.points.shape[0] * output.points.shape[1],
        targets=sum(len(target) for target in targets),
        pairs=sum(len(pairs[0]) for pairs in matched),
    )
    image, proposal, truth = _flatten_pairs(output, targets, matched)
    # Only the matched proposals have the class of a person:
    # image [0, 1], proposal [7, 2] -> classes[0, 7] and classes[1, 2].
    classes = torch.zeros(output.logits.shape[:2], dtype=torch.int64, device=output.logits.device)  # (B, M)
    classes[image, proposal] = PERSON
    weights = torch.tensor([lambda1, 1.0], device=output.logits.device)
    entropy = cross_entropy(  # (B, M, 2) -> (B * M, 2), (B, M) -> (B * M,)
        output.logits.flatten(0, 1).float(), classes.flatten(), weights, reduction="sum"
    )
    squares = (output.points[image, proposal].float() - truth).square().sum()
    return Losses(
        classification=entropy / totals.classification_divisor(lambda1, ce_normalizer),
        localization=squares / max(totals.targets, 1),
        lambda2=lambda2,
    )


def losses_of_config(
    config: Config, output: Proposals, targets: Sequence[Tensor], matched: Sequence[Matched], totals: Totals
) -> Losses:
    """Return the loss of a part of a batch with the weights of a config.

    Parameters
    ----------
    config : Config
        Gives ``lambda1``, ``lambda2`` and ``ce_normalizer``.
    output : Proposals
        The output of the model for B images.
    targets : sequence of B Tensors, (N_b, 2)
        x and y of the true points in pixels of the input.
    matched : sequence of B (Tensor, Tensor)
        The result of ``match``.
    totals : Totals
        The numbers of the whole batch.

    Returns
    -------
    Losses

    Examples
    --------
    >>> output = Proposals(logits=torch.zeros(1, 2, 2), points=torch.zeros(1, 2, 2), stride=8, K=1)
    >>> targets = [torch.tensor([[3.0, 4.0]])]
    >>> totals = Totals(proposals=2, targets=1, pairs=1)
    >>> float(losses_of_config(Config(), output, targets, match(output, targets), totals).localization)
    25.0
    """
    return losses(
        output,
        targets,
        matched,
        lambda1=config.lambda1,
        lambda2=config.lambda2,
        ce_normalizer=config.ce_normalizer,
        totals=totals,
    )


def _flatten_pairs(
    output: Proposals, targets: Sequence[Tensor], matched: Sequence[Matched]
) -> tuple[Tensor, Tensor, Tensor]:
    """Return image and proposal indices of all pairs of the batch, (P,) each, and their true points, (P, 2)."""
    device = output.points.device
    # Proposals [7, 3] of image 0 and [2] of image 1 -> image [0, 0, 1], proposal [7, 3, 2].
    image = torch.cat([torch.full_like(proposals, b) for b, (proposals, _) in enumerate(matched)])
    proposal = torch.cat([proposals for proposals, _ in matched])
    truth = torch.cat(
        [
            true_points(target, f"{b} of the batch")[indices]
            for b, (target, (_, indices)) in enumerate(zip(targets, matched, strict=True))
        ]
    )
    return image.to(device), proposal.to(device), truth.to(device)
