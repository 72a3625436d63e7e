import numpy as np
import pytest

from crowdeval.datasets import open_dataset
from crowdeval.errors import FormatError, MissingFileError, UsageError


def points(split):
    annotations = split.annotations
    rows = np.split(annotations.xy, annotations.offsets[1:-1])
    return {name: xy.tolist() for name, xy in zip(annotations.image_ids, rows, strict=True)}


def open_fresh(spec, root):
    return open_dataset(spec, root=root, cache=False)


EXPECTED = {"IMG_1": [[5, 6]], "IMG_2": [[7, 8], [9, 10]], "IMG_10": []}


@pytest.mark.parametrize("folder", ["part_A", "part_A_final", "A", "Part_A", "ShanghaiTech/part_A_final", "SHHA"])
@pytest.mark.parametrize("truth", ["ground-truth", "ground_truth", "Ground_Truth"])
def test_shanghaitech_is_read_from_folders_in_every_usual_spelling(layouts, folder, truth):
    layouts.shanghaitech(folder, truth=truth)
    assert points(open_fresh("shanghaitech-a:test", layouts.folder)) == EXPECTED


def test_the_root_may_be_the_datasets_own_folder(layouts):
    assert points(open_fresh("shanghaitech-a:test", layouts.shanghaitech("anything"))) == EXPECTED


def test_ids_are_stems_in_natural_order_with_file_names_paths_and_sizes_in_the_same_order(layouts):
    home = layouts.shanghaitech()
    split = open_fresh("shanghaitech-a:test", home)
    assert split.annotations.image_ids == ("IMG_1", "IMG_2", "IMG_10")
    assert split.annotations.attributes["file_name"].tolist() == ["IMG_1.jpg", "IMG_2.jpg", "IMG_10.jpg"]
    assert split.image_paths[2] == home / "test_data" / "images" / "IMG_10.jpg"
    assert split.annotations.sizes.tolist() == [[64, 48]] * 3


def test_part_b_is_not_read_from_part_a(layouts):
    layouts.shanghaitech("part_A")
    with pytest.raises(MissingFileError, match="shanghaitech-b:test is not found"):
        open_fresh("shanghaitech-b:test", layouts.folder)
    with pytest.raises(MissingFileError, match="shanghaitech-b:test is not found"):
        open_fresh("shanghaitech-b:test", layouts.folder / "part_A")


def test_both_parts_in_one_folder_are_distinguished(layouts):
    layouts.shanghaitech("ShanghaiTech/part_A")
    layouts.shanghaitech("ShanghaiTech/part_B", splits={"test": {7: [[1, 1]]}})
    assert points(open_fresh("shanghaitech-b:test", layouts.folder)) == {"IMG_7": [[1, 1]]}
    assert points(open_fresh("shanghaitech-a:test", layouts.folder)) == EXPECTED


def test_files_that_do_not_belong_to_the_dataset_are_ignored(layouts):
    home = layouts.shanghaitech()
    images = home / "test_data" / "images"
    layouts.text(images / "Thumbs.db", "x")
    layouts.text(images / "._IMG_1.jpg", "x")
    layouts.text(home / "test_data" / "ground-truth" / "._GT_IMG_1.mat", "x")
    layouts.text(home / "test_data" / "ground-truth-h5" / "IMG_1.h5", "x")
    layouts.image(images / "000.png")
    assert points(open_fresh("shanghaitech-a:test", home)) == EXPECTED


def test_an_image_without_annotation_file_is_left_out_with_a_note(layouts):
    home = layouts.shanghaitech()
    (home / "test_data" / "ground-truth" / "GT_IMG_2.mat").unlink()
    split = open_fresh("shanghaitech-a:test", home)
    assert split.annotations.image_ids == ("IMG_1", "IMG_10")
    assert "images without annotation file (1, left out): 'IMG_2'" in split.notes


