import numpy as np
import pytest

from crowdeval.datasets import open_dataset
from crowdeval.errors import FormatError, MissingFileError, UsageError


def points(split):
    annotations = split.annotations
    rows = np.split(annotations.xy, annotations.offsets[1:-1])
    return {name: xy.tolist() for name, xy in zip(annotations.image_ids, rows, strict=True)}


def opened(spec, root):
    return open_dataset(spec, root=root, cache=False)


EXPECTED = {"IMG_1": [[5, 6]], "IMG_2": [[7, 8], [9, 10]], "IMG_10": []}


@pytest.mark.parametrize("folder", ["part_A", "part_A_final", "A", "Part_A", "ShanghaiTech/part_A_final", "SHHA"])
@pytest.mark.parametrize("truth", ["ground-truth", "ground_truth", "Ground_Truth"])
def test_every_spelling_of_shanghaitech_is_read(layouts, folder, truth):
    layouts.shanghaitech(folder, truth=truth)
    assert points(opened("shanghaitech-a:test", layouts.folder)) == EXPECTED


def test_the_folder_itself_is_a_root(layouts):
    assert points(opened("shanghaitech-a:test", layouts.shanghaitech("anything"))) == EXPECTED


def test_ids_are_stems_in_natural_order_beside_file_names_paths_and_sizes(layouts):
    home = layouts.shanghaitech()
    split = opened("shanghaitech-a:test", home)
    assert split.annotations.image_ids == ("IMG_1", "IMG_2", "IMG_10")
    assert split.annotations.attributes["file_name"].tolist() == ["IMG_1.jpg", "IMG_2.jpg", "IMG_10.jpg"]
    assert split.image_paths[2] == home / "test_data" / "images" / "IMG_10.jpg"
    assert split.annotations.sizes.tolist() == [[64, 48]] * 3


def test_part_b_is_not_read_from_part_a(layouts):
    layouts.shanghaitech("part_A")
    with pytest.raises(MissingFileError, match="shanghaitech-b:test is not found"):
        opened("shanghaitech-b:test", layouts.folder)
    with pytest.raises(MissingFileError, match="shanghaitech-b:test is not found"):
        opened("shanghaitech-b:test", layouts.folder / "part_A")


def test_both_parts_beside_each_other_are_told_apart(layouts):
    layouts.shanghaitech("ShanghaiTech/part_A")
    layouts.shanghaitech("ShanghaiTech/part_B", splits={"test": {7: [[1, 1]]}})
    assert points(opened("shanghaitech-b:test", layouts.folder)) == {"IMG_7": [[1, 1]]}
    assert points(opened("shanghaitech-a:test", layouts.folder)) == EXPECTED


def test_clutter_is_left_alone(layouts):
    home = layouts.shanghaitech()
    images = home / "test_data" / "images"
    layouts.text(images / "Thumbs.db", "x")
    layouts.text(images / "._IMG_1.jpg", "x")
    layouts.text(home / "test_data" / "ground-truth" / "._GT_IMG_1.mat", "x")
    layouts.text(home / "test_data" / "ground-truth-h5" / "IMG_1.h5", "x")
    layouts.image(images / "000.png")
    assert points(opened("shanghaitech-a:test", home)) == EXPECTED


def test_an_image_without_ground_truth_is_left_out_and_said(layouts):
    home = layouts.shanghaitech()
    (home / "test_data" / "ground-truth" / "GT_IMG_2.mat").unlink()
    split = opened("shanghaitech-a:test", home)
    assert split.annotations.image_ids == ("IMG_1", "IMG_10")
    assert "images without annotation file (1, left out): 'IMG_2'" in split.notes


def test_ground_truth_without_an_image_is_kept_with_unknown_size_and_said(layouts):
    home = layouts.shanghaitech()
    missing = home / "test_data" / "images" / "IMG_2.jpg"
    missing.unlink()
    split = opened("shanghaitech-a:test", home)
    assert points(split) == EXPECTED
    assert np.isnan(split.annotations.sizes[1]).all()
    assert split.image_paths[1] == missing
    assert "annotation files without image (1, kept, size unknown): 'IMG_2'" in split.notes


