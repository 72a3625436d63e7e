"""P2PNet (section 3.4, Fig. 5): trunk, neck and two branches of convolutions give a set of point proposals."""

from __future__ import annotations

from typing import cast

import torch
from torch import Tensor, nn
from torch.nn.functional import interpolate, pad

from baselines.p2pnet.config import Config
from baselines.p2pnet.devices import DTYPES, precision
from baselines.p2pnet.proposals import Proposals, in_pairs, reference_offsets, reference_points
from baselines.p2pnet.trunks import Trunk, trunk_named

MULTIPLE = 16
"""Height and width are padded to multiples of the coarsest map's stride."""


class Neck(nn.Module):
    """The upsampling path: coarse maps, doubled by nearest neighbours, plus a lateral connection, smoothed into F_s.

    Parameters
    ----------
    channels : three int
        Channels of the trunk's maps of stride 4, 8 and 16.
    width : int
        Channels of F_s.
    stride : {4, 8, 16}
        s: the paper's 8 merges the maps of stride 16 and 8; 4 goes one step on; 16 takes the coarsest alone.
    """

    def __init__(self, channels: tuple[int, int, int], width: int, stride: int):
        super().__init__()
        steps = {16: 0, 8: 1, 4: 2}[stride]
        self.top = nn.Conv2d(channels[2], width, 1)
        self.laterals = nn.ModuleList(nn.Conv2d(channels[1 - step], width, 1) for step in range(steps))
        self.smooth = nn.Conv2d(width, width, 3, padding=1)

    def forward(self, maps: tuple[Tensor, Tensor, Tensor]) -> Tensor:
        """Return F_s: (B, width, H / s, W / s)."""
        merged = self.top(maps[2])
        for lateral, finer in zip(self.laterals, (maps[1], maps[0]), strict=False):
            merged = interpolate(merged, scale_factor=2.0, mode="nearest") + lateral(finer)
        smoothed: Tensor = self.smooth(merged)
        return smoothed


def branch(width: int, K: int) -> nn.Sequential:
    """Return a prediction head: three 3 x 3 convolutions interleaved with ReLU, to 2K channels."""
    return nn.Sequential(
        nn.Conv2d(width, width, 3, padding=1),
        nn.ReLU(inplace=True),
        nn.Conv2d(width, width, 3, padding=1),
        nn.ReLU(inplace=True),
        nn.Conv2d(width, 2 * K, 3, padding=1),
    )


class P2PNet(nn.Module):
    """The model; its parts are made from the config unless they are given.

    Parameters
    ----------
    config : Config
        Sizes; the paper's by default.
    trunk, neck, regression, classification : nn.Module, optional
        Parts of one's own, of the shapes of ``Trunk``, ``Neck`` and ``branch``.

    Examples
    --------
    >>> model = P2PNet(Config(backbone="mobilenet_v3_large", width=8)).eval()
    >>> found = model(torch.zeros(1, 3, 64, 96))
    >>> found.points.shape  # 8 x 12 cells of 4 proposals
    torch.Size([1, 384, 2])
    """

    ignored: tuple[str, ...] = ()
    """Keys of the file it was read from that nothing uses."""

    precision: str = "float32"
    """What the convolutions are computed in where no autocast says it."""

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
        self._usual = neck is None and regression is None and classification is None
        self.trunk = trunk or trunk_named(config.backbone)
        self.neck = neck or Neck(self.trunk.channels, config.width, config.stride)
        self.regression = regression or _from_references(branch(config.width, config.K))
        self.classification = classification or _doubtful(branch(config.width, config.K), config.nothing_bias)
        offsets = reference_offsets(config.stride, config.rows, config.lines, config.layout)
        self.references: Tensor
        self.register_buffer("references", offsets, persistent=False)  # (K, 2)

    @property
    def device(self) -> torch.device:
        """Where the model is, and its images have to be."""
        return self.references.device

    @property
    def margin(self) -> int | None:
        """Pixels beside a tile's core that the core's proposals depend on, up to a multiple of 16: the paper's 128.

        A cell sees through the four convolutions on F_s, then through the trunk's; None where that is the whole image,
        or where a part of one's own makes it unknown.
        """
        radius = self.trunk.radius if self._usual else None
        return None if radius is None else up_to_multiple(up_to_multiple(4 * self.config.stride) + radius)

    def settle(self, precision: str) -> None:
        """Make the model ready to predict in "float32", "bf16" or "fp16", never to train again; in eval mode.

        The trunk is folded, and weights are kept in the precision they are multiplied in: the same proposals as under
        autocast, sooner. The branches' last layers stay float32.
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
            RGB, normalized; padded with zeros, right and below, to multiples of 16.

        Returns
        -------
        Proposals
            ``logits`` and ``points``, (B, M, 2) each, M = K * ceil16(H) / s * ceil16(W) / s; those of the padding are
            among them.
        """
        return self.of_whole_cells(padded(images))

    def of_whole_cells(self, images: Tensor) -> Proposals:
        """Return the proposals of images whose height and width are multiples of 16."""
        with precision(self.precision, images.device):
            fused = self.neck(self.trunk(images))  # F_s: (B, width, h, w)
            sure, moved = self.classification[:-1](fused), self.regression[:-1](fused)
        with torch.autocast(images.device.type, enabled=False):  # what is put out is float32: few ties, no lost pixels
            logits = in_pairs(self.classification[-1](sure.float()))  # (B, 2K, h, w) -> (B, M, 2)
            offsets = in_pairs(self.regression[-1](moved.float()))  # (B, 2K, h, w) -> (B, M, 2)
            references = reference_points(fused.shape[-2], fused.shape[-1], self.config.stride, self.references)
            points = references + self.config.gamma * offsets  # eq. 2
        return Proposals(logits, points, self.config.stride, self.config.K)


def up_to_multiple(pixels: int) -> int:
    """Return the next multiple of 16."""
    return -(-pixels // MULTIPLE) * MULTIPLE


def padded(images: Tensor) -> Tensor:
    """Return the images with zeros right and below, up to multiples of 16."""
    height, width = images.shape[-2:]
    return pad(images, (0, -width % MULTIPLE, 0, -height % MULTIPLE))


def _from_references(regression: nn.Sequential) -> nn.Sequential:
    """Begin with proposals close to their reference points, whatever gamma is."""
    last = cast(nn.Conv2d, regression[-1])
    nn.init.normal_(last.weight, std=1e-3)
    nn.init.zeros_(cast(Tensor, last.bias))
    return regression


def _doubtful(classification: nn.Sequential, nothing: float) -> nn.Sequential:
    """Begin with a prior for "nothing"."""
    last = cast(nn.Conv2d, classification[-1])
    with torch.no_grad():
        cast(Tensor, last.bias).view(-1, 2).copy_(torch.tensor([nothing, 0.0]))  # (2K,) -> (K, 2)
    return classification
