"""Trunks: networks of torchvision that give feature maps at strides 4, 8 and 16.

A builder returns a Trunk with random weights; ``trunk_weights`` sets pretrained ones.
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
"""Names for the trunks whose stages are slices of torchvision's ``features``: the layers keep their index."""


class Trunk(nn.Module):
    """Three stages in a row; the first one divides height and width by 4, each of the others by 2.

    Parameters
    ----------
    stages : sequence of three nn.Module
        Image (B, 3, H, W) -> map of stride 4 -> map of stride 8 -> map of stride 16.
    channels : three int
        Channels of the three maps.
    blocks : sequence of sequences of nn.Module
        The trunk's layers by block, first to last, for ``freeze`` and ``recompute``.
    names : mapping of str to str
        Start of a key of this trunk to the start of that key in torchvision's network.

    Examples
    --------
    >>> trunk = build_trunk("mobilenet_v3_large")
    >>> [tuple(maps.shape[2:]) for maps in trunk(torch.zeros(1, 3, 64, 96))]
    [(16, 24), (8, 12), (4, 6)]
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
        self._frozen: list[nn.Module] = []
        self._recomputed: set[nn.Module] = set()

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return the maps of stride 4, 8 and 16: (B, C, H / s, W / s) each."""
        fine = self._run_stage(self.stages[0], images)
        middle = self._run_stage(self.stages[1], fine)
        return fine, middle, self._run_stage(self.stages[2], middle)

    def freeze(self, blocks: int, *, batch_norm: bool) -> None:
        """Exclude the first blocks from training, and on request the statistics of all batch norms.

        Parameters
        ----------
        blocks : int
            Number of first blocks whose parameters and batch norms do not change.
        batch_norm : bool
            Whether the batch norms of the other blocks keep their statistics too.

        Raises
        ------
        UsageError
            If the trunk has fewer blocks.

        Examples
        --------
        >>> trunk = build_trunk("mobilenet_v3_large")
        >>> trunk.freeze(1, batch_norm=False)
        >>> next(trunk.parameters()).requires_grad
        False
        """
        first = self._first_layers("frozen_blocks", blocks)
        for layer in first:
            layer.requires_grad_(False)
        norms = [layer for layer in self.modules() if isinstance(layer, nn.BatchNorm2d)] if batch_norm else []
        self._frozen = [*first, *norms]
        self.train(self.training)

    def recompute(self, blocks: int) -> None:
        """Compute the maps within the first blocks again in the backward pass: less memory, more time.

        Parameters
        ----------
        blocks : int
            Number of first blocks.

        Raises
        ------
        UsageError
            If the trunk has fewer blocks.

        Examples
        --------
        >>> trunk = build_trunk("mobilenet_v3_large")
        >>> trunk.recompute(2)
        """
        self._recomputed = set(self._first_layers("recompute", blocks))

    def _first_layers(self, name: str, blocks: int) -> list[nn.Module]:
        """Return the layers of the first blocks; raise UsageError where the trunk has fewer blocks."""
        if not 0 <= blocks <= len(self._blocks):
            raise UsageError(f"{name}: expected 0 to {len(self._blocks)} for this trunk, found {blocks}")
        return list(chain.from_iterable(self._blocks[:blocks]))

    def _run_stage(self, stage: nn.Module, maps: Tensor) -> Tensor:
        """Return the map of a stage; its first layers run under a checkpoint where they are to be recomputed."""
        if not self._recomputed or not torch.is_grad_enabled():
            return stage(maps)  # type: ignore[no-any-return]
        layers = [stage] if stage in self._recomputed else list(stage.children())
        first = nn.Sequential(*(layer for layer in layers if layer in self._recomputed))
        if len(first):
            maps = checkpoint(first, maps, use_reentrant=False, context_fn=partial(_recompute_contexts, first))
        return nn.Sequential(*layers[len(first) :])(maps)  # type: ignore[no-any-return]

    def fold(self) -> None:
        """Prepare the trunk for fast prediction; it can't be trained afterwards.

        Each batch norm is merged into the convolution right before it. A ReLU before a pooling changes places with it,
        so that it has a quarter of the values, and the pooling overwrites its input. The maps are the same up to
        rounding. The trunk has to be in eval mode.

        Examples
        --------
        >>> trunk = build_trunk("mobilenet_v3_large").eval()
        >>> trunk.fold()
        >>> any(isinstance(layer, nn.BatchNorm2d) for layer in trunk.modules())
        False
        """
        for part in [layer for layer in self.modules() if isinstance(layer, nn.Sequential)]:
            is_private = False  # whether the layer's input is a convolution's output that no other layer reads
            for (name, layer), (after, following) in pairwise(list(part.named_children())):
                if isinstance(layer, nn.Conv2d) and isinstance(following, nn.BatchNorm2d):
                    setattr(part, name, fuse_conv_bn_eval(layer, following))
                    setattr(part, after, nn.Identity())
                if isinstance(layer, nn.ReLU) and isinstance(following, nn.MaxPool2d):
                    setattr(part, name, _in_place(following) if is_private else following)
                    setattr(part, after, layer)
                is_private = isinstance(layer, nn.Conv2d) or (is_private and isinstance(layer, nn.BatchNorm2d))

    def torchvision_key(self, key: str) -> str:
        """Return torchvision's key for a key of this trunk's state_dict.

        Parameters
        ----------
        key : str
            A key of this trunk.

        Returns
        -------
        str

        Examples
        --------
        >>> build_trunk("mobilenet_v3_large").torchvision_key("stages.0.0.0.weight")
        'features.0.0.weight'
        """
        start = max((name for name in self._names if key.startswith(f"{name}.")), key=len)
        return f"{self._names[start]}.{key.removeprefix(f'{start}.')}"

    @property
    def radius(self) -> int | None:
        """Pixels around its own 16 x 16 patch, on each side, that a value of the coarsest map depends on; None for all.

        Counted over the convolutions and poolings in their order; a pooling of 2 x 2 stays within the patch.
        """
        # A layer of kernel 3 adds one step of its input to each side; the steps grow with the strides before it:
        # strides 1, 2, 1, 2 -> steps of 1, 1, 2, 2 pixels.
        radius, jump = 0, 1
        for layer in self.modules():
            if isinstance(layer, nn.AdaptiveAvgPool2d):
                return None
            if isinstance(layer, nn.Conv2d | nn.MaxPool2d) and layer not in self._shortcuts():
                radius += (_side(layer.kernel_size) - 1) * _side(layer.dilation) // 2 * jump
                jump *= _side(layer.stride)
        return radius

    def _shortcuts(self) -> set[nn.Module]:
        """Return the layers of residual shortcuts, which are 1 x 1 and parallel to the other layers."""
        shortcuts = [layer for name, layer in self.named_modules() if name.endswith("downsample")]
        return {layer for shortcut in shortcuts for layer in shortcut.modules()}

    def train(self, mode: bool = True) -> Trunk:
        """Set the training mode of all layers that are not frozen."""
        super().train(mode)
        for layer in self._frozen:
            layer.eval()
        return self


