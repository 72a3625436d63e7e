"""Small datasets in every layout that the readers know, written for the tests, without real data."""

import json
import os
from pathlib import Path

import numpy as np
import pytest

REAL = Path(os.environ.get("CROWDEVAL_DATA", Path(__file__).parents[3] / "shared" / "data"))


@pytest.fixture(autouse=True)
def _own_environment(tmp_path, monkeypatch):
    monkeypatch.setenv("CROWDEVAL_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("CROWDEVAL_DATA", raising=False)
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")


@pytest.fixture
def real_data():
    if not REAL.is_dir():
        pytest.skip(f"the real datasets are not in {REAL} (CROWDEVAL_DATA)")
    return REAL


class Layouts:
    """Writes small datasets as their authors distribute them."""

    def __init__(self, folder):
        self.folder = folder

    def image(self, path, size=(64, 48), orientation=None):
        from PIL import Image

        path.parent.mkdir(parents=True, exist_ok=True)
        image = Image.new("L", size)
        exif = Image.Exif()
        if orientation is not None:
            exif[0x0112] = orientation
        image.save(path, exif=exif) if orientation is not None else image.save(path)
        return path

    def mat(self, path, **variables):
        from scipy.io import savemat

        path.parent.mkdir(parents=True, exist_ok=True)
        savemat(path, variables)
        return path

    def image_info(self, points, *, form="cell", number=None):
        """Return image_info as ShanghaiTech has it: a struct in a (1, 1) cell, or bare."""
        points = np.asarray(points, dtype=float)
        info = np.empty((1, 1), dtype=[("location", "O"), ("number", "O")])
        info[0, 0] = (points, np.array([[len(points) if number is None else number]], dtype=float))
        if form == "struct":
            return info
        cell = np.empty((1, 1), dtype=object)
        cell[0, 0] = info
        return cell

    def shanghaitech(self, folder="part_A", *, truth="ground-truth", form="cell", splits=None, images=True):
        home = self.folder / folder
        splits = splits or {"train": {1: [[1.5, 2.5], [3, 4]]}, "test": {1: [[5, 6]], 2: [[7, 8], [9, 10]], 10: []}}
        for split, truths in splits.items():
            for number, points in truths.items():
                if images:
                    self.image(home / f"{split}_data" / "images" / f"IMG_{number}.jpg")
                rows = np.reshape(np.asarray(points, dtype=float), (-1, 2))
                info = self.image_info(rows, form=form)
                self.mat(home / f"{split}_data" / truth / f"GT_IMG_{number}.mat", image_info=info)
        return home

    def ucf_cc_50(self, folder="UCF_CC_50", numbers=range(1, 51)):
        home = self.folder / folder
        for number in numbers:
            self.image(home / f"{number}.jpg")
            self.mat(home / f"{number}_ann.mat", annPoints=np.full((1, 2), float(number)))
        return home

    def ucf_qnrf(self, folder="UCF-QNRF_ECCV18"):
        home = self.folder / folder
        for split, numbers in (("Train", (1, 2)), ("Test", (1,))):
            for number in numbers:
                self.image(home / split / f"img_{number:04}.jpg")
                self.mat(home / split / f"img_{number:04}_ann.mat", annPoints=np.full((number, 2), 3.5))
        return home

    def nwpu(self, folder="NWPU-Crowd", *, kind="jsons", images="images"):
        home = self.folder / folder
        heads = {1: [], 2: [[0, 0, 6, 8]], 3110: [[10, 10, 12, 15], [0, 0, 300, 400]], 3111: []}
        for number, boxes in heads.items():
            points = [[(x1 + x2) / 2, (y1 + y2) / 2] for x1, y1, x2, y2 in boxes]
            if images:
                self.image(home / images / f"{number:04}.jpg")
            if kind == "jsons":
                content = {"img_id": f"{number:04}.jpg", "human_num": len(boxes), "points": points, "boxes": boxes}
                self.text(home / "jsons" / f"{number:04}.json", json.dumps(content))
            else:
                variables = {
                    "annPoints": np.asarray(points, dtype=float).reshape(-1, 2) if points else np.empty((0, 0)),
                    "annBoxes": np.asarray(boxes, dtype=float).reshape(-1, 4) if boxes else np.empty((0, 0)),
                }
                self.mat(home / "mats" / f"{number:04}.mat", **variables)
        self.text(home / "train.txt", "0001 0 0\n0002 1 1\n")
        self.text(home / "val.txt", "3110 2 1\n3111 0 0\n")
        self.text(home / "test.txt", "3610\n")
        return home

    def jhu(self, folder="jhu_crowd_v2.0"):
        home = self.folder / folder
        for split in ("train", "val", "test"):
            self.image(home / split / "images" / "0001.jpg")
            self.image(home / split / "images" / "0002.jpg")
            self.text(home / split / "gt" / "0001.txt", "10 20 4 6 2 1\n30 40 2 2 1 0\n")
            self.text(home / split / "gt" / "0002.txt", "")
            self.text(home / split / "image_labels.txt", "0001, 2,stadium ,0, 0\n0002,0,rally,3,1\n")
        return home

    def wider_face(self, folder="WIDER_FACE"):
        home = self.folder / folder
        for split in ("train", "val"):
            lines = [
                "0--Parade/0_Parade_1.jpg", "2", "10 20 4 6 0 0 0 0 0 0", "1 2 2 2 2 0 0 1 0 0",
                "1--Handshaking/1_Handshaking_2.jpg", "0", "0 0 0 0 0 0 0 0 0 0",
            ]  # fmt: skip
            self.text(home / "wider_face_split" / f"wider_face_{split}_bbx_gt.txt", "\n".join(lines) + "\n")
            for name in (lines[0], lines[4]):
                self.image(home / f"WIDER_{split}" / "images" / name)
        return home

    def text(self, path, content):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content, encoding="utf-8")
        return path


@pytest.fixture
def layouts(tmp_path):
    return Layouts(tmp_path / "data")