def test_an_annotation_file_without_image_is_kept_with_unknown_size_and_a_note(layouts):
    home = layouts.shanghaitech()
    missing = home / "test_data" / "images" / "IMG_2.jpg"
    missing.unlink()
    split = open_fresh("shanghaitech-a:test", home)
    assert points(split) == EXPECTED
    assert np.isnan(split.annotations.sizes[1]).all()
    assert split.image_paths[1] == missing
    assert "annotation files without image (1, kept, size unknown): 'IMG_2'" in split.notes


def test_a_folder_without_images_is_read(layouts):
    split = open_fresh("shanghaitech-a:test", layouts.shanghaitech(images=False))
    assert points(split) == EXPECTED
    assert split.image_paths == ()
    assert split.annotations.sizes is None
    assert "the folder has no images: their sizes are unknown" in split.notes


def test_a_number_of_images_that_differs_from_the_published_is_a_note(layouts):
    assert "test: 3 images, published 182" in open_fresh("shanghaitech-a:test", layouts.shanghaitech()).notes


def test_a_wrong_number_field_is_a_note_and_the_points_are_kept(layouts):
    home = layouts.shanghaitech()
    info = layouts.image_info([[5, 6]], number=4)
    layouts.mat(home / "test_data" / "ground-truth" / "GT_IMG_1.mat", image_info=info)
    split = open_fresh("shanghaitech-a:test", home)
    assert points(split) == EXPECTED
    assert any("image_info.number says 4, image_info.location has 1 point " in note for note in split.notes)


@pytest.mark.parametrize("stem", ["IMG 1 copy", "人群_1", "two\nlines", "it's [1]"])
def test_unusual_image_names_are_ids_without_change(layouts, stem):
    home = layouts.folder / "part_A"
    layouts.image(home / "test_data" / "images" / f"{stem}.jpg")
    layouts.mat(home / "test_data" / "ground-truth" / f"GT_{stem}.mat", image_info=layouts.image_info([[1, 2]]))
    assert points(open_fresh("shanghaitech-a:test", home)) == {stem: [[1, 2]]}


def test_one_error_names_all_damaged_files(layouts):
    home = layouts.shanghaitech()
    for number in (1, 10):
        layouts.text(home / "test_data" / "ground-truth" / f"GT_IMG_{number}.mat", "cut")
    with pytest.raises(FormatError) as caught:
        open_fresh("shanghaitech-a:test", home)
    assert [problem.image for problem in caught.value.problems] == ["IMG_1", "IMG_10"]


def test_p2pnet_lists_are_read(layouts):
    home = layouts.folder / "lists"
    for name in ("scene01/img01", "scene 02/img 02"):
        layouts.image(home / "test" / f"{name}.jpg")
        layouts.text(home / "test" / f"{name}.txt", "1.5 2.5\n3 4\n")
    layouts.text(
        home / "shanghai_tech_part_a_test.list",
        "test/scene01/img01.jpg test/scene01/img01.txt\ntest/scene 02/img 02.jpg test/scene 02/img 02.txt\n",
    )
    split = open_fresh("shanghaitech-a:test", home)
    assert points(split) == {"img 02": [[1.5, 2.5], [3, 4]], "img01": [[1.5, 2.5], [3, 4]]}


def test_listed_images_with_the_same_name_in_two_folders_have_different_ids(layouts):
    home = layouts.folder / "lists"
    for scene in ("a", "b"):
        layouts.image(home / scene / "img.jpg")
        layouts.text(home / scene / "img.txt", "1 2\n")
    layouts.text(home / "test.list", "a/img.jpg a/img.txt\nb/img.jpg b/img.txt\n")
    assert open_fresh("shanghaitech-a:test", home).annotations.image_ids == ("a/img", "b/img")


@pytest.mark.parametrize("line", ["../out.jpg ../out.txt", "/etc/x.jpg /etc/passwd", "a.jpg a/../../out.txt"])
def test_a_list_with_a_path_outside_the_folder_is_refused(layouts, line):
    home = layouts.folder / "lists"
    layouts.image(home / "a.jpg")
    layouts.text(home / "test.list", line + "\n")
    with pytest.raises(FormatError, match=r"line 1: expected a file in the dataset's folder"):
        open_fresh("shanghaitech-a:test", home)