class HalvingInPlace(nn.MaxPool2d):
    """A pooling of 2 x 2 that overwrites its input: on a CPU, new memory costs more time than the comparisons.

    Examples
    --------
    >>> HalvingInPlace(2, 2)(torch.tensor([[[[1.0, 2.0], [3.0, 4.0]]]])).tolist()
    [[[[4.0]]]]
    """

    def forward(self, maps: Tensor) -> Tensor:
        """Return the maximum of each 2 x 2 values: (B, C, H, W) -> (B, C, H / 2, W / 2)."""
        if torch.compiler.is_compiling() or maps.device.type != "cpu" or not _can_overwrite(maps):
            return super().forward(maps)  # type: ignore[no-any-return]
        # The maximum of rows 0 and 1 is written over row 0, of rows 2 and 3 over row 2, ...
        rows = torch.maximum(maps[:, :, 0::2], maps[:, :, 1::2], out=maps[:, :, 0::2])  # (B, C, H / 2, W)
        return torch.maximum(rows[..., 0::2], rows[..., 1::2])


def _can_overwrite(maps: Tensor) -> bool:
    """Return whether maps have even sides, are channels-last, and are not needed for gradients or by a caller."""
    if maps.requires_grad or (maps.is_inference() and not torch.is_inference_mode_enabled()):
        return False
    is_even = maps.shape[-2] % 2 == maps.shape[-1] % 2 == 0
    return is_even and maps.is_contiguous(memory_format=torch.channels_last)


