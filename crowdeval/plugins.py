"""Extension points: named objects of the package and of plugins, imported when they are first used.

A table maps a name to ``"module:attribute"``. A name is searched first in the table of its group and then among the
entry points of the group (``crowdeval.formats``, ``crowdeval.metrics``, ...). The error of an unknown name suggests
similar names. A plugin that fails to import is an error only where its own name is requested.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterator, Mapping
from typing import Any, Generic, TypeVar

from crowdeval.errors import UsageError, did_you_mean, listed

T = TypeVar("T")

_COUNTING = "crowdeval.metrics.counting:COUNTING"
_LOCALIZATION = "crowdeval.metrics.localization:LOCALIZATION"
_PIXEL_AP = "crowdeval.metrics.pixel_ap:PIXEL_AP"

TABLES: dict[str, dict[str, str]] = {
    "crowdeval.formats": {
        "json": "crowdeval.formats.native_json:JSON",
        "jsonl": "crowdeval.formats.json_lines:JSON_LINES",
        "csv": "crowdeval.formats.csv_table:CSV",
        "parquet": "crowdeval.formats.parquet:PARQUET",
        "nwpu": "crowdeval.formats.nwpu_text:NWPU",
        "coco": "crowdeval.formats.coco:COCO",
        "labelme": "crowdeval.formats.labelme:LABELME",
        "label-studio": "crowdeval.formats.label_studio:LABEL_STUDIO",
        "cvat": "crowdeval.formats.cvat:CVAT",
        "voc": "crowdeval.formats.voc:VOC",
        "cell-counter": "crowdeval.formats.cell_counter:CELL_COUNTER",
        "geojson": "crowdeval.formats.geojson:GEOJSON",
        "dotdotgoose": "crowdeval.formats.dotdotgoose:DOTDOTGOOSE",
        "megadetector": "crowdeval.formats.megadetector:MEGADETECTOR",
        "crowdhuman": "crowdeval.formats.crowdhuman:CROWDHUMAN",
        "nwpu-json": "crowdeval.formats.nwpu_image:NWPU_IMAGE",
        "image-csv": "crowdeval.formats.image_csv:IMAGE_CSV",
        "yolo": "crowdeval.formats.row_formats:YOLO",
        "xy": "crowdeval.formats.row_formats:XY",
        "xyxy": "crowdeval.formats.row_formats:XYXY",
        "visdrone": "crowdeval.formats.row_formats:VISDRONE",
        "wider": "crowdeval.formats.wider_results:WIDER",
        "numpy": "crowdeval.formats.row_formats:NUMPY",
        "counts": "crowdeval.formats.count_text:COUNTS",
    },
    "crowdeval.datasets": {
        "shanghaitech-a": "crowdeval.datasets.shanghaitech:PART_A",
        "shanghaitech-b": "crowdeval.datasets.shanghaitech:PART_B",
        "ucf-cc-50": "crowdeval.datasets.ucf_cc_50:UCF_CC_50",
        "ucf-qnrf": "crowdeval.datasets.ucf_qnrf:UCF_QNRF",
        "nwpu": "crowdeval.datasets.nwpu:NWPU",
        "jhu-crowd++": "crowdeval.datasets.jhu:JHU_CROWD",
        "wider-face": "crowdeval.datasets.wider_face:WIDER_FACE",
        "folder": "crowdeval.datasets.folder:FOLDER",
    },
    "crowdeval.adapters": {
        "points": "crowdeval.adapters.points:Points",
        "torchvision": "crowdeval.adapters.torchvision:Torchvision",
        "onnx": "crowdeval.adapters.onnx:Onnx",
        "density": "crowdeval.adapters.density:Density",
        "yunet": "crowdeval.adapters.yunet:YuNet",
        "command": "crowdeval.adapters.command:Command",
    },
    "crowdeval.metrics": {
        "nAP": "crowdeval.metrics.nap:NAP",
        **dict.fromkeys(("MAE", "RMSE", "MSE", "NAE", "bias"), _COUNTING),
        **dict.fromkeys(("F1", "Precision", "Recall", "TP", "FP", "FN"), _LOCALIZATION),
        **dict.fromkeys(("L-Precision", "L-Recall", "L-F1"), _LOCALIZATION),
        **dict.fromkeys(("AP", "L-AUC"), _PIXEL_AP),
        "MLE": "crowdeval.metrics.mle:MLE",
        "GAME": "crowdeval.metrics.grid:GRID",
    },
    "crowdeval.renderers": {
        "table": "crowdeval.render.table:table",
        "json": "crowdeval.render.documents:json",
        "csv": "crowdeval.render.documents:csv",
        "markdown": "crowdeval.render.documents:markdown",
        "latex": "crowdeval.render.documents:latex",
    },
    "crowdeval.comparison_renderers": {
        "table": "crowdeval.render.comparison_table:table",
        "json": "crowdeval.render.comparison_documents:json",
        "csv": "crowdeval.render.comparison_documents:csv",
        "markdown": "crowdeval.render.comparison_documents:markdown",
        "latex": "crowdeval.render.comparison_documents:latex",
    },
    "crowdeval.diagnosis_renderers": {
        "table": "crowdeval.render.diagnosis:table",
        "json": "crowdeval.render.diagnosis:json",
        "csv": "crowdeval.render.diagnosis:csv",
        "markdown": "crowdeval.render.diagnosis:markdown",
    },
    "crowdeval.leaderboard_renderers": {
        "table": "crowdeval.render.leaderboard_table:table",
        "csv": "crowdeval.render.leaderboard_documents:csv",
        "markdown": "crowdeval.render.leaderboard_documents:markdown",
        "latex": "crowdeval.render.leaderboard_latex:latex",
        "html": "crowdeval.render.leaderboard_html:html",
    },
    "crowdeval.constructors": {
        "predictions of images": "crowdeval.points.from_images:predictions_of_images",
        "predictions of a frame": "crowdeval.points.from_frames:predictions_of_frame",
        "annotations of images": "crowdeval.points.from_images:annotations_of_images",
        "annotations of a frame": "crowdeval.points.from_frames:annotations_of_frame",
    },
    "crowdeval.commands": {
        "p2pnet": "baselines.p2pnet.cli:commands",
    },
}
"""Built-in names of every extension point (the entry-point group), each with its module and attribute."""


class Extensions(Mapping[str, T], Generic[T]):
    """The named objects of one extension point, each imported on its first use.

    Parameters
    ----------
    kind : str
        The word for one object in messages: ``"format"``.
    group : str
        The key of the table in ``TABLES``, which is also the entry-point group of plugins.

    Raises
    ------
    UsageError
        When a name is looked up that does not exist, or whose plugin can't be imported.

    Examples
    --------
    >>> formats = Extensions("format", "crowdeval.formats")
    >>> "csv" in formats, formats["csv"].suffixes
    (True, ('.csv', '.tsv'))
    """

    def __init__(self, kind: str, group: str) -> None:
        self.kind = kind
        self.group = group
        self.table = TABLES[group]

    def __getitem__(self, name: str) -> T:
        target = self.table.get(name)
        if target is None:
            return self._plugin(name)
        module, _, attribute = target.partition(":")
        built_in: T = getattr(importlib.import_module(module), attribute)
        return built_in

    def __iter__(self) -> Iterator[str]:
        yield from self.table
        yield from (name for name in self.entry_points() if name not in self.table)

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def __contains__(self, name: object) -> bool:
        return name in self.table or name in self.entry_points()

    def entry_points(self) -> dict[str, Any]:
        """Return the registered entry points by name, without an import of the plugins."""
        from importlib.metadata import entry_points

        return {point.name: point for point in entry_points(group=self.group)}

    def _plugin(self, name: str) -> T:
        """Return the object that an entry point names."""
        point = self.entry_points().get(name)
        if point is None:
            known = list(self)
            raise UsageError(
                f"no {self.kind} is called {name!r}{did_you_mean(name, known)} (known: {listed(known, most=40)})"
            )
        try:
            loaded: T = point.load()
        except Exception as problem:
            raise UsageError(f"the {self.kind} {name!r} ({point.value}) can't be imported: {problem}") from problem
        return loaded
