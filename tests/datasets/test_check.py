import json

import pytest

from crowdeval.datasets import DATASETS
from crowdeval.datasets.check import check_dataset
from crowdeval.datasets.contract import About, Published, Release
from crowdeval.datasets.releases import differences, release_of
from crowdeval.errors import UsageError

A = DATASETS["shanghaitech-a"].about
B = DATASETS["shanghaitech-b"].about


def test_the_release_is_recognised_by_the_number_of_points():
    assert release_of(A, {"train": (300, 162_413), "test": (182, 78_862)}).title.endswith("removed (241,275)")
    assert release_of(A, {"train": (300, 162_700), "test": (182, 78_977)}).title == "original release (241,677)"
    assert release_of(B, {"train": (400, 60_000), "test": (316, 28_272)}).title.endswith("removed (88,272)")
    assert release_of(B, {"train": (400, 60_000), "test": (316, 28_488)}).title == "original release (88,488)"


def test_one_split_is_enough_to_recognise_a_release_with_published_points_of_it():
    assert release_of(A, {"test": (182, 78_862)}).title.endswith("removed (241,275)")
    assert release_of(A, {"test": (182, 78_900)}) is None


def test_another_number_of_points_is_no_release_and_a_difference():
    found = {"train": (300, 162_413), "test": (182, 78_861)}
    assert release_of(A, found) is None
    assert differences(A, found) == [
        "241,274 points in all splits, published release with off-image points removed (241,275) or "
        "original release (241,677)"
    ]


def test_another_number_of_images_is_a_difference():
    assert differences(A, {"test": (181, 78_862)}) == ["test: 181 images, published 182"]
    assert differences(A, {"test": (1, 78_862)}) == ["test: 1 image, published 182"]


def give_small_totals(monkeypatch, name, **splits):
    """Give a dataset published totals that a test can write."""
    dataset = DATASETS[name]
    about = dataset.about
    total = sum(entry.points for entry in splits.values())
    facts = {name: getattr(about, name) for name in About.__dataclass_fields__}
    facts["releases"] = (Release(title=f"tiny release ({total})", splits=splits, points=total),)
    changed = type(dataset)(*([dataset.part] if hasattr(dataset, "part") else []), About(**facts))
    monkeypatch.setattr(type(DATASETS), "__getitem__", lambda self, key: changed)


@pytest.fixture
def tiny(monkeypatch, layouts):
    give_small_totals(monkeypatch, "shanghaitech-a", train=Published(1, 2), test=Published(3, 3))
    return layouts.shanghaitech()


def test_the_exit_code_of_a_complete_dataset_is_0(tiny):
    check = check_dataset("shanghaitech-a", root=tiny)
    assert check.problems == ()
    assert check.exit_code == 0
    assert check.release == "tiny release (5)"
    assert [(split.split, split.images, split.points, split.empty) for split in check.splits] == [
        ("train", 1, 2, 0),
        ("test", 3, 3, 1),
    ]


def test_the_exit_code_of_a_missing_dataset_is_4(tmp_path):
    check = check_dataset("ucf-qnrf", root=tmp_path)
    assert check.exit_code == 4
    assert "ucf-qnrf:train is not found" in check.problems[0]


def test_files_that_do_not_belong_to_the_dataset_are_named_and_are_no_problem(tiny, layouts):
    thumbs = layouts.text(tiny / "test_data" / "images" / "Thumbs.db", "x")
    odd = layouts.image(tiny / "test_data" / "images" / "000.png")
    check = check_dataset("shanghaitech-a", root=tiny)
    assert set(check.clutter) == {str(thumbs), str(odd)}
    assert check.exit_code == 0


def test_off_image_points_and_duplicates_are_counted_and_are_no_problem(tiny, layouts):
    info = layouts.image_info([[-1, 5], [65, 5], [64, 48], [9, 9], [9, 9], [9, 9]])
    layouts.mat(tiny / "test_data" / "ground-truth" / "GT_IMG_1.mat", image_info=info)
    test = check_dataset("shanghaitech-a", root=tiny).splits[1]
    assert (test.off_image, test.off_image_images, test.duplicates) == (3, 1, 2)


@pytest.mark.parametrize(
    ("file", "content", "message"),
    [
        ("ground-truth/GT_IMG_1.mat", b"cut", "a damaged or truncated file"),
        ("images/IMG_1.jpg", b"cut", "IMG_1.jpg: not an image"),
        ("images/IMG_1.jpg", None, "annotation files without image"),
        ("ground-truth/GT_IMG_1.mat", None, "images without annotation file"),
    ],
)
def test_damaged_and_missing_files_are_problems(tiny, file, content, message):
    path = tiny / "test_data" / file
    path.unlink()
    if content is not None:
        path.write_bytes(content)
    check = check_dataset("shanghaitech-a", root=tiny)
    assert check.exit_code == 3
    assert any(message in problem for problem in check.problems)


def test_a_truncated_jpeg_is_a_problem(tiny):
    path = tiny / "test_data" / "images" / "IMG_1.jpg"
    path.write_bytes(path.read_bytes()[:-40])
    assert (
        "test: IMG_1.jpg: the JPEG image ends too early; copy or download it again"
        in check_dataset("shanghaitech-a", root=tiny).problems
    )


def test_a_missing_split_is_a_problem_and_the_other_is_checked(tiny):
    (tiny / "train_data").rename(tiny / "elsewhere")
    check = check_dataset("shanghaitech-a", root=tiny)
    assert check.exit_code == 3
    assert [split.split for split in check.splits] == ["test"]
    assert "no folder train_data" in check.problems[0]


def test_the_found_tree_counts_files_by_kind(tiny):
    lines = check_dataset("shanghaitech-a", root=tiny).found.splitlines()
    assert "test_data/ground-truth/  3 .mat" in lines
    assert "train_data/images/  1 .jpg" in lines


def test_one_split_can_be_checked_alone(tiny):
    check = check_dataset("shanghaitech-a:test", root=tiny)
    assert [split.split for split in check.splits] == ["test"]
    assert check.exit_code == 0


def test_a_label_count_that_differs_is_a_note(layouts):
    home = layouts.jhu()
    layouts.text(home / "val" / "image_labels.txt", "0001,7,stadium,0,0\n0002,0,rally,3,1\n")
    check = check_dataset("jhu-crowd++:val", root=home)
    assert check.splits[0].notes == ("0001: image_labels.txt says 7 people, the gt file has 2 (kept)",)


def test_a_folder_of_the_users_own_can_be_checked(layouts):
    layouts.text(layouts.folder / "mine" / "gt.json", '{"points": {"a": [[1, 2]]}}')
    check = check_dataset("folder:mine", root=layouts.folder)
    assert check.exit_code == 0
    assert check.splits[0].points == 1


def test_the_json_holds_everything(tiny):
    document = json.loads(check_dataset("shanghaitech-a", root=tiny).to_json())
    assert document["exit_code"] == 0
    assert document["splits"][1]["published_points"] == 3
    assert document["release"] == "tiny release (5)"


def test_an_unknown_dataset_is_a_usage_error():
    with pytest.raises(UsageError, match="no dataset is called"):
        check_dataset("shanghaitech")