def _in_place(pooling: nn.MaxPool2d) -> nn.MaxPool2d:
    """Return a pooling that may overwrite its input for one of 2 x 2 without overlap, else the given pooling."""
    sizes = pooling.kernel_size, pooling.stride, pooling.padding, pooling.dilation
    return HalvingInPlace(2, 2) if sizes == (2, 2, 0, 1) else pooling


def _recompute_contexts(layers: nn.Module) -> tuple[AbstractContextManager[None], AbstractContextManager[None]]:
    """Return the contexts of the first and the second run of layers: batch norms count a batch in the first only."""
    return nullcontext(), _keep_statistics(layers)


@contextmanager
def _keep_statistics(layers: nn.Module) -> Iterator[None]:
    """Keep the running statistics of the batch norms unchanged inside the block."""
    norms = [layer for layer in layers.modules() if isinstance(layer, nn.BatchNorm2d)]
    before = [(norm.momentum, norm.num_batches_tracked) for norm in norms]
    for norm in norms:
        norm.momentum, norm.num_batches_tracked = 0.0, None
    try:
        yield
    finally:
        for norm, (momentum, batches) in zip(norms, before, strict=True):
            norm.momentum, norm.num_batches_tracked = momentum, batches


def _vgg(*, batch_norm: bool) -> Trunk:
    """Return the 13 convolutions of a VGG-16 without its last pooling; layers keep torchvision's index."""
    features = vgg.make_layers(vgg.cfgs["D"], batch_norm=batch_norm)  # not the whole network: its classifier has 0.5 GB
    pools = [index for index, layer in enumerate(features) if isinstance(layer, nn.MaxPool2d)]
    ends = [0, *(pool + 1 for pool in pools)]
    blocks = [list(features[start:end]) for start, end in pairwise(ends)]
    stages = [features[: pools[2]], features[pools[2] : pools[3]], features[pools[3] : pools[4]]]
    return Trunk(stages, (256, 512, 512), blocks, FEATURES)


def _resnet50() -> Trunk:
    """Return the stem and the first three layers of a ResNet-50."""
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
    """Return the features of a MobileNetV3 up to stride 16."""
    features = torchvision.models.mobilenet_v3_large(weights=None).features
    stages = [features[:4], features[4:7], features[7:13]]
    return Trunk(stages, (24, 40, 112), [[layer] for layer in features[:13]], FEATURES)


TRUNKS: Mapping[str, Callable[[], Trunk]] = {
    "vgg16_bn": partial(_vgg, batch_norm=True),
    "vgg16": partial(_vgg, batch_norm=False),
    "resnet50": _resnet50,
    "mobilenet_v3_large": _mobilenet_v3_large,
}
"""Name of a backbone to its builder."""


def build_trunk(name: str) -> Trunk:
    """Build a trunk with random weights.

    Parameters
    ----------
    name : str
        A key of ``TRUNKS``.

    Returns
    -------
    Trunk

    Raises
    ------
    UsageError
        If there is no builder of this name; the error has similar names.

    Examples
    --------
    >>> build_trunk("mobilenet_v3_large").channels
    (24, 40, 112)
    """
    if name not in TRUNKS:
        raise UsageError(f"backbone: expected one of {listed(TRUNKS)}, found {name!r}{did_you_mean(name, TRUNKS)}")
    trunk = TRUNKS[name]()
    for layer in trunk.modules():
        if isinstance(layer, nn.Conv2d):
            nn.init.kaiming_normal_(layer.weight, mode="fan_out", nonlinearity="relu")
            if layer.bias is not None:
                nn.init.zeros_(layer.bias)
    return trunk


def count_parameters(module: nn.Module) -> int:
    """Return the number of values of a module's parameters.

    Parameters
    ----------
    module : nn.Module
        The module.

    Returns
    -------
    int

    Examples
    --------
    >>> count_parameters(nn.Linear(3, 2))
    8
    """
    return sum(parameter.numel() for parameter in module.parameters())


def _side(size: int | tuple[int, ...]) -> int:
    """Return the first number of a size."""
    return size if isinstance(size, int) else int(size[0])
