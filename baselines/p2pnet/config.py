"""Every value of the model and of its training, in one frozen record, read from TOML files and ``name=value`` settings.

The defaults are the paper's values for ShanghaiTech A (section 4.1). ``Config()`` is the model of Tables 1 to 3; each
ablation of Tables 4 to 6 changes one or two values:

- Table 4: ``layout``
- Table 5: ``stride``
- Table 6: ``rows`` and ``lines``
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any, Literal, get_args, get_origin, get_type_hints

from crowdeval.errors import InputError, MissingFileError, UsageError, did_you_mean, listed, shown

FOLDER = Path(__file__).parent / "configs"
"""Folder of the configurations that ship with the baseline."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """The values of the model, its matching, its loss, its data and its training.

    Parameters
    ----------
    backbone : str
        The trunk's builder: "vgg16_bn", "vgg16", "resnet50" or "mobilenet_v3_large".
    width : int
        Channels of the neck and of the heads.
    stride : {4, 8, 16}
        s: side in pixels of the input that one cell of the feature map F_s covers (Table 5).
    rows, lines : int
        Reference points of a cell: K = rows x lines (Table 6).
    layout : {"grid", "center"}
        Reference points spread over the cell, or all at its center (Fig. 4, Table 4).
    gamma : float
        Pixels for one unit of the regression branch (eq. 2).
    nothing_bias : float
        Initial bias of "nothing" in the classification branch: the prior that a cell is empty.
    tau : float
        Weight of a pixel of distance against a unit of confidence in the matching (eq. 3).
    surplus : {"error", "truncate"}
        Treatment of an image with more targets than proposals: an error, or a warning and the cheapest pairs.
    lambda1 : float
        Weight of the unmatched proposals in the classification loss (eq. 4).
    lambda2 : float
        Weight of the localization loss (eq. 6).
    ce_normalizer : {"proposals", "weights"}
        Divisor of the classification loss: the number of proposals (the paper), or the sum of their weights.
    train, validation : str
        Datasets as ``NAME:SPLIT``; with an empty ``validation``, ``validation_share`` of ``train`` is used.
    validation_share : float
        Share of the training images that is set aside to select the checkpoint.
    validation_seed : int
        Seed of the draw of these images. It does not depend on ``seed``, so that runs can be compared, and a run can
        ``start`` from another one.
    max_side : int
        Longer side in pixels to which larger images and their points are shrunk; 0 sets no limit.
    zoom : float
        Factor by which images are enlarged after that, in training and prediction. Predicted points are in pixels of
        the original image.
    crop, crops : int
        Side in pixels of a training crop, a multiple of 16, and number of crops of one image.
    scale_least, scale_most : float
        Limits of the random scale; the shorter side is at least ``crop``.
    flip : float
        Probability that a crop is mirrored.
    cache_images : bool
        Keep decoded images in memory.
    workers : int
        Number of processes that read images beside the training; 0 reads them in the training process.
    batch_size : int
        Images of a step, over all processes and all accumulated parts.
    accumulate : int
        Number of parts of a step that are computed one after the other.
    epochs, steps : int
        Passes over the training images; a ``steps`` other than 0 sets the length of the training instead.
    lr, lr_backbone : float
        Learning rates of Adam for neck and heads, and for the trunk.
    weight_decay : float
        Decoupled weight decay (AdamW); 0 is Adam.
    clip : float
        Largest norm of the gradient; 0 sets no limit.
    schedule : {"constant", "cosine"}
        The learning rate after the warm-up; the cosine ends at a hundredth.
    warmup : int
        Number of first steps in which the learning rate rises linearly.
    ema : float
        Decay of the running mean of the weights, which is then validated and saved; 0 validates and saves the weights
        themselves.
    frozen_blocks : int
        Number of first convolution blocks of the trunk that are not trained, and whose batch norms do not change.
    batch_norm : {"train", "frozen"}
        Whether the batch norms of the other blocks use and update the statistics of the batches.
    backbone_weights : str
        Initial weights of the trunk: "imagenet" (torchvision's, downloaded), "none", or a file.
    start : str
        A checkpoint with the initial weights of the whole model, to fine-tune it; ``backbone_weights`` is then not
        used.
    recompute : int
        Number of first convolution blocks of the trunk whose maps are computed again in the backward pass instead of
        kept.
    precision : {"float32", "bf16", "fp16"}
        The arithmetic of convolutions. The last layers of the branches, the references and the losses are always
        float32.
    channels_last, compile, deterministic : bool
        Channels-last memory layout, torch.compile, and deterministic algorithms only.
    seed : int
        Seed of everything that is random in training.
    validate_every, save_every : int
        Steps between validations (0: once an epoch), and between saved states to resume from (0: at each validation).
    confidence : float
        Proposals with a lower confidence are left out of predictions. nAP needs low confidences too.
    threshold : float
        Confidence above which a proposal counts as a person, where ``counting`` is "threshold".
    counting : {"threshold", "expected"}
        The count of an image: the number of proposals above the threshold (the paper), or the expected number of
        matched proposals, computed from the confidences and ``lambda1``.
    select : str
        The validation metric that selects the checkpoint: "nAP", "MAE", "RMSE", "F1@4px" or "F1@8px".

    Raises
    ------
    UsageError
        If a value is not possible, or two values do not go together; the error names the value.

    Examples
    --------
    >>> Config(rows=4).K
    8
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
        """Check every value, then the values that depend on each other."""
        for name, kind in _types().items():
            object.__setattr__(self, name, _check_value(name, kind, getattr(self, name)))
        _check_combinations(self)

    @property
    def K(self) -> int:
        """Reference points of a cell."""
        return self.rows * self.lines

    def with_values(self, values: Mapping[str, Any]) -> Config:
        """Return the config with other values.

        Parameters
        ----------
        values : mapping of str to Any
            New values by name.

        Returns
        -------
        Config

        Raises
        ------
        UsageError
            If a name is unknown, or a value is not possible.

        Examples
        --------
        >>> Config().with_values({"stride": 4}).stride
        4
        """
        _check_names(values)
        return replace(self, **values)

    def as_dict(self) -> dict[str, Any]:
        """Return all values by name.

        Returns
        -------
        dict of str to Any

        Examples
        --------
        >>> Config().as_dict()["stride"]
        8
        """
        return asdict(self)


PAPER_VALUES = frozenset(
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
"""Names of the values that the paper gives; the other defaults are those of the released code, or our own."""

_LEAST: Mapping[str, float] = {
    "width": 1,
    "rows": 1,
    "lines": 1,
    "crop": 16,
    "crops": 1,
    "batch_size": 1,
    "accumulate": 1,
    "epochs": 1,
}
"""Smallest value of the numbers that can't be 0."""

_ABOVE_ZERO = ("zoom", "gamma", "scale_least", "scale_most", "lr")
_SHARES = ("validation_share", "flip", "ema", "confidence", "threshold")
_ANY_SIGN = ("nothing_bias",)
_QUOTES = ("'", '"')
METRICS: Mapping[str, bool] = {"nAP": True, "F1@4px": True, "F1@8px": True, "MAE": False, "RMSE": False}
"""The validation metrics, and whether a higher value is better."""


def _types() -> dict[str, Any]:
    """Return the type of each value of the config."""
    return get_type_hints(Config)


def _check_names(values: Iterable[str]) -> None:
    """Raise UsageError, with similar names, for a name that the config does not have."""
    names = [field.name for field in fields(Config)]
    for name in values:
        if name not in names:
            hint = did_you_mean(name, names) or "; `crowdeval p2pnet info --toml` prints all names"
            raise UsageError(f"the config has no value {name!r}{hint}")


def _check_value(name: str, kind: Any, value: Any) -> Any:
    """Return a value of its type, a whole number as float where the type is float; raise UsageError for any other."""
    if get_origin(kind) is Literal:
        if value not in get_args(kind):
            raise UsageError(f"{name}: expected {listed(get_args(kind))}, found {shown(value)}")
        return value
    if kind is float and isinstance(value, int) and not isinstance(value, bool):
        value = float(value)
    if type(value) is not kind:
        expected = {int: "a whole number", float: "a number", bool: "true or false", str: "text"}[kind]
        raise UsageError(f"{name}: expected {expected}, found {shown(value)}")
    if kind in (int, float) and name not in _ANY_SIGN:
        _check_range(name, value)
    return value


def _check_range(name: str, value: float) -> None:
    """Raise UsageError for a number outside its range."""
    least = _LEAST.get(name, 0)
    if not least <= value < float("inf") or (name in _ABOVE_ZERO and value == 0):
        expected = "above 0" if name in _ABOVE_ZERO else f"of at least {least}"
        raise UsageError(f"{name}: expected a number {expected}, found {value}")
    if name in _SHARES and value > 1:
        raise UsageError(f"{name}: expected a share from 0 to 1, found {value}")


def _check_combinations(config: Config) -> None:
    """Raise UsageError for values that can't be built or trained, alone or together."""
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
        raise UsageError(
            f"recompute: expected 0 with compile = true (torch.compile chooses which maps it keeps), found "
            f"{config.recompute}"
        )
    if config.ce_normalizer == "weights" and config.lambda1 == 0:
        raise UsageError(
            "lambda1: expected a number above 0 with ce_normalizer = weights, found 0 "
            "(the sum of the weights may then be 0)"
        )
    if config.counting == "expected" and config.lambda1 == 0:
        raise UsageError("counting: expected 'threshold' with lambda1 = 0, which trains no probabilities")
    if config.select not in METRICS:
        raise UsageError(f"select: expected {listed(METRICS)}, found {config.select!r}")
    if config.ema >= 1 or config.validation_share >= 1:
        raise UsageError(
            f"ema and validation_share: expected less than 1, found {config.ema} and {config.validation_share}"
        )


def load_config(name: str | Path) -> Config:
    """Return a configuration that ships with the baseline, or the one in a TOML file.

    Parameters
    ----------
    name : str or path
        ``"shanghaitech-a"``, ``"ucf-qnrf"``, ... or the path of a file.

    Returns
    -------
    Config
        The values of the file; the others are the defaults.

    Raises
    ------
    MissingFileError
        If there is neither a configuration nor a file of this name.
    InputError
        If the file is not TOML.
    UsageError
        If a value is unknown or not possible; the error names the file.

    Examples
    --------
    >>> load_config("ucf-qnrf").max_side
    1408
    """
    shipped = {path.stem: path for path in sorted(FOLDER.glob("*.toml"))}
    path = shipped.get(str(name), Path(name))
    if not path.is_file():
        raise MissingFileError(
            f"{name}: no such config{did_you_mean(str(name), shipped)} "
            f"(expected a TOML file, or one of {listed(shipped, most=20)})"
        )
    try:
        values = tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as problem:
        raise InputError(f"{path} is not a TOML file: {problem}") from None
    try:
        return Config().with_values(values)
    except UsageError as problem:
        raise UsageError(f"{path}: {problem}") from None


def with_settings(config: Config, settings: Iterable[str]) -> Config:
    """Return the config with the values of ``name=value`` settings.

    Parameters
    ----------
    config : Config
        The other values.
    settings : iterable of str
        ``name=value`` with the value as in TOML; text needs no quotes.

    Returns
    -------
    Config

    Raises
    ------
    UsageError
        If a setting has no ``=``, its name is unknown, or its value is not possible.

    Examples
    --------
    >>> with_settings(Config(), ["stride=4", "layout=center"]).layout
    'center'
    """
    values: dict[str, Any] = {}
    for setting in settings:
        name, equals, text = setting.partition("=")
        if not equals:
            raise UsageError(f"{setting!r}: expected NAME=VALUE, such as stride=4")
        _check_names([name])
        is_text = _types()[name] is str or get_origin(_types()[name]) is Literal
        values[name] = text if is_text and text[:1] not in _QUOTES else _parse_value(name, text)
    return config.with_values(values)


def _parse_value(name: str, text: str) -> Any:
    """Return the value of a TOML literal; TRUE and False are accepted as true and false."""
    try:
        return tomllib.loads(f"value = {text if text[:1] in _QUOTES else text.lower()}")["value"]
    except tomllib.TOMLDecodeError:
        expected = "quoted text" if text[:1] in _QUOTES else "a number, or true or false"
        raise UsageError(f"{name}: expected {expected}, found {text!r}") from None
