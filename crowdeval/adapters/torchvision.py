"""``torchvision``: the detectors of torchvision (Faster R-CNN, RetinaNet, FCOS, SSD); one point in each box."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from crowdeval.adapters.boxes import as_share, box_points
from crowdeval.adapters.contract import Image
from crowdeval.adapters.model_file import revision_of
from crowdeval.adapters.packages import import_package
from crowdeval.errors import PredictorError, UsageError, did_you_mean, listed
from crowdeval.points.ragged import Floats

NO_WEIGHTS = "none"
"""The value of ``-o weights`` that stands for a network with random weights."""


class Torchvision:
    """A detector of torchvision: a point in each box of one class, with the confidence of the box.

    Parameters
    ----------
    model : str
        Torchvision's name of the detector.
    weights : str
        The name of torchvision's own weights ("DEFAULT" for the best ones), a file of weights (.pth or .pt), or "none":
        a network with random weights, for trials.
    label : str
        The class that counts, by torchvision's name or by number.
    classes : int, optional
        Number of classes of the network, including the background, where a file of weights has another number than
        torchvision's weights.
    confidence : float
        The lowest confidence that is kept.
    most : int
        Largest number of boxes in an image, over all classes; torchvision's own limit of 100 is too low for a crowd.
    point_at : float
        Position of the point in its box: 0 at the upper edge, 0.5 in the centre, 1 at the lower edge.
    device : str
        "auto" (CUDA where it is available, else the processor) or a device of torch.
    batch_size : int
        Number of images that the network gets at once.
    name : str, optional
        The model's name in tables; by default ``model``.
    """

    needs: ClassVar[tuple[str, ...]] = ("torch", "torchvision")

    def __init__(
        self,
        *,
        model: str = "fasterrcnn_resnet50_fpn_v2",
        weights: str = "DEFAULT",
        label: str = "person",
        classes: int | None = None,
        confidence: float = 0.05,
        most: int = 1000,
        point_at: float = 0.5,
        device: str = "auto",
        batch_size: int = 1,
        name: str | None = None,
    ) -> None:
        if most < 1 or batch_size < 1:
            raise UsageError(f"-o most={most}, -o batch_size={batch_size}: expected at least 1 for both")
        self._torch, self._models = import_package("torch"), import_package("torchvision").models
        known = self._models.list_models(module=self._models.detection)
        if model not in known:
            near = did_you_mean(model, known)
            raise UsageError(f"-o model={model}: not a detector of torchvision{near} ({listed(known, most=40)})")
        self.model, self.name = model, name or model
        self.confidence = as_share("confidence", confidence)
        self.most, self.point_at = most, as_share("point_at", point_at)
        self.batch_size = batch_size
        self.device = device if device != "auto" else "cuda" if self._torch.cuda.is_available() else "cpu"
        self._family = self._models.get_model_weights(model)
        self._file = Path(weights) if weights.endswith((".pth", ".pt")) else None
        self._entry = None if self._file or weights == NO_WEIGHTS else _weights_entry(self._family, weights)
        self._classes = classes or len(self._family.DEFAULT.meta["categories"])
        self._label = _label_number(label, None if classes else self._family.DEFAULT.meta["categories"], self._classes)
        self.revision = (
            revision_of(self._file) if self._file else NO_WEIGHTS if self._entry is None else self._entry.name
        )
        self._network: Any = None

    def open(self) -> None:
        """Build the network and load its weights."""
        with self._torch.random.fork_rng():  # a network without weights is the same every time
            self._torch.manual_seed(0)
            network = self._models.get_model(self.model, weights=None, weights_backbone=None, num_classes=self._classes)
        if self._file or self._entry:
            try:
                network.load_state_dict(
                    self._read_state(self._file) if self._file else self._download_state(self._entry)
                )
            except RuntimeError as problem:
                words = " ".join(str(problem).split())[:300]
                raise PredictorError(f"{self._file or self._entry} does not fit {self.model}: {words}") from None
        head = getattr(network, "roi_heads", network)  # detectors of two stages have their limits there
        head.detections_per_img, head.score_thresh = self.most, self.confidence
        if hasattr(head, "topk_candidates"):
            head.topk_candidates = max(head.topk_candidates, self.most)
        try:
            self._network = network.eval().to(self.device)
        except (RuntimeError, AssertionError) as problem:
            raise PredictorError(f"-o device={self.device}: {problem}") from None

    def close(self) -> None:
        """Release the network."""
        self._network = None

    def predict(self, images: Sequence[Image]) -> list[tuple[Floats, Floats]]:
        """Return the points of the class's boxes and their confidences, the most confident first."""
        if self._network is None:
            self.open()
        batch = [self._tensor(image) for image in images]
        with self._torch.inference_mode():
            detections = self._network(batch)
        return [self._answer(of_image) for of_image in detections]

    def _tensor(self, image: Image) -> Any:
        channels = np.ascontiguousarray(image.pixels.transpose(2, 0, 1))
        return self._torch.from_numpy(channels).to(self.device).float() / 255

    def _answer(self, detections: Any) -> tuple[Floats, Floats]:
        boxes, labels, score = (detections[key].cpu().numpy() for key in ("boxes", "labels", "scores"))
        kept = (labels == self._label) & (score >= self.confidence)
        return box_points(boxes[kept].astype(np.float64), self.point_at), score[kept].astype(np.float64)

    def _read_state(self, file: Path) -> Any:
        try:
            state = self._torch.load(file, map_location="cpu", weights_only=True)
        except Exception as problem:
            words = " ".join(str(problem).split())[:300]
            raise PredictorError(f"{file} can't be read as weights (other content is refused): {words}") from None
        if isinstance(state, dict) and isinstance(state.get("model"), dict):
            state = state["model"]
        if not isinstance(state, dict):
            raise PredictorError(f"{file}: expected a state dict, found {type(state).__name__}")
        return state

    def _download_state(self, weights: Any) -> Any:
        cache = Path(self._torch.hub.get_dir()) / "checkpoints" / weights.url.rpartition("/")[2]
        try:
            return weights.get_state_dict(progress=False, check_hash=True)
        except Exception as problem:
            raise PredictorError(
                f"the weights {weights} are not in {cache} and can't be downloaded from {weights.url} ({problem}); "
                "download them elsewhere and give the file: -o weights=FILE.pth"
            ) from None


def _weights_entry(family: Any, weights: str) -> Any:
    """Return torchvision's weights of a name, "COCO_V1" or "FCOS_ResNet50_FPN_Weights.COCO_V1"."""
    short = weights.rpartition(".")[2]
    try:
        return family[short]
    except KeyError:
        known = [*family.__members__, NO_WEIGHTS]
        raise UsageError(
            f"-o weights={weights}: expected a file whose name ends in .pth or .pt, or one of {listed(known, most=40)}"
        ) from None


def _label_number(label: str, categories: Sequence[str] | None, classes: int) -> int:
    """Return the number of a class from its name or its number."""
    if label.isdecimal() and int(label) < classes:
        return int(label)
    if categories is None:
        raise UsageError(f"-o label={label}: with -o classes=..., expected a class number below {classes}")
    if label not in categories:
        raise UsageError(f"-o label={label}: not a class of the weights{did_you_mean(label, categories)}")
    return list(categories).index(label)