def test_every_wrong_line_of_a_label_file_is_named(layouts):
    home = layouts.folder / "lists"
    layouts.image(home / "a.jpg")
    layouts.text(home / "a.txt", "1 2\n3\nx y\n")
    layouts.text(home / "test.list", "a.jpg a.txt\n")
    with pytest.raises(FormatError) as caught:
        open_fresh("shanghaitech-a:test", home)
    assert [problem.line for problem in caught.value.problems] == [2, 3]


def test_ucf_cc_50_has_five_folds_of_ten_in_natural_order(layouts):
    home = layouts.ucf_cc_50()
    for k in range(1, 6):
        ids = open_fresh(f"ucf-cc-50:fold{k}", home).annotations.image_ids
        assert ids == tuple(str(n) for n in range(10 * k - 9, 10 * k + 1))


def test_the_training_split_of_a_fold_is_all_other_images(layouts):
    ids = open_fresh("ucf-cc-50:fold2-train", layouts.ucf_cc_50()).annotations.image_ids
    assert ids == tuple(str(n) for n in (*range(1, 11), *range(21, 51)))


def test_the_split_all_of_ucf_cc_50_has_fifty_images(layouts):
    assert len(open_fresh("ucf-cc-50:all", layouts.ucf_cc_50()).annotations.image_ids) == 50


def test_a_fold_file_replaces_the_usual_folds(layouts):
    home = layouts.ucf_cc_50()
    folds = [[n for n in range(1, 51) if n % 5 == k] for k in range(5)]
    layouts.text(home / "folds.txt", "\n".join(", ".join(map(str, fold)) for fold in folds))
    assert open_fresh("ucf-cc-50:fold2", home).annotations.image_ids == tuple(map(str, folds[1]))


@pytest.mark.parametrize("content", ["1 2 3", "1\n2\n3\n4\n5", "1 1\n2\n3\n4\n5\n"])
def test_a_fold_file_without_each_image_exactly_once_is_refused(layouts, content):
    home = layouts.ucf_cc_50()
    layouts.text(home / "folds.txt", content)
    with pytest.raises(FormatError, match=r"folds\.txt"):
        open_fresh("ucf-cc-50:fold1", home)


def test_ucf_qnrf_is_read(layouts):
    split = open_fresh("ucf-qnrf:train", layouts.ucf_qnrf())
    assert points(split) == {"img_0001": [[3.5, 3.5]], "img_0002": [[3.5, 3.5]] * 2}


@pytest.mark.parametrize("kind", ["jsons", "mats"])
@pytest.mark.parametrize("images", ["images", "images_part1"])
def test_nwpu_gives_boxes_radii_levels_and_labels(layouts, kind, images):
    annotations = open_fresh("nwpu:val", layouts.nwpu(kind=kind, images=images)).annotations
    assert annotations.image_ids == ("3110", "3111")
    assert annotations.xy.tolist() == [[11, 12.5], [150, 200]]
    assert annotations.boxes.tolist() == [[10, 10, 12, 15], [0, 0, 300, 400]]
    assert annotations.radii.tolist() == [[1, np.sqrt(29) / 2], [150, 250]]
    assert annotations.level.tolist() == [1, 5]
    assert annotations.attributes["luminance"].tolist() == [2, 0]
    assert annotations.attributes["scene_level"].tolist() == [1, 0]
    assert annotations.sizes.tolist() == [[64, 48]] * 2


def test_nwpu_ids_are_spelled_as_in_the_list(layouts):
    home = layouts.nwpu()
    assert open_fresh("nwpu:train", home).annotations.image_ids == ("0001", "0002")
    layouts.text(home / "train.txt", "1 0 0\n2 1 1\n")
    split = open_fresh("nwpu:train", home)
    assert split.annotations.image_ids == ("1", "2")
    assert split.annotations.attributes["file_name"].tolist() == ["0001.jpg", "0002.jpg"]


def test_nwpu_test_is_not_public(layouts):
    with pytest.raises(MissingFileError, match="not public"):
        open_fresh("nwpu:test", layouts.nwpu())


