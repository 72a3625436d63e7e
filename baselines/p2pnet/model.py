"""P2PNet (section 3.4, Fig. 5): a trunk, a neck and two branches of convolutions give a set of point proposals."""

from __future__ import annotations

from typing import cast

import torch
from torch import Tensor, nn
from torch.nn.functional import interpolate, pad

from baselines.p2pnet.config import Config
from baselines.p2pnet.devices import DTYPES, precision
from baselines.p2pnet.proposals import Proposals, channel_pairs, reference_offsets, reference_points
from baselines.p2pnet.trunks import Trunk, build_trunk

MULTIPLE = 16
"""Stride of the coarsest map; height and width of the input are padded to multiples of it."""


class Neck(nn.Module):
    """The upsampling path from the trunk's maps to F_s.

    Each step doubles the coarse map by nearest neighbours and adds a lateral connection from the finer map; a last
    convolution smooths the result.

    Parameters
    ----------
    channels : three int
        Channels of the trunk's maps of stride 4, 8 and 16.
    width : int
        Channels of F_s.
    stride : {4, 8, 16}
        s. The paper's 8 merges the maps of stride 16 and 8; 4 adds the map of stride 4; 16 uses the coarsest map alone.

    Examples
    --------
    >>> maps = [torch.zeros(1, channels, side, side) for channels, side in ((3, 16), (5, 8), (7, 4))]
    >>> Neck((3, 5, 7), width=6, stride=8)(maps).shape
    torch.Size([1, 6, 8, 8])
    """

    def __init__(self, channels: tuple[int, int, int], width: int, stride: int):
        super().__init__()
        steps = {16: 0, 8: 1, 4: 2}[stride]
        self.top = nn.Conv2d(channels[2], width, 1)
        self.laterals = nn.ModuleList(nn.Conv2d(channels[1 - step], width, 1) for step in range(steps))
        self.smooth = nn.Conv2d(width, width, 3, padding=1)

    def forward(self, maps: tuple[Tensor, Tensor, Tensor]) -> Tensor:
        """Return F_s, (B, width, H / s, W / s)."""
        merged = self.top(maps[2])
        for lateral, finer in zip(self.laterals, (maps[1], maps[0]), strict=False):
            merged = interpolate(merged, scale_factor=2.0, mode="nearest") + lateral(finer)
        smoothed: Tensor = self.smooth(merged)
        return smoothed


def branch(width: int, K: int) -> nn.Sequential:
    """Return a prediction branch: three 3 x 3 convolutions with ReLU between them.

    Parameters
    ----------
    width : int
        Channels of F_s.
    K : int
        Reference points of a cell.

    Returns
    -------
    nn.Sequential
        (B, width, h, w) -> (B, 2K, h, w).

    Examples
    --------
    >>> branch(width=6, K=4)(torch.zeros(1, 6, 8, 8)).shape
    torch.Size([1, 8, 8, 8])
    """
    return nn.Sequential(
        nn.Conv2d(width, width, 3, padding=1),
        nn.ReLU(inplace=True),
        nn.Conv2d(width, width, 3, padding=1),
        nn.ReLU(inplace=True),
        nn.Conv2d(width, 2 * K, 3, padding=1),
    )


