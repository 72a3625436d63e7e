"""Trunks: builders of feature maps at strides 4, 8 and 16, from torchvision's networks.

A builder returns a Trunk without weights of its own; ``trunk_weights`` puts weights in.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from functools import partial
from itertools import chain, pairwise

import torch
import torchvision
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval
from torch.utils.checkpoint import checkpoint
from torchvision.models import vgg

from crowdeval.errors import UsageError, did_you_mean, listed

FEATURES = {"stages.0": "features", "stages.1": "features", "stages.2": "features"}
"""Names of the trunks that are cuts of torchvision's ``features``: the layers keep their index."""


class Trunk(nn.Module):
    """Three stages in a row, each halving the size of the one before.

    Parameters
    ----------
    stages : sequence of three nn.Module
        Image (B, 3, H, W) -> stride 4 -> stride 8 -> stride 16.
    channels : three int
        Channels of the three maps.
    blocks : sequence of sequences of nn.Module
        The trunk's layers by block, first to last, for ``freeze`` and ``recompute``.
    names : mapping of str to str
        The beginning of a key here to its beginning in torchvision's network.
    """

    def __init__(
        self,
        stages: Sequence[nn.Module],
        channels: tuple[int, int, int],
        blocks: Sequence[Sequence[nn.Module]],
        names: Mapping[str, str],
    ):
        super().__init__()
        self._names = dict(names)
        self.stages = nn.ModuleList(stages)
        self.channels = channels
        self._blocks = [list(block) for block in blocks]
        self._still: list[nn.Module] = []
        self._again: set[nn.Module] = set()

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return the maps of stride 4, 8 and 16: (B, C, H / s, W / s) each."""
        fine = self._through(self.stages[0], images)
        middle = self._through(self.stages[1], fine)
        return fine, middle, self._through(self.stages[2], middle)

    def freeze(self, blocks: int, *, batch_norm: bool) -> None:
        """Train nothing of the first blocks; with ``batch_norm``, keep all batch norms' statistics as they are."""
        first = self._first("frozen_blocks", blocks)
        for layer in first:
            layer.requires_grad_(False)
        norms = [layer for layer in self.modules() if isinstance(layer, nn.BatchNorm2d)] if batch_norm else []
        self._still = [*first, *norms]
        self.train(self.training)

    def recompute(self, blocks: int) -> None:
        """Keep no maps within the first blocks; the way back computes them again: less memory for more time."""
        self._again = set(self._first("recompute", blocks))

    def _first(self, name: str, blocks: int) -> list[nn.Module]:
        """Return the layers of the first blocks; raise UsageError where there are not so many."""
        if not 0 <= blocks <= len(self._blocks):
            raise UsageError(f"{name}: expected 0 to {len(self._blocks)} for this trunk, found {blocks}")
        return list(chain.from_iterable(self._blocks[:blocks]))

    def _through(self, stage: nn.Module, maps: Tensor) -> Tensor:
        """Return the stage's map."""
        if not self._again or not torch.is_grad_enabled():
            return stage(maps)  # type: ignore[no-any-return]
        layers = [stage] if stage in self._again else list(stage.children())
        again = nn.Sequential(*(layer for layer in layers if layer in self._again))
        if len(again):
            maps = checkpoint(again, maps, use_reentrant=False, context_fn=partial(_once, again))
        return nn.Sequential(*layers[len(again) :])(maps)  # type: ignore[no-any-return]

    def fold(self) -> None:
        """Merge each batch norm into the convolution right before it: to predict sooner, never to train again.

        A ReLU before a pooling changes places with it, which leaves it a quarter of the values, and the pooling
        overwrites what it is given. The maps are the same to rounding. In eval mode only.
        """
        for part in [layer for layer in self.modules() if isinstance(layer, nn.Sequential)]:
            own = False  # whether the layer reads what a convolution of this part has made, and nobody else reads it
            for (name, layer), (after, following) in pairwise(list(part.named_children())):
                if isinstance(layer, nn.Conv2d) and isinstance(following, nn.BatchNorm2d):
                    setattr(part, name, fuse_conv_bn_eval(layer, following))
                    setattr(part, after, nn.Identity())
                if isinstance(layer, nn.ReLU) and isinstance(following, nn.MaxPool2d):
                    setattr(part, name, _in_place(following) if own else following)
                    setattr(part, after, layer)
                own = isinstance(layer, nn.Conv2d) or (own and isinstance(layer, nn.BatchNorm2d))

    def torchvision_key(self, key: str) -> str:
        """Return the key that torchvision's network has for a key of this trunk's state_dict."""
        start = max((each for each in self._names if key.startswith(f"{each}.")), key=len)
        return f"{self._names[start]}.{key.removeprefix(f'{start}.')}"

    @property
    def radius(self) -> int | None:
        """Pixels to each side of its own 16 x 16 patch that a value of the coarsest map depends on; None for all.

        Counted over convolutions and poolings in their order; a pooling of 2 x 2 stays within the patch.
        """
        radius, jump = 0, 1
        for layer in self.modules():
            if isinstance(layer, nn.AdaptiveAvgPool2d):
                return None
            if isinstance(layer, nn.Conv2d | nn.MaxPool2d) and layer not in self._shortcuts():
                radius += (_side(layer.kernel_size) - 1) * _side(layer.dilation) // 2 * jump
                jump *= _side(layer.stride)
        return radius

    def _shortcuts(self) -> set[nn.Module]:
        """Return the layers of residual shortcuts: beside the chain, 1 x 1."""
        beside = [layer for name, layer in self.named_modules() if name.endswith("downsample")]
        return {layer for each in beside for layer in each.modules()}

    def train(self, mode: bool = True) -> Trunk:
        """Set training mode for all that is not frozen."""
        super().train(mode)
        for layer in self._still:
            layer.eval()
        return self