def test_annotations_alone_are_enough(layouts):
    split = opened("shanghaitech-a:test", layouts.shanghaitech(images=False))
    assert points(split) == EXPECTED
    assert split.image_paths == ()
    assert split.annotations.sizes is None
    assert "there are no images here: sizes are unknown" in split.notes


def test_another_number_of_images_than_published_is_said(layouts):
    assert "test: 3 images, published 182" in opened("shanghaitech-a:test", layouts.shanghaitech()).notes


def test_a_wrong_number_field_is_said_and_the_points_are_kept(layouts):
    home = layouts.shanghaitech()
    info = layouts.image_info([[5, 6]], number=4)
    layouts.mat(home / "test_data" / "ground-truth" / "GT_IMG_1.mat", image_info=info)
    split = opened("shanghaitech-a:test", home)
    assert points(split) == EXPECTED
    assert any("image_info.number says 4, image_info.location has 1 point " in note for note in split.notes)


@pytest.mark.parametrize("stem", ["IMG 1 copy", "人群_1", "two\nlines", "it's [1]"])
def test_odd_image_names_are_ids_as_they_are(layouts, stem):
    home = layouts.folder / "part_A"
    layouts.image(home / "test_data" / "images" / f"{stem}.jpg")
    layouts.mat(home / "test_data" / "ground-truth" / f"GT_{stem}.mat", image_info=layouts.image_info([[1, 2]]))
    assert points(opened("shanghaitech-a:test", home)) == {stem: [[1, 2]]}


def test_all_damaged_files_are_named_at_once(layouts):
    home = layouts.shanghaitech()
    for number in (1, 10):
        layouts.text(home / "test_data" / "ground-truth" / f"GT_IMG_{number}.mat", "cut")
    with pytest.raises(FormatError) as caught:
        opened("shanghaitech-a:test", home)
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
    split = opened("shanghaitech-a:test", home)
    assert points(split) == {"img 02": [[1.5, 2.5], [3, 4]], "img01": [[1.5, 2.5], [3, 4]]}


def test_listed_images_of_one_name_in_two_scenes_have_two_ids(layouts):
    home = layouts.folder / "lists"
    for scene in ("a", "b"):
        layouts.image(home / scene / "img.jpg")
        layouts.text(home / scene / "img.txt", "1 2\n")
    layouts.text(home / "test.list", "a/img.jpg a/img.txt\nb/img.jpg b/img.txt\n")
    assert opened("shanghaitech-a:test", home).annotations.image_ids == ("a/img", "b/img")


@pytest.mark.parametrize("line", ["../out.jpg ../out.txt", "/etc/x.jpg /etc/passwd", "a.jpg a/../../out.txt"])
def test_a_list_that_leaves_the_folder_is_refused(layouts, line):
    home = layouts.folder / "lists"
    layouts.image(home / "a.jpg")
    layouts.text(home / "test.list", line + "\n")
    with pytest.raises(FormatError, match=r"line 1: expected a file in the dataset's folder"):
        opened("shanghaitech-a:test", home)


def test_a_bad_label_line_is_named(layouts):
    home = layouts.folder / "lists"
    layouts.image(home / "a.jpg")
    layouts.text(home / "a.txt", "1 2\n3\nx y\n")
    layouts.text(home / "test.list", "a.jpg a.txt\n")
    with pytest.raises(FormatError) as caught:
        opened("shanghaitech-a:test", home)
    assert [problem.line for problem in caught.value.problems] == [2, 3]


def test_ucf_cc_50_has_five_folds_of_ten_in_natural_order(layouts):
    home = layouts.ucf_cc_50()
    for k in range(1, 6):
        ids = opened(f"ucf-cc-50:fold{k}", home).annotations.image_ids
        assert ids == tuple(str(n) for n in range(10 * k - 9, 10 * k + 1))


def test_the_training_part_of_a_fold_is_the_rest(layouts):
    ids = opened("ucf-cc-50:fold2-train", layouts.ucf_cc_50()).annotations.image_ids
    assert ids == tuple(str(n) for n in (*range(1, 11), *range(21, 51)))


def test_all_of_ucf_cc_50_is_fifty(layouts):
    assert len(opened("ucf-cc-50:all", layouts.ucf_cc_50()).annotations.image_ids) == 50


