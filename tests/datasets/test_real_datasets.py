"""Real copies of the datasets, where they are on this machine; their counts were verified by hand."""

import numpy as np
import pytest

from crowdeval.datasets import open_dataset
from crowdeval.datasets.check import check_dataset

pytestmark = pytest.mark.data


def open_fresh(spec, root):
    return open_dataset(spec, root=root, cache=False)


@pytest.mark.parametrize(("split", "images", "points"), [("train", 300, 162_413), ("test", 182, 78_862)])
def test_shanghaitech_a_is_complete(real_data, split, images, points):
    read = open_fresh(f"shanghaitech-a:{split}", real_data)
    assert (len(read.annotations.image_ids), len(read.annotations.xy)) == (images, points)
    assert not np.isnan(read.annotations.sizes).any()
    assert all(path.is_file() for path in read.image_paths)
    assert read.notes == ()


def test_shanghaitech_a_is_the_release_without_off_image_points(real_data):
    check = check_dataset("shanghaitech-a", root=real_data)
    assert check.release == "release with off-image points removed (241,275)"
    assert check.exit_code == 0
    assert sum(split.off_image for split in check.splits) == 0
    assert any(path.endswith("Thumbs.db") for path in check.clutter)


def test_matrices_are_those_that_scipy_reads(real_data):
    from scipy.io import loadmat

    read = open_fresh("shanghaitech-a:test", real_data)
    rows = np.split(read.annotations.xy, read.annotations.offsets[1:-1])
    for image_id, xy in list(zip(read.annotations.image_ids, rows, strict=True))[::20]:
        path = read.home / "test_data" / "ground-truth" / f"GT_{image_id}.mat"
        assert np.array_equal(loadmat(path)["image_info"][0, 0]["location"][0, 0], xy)


def test_ucf_cc_50_is_fifty_images_in_five_folds(real_data):
    folds = [open_fresh(f"ucf-cc-50:fold{k}", real_data).annotations for k in range(1, 6)]
    assert [len(fold.image_ids) for fold in folds] == [10] * 5
    assert sum(len(fold.xy) for fold in folds) == 63_974
    assert [name for fold in folds for name in fold.image_ids] == [str(n) for n in range(1, 51)]
    assert check_dataset("ucf-cc-50", root=real_data).exit_code == 0


def test_nwpu_val_is_read_from_the_official_text(real_data):
    read = open_fresh("nwpu:val", real_data)
    annotations = read.annotations
    assert (len(annotations.image_ids), len(annotations.xy)) == (500, 196_238)
    assert (annotations.counts == 0).sum() == 35
    assert "3098" in annotations.image_ids
    assert "3169" not in annotations.image_ids
    assert annotations.radii.shape == (196_238, 2)
    assert set(annotations.attributes) == {"file_name", "luminance", "scene_level"}
    assert (annotations.counts[annotations.attributes["scene_level"] == 0] == 0).all()