class HalvingInPlace(nn.MaxPool2d):
    """A pooling of 2 x 2 that overwrites what it is given: on a processor, new memory costs more than the comparing."""

    def forward(self, maps: Tensor) -> Tensor:
        """Return the greatest of each 2 x 2 values: (B, C, H, W) -> (B, C, H / 2, W / 2)."""
        if torch.compiler.is_compiling() or maps.device.type != "cpu" or not _overwritable(maps):
            return super().forward(maps)  # type: ignore[no-any-return]
        rows = torch.maximum(maps[:, :, 0::2], maps[:, :, 1::2], out=maps[:, :, 0::2])  # (B, C, H / 2, W)
        return torch.maximum(rows[..., 0::2], rows[..., 1::2])


def _overwritable(maps: Tensor) -> bool:
    """Return whether maps are halves of rows side by side in memory, and not to be learned through or kept."""
    if maps.requires_grad or (maps.is_inference() and not torch.is_inference_mode_enabled()):
        return False
    whole = maps.shape[-2] % 2 == maps.shape[-1] % 2 == 0
    return whole and maps.is_contiguous(memory_format=torch.channels_last)


def _in_place(pooling: nn.MaxPool2d) -> nn.MaxPool2d:
    """Return a pooling that may overwrite its input, where it is one of 2 x 2 with nothing overlapping."""
    given = pooling.kernel_size, pooling.stride, pooling.padding, pooling.dilation
    return HalvingInPlace(2, 2) if given == (2, 2, 0, 1) else pooling


def _once(layers: nn.Module) -> tuple[AbstractContextManager[None], AbstractContextManager[None]]:
    """Return what the layers run in the first time and the second: a batch's statistics are taken in once."""
    return nullcontext(), _statistics_kept(layers)


@contextmanager
def _statistics_kept(layers: nn.Module) -> Iterator[None]:
    norms = [layer for layer in layers.modules() if isinstance(layer, nn.BatchNorm2d)]
    held = [(norm.momentum, norm.num_batches_tracked) for norm in norms]
    for norm in norms:
        norm.momentum, norm.num_batches_tracked = 0.0, None
    try:
        yield
    finally:
        for norm, (momentum, batches) in zip(norms, held, strict=True):
            norm.momentum, norm.num_batches_tracked = momentum, batches


def _vgg(*, batch_norm: bool) -> Trunk:
    """Take the 13 convolutions of a VGG-16, its last pooling dropped; layers keep torchvision's index."""
    features = vgg.make_layers(vgg.cfgs["D"], batch_norm=batch_norm)  # without the classifier, which is 0.5 GB
    pools = [index for index, layer in enumerate(features) if isinstance(layer, nn.MaxPool2d)]
    ends = [0, *(pool + 1 for pool in pools)]
    blocks = [list(features[start:end]) for start, end in pairwise(ends)]
    stages = [features[: pools[2]], features[pools[2] : pools[3]], features[pools[3] : pools[4]]]
    return Trunk(stages, (256, 512, 512), blocks, FEATURES)


def _resnet50() -> Trunk:
    net = torchvision.models.resnet50(weights=None)
    stem = [net.conv1, net.bn1, net.relu, net.maxpool]
    stages = [nn.Sequential(*stem, net.layer1), net.layer2, net.layer3]
    names = {
        "stages.0.0": "conv1",
        "stages.0.1": "bn1",
        "stages.0.4": "layer1",
        "stages.1": "layer2",
        "stages.2": "layer3",
    }
    return Trunk(stages, (256, 512, 1024), [stem, [net.layer1], [net.layer2], [net.layer3]], names)


def _mobilenet_v3_large() -> Trunk:
    features = torchvision.models.mobilenet_v3_large(weights=None).features
    stages = [features[:4], features[4:7], features[7:13]]
    return Trunk(stages, (24, 40, 112), [[layer] for layer in features[:13]], FEATURES)


TRUNKS: Mapping[str, Callable[[], Trunk]] = {
    "vgg16_bn": partial(_vgg, batch_norm=True),
    "vgg16": partial(_vgg, batch_norm=False),
    "resnet50": _resnet50,
    "mobilenet_v3_large": _mobilenet_v3_large,
}
"""Builder by name."""


def trunk_named(name: str) -> Trunk:
    """Return a new trunk; raise UsageError, with the near names, where there is no such builder."""
    if name not in TRUNKS:
        raise UsageError(f"no backbone {name!r}{did_you_mean(name, TRUNKS)} (known: {listed(TRUNKS)})")
    trunk = TRUNKS[name]()
    for layer in trunk.modules():
        if isinstance(layer, nn.Conv2d):
            nn.init.kaiming_normal_(layer.weight, mode="fan_out", nonlinearity="relu")
            if layer.bias is not None:
                nn.init.zeros_(layer.bias)
    return trunk


def parameters_of(module: nn.Module) -> int:
    """Return the number of values that are trained."""
    return sum(each.numel() for each in module.parameters())


def _side(size: int | tuple[int, ...]) -> int:
    return size if isinstance(size, int) else int(size[0])