def test_a_fold_file_replaces_the_custom(layouts):
    home = layouts.ucf_cc_50()
    folds = [[n for n in range(1, 51) if n % 5 == k] for k in range(5)]
    layouts.text(home / "folds.txt", "\n".join(", ".join(map(str, fold)) for fold in folds))
    assert opened("ucf-cc-50:fold2", home).annotations.image_ids == tuple(map(str, folds[1]))


@pytest.mark.parametrize("content", ["1 2 3", "1\n2\n3\n4\n5", "1 1\n2\n3\n4\n5\n"])
def test_a_fold_file_that_does_not_share_out_all_images_is_refused(layouts, content):
    home = layouts.ucf_cc_50()
    layouts.text(home / "folds.txt", content)
    with pytest.raises(FormatError, match=r"folds\.txt"):
        opened("ucf-cc-50:fold1", home)


def test_ucf_qnrf_is_read(layouts):
    split = opened("ucf-qnrf:train", layouts.ucf_qnrf())
    assert points(split) == {"img_0001": [[3.5, 3.5]], "img_0002": [[3.5, 3.5]] * 2}


@pytest.mark.parametrize("kind", ["jsons", "mats"])
@pytest.mark.parametrize("images", ["images", "images_part1"])
def test_nwpu_gives_boxes_radii_levels_and_labels(layouts, kind, images):
    annotations = opened("nwpu:val", layouts.nwpu(kind=kind, images=images)).annotations
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
    assert opened("nwpu:train", home).annotations.image_ids == ("0001", "0002")
    layouts.text(home / "train.txt", "1 0 0\n2 1 1\n")
    split = opened("nwpu:train", home)
    assert split.annotations.image_ids == ("1", "2")
    assert split.annotations.attributes["file_name"].tolist() == ["0001.jpg", "0002.jpg"]


def test_nwpu_test_is_not_public(layouts):
    with pytest.raises(MissingFileError, match="not public"):
        opened("nwpu:test", layouts.nwpu())


def test_nwpu_is_read_from_the_text_alone(layouts):
    home = layouts.folder / "nwpu_val"
    layouts.text(home / "val_gt_loc.txt", "3110 1 10 20 3 5 2\n3098 0\n")
    layouts.text(home / "list_val.txt", "3110 1 2\n3098 0 0\n")
    split = opened("nwpu:val", layouts.folder)
    assert points(split) == {"3098": [], "3110": [[10, 20]]}
    assert split.annotations.radii.tolist() == [[3, 5]]
    assert split.annotations.level.tolist() == [2]
    assert split.annotations.attributes["luminance"].tolist() == [0, 1]
    assert split.image_paths == ()


def test_nwpu_without_lists_takes_the_official_numbers(layouts):
    home = layouts.nwpu()
    (home / "val.txt").unlink()
    split = opened("nwpu:val", home)
    assert split.annotations.image_ids == ("3110", "3111")
    assert "there is no val.txt: the official numbers are taken" in split.notes


def test_a_listed_nwpu_image_without_annotations_is_said(layouts):
    home = layouts.nwpu()
    (home / "jsons" / "3111.json").unlink()
    assert "listed images without annotations (1, left out): '3111'" in opened("nwpu:val", home).notes


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ('{"points": [[1, 2]], "boxes": []}', "a box for every point"),
        ('{"points": [[1, 2, 3]], "boxes": []}', "Expected `array` of length 2"),
        ('{"points": [', "expected an object"),
        ('{"points": [], "boxes": [], "human_num": 3}', "expected 3 points, found 0"),
    ],
)
def test_a_damaged_nwpu_json_is_named(layouts, content, message):
    home = layouts.nwpu()
    layouts.text(home / "jsons" / "3110.json", content)
    with pytest.raises(FormatError, match=message):
        opened("nwpu:val", home)


def test_jhu_gives_boxes_marks_and_labels(layouts):
    annotations = opened("jhu-crowd++:val", layouts.jhu()).annotations
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