def test_nwpu_is_read_from_the_text_alone(layouts):
    home = layouts.folder / "nwpu_val"
    layouts.text(home / "val_gt_loc.txt", "3110 1 10 20 3 5 2\n3098 0\n")
    layouts.text(home / "list_val.txt", "3110 1 2\n3098 0 0\n")
    split = open_fresh("nwpu:val", layouts.folder)
    assert points(split) == {"3098": [], "3110": [[10, 20]]}
    assert split.annotations.radii.tolist() == [[3, 5]]
    assert split.annotations.level.tolist() == [2]
    assert split.annotations.attributes["luminance"].tolist() == [0, 1]
    assert split.image_paths == ()


def test_nwpu_without_list_file_uses_the_official_image_numbers(layouts):
    home = layouts.nwpu()
    (home / "val.txt").unlink()
    split = open_fresh("nwpu:val", home)
    assert split.annotations.image_ids == ("3110", "3111")
    assert "there is no val.txt: the official image numbers of the split are used" in split.notes


def test_a_listed_nwpu_image_without_annotations_is_a_note(layouts):
    home = layouts.nwpu()
    (home / "jsons" / "3111.json").unlink()
    assert "listed images without annotations (1, left out): '3111'" in open_fresh("nwpu:val", home).notes


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ('{"points": [[1, 2]], "boxes": []}', "a box for every point"),
        ('{"points": [[1, 2, 3]], "boxes": []}', "Expected `array` of length 2"),
        ('{"points": [', "expected an object"),
        ('{"points": [], "boxes": [], "human_num": 3}', "points: expected 3 points, as human_num says, found 0"),
    ],
)
def test_the_error_of_a_damaged_nwpu_json_says_what_is_wrong(layouts, content, message):
    home = layouts.nwpu()
    layouts.text(home / "jsons" / "3110.json", content)
    with pytest.raises(FormatError, match=message):
        open_fresh("nwpu:val", home)


def test_jhu_gives_boxes_marks_and_labels(layouts):
    annotations = open_fresh("jhu-crowd++:val", layouts.jhu()).annotations
    assert annotations.image_ids == ("0001", "0002")
    assert annotations.counts.tolist() == [2, 0]
    assert annotations.boxes.tolist() == [[8, 17, 12, 23], [29, 39, 31, 41]]
    assert annotations.point_attributes["occlusion"].tolist() == [2, 1]
    assert annotations.point_attributes["blur"].tolist() == [1, 0]
    labels = {name: values.tolist() for name, values in annotations.attributes.items()}
    assert labels == {
        "file_name": ["0001.jpg", "0002.jpg"],
        "label_count": [2, 0],
        "scene": ["stadium", "rally"],
        "weather": [0, 3],
        "distractor": [0, 1],
    }


def test_a_label_count_that_differs_from_the_points_is_a_note(layouts):
    home = layouts.jhu()
    layouts.text(home / "val" / "image_labels.txt", "0001,7,stadium,0,0\n0002,0,rally,3,1\n")
    notes = open_fresh("jhu-crowd++:val", home).notes
    assert "0001: image_labels.txt says 7 people, the gt file has 2 (kept)" in notes


def test_an_image_without_labels_has_unknown_labels(layouts):
    home = layouts.jhu()
    layouts.text(home / "val" / "image_labels.txt", "0001,2,stadium,0,0\n")
    split = open_fresh("jhu-crowd++:val", home)
    assert split.annotations.attributes["scene"].tolist() == ["stadium", None]
    assert np.isnan(split.annotations.attributes["weather"][1])
    assert "images without labels (1, labels unknown): '0002'" in split.notes


def test_a_wrong_line_of_the_jhu_labels_is_named(layouts):
    home = layouts.jhu()
    layouts.text(home / "val" / "image_labels.txt", "0001,2,stadium,0,0\n0002,many,rally,3,1\n")
    with pytest.raises(FormatError, match="line 2: expected id,count,scene,weather,distractor"):
        open_fresh("jhu-crowd++:val", home)


