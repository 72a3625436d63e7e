"""Batches depend on the seed and the step alone, not on history, processes, accumulation or reading workers."""

import pytest

pytest.importorskip("torch")

import numpy as np
import torch
from PIL import Image

from baselines.p2pnet import Config
from baselines.p2pnet.augmentation import resize
from baselines.p2pnet.batches import Crops, Epochs, normalize, steps_from
from baselines.p2pnet.samples import Sample, Samples, read_pixels
from crowdeval.errors import InputError


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    """Ten noisy images of several sizes, with a few heads each and none in the first."""
    folder, random = tmp_path_factory.mktemp("images"), np.random.default_rng(0)
    items = []
    for index in range(10):
        width, height = 40 + 7 * index, 90 - 5 * index
        path = folder / f"{index}.png"
        Image.fromarray(random.integers(0, 256, (height, width, 3), dtype=np.uint8)).save(path)
        items.append(Sample(f"image {index}", path, random.uniform(0, (width, height), (3 * index, 2))))
    return Samples("noise", tuple(items))


def small(**values):
    return Config(**{"crop": 32, "crops": 2, "batch_size": 4, **values})


def all_of(batches):
    """Return pixels, targets and names of several batches as one."""
    pixels = torch.cat([batch.pixels for batch in batches])
    return pixels, [each for batch in batches for each in batch.targets], [n for batch in batches for n in batch.names]


def assert_same(batches, others):
    pixels, targets, names = all_of(batches)
    other_pixels, other_targets, other_names = all_of(others)
    assert names == other_names
    assert torch.equal(pixels, other_pixels)
    assert all(torch.equal(a, b) for a, b in zip(targets, other_targets, strict=True))


def differ(one, two):
    return one.names != two.names or not torch.equal(one.pixels, two.pixels)


def test_a_batch_holds_so_many_crops_of_each_of_its_images(source):
    batch = Crops(source, small(crops=3))[0, 0]
    assert batch.pixels.shape == (12, 3, 32, 32)
    assert batch.pixels.dtype == torch.uint8
    assert len(batch.targets) == len(batch.names) == 12
    assert all(each.dtype == torch.float32 and each.shape[1:] == (2,) for each in batch.targets)
    assert batch.names[::3] == batch.names[1::3] == batch.names[2::3]
    assert len(set(batch.names)) == 4


def test_the_crops_of_one_image_differ(source):
    batch = Crops(source, small())[0, 0]
    assert not torch.equal(batch.pixels[0], batch.pixels[1])


def test_the_names_are_those_of_the_pixels(source):
    """At scale 1 the pixels of every crop are in its image."""
    config = small(scale_least=1.0, scale_most=1.0, flip=0.0)
    batch = Crops(source, config)[1, 0]
    paths = {each.id: each.path for each in source}
    for pixels, name in zip(batch.pixels.permute(0, 2, 3, 1).numpy(), batch.names, strict=True):
        views = np.lib.stride_tricks.sliding_window_view(read_pixels(paths[name]), (32, 32, 3))[:, :, 0]
        assert (views == pixels).all(axis=(2, 3, 4)).any()


def test_an_epoch_shows_every_image_at_most_once_and_all_but_the_last_steps_rest():
    epochs = Epochs(images=10, batch_size=4, seed=0)
    assert epochs.steps == 2
    steps = [epochs.step(number) for number in range(6)]
    assert [epoch for epoch, _ in steps] == [0, 0, 1, 1, 2, 2]
    for first, second in ((0, 1), (2, 3), (4, 5)):
        assert len({*steps[first][1], *steps[second][1]}) == 8


def test_every_image_is_shown_in_some_epoch():
    epochs = Epochs(images=10, batch_size=4, seed=0)
    assert {index for number in range(20) for index in epochs.step(number)[1]} == set(range(10))


def test_epochs_and_seeds_have_other_orders():
    orders = [Epochs(images=30, batch_size=30, seed=seed).step(epoch)[1] for seed in (0, 1) for epoch in (0, 1)]
    assert len({tuple(order) for order in orders}) == 4


def test_fewer_images_than_a_batch_are_used_repeatedly():
    epoch, images = Epochs(images=3, batch_size=8, seed=0).step(5)
    assert epoch == 5
    assert len(images) == 8
    assert {images.count(each) for each in range(3)} == {2, 3}


def test_a_batch_does_not_depend_on_what_was_read_before(source):
    config = small()
    after_all = Crops(source, config)
    read = [after_all[step, 0] for step in range(6)]
    for step in (5, 0, 3):
        assert_same([Crops(source, config)[step, 0]], [read[step]])


def test_keeping_images_in_memory_changes_nothing(source):
    kept, fresh = Crops(source, small(cache_images=True)), Crops(source, small())
    for step in (0, 2, 0, 4):
        assert_same([kept[step, 0]], [fresh[step, 0]])
    assert kept._cache


def test_an_image_is_cropped_otherwise_in_another_epoch(source):
    crops = Crops(Samples("one", source.items[5:6]), small(batch_size=1, crops=1))
    assert differ(crops[0, 0], crops[1, 0])