def test_a_label_count_that_differs_is_said(layouts):
    home = layouts.jhu()
    layouts.text(home / "val" / "image_labels.txt", "0001,7,stadium,0,0\n0002,0,rally,3,1\n")
    notes = opened("jhu-crowd++:val", home).notes
    assert "0001: image_labels.txt says 7 people, the gt file has 2 (kept)" in notes


def test_an_image_that_the_labels_lack_has_unknown_labels(layouts):
    home = layouts.jhu()
    layouts.text(home / "val" / "image_labels.txt", "0001,2,stadium,0,0\n")
    split = opened("jhu-crowd++:val", home)
    assert split.annotations.attributes["scene"].tolist() == ["stadium", None]
    assert np.isnan(split.annotations.attributes["weather"][1])
    assert "images without labels (1, labels unknown): '0002'" in split.notes


def test_a_bad_label_line_of_jhu_is_named(layouts):
    home = layouts.jhu()
    layouts.text(home / "val" / "image_labels.txt", "0001,2,stadium,0,0\n0002,many,rally,3,1\n")
    with pytest.raises(FormatError, match="line 2: expected id,count,scene,weather,distractor"):
        opened("jhu-crowd++:val", home)


def test_wider_face_points_are_box_centres(layouts):
    annotations = opened("wider-face:val", layouts.wider_face()).annotations
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
def test_a_damaged_box_file_is_named_with_its_line(layouts, content, line):
    layouts.text(layouts.folder / "my_val_bbx_gt.txt", content)
    with pytest.raises(FormatError) as caught:
        opened("wider-face:val", layouts.folder)
    assert caught.value.problems[0].line == line


def test_a_box_file_that_leaves_the_image_folder_is_refused(layouts):
    layouts.image(layouts.folder / "a.jpg")
    layouts.text(layouts.folder / "my_val_bbx_gt.txt", "../a.jpg\n0\n")
    with pytest.raises(FormatError, match="a file in the dataset's folder"):
        opened("wider-face:val", layouts.folder)


def own_folder(layouts, name="mine", file="annotations.json"):
    home = layouts.folder / name
    layouts.image(home / "images" / "a.jpg", (30, 20))
    layouts.image(home / "images" / "deep" / "b.png", (10, 12))
    layouts.text(home / file, '{"points": {"b": [[1, 2]], "a": [[3, 4], [5, 6]]}}')
    return home


def test_a_folder_of_ones_own_is_named_by_its_path(layouts, monkeypatch):
    home = own_folder(layouts)
    monkeypatch.chdir(layouts.folder)
    split = open_dataset("folder:mine", cache=False)
    assert points(split) == {"b": [[1, 2]], "a": [[3, 4], [5, 6]]}
    assert split.annotations.sizes.tolist() == [[10, 12], [30, 20]]
    assert [path.resolve() for path in split.image_paths] == [home / "images/deep/b.png", home / "images/a.jpg"]


def test_a_folder_of_ones_own_is_sought_below_the_root(layouts):
    own_folder(layouts)
    assert len(points(opened("folder:mine", layouts.folder))) == 2


def test_one_of_several_points_files_is_named(layouts):
    home = own_folder(layouts, file="one.json")
    layouts.text(home / "two.json", '{"points": {"a": []}}')
    with pytest.raises(UsageError, match=r"several points files: 'one\.json', 'two\.json'"):
        opened("folder:mine", layouts.folder)
    split = opened("folder:mine/two.json", layouts.folder)
    assert split.annotations.image_ids == ("a",)
    assert "images that the points file lacks (1, left out): 'images/deep/b.png'" in split.notes


def test_a_folder_without_points_file_is_a_usage_error(layouts):
    layouts.image(layouts.folder / "mine" / "a.jpg")
    with pytest.raises(UsageError, match="holds no points file"):
        opened("folder:mine", layouts.folder)


def test_sizes_in_the_points_file_stand_where_there_are_no_images(layouts):
    layouts.text(
        layouts.folder / "mine" / "gt.json",
        '{"images": [{"id": "a", "points": [], "width": 9, "height": 8}, {"id": "b", "points": []}]}',
    )
    sizes = opened("folder:mine", layouts.folder).annotations.sizes
    assert sizes[0].tolist() == [9, 8]
    assert np.isnan(sizes[1]).all()