def test_wider_face_points_are_box_centres(layouts):
    annotations = open_fresh("wider-face:val", layouts.wider_face()).annotations
    assert annotations.image_ids == ("0_Parade_1", "1_Handshaking_2")
    assert annotations.counts.tolist() == [2, 0]
    assert annotations.xy.tolist() == [[12, 23], [2, 3]]
    assert annotations.boxes.tolist() == [[10, 20, 14, 26], [1, 2, 3, 4]]
    assert annotations.point_attributes["invalid"].tolist() == [0, 1]
    assert annotations.sizes.tolist() == [[64, 48]] * 2


@pytest.mark.parametrize(
    ("content", "line"),
    [("a.jpg\n2\n1 1 1 1\n", 3), ("a.jpg\nx\n", 2), ("a.jpg\n1\n1 1 1\n", 3), ("a.jpg\n0\n\na.jpg\n0\n", 4)],
)
def test_the_error_of_a_damaged_box_file_has_the_line(layouts, content, line):
    layouts.text(layouts.folder / "my_val_bbx_gt.txt", content)
    with pytest.raises(FormatError) as caught:
        open_fresh("wider-face:val", layouts.folder)
    assert caught.value.problems[0].line == line


def test_a_box_file_with_a_path_outside_the_image_folder_is_refused(layouts):
    layouts.image(layouts.folder / "a.jpg")
    layouts.text(layouts.folder / "my_val_bbx_gt.txt", "../a.jpg\n0\n")
    with pytest.raises(FormatError, match="a file in the dataset's folder"):
        open_fresh("wider-face:val", layouts.folder)


def own_folder(layouts, name="mine", file="annotations.json"):
    home = layouts.folder / name
    layouts.image(home / "images" / "a.jpg", (30, 20))
    layouts.image(home / "images" / "deep" / "b.png", (10, 12))
    layouts.text(home / file, '{"points": {"b": [[1, 2]], "a": [[3, 4], [5, 6]]}}')
    return home


def test_a_folder_of_the_users_own_is_opened_by_its_path(layouts, monkeypatch):
    home = own_folder(layouts)
    monkeypatch.chdir(layouts.folder)
    split = open_dataset("folder:mine", cache=False)
    assert points(split) == {"b": [[1, 2]], "a": [[3, 4], [5, 6]]}
    assert split.annotations.sizes.tolist() == [[10, 12], [30, 20]]
    assert [path.resolve() for path in split.image_paths] == [home / "images/deep/b.png", home / "images/a.jpg"]


def test_a_folder_of_the_users_own_is_searched_below_the_root(layouts):
    own_folder(layouts)
    assert len(points(open_fresh("folder:mine", layouts.folder))) == 2


def test_one_of_several_points_files_is_opened_by_its_path(layouts):
    home = own_folder(layouts, file="one.json")
    layouts.text(home / "two.json", '{"points": {"a": []}}')
    with pytest.raises(UsageError, match=r"several points files: 'one\.json', 'two\.json'; name one of them: folder:"):
        open_fresh("folder:mine", layouts.folder)
    split = open_fresh("folder:mine/two.json", layouts.folder)
    assert split.annotations.image_ids == ("a",)
    assert "images that are not in the points file (1, left out): 'images/deep/b.png'" in split.notes


def test_a_folder_without_points_file_is_a_usage_error(layouts):
    layouts.image(layouts.folder / "mine" / "a.jpg")
    with pytest.raises(UsageError, match="has no points file"):
        open_fresh("folder:mine", layouts.folder)


def test_sizes_in_the_points_file_are_used_where_there_are_no_images(layouts):
    layouts.text(
        layouts.folder / "mine" / "gt.json",
        '{"images": [{"id": "a", "points": [], "width": 9, "height": 8}, {"id": "b", "points": []}]}',
    )
    sizes = open_fresh("folder:mine", layouts.folder).annotations.sizes
    assert sizes[0].tolist() == [9, 8]
    assert np.isnan(sizes[1]).all()
