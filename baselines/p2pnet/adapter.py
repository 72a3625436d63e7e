"""The crowdeval adapter ``p2pnet``: a checkpoint, a released checkpoint or an ONNX export predicts on any dataset."""

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
    from baselines.p2pnet.models import LoadedModel


class P2PNetAdapter:
    """P2PNet: points with confidences, in pixels of the image; images of any size, in exact tiles.

    Parameters
    ----------
    file : Path
        The model: .safetensors (a checkpoint of this baseline), .onnx (its export), or a checkpoint of the released
        layout.
    rows, lines : int, optional
        Rows and lines of the reference points in a cell, for the released layout only: by default 2 x 2 for K = 4 and
        4 x 2 for K = 8.
    confidence : float
        Proposals with a lower confidence are left out. nAP needs low confidences too.
    tile : int, optional
        Side in pixels of a tile's core, a multiple of 16, 1024 by default; 0 gives the model the whole image at once.
        These tiles are exact and their counts add up. Use them for large images, and not --tile.
    precision : {"float32", "bf16", "fp16"}
        The arithmetic of the convolutions.
    counting : {"threshold", "expected"}, optional
        The count of an image: the number of proposals above 0.5, or the expected number of people by all confidences;
        by default that of the model's config. For a file of the released layout, training with the paper's
        lambda1 = 0.5 is assumed.
    device : str
        "auto" (CUDA, else MPS, else the CPU), "cpu", "cuda", "cuda:1", "mps".
    name : str, optional
        The model's name in tables; by default "p2pnet", or "p2pnet-expected" where the count is the expected one.

    Raises
    ------
    PredictorError
        If torch, torchvision or safetensors is not installed.
    UsageError
        If an option has a value that is not possible.
    MissingFileError, InputError
        If the file does not exist, or is not a model.
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
        missing = [package for package in self.needs if not is_installed(package)]
        if missing:
            raise PredictorError(f"p2pnet needs {listed(missing)}: pip install '.[p2pnet]'")
        if not 0 <= confidence <= 1:
            raise UsageError(f"-o confidence: expected a number from 0 to 1, found {confidence}")
        if tile is not None and (tile < 0 or tile % 16):
            raise UsageError(f"-o tile: expected a multiple of 16, or 0 for the whole image at once, found {tile}")
        self.revision = revision_of(file)
        self.confidence, self.tile = confidence, tile
        self._load_options = file, rows, lines, device, precision, counting
        self._loaded: LoadedModel | None = None
        self.name = name or ("p2pnet-expected" if self._load().model.config.counting == "expected" else "p2pnet")

    def open(self) -> None:
        """Load the model."""
        self._load()

    def close(self) -> None:
        """Release the model."""
        self._loaded = None

    def predict(self, images: Sequence[Image]) -> list[dict[str, Any]]:
        """Return points, confidences and count of each image; the count is None where the threshold decides it."""
        from baselines.p2pnet.prediction import predict_points

        model = self._load().model
        predictions = []
        for image in images:
            found = predict_points(
                model,
                image.pixels,
                confidence=self.confidence,
                tile=self.tile,
            )
            predictions.append({"points": found.points, "scores": found.scores, "count": found.count})
        return predictions

    def _load(self) -> LoadedModel:
        from baselines.p2pnet.models import load_model

        if self._loaded is None:
            file, rows, lines, device, precision, counting = self._load_options
            self._loaded = load_model(
                file, rows=rows, lines=lines, device=device, precision=precision, counting=counting
            )
            self.device = str(self._loaded.model.device)
            self.selected_on = self._loaded.record.selected_on
        return self._loaded
