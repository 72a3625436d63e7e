"""The crowdeval adapter ``p2pnet``: a checkpoint, a released checkpoint or an ONNX export, over any dataset."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from baselines.p2pnet.memory import HUGE_PAGES
from crowdeval.adapters.contract import Image
from crowdeval.adapters.model_file import revision_of
from crowdeval.adapters.packages import is_installed
from crowdeval.errors import PredictorError, UsageError, listed

if TYPE_CHECKING:
    from baselines.p2pnet.models import Loaded


class P2PNetAdapter:
    """P2PNet: points with confidences, in pixels of the image; exact on images of any size.

    Parameters
    ----------
    file : Path
        The model: .safetensors (this baseline's), .onnx (its export), or a checkpoint of the released layout.
    rows, lines : int, optional
        How the reference points of the released layout lie in a cell: 2 x 2 for K = 4, 4 x 2 for 8.
    confidence : float
        The least confidence that is kept; nAP needs the tail.
    tile : int, optional
        Side of a tile's core, a multiple of 16, 1024 by default; 0 shows the model the whole image at once. These tiles
        are exact and their counts add up: they are for large images, not --tile.
    precision : {"float32", "bf16", "fp16"}
        The arithmetic of the convolutions.
    counting : {"threshold", "expected"}, optional
        The count: proposals above 0.5, or the number that all confidences let one expect; the model's own by default.
        A file of the released layout is taken to be trained with the paper's lambda1 = 0.5.
    device : str
        "auto" (CUDA, else MPS, else the processor), "cpu", "cuda", "cuda:1", "mps".
    name : str, optional
        The model's name in tables; "p2pnet", or "p2pnet-expected" where it counts so.
    """

    needs: ClassVar[tuple[str, ...]] = ("torch", "torchvision", "safetensors")
    environment: ClassVar[Mapping[str, str]] = HUGE_PAGES

    def __init__(
        self,
        *,
        file: Path,
        rows: int | None = None,
        lines: int | None = None,
        confidence: float = 0.05,
        tile: int | None = None,
        precision: Literal["float32", "bf16", "fp16"] = "float32",
        counting: Literal["threshold", "expected"] | None = None,
        device: str = "auto",
        name: str | None = None,
    ) -> None:
        missing = [needed for needed in self.needs if not is_installed(needed)]
        if missing:
            raise PredictorError(f"p2pnet needs {listed(missing)}: pip install '.[p2pnet]'")
        if not 0 <= confidence <= 1:
            raise UsageError(f"-o confidence: expected a number from 0 to 1, found {confidence}")
        if tile is not None and (tile < 0 or tile % 16):
            raise UsageError(f"-o tile: expected a multiple of 16, or 0 for none, found {tile}")
        self.revision = revision_of(file)
        self.confidence, self.tile = confidence, tile
        self._made_of = file, rows, lines, device, precision, counting
        self._loaded: Loaded | None = None
        self.name = name or ("p2pnet-expected" if self._load().model.config.counting == "expected" else "p2pnet")

    def open(self) -> None:
        """Load the model."""
        self._load()

    def close(self) -> None:
        """Let go of the model."""
        self._loaded = None

    def predict(self, images: Sequence[Image]) -> list[dict[str, Any]]:
        """Return points and confidences for each image, and the count where it is the expected one."""
        from baselines.p2pnet.prediction import predict_points

        model = self._load().model
        answers = []
        for image in images:
            found = predict_points(
                model,
                image.pixels,
                confidence=self.confidence,
                tile=self.tile,
            )
            answers.append({"points": found.points, "scores": found.scores, "count": found.count})
        return answers

    def _load(self) -> Loaded:
        from baselines.p2pnet.models import load_model

        if self._loaded is None:
            file, rows, lines, device, precision, counting = self._made_of
            self._loaded = load_model(
                file, rows=rows, lines=lines, device=device, precision=precision, counting=counting
            )
            self.device = str(self._loaded.model.device)
            self.selected_on = self._loaded.record.selected_on
        return self._loaded
