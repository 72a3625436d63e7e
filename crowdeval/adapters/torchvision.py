"""``torchvision``: the detectors of torchvision (Faster R-CNN, RetinaNet, FCOS, SSD); the centres of their boxes."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from crowdeval.adapters.boxes import as_share, points_in
from crowdeval.adapters.contract import Image
from crowdeval.adapters.model_file import revision_of
from crowdeval.adapters.packages import package
from crowdeval.errors import PredictorError, UsageError, did_you_mean, listed
from crowdeval.points.ragged import Floats

NO_WEIGHTS = "none"


class Torchvision:
    """A detector of torchvision: a point in every box of one class, with its confidence.

    Parameters
    ----------
    model : str
        The detector, as torchvision calls it.
    weights : str
        Torchvision's own by name, "DEFAULT" for the best; a file of weights (.pth); or "none", for trials, a network
        that has learnt nothing.
    label : str
        The class that counts, by torchvision's name or by number.
    classes : int, optional
        Classes of the network with the background, where a file of weights has other than torchvision's.
    confidence : float
        The least confidence that is kept.
    most : int
        Boxes an image at most, over all classes; torchvision's 100 would be too few for a crowd.
    point_at : float
        How far down a box its point lies: 0 its upper edge, 0.5 its centre.
    device : str
        "auto" (CUDA where there is one, else the processor) or a device of torch.
    batch_size : int
        Images at once.
    name : str, optional
        The model's name in tables; ``model`` where it is not given.
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
            raise UsageError("-o most, -o batch_size: expected at least 1")
        self._torch, self._models = package("torch"), package("torchvision").models
        known = self._models.list_models(module=self._models.detection)
        if model not in known:
            raise UsageError(
                f"-o model={model}: no detector of torchvision{did_you_mean(model, known)} ({listed(known, most=40)})"
            )
        self.model, self.name = model, name or model
        self.confidence = as_share("confidence", confidence)
        self.most, self.point_at = most, as_share("point_at", point_at)
        self.batch_size = batch_size
        self.device = device if device != "auto" else "cuda" if self._torch.cuda.is_available() else "cpu"
        self._family = self._models.get_model_weights(model)
        self._file = Path(weights) if weights.endswith((".pth", ".pt")) else None
        self._named = None if self._file or weights == NO_WEIGHTS else _entry(self._family, weights)
        self._classes = classes or len(self._family.DEFAULT.meta["categories"])
        self._label = _number(label, None if classes else self._family.DEFAULT.meta["categories"], self._classes)
        self.revision = (
            revision_of(self._file) if self._file else NO_WEIGHTS if self._named is None else self._named.name
        )
        self._network: Any = None

    def open(self) -> None:
        """Build the network and fill in its weights."""
        with self._torch.random.fork_rng():
            self._torch.manual_seed(0)
            network = self._models.get_model(self.model, weights=None, weights_backbone=None, num_classes=self._classes)
        if self._file or self._named:
            try:
                network.load_state_dict(self._read(self._file) if self._file else self._fetched(self._named))
            except RuntimeError as problem:
                words = " ".join(str(problem).split())[:300]
                raise PredictorError(f"{self._file or self._named} does not fit {self.model}: {words}") from None
        head = getattr(network, "roi_heads", network)
        head.detections_per_img, head.score_thresh = self.most, self.confidence
        if hasattr(head, "topk_candidates"):
            head.topk_candidates = max(head.topk_candidates, self.most)
        try:
            self._network = network.eval().to(self.device)
        except (RuntimeError, AssertionError) as problem:
            raise PredictorError(f"-o device={self.device}: {problem}") from None

    def close(self) -> None:
        """Let go of the network."""
        self._network = None

    def predict(self, images: Sequence[Image]) -> list[tuple[Floats, Floats]]:
        """Return the points of the class's boxes and their confidences, the most confident first."""
        if self._network is None:
            self.open()
        batch = [self._tensor(image) for image in images]
        with self._torch.inference_mode():
            found = self._network(batch)
        return [self._answer(one) for one in found]

    def _tensor(self, image: Image) -> Any:
        channels = np.ascontiguousarray(image.pixels.transpose(2, 0, 1))
        return self._torch.from_numpy(channels).to(self.device).float() / 255

    def _answer(self, found: Any) -> tuple[Floats, Floats]:
        boxes, labels, score = (found[key].cpu().numpy() for key in ("boxes", "labels", "scores"))
        kept = (labels == self._label) & (score >= self.confidence)
        return points_in(boxes[kept].astype(np.float64), self.point_at), score[kept].astype(np.float64)

    def _read(self, file: Path) -> Any:
        try:
            state = self._torch.load(file, map_location="cpu", weights_only=True)
        except Exception as problem:
            words = " ".join(str(problem).split())[:300]
            raise PredictorError(f"{file} can't be read as weights (and nothing else is loaded): {words}") from None
        if isinstance(state, dict) and isinstance(state.get("model"), dict):
            state = state["model"]
        if not isinstance(state, dict):
            raise PredictorError(f"{file}: expected a state dict, found {type(state).__name__}")
        return state

    def _fetched(self, weights: Any) -> Any:
        cache = Path(self._torch.hub.get_dir()) / "checkpoints" / weights.url.rpartition("/")[2]
        try:
            return weights.get_state_dict(progress=False, check_hash=True)
        except Exception as problem:
            raise PredictorError(
                f"the weights {weights} are not in {cache} and can't be downloaded from {weights.url} ({problem}); "
                "fetch them elsewhere and give the file: -o weights=FILE.pth"
            ) from None


def _entry(family: Any, weights: str) -> Any:
    short = weights.rpartition(".")[2]
    try:
        return family[short]
    except KeyError:
        known = [*family.__members__, NO_WEIGHTS]
        raise UsageError(
            f"-o weights={weights}: expected a file that ends in .pth or .pt, or one of {listed(known, most=40)}"
        ) from None


def _number(label: str, categories: Sequence[str] | None, classes: int) -> int:
    if label.isdecimal() and int(label) < classes:
        return int(label)
    if categories is None:
        raise UsageError(f"-o label={label}: with -o classes=..., expected the number of the class, below {classes}")
    if label not in categories:
        raise UsageError(f"-o label={label}: no class of the weights{did_you_mean(label, categories)}")
    return list(categories).index(label)
