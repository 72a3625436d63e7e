"""Every value of the model and its training, in one frozen record, read from TOML and from ``name=value``.

The defaults are the paper's for ShanghaiTech A (section 4.1): ``Config()`` is the model of Tables 1 to 3, and the
ablations of Tables 4 to 6 are a value or two each (``layout``; ``stride``; ``rows`` and ``lines``).
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any, Literal, get_args, get_origin, get_type_hints

from crowdeval.errors import InputError, MissingFileError, UsageError, did_you_mean, listed, shown

FOLDER = Path(__file__).parent / "configs"
"""Where the configurations that ship with the baseline are."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """The model, its matching, its loss, its data and its training.

    Parameters
    ----------
    backbone : str
        The trunk's builder: "vgg16_bn", "vgg16", "resnet50" or "mobilenet_v3_large".
    width : int
        Channels of the neck and the heads.
    stride : {4, 8, 16}
        s: pixels of the input for one cell of the feature map F_s (Table 5).
    rows, lines : int
        The reference points of a cell: K = rows x lines (Table 6).
    layout : {"grid", "center"}
        Reference points spread over the cell, or all at its middle (Fig. 4, Table 4).
    gamma : float
        Pixels for one unit of the regression branch (eq. 2).
    nothing_bias : float
        The classification branch's first bias for "nothing": the prior that a cell is empty.
    tau : float
        Weight of a pixel of distance against a unit of confidence in the matching (eq. 3).
    surplus : {"error", "truncate"}
        What happens when an image has more targets than proposals: an error, or a warning and the cheapest pairs.
    lambda1 : float
        Weight of the unmatched proposals in the classification loss (eq. 4).
    lambda2 : float
        Weight of the localization loss (eq. 6).
    ce_normalizer : {"proposals", "weights"}
        What the classification loss is divided by: the number of proposals (the paper), or the sum of their weights.
    train, validation : str
        Datasets by ``NAME:SPLIT``; an empty ``validation`` takes ``validation_share`` of ``train``.
    validation_share : float
        The share of the training images that is set aside to choose the checkpoint on.
    validation_seed : int
        Which images these are: the same for every ``seed``, so that runs compare and a run can ``start`` from another.
    max_side : int
        Images are shrunk to this longer side, points with them; 0 leaves them.
    zoom : float
        Images are then enlarged by this, to learn from and to predict on; points are put out in the image's own pixels.
    crop, crops : int
        Side in pixels of a training crop, a multiple of 16, and crops from one image.
    scale_least, scale_most : float
        The random scale; the shorter side is kept at or above ``crop``.
    flip : float
        Probability of mirroring a crop.
    cache_images : bool
        Keep decoded images in memory.
    workers : int
        Processes that read images beside the training; 0 reads in the training process.
    batch_size : int
        Images in a step, over all processes and accumulated parts together.
    accumulate : int
        Parts a step's batch is computed in, one after the other.
    epochs, steps : int
        Passes over the training images; ``steps``, where it is not 0, ends the training instead.
    lr, lr_backbone : float
        Learning rates of Adam for neck and heads, and for the trunk.
    weight_decay : float
        Decoupled weight decay (AdamW); 0 is Adam.
    clip : float
        Greatest norm of the gradient; 0 leaves it.
    schedule : {"constant", "cosine"}
        The learning rate after the warm-up; the cosine ends at a hundredth.
    warmup : int
        Steps of a linear start.
    ema : float
        Decay of the running mean of the weights that is validated and kept; 0 keeps the weights themselves.
    frozen_blocks : int
        First convolution blocks of the trunk that are not trained, their batch norms as they are.
    batch_norm : {"train", "frozen"}
        Whether the batch norms of the other blocks follow the batches.
    backbone_weights : str
        Where the trunk starts: "imagenet" (torchvision's, downloaded), "none", or a file.
    start : str
        A checkpoint that the whole model starts from, to fine-tune it; then ``backbone_weights`` is not asked for.
    recompute : int
        First convolution blocks of the trunk whose maps are not kept but computed again on the way back.
    precision : {"float32", "bf16", "fp16"}
        The arithmetic of convolutions; the branches' last layers, references and losses are always float32.
    channels_last, compile, deterministic : bool
        Memory layout, torch.compile, and deterministic algorithms only.
    seed : int
        All that is random in training follows from it.
    validate_every, save_every : int
        Steps between validations (0: once an epoch), and between states to resume from (0: at each validation).
    confidence : float
        The least confidence of a proposal that is kept; nAP needs the tail.
    threshold : float
        Confidence above which a proposal counts as a person, where the counting is by threshold.
    counting : {"threshold", "expected"}
        The count of an image: the proposals above the threshold (the paper), or the number of matched proposals that
        the confidences, learned with ``lambda1``, let one expect.
    select : str
        The validation metric that chooses the checkpoint: "nAP", "MAE", "RMSE", "F1@4px" or "F1@8px".
    """

    backbone: str = "vgg16_bn"
    width: int = 256
    stride: int = 8
    rows: int = 2
    lines: int = 2
    layout: Literal["grid", "center"] = "grid"
    gamma: float = 100.0
    nothing_bias: float = 0.0

    tau: float = 0.05
    surplus: Literal["error", "truncate"] = "error"
    lambda1: float = 0.5
    lambda2: float = 2e-4
    ce_normalizer: Literal["proposals", "weights"] = "proposals"

    train: str = ""
    validation: str = ""
    validation_share: float = 0.1
    validation_seed: int = 0
    max_side: int = 0
    zoom: float = 1.0
    crop: int = 128
    crops: int = 4
    scale_least: float = 0.7
    scale_most: float = 1.3
    flip: float = 0.5
    cache_images: bool = False
    workers: int = 0

    batch_size: int = 8
    accumulate: int = 1
    epochs: int = 3500
    steps: int = 0
    lr: float = 1e-4
    lr_backbone: float = 1e-5
    weight_decay: float = 0.0
    clip: float = 0.1
    schedule: Literal["constant", "cosine"] = "constant"
    warmup: int = 0
    ema: float = 0.0
    frozen_blocks: int = 0
    batch_norm: Literal["train", "frozen"] = "train"
    backbone_weights: str = "imagenet"
    start: str = ""
    recompute: int = 0
    precision: Literal["float32", "bf16", "fp16"] = "float32"
    channels_last: bool = True
    compile: bool = False
    deterministic: bool = False
    seed: int = 0
    validate_every: int = 500
    save_every: int = 0

    confidence: float = 0.05
    threshold: float = 0.5
    counting: Literal["threshold", "expected"] = "threshold"
    select: str = "nAP"

    def __post_init__(self) -> None:
        """Refuse what can't be built or trained."""
        for name, kind in _kinds().items():
            object.__setattr__(self, name, _checked(name, kind, getattr(self, name)))
        _within(self)

    @property
    def K(self) -> int:
        """Reference points of a cell."""
        return self.rows * self.lines

    def with_values(self, values: Mapping[str, Any]) -> Config:
        """Return the config with other values; raise UsageError for a name it does not have."""
        _known(values)
        return replace(self, **values)

    def as_dict(self) -> dict[str, Any]:
        """Return all values by name."""
        return asdict(self)


STATED = frozenset(
    {
        "backbone",
        "stride",
        "rows",
        "lines",
        "layout",
        "gamma",
        "tau",
        "lambda1",
        "lambda2",
        "ce_normalizer",
        "crop",
        "scale_least",
        "scale_most",
        "flip",
        "batch_size",
        "lr",
        "lr_backbone",
        "schedule",
        "threshold",
        "counting",
    }
)
"""The values the paper states; the other defaults are the released code's, or ours."""

LEAST: Mapping[str, float] = {
    "width": 1,
    "rows": 1,
    "lines": 1,
    "crop": 16,
    "crops": 1,
    "batch_size": 1,
    "accumulate": 1,
    "epochs": 1,
}
"""The least of the numbers that can't be 0."""

ABOVE_ZERO = ("zoom", "gamma", "scale_least", "scale_most", "lr")
SHARES = ("validation_share", "flip", "ema", "confidence", "threshold")
ANY_SIGN = ("nothing_bias",)
QUOTES = ("'", '"')
METRICS: Mapping[str, bool] = {"nAP": True, "F1@4px": True, "F1@8px": True, "MAE": False, "RMSE": False}
"""The validation metrics, and whether more is better."""


def _kinds() -> dict[str, Any]:
    return get_type_hints(Config)


def _known(values: Iterable[str]) -> None:
    names = [each.name for each in fields(Config)]
    for name in values:
        if name not in names:
            near = did_you_mean(name, names) or "; `crowdeval p2pnet info --toml` lists all"
            raise UsageError(f"the config has no value {name!r}{near}")


def _checked(name: str, kind: Any, value: Any) -> Any:
    if get_origin(kind) is Literal:
        if value not in get_args(kind):
            raise UsageError(f"{name}: expected {listed(get_args(kind))}, found {shown(value)}")
        return value
    if kind is float and isinstance(value, int) and not isinstance(value, bool):
        value = float(value)
    if type(value) is not kind:
        words = {int: "a whole number", float: "a number", bool: "true or false", str: "text"}[kind]
        raise UsageError(f"{name}: expected {words}, found {shown(value)}")
    if kind in (int, float) and name not in ANY_SIGN:
        _number(name, value)
    return value


def _number(name: str, value: float) -> None:
    least = LEAST.get(name, 0)
    if not least <= value < float("inf") or (name in ABOVE_ZERO and value == 0):
        words = "above 0" if name in ABOVE_ZERO else f"of at least {least}"
        raise UsageError(f"{name}: expected a number {words}, found {value}")
    if name in SHARES and value > 1:
        raise UsageError(f"{name}: expected a share from 0 to 1, found {value}")


def _within(config: Config) -> None:
    if config.stride not in (4, 8, 16):
        raise UsageError(f"stride: expected 4, 8 or 16, found {config.stride}")
    if config.crop % 16:
        raise UsageError(f"crop: expected a multiple of 16, found {config.crop}")
    if config.scale_least > config.scale_most:
        raise UsageError(f"scale_least: expected at most scale_most = {config.scale_most}, found {config.scale_least}")
    if config.batch_size % config.accumulate:
        raise UsageError(
            f"accumulate: expected a divisor of batch_size = {config.batch_size}, found {config.accumulate}"
        )
    if config.compile and config.recompute:
        raise UsageError("recompute: expected 0 with compile, which decides itself what it keeps")
    if config.ce_normalizer == "weights" and config.lambda1 == 0:
        raise UsageError("lambda1: expected a number above 0 with ce_normalizer = weights, which divides by it")
    if config.counting == "expected" and config.lambda1 == 0:
        raise UsageError("counting: expected 'threshold' with lambda1 = 0, which teaches no probability")
    if config.select not in METRICS:
        raise UsageError(f"select: expected {listed(METRICS)}, found {config.select!r}")
    if config.ema >= 1 or config.validation_share >= 1:
        raise UsageError("ema and validation_share: expected less than 1")


def named(name: str | Path) -> Config:
    """Return a configuration that ships with the baseline, or that a TOML file holds.

    Parameters
    ----------
    name : str or path
        ``"shanghaitech-a"``, ... or a file's path.

    Raises
    ------
    MissingFileError
        If there is neither.
    InputError
        If the file is no TOML.
    UsageError
        If a value is unknown or wrong; names the file.
    """
    shipped = {path.stem: path for path in sorted(FOLDER.glob("*.toml"))}
    path = shipped.get(str(name), Path(name))
    if not path.is_file():
        raise MissingFileError(
            f"{name}: no such config{did_you_mean(str(name), shipped)} "
            f"(a TOML file, or one of {listed(shipped, most=20)})"
        )
    try:
        values = tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as problem:
        raise InputError(f"{path} is no TOML file: {problem}") from None
    try:
        return Config().with_values(values)
    except UsageError as problem:
        raise UsageError(f"{path}: {problem}") from None


def overridden(config: Config, settings: Iterable[str]) -> Config:
    """Return the config with ``name=value`` settings, the values written as in TOML, text also without quotes.

    >>> overridden(Config(), ["stride=4", "layout=center"]).layout
    'center'
    """
    values: dict[str, Any] = {}
    for setting in settings:
        name, equals, text = setting.partition("=")
        if not equals:
            raise UsageError(f"{setting!r}: expected NAME=VALUE, such as stride=4")
        _known([name])
        worded = _kinds()[name] is str or get_origin(_kinds()[name]) is Literal
        values[name] = text if worded and text[:1] not in QUOTES else _value(name, text)
    return config.with_values(values)


def _value(name: str, text: str) -> Any:
    try:
        return tomllib.loads(f"value = {text if text[:1] in QUOTES else text.lower()}")["value"]
    except tomllib.TOMLDecodeError:
        words = "quoted text" if text[:1] in QUOTES else "a number, or true or false"
        raise UsageError(f"{name}: expected {words}, found {text!r}") from None