def test_another_seed_crops_otherwise(source):
    one = Samples("one", source.items[5:6])
    first, second = (Crops(one, small(batch_size=1, seed=seed))[0, 0] for seed in (0, 1))
    assert differ(first, second)


@pytest.mark.parametrize(("accumulate", "world"), [(2, 1), (4, 1), (1, 2), (1, 4), (2, 2)])
def test_parts_and_processes_share_the_images_of_one_step(source, accumulate, world):
    whole = Crops(source, small())
    shared = [Crops(source, small(accumulate=accumulate), rank=rank, world=world) for rank in range(world)]
    for step in range(4):
        shares = [crops[step, part] for part in range(accumulate) for crops in shared]
        assert {len(each.names) for each in shares} == {8 // (accumulate * world)}
        assert_same(shares, [whole[step, 0]])


def test_steps_come_in_order_with_their_parts(source):
    config = small(accumulate=2)
    read = list(steps_from(Crops(source, config), 3, 6))
    assert [number for number, _ in read] == [3, 4, 5]
    for number, parts in read:
        assert_same(parts, [Crops(source, config)[number, part] for part in range(2)])


def test_steps_begun_in_the_middle_are_those_of_the_whole(source):
    crops = Crops(source, small())
    whole, rest = dict(steps_from(crops, 0, 5)), dict(steps_from(crops, 2, 5))
    for number in (2, 3, 4):
        assert_same(whole[number], rest[number])


@pytest.mark.filterwarnings("ignore:This DataLoader will create")
def test_reading_workers_change_nothing(source):
    config = small(accumulate=2)
    alone = list(steps_from(Crops(source, config), 0, 3))
    helped = list(steps_from(Crops(source, config.with_values({"workers": 2})), 0, 3))
    assert [number for number, _ in helped] == [0, 1, 2]
    for (_, parts), (_, others) in zip(alone, helped, strict=True):
        assert_same(parts, others)


def test_crops_of_enlarged_images_show_larger_heads_and_their_points(source):
    sample = source.items[9]
    config = small(zoom=2.0, scale_least=1.0, scale_most=1.0, flip=0.0, batch_size=1, crops=1, crop=256)
    near = Crops(Samples("one", (sample,)), config)[0, 0]
    image = Image.fromarray(read_pixels(sample.path))
    wide, high = 2 * image.width, 2 * image.height
    expected = np.asarray(image.resize((wide, high), Image.Resampling.BILINEAR))
    assert np.array_equal(near.pixels[0].permute(1, 2, 0).numpy()[:high, :wide], expected)
    assert near.targets[0].tolist() == (2 * sample.points).astype(np.float32).tolist()


def test_images_are_shrunk_to_max_side_before_they_are_cropped(source):
    config = small(max_side=40, scale_least=1.0, scale_most=1.0, flip=0.0, batch_size=1, crops=1)
    sample = source.items[9]
    batch = Crops(Samples("one", (sample,)), config)[0, 0]
    image, _ = resize(Image.fromarray(read_pixels(sample.path)), sample.points, 40)
    wide = np.full((32, 32, 3), (124, 116, 104), dtype=np.uint8)
    views = [np.asarray(image)[:, left : left + 32] for left in range(image.width - 31)]
    found = batch.pixels[0].permute(1, 2, 0).numpy()
    assert image.width == 40
    assert image.height < 32
    assert (found[image.height :] == wide[image.height :]).all()
    assert any(np.array_equal(found[: image.height], view) for view in views)


def test_normalized_pixels_are_imagenets():
    """ImageNet's mean colour gives 0, and white gives its distance from the mean in standard deviations."""
    white = torch.full((1, 3, 1, 1), 255, dtype=torch.uint8)
    found = normalize(white, torch.device("cpu"))
    assert found.dtype == torch.float32
    assert found.flatten().tolist() == pytest.approx([0.515 / 0.229, 0.544 / 0.224, 0.594 / 0.225])
    mean = torch.tensor([124, 116, 104], dtype=torch.uint8).reshape(3, 1, 1)
    assert normalize(mean, torch.device("cpu")).abs().max() < 0.02


def test_an_image_that_is_twice_in_a_step_is_cropped_differently(source):
    batch = Crops(Samples("two", source.items[5:7]), small(batch_size=4))[0, 0]
    same = [index for index, name in enumerate(batch.names) if name == batch.names[0]]
    assert len(same) == 4
    assert len({batch.pixels[index].numpy().tobytes() for index in same}) == 4


@pytest.mark.parametrize("workers", [0, 1])
def test_a_damaged_image_is_named_in_one_line_whoever_reads_it(source, tmp_path, workers):
    path = tmp_path / "half.png"
    path.write_bytes(source.items[9].path.read_bytes()[:600])
    damaged = Samples("damaged", (Sample("half", path, np.zeros((0, 2))),))
    with pytest.raises(InputError, match=r"half\.png: the image is damaged") as found:
        list(steps_from(Crops(damaged, small(batch_size=1, workers=workers)), 0, 2))
    assert "\n" not in str(found.value)