class P2PNet(nn.Module):
    """The model; the config decides the parts that are not given.

    Parameters
    ----------
    config : Config
        Sizes; the paper's by default.
    trunk, neck, regression, classification : nn.Module, optional
        Other parts, with the inputs and outputs of ``Trunk``, ``Neck`` and ``branch``.

    Examples
    --------
    >>> model = P2PNet(Config(backbone="mobilenet_v3_large", width=8)).eval()
    >>> proposals = model(torch.zeros(1, 3, 64, 96))
    >>> proposals.points.shape  # 8 x 12 cells with 4 proposals each
    torch.Size([1, 384, 2])
    """

    ignored: tuple[str, ...] = ()
    """Keys of the model's file that the model does not use."""

    precision: str = "float32"
    """The precision of the convolutions where no autocast of the caller sets it."""

    def __init__(
        self,
        config: Config | None = None,
        *,
        trunk: Trunk | None = None,
        neck: nn.Module | None = None,
        regression: nn.Sequential | None = None,
        classification: nn.Sequential | None = None,
    ):
        super().__init__()
        self.config = config = config or Config()
        self._has_standard_parts = neck is None and regression is None and classification is None
        self.trunk = trunk or build_trunk(config.backbone)
        self.neck = neck or Neck(self.trunk.channels, config.width, config.stride)
        self.regression = regression or _init_regression(branch(config.width, config.K))
        self.classification = classification or _init_classification(
            branch(config.width, config.K), config.nothing_bias
        )
        offsets = reference_offsets(config.stride, config.rows, config.lines, config.layout)
        self.references: Tensor
        self.register_buffer("references", offsets, persistent=False)  # (K, 2)

    @property
    def device(self) -> torch.device:
        """The device of the model, on which its images have to be."""
        return self.references.device

    @property
    def margin(self) -> int | None:
        """Pixels beside a tile's core that its proposals depend on, a multiple of 16; 128 for the paper's model.

        None where a proposal depends on the whole image, or where a part of another kind makes the number unknown.
        """
        # A proposal sees 4 cells to each side through the convolutions on F_s (one of the neck, three of a branch), and
        # further through the trunk.
        radius = self.trunk.radius if self._has_standard_parts else None
        return None if radius is None else round_up(round_up(4 * self.config.stride) + radius)

    def settle(self, precision: str) -> None:
        """Prepare the model for fast prediction in one precision; it can't be trained afterwards.

        The batch norms of the trunk are merged into its convolutions, and the weights are stored in the precision of
        their multiplication. The proposals are those under autocast, but faster. The last layers of the branches stay
        float32.

        Parameters
        ----------
        precision : {"float32", "bf16", "fp16"}
            The arithmetic of the convolutions. The model has to be in eval mode.

        Examples
        --------
        >>> model = P2PNet(Config(backbone="mobilenet_v3_large", width=8)).eval()
        >>> model.settle("bf16")
        >>> model.neck.top.weight.dtype, model.regression[-1].weight.dtype
        (torch.bfloat16, torch.float32)
        """
        self.trunk.fold()
        self.precision = precision
        last = (self.classification[-1], self.regression[-1])
        for layer in self.modules():
            if isinstance(layer, nn.Conv2d) and layer not in last:
                layer.to(DTYPES.get(precision, torch.float32))

    def forward(self, images: Tensor) -> Proposals:
        """Return the proposals of a batch of images.

        Parameters
        ----------
        images : Tensor of float32, (B, 3, H, W)
            RGB, normalized; zeros are added on the right and at the bottom up to multiples of 16.

        Returns
        -------
        Proposals
            ``logits`` and ``points``, (B, M, 2) each, with M = K * ceil16(H) / s * ceil16(W) / s; the proposals of the
            padding are among them.
        """
        return self.forward_padded(pad_to_multiple(images))

    def forward_padded(self, images: Tensor) -> Proposals:
        """Return the proposals of images whose height and width are multiples of 16, as ``forward``."""
        with precision(self.precision, images.device):
            fused = self.neck(self.trunk(images))  # F_s: (B, width, h, w)
            class_maps, offset_maps = self.classification[:-1](fused), self.regression[:-1](fused)
        # The outputs are float32: half precision would give many equal confidences and inexact points.
        with torch.autocast(images.device.type, enabled=False):
            logits = channel_pairs(self.classification[-1](class_maps.float()))  # (B, 2K, h, w) -> (B, M, 2)
            offsets = channel_pairs(self.regression[-1](offset_maps.float()))  # (B, 2K, h, w) -> (B, M, 2)
            references = reference_points(fused.shape[-2], fused.shape[-1], self.config.stride, self.references)
            points = references + self.config.gamma * offsets  # eq. 2
        return Proposals(logits, points, self.config.stride, self.config.K)


def round_up(pixels: int) -> int:
    """Return the smallest multiple of 16 that is not smaller.

    Parameters
    ----------
    pixels : int
        A length in pixels.

    Returns
    -------
    int

    Examples
    --------
    >>> round_up(16), round_up(17)
    (16, 32)
    """
    return -(-pixels // MULTIPLE) * MULTIPLE


def pad_to_multiple(images: Tensor) -> Tensor:
    """Return images with zeros on the right and at the bottom, up to multiples of 16.

    Parameters
    ----------
    images : Tensor, (..., H, W)
        The images.

    Returns
    -------
    Tensor, (..., ceil16(H), ceil16(W))

    Examples
    --------
    >>> pad_to_multiple(torch.ones(1, 3, 20, 32)).shape
    torch.Size([1, 3, 32, 32])
    """
    height, width = images.shape[-2:]
    return pad(images, (0, -width % MULTIPLE, 0, -height % MULTIPLE))  # -20 % 16 = 12: from 20 to 32


def _init_regression(regression: nn.Sequential) -> nn.Sequential:
    """Start with small weights, so that proposals begin close to their reference points for any gamma."""
    last = cast(nn.Conv2d, regression[-1])
    nn.init.normal_(last.weight, std=1e-3)
    nn.init.zeros_(cast(Tensor, last.bias))
    return regression


def _init_classification(classification: nn.Sequential, nothing: float) -> nn.Sequential:
    """Start with a bias for "nothing" in every reference point."""
    last = cast(nn.Conv2d, classification[-1])
    with torch.no_grad():
        cast(Tensor, last.bias).view(-1, 2).copy_(torch.tensor([nothing, 0.0]))  # (2K,) -> (K, 2)
    return classification
