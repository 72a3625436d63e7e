"""Training: the loss falls, errors name their cause, and the records have the facts."""

import json

import pytest

pytest.importorskip("torch")

import torch

from baselines.p2pnet import load_checkpoint
from baselines.p2pnet.batches import steps_from
from baselines.p2pnet.devices import Processes
from baselines.p2pnet.run_files import RunFolder
from baselines.p2pnet.training import TrainingError
from crowdeval.errors import InputError, MissingFileError, UsageError
from crowdeval.writing import WriteError

from . import crowd

thin = crowd.thin
source = crowd.source


def test_the_loss_falls(tmp_path, source):
    crowd.train(tmp_path / "run", source, steps=60)
    losses = crowd.losses_in(tmp_path / "run")
    assert sum(losses[-10:]) < sum(losses[:10]) / 2


def test_the_regression_branch_learns(tmp_path, source):
    values = {"rows": 1, "lines": 1, "layout": "center", "tau": 10.0, "lambda2": 0.1, "clip": 10.0}
    crowd.train(
        tmp_path / "run", source, steps=60, **values
    )  # the one proposal of a head starts at the center of its cell
    distances = [each["localization"] for each in crowd.steps_in(tmp_path / "run")]
    assert sum(distances[-10:]) < 0.7 * sum(distances[:10])


def test_the_log_has_a_line_for_every_step_and_every_validation(tmp_path, source):
    crowd.train(tmp_path / "run", source, steps=7, validate_every=3)
    entries = [json.loads(line) for line in (tmp_path / "run" / "log.jsonl").read_text().splitlines()]
    kinds = [("validation" if "validation" in each else "step", each["step"]) for each in entries]
    steps = [("step", number) for number in range(1, 8)]
    assert kinds == [
        *steps[:3],
        ("validation", 3),
        *steps[3:6],
        ("validation", 6),
        steps[6],
        ("validation", 7),
    ]


def test_the_logged_loss_is_the_weighted_sum_of_the_logged_terms(tmp_path, source):
    crowd.train(tmp_path / "run", source, steps=2, lambda2=0.003)
    for entry in crowd.steps_in(tmp_path / "run"):
        assert entry["loss"] == pytest.approx(entry["classification"] + 0.003 * entry["localization"])


def test_steps_end_a_training_else_its_epochs_do(tmp_path, source):
    assert crowd.trainer(tmp_path / "a", source, steps=5, epochs=9).steps == 5
    assert crowd.trainer(tmp_path / "b", source, epochs=9).steps == 27  # 6 of 8 images, 2 a step


def test_the_same_seed_is_the_same_training(tmp_path, source):
    for name in ("a", "b"):
        crowd.train(tmp_path / name, source, steps=4, deterministic=name == "b")
    torch.use_deterministic_algorithms(False)
    assert crowd.losses_in(tmp_path / "a") == crowd.losses_in(tmp_path / "b")
    first, second = (crowd.weights_in(tmp_path / name / "last.safetensors") for name in ("a", "b"))
    assert all(torch.equal(first[key], second[key]) for key in first)


def test_another_seed_is_another_training(tmp_path, source):
    crowd.train(tmp_path / "a", source, steps=2)
    crowd.train(tmp_path / "b", source, steps=2, seed=1)
    assert crowd.losses_in(tmp_path / "a") != crowd.losses_in(tmp_path / "b")


def test_validation_does_not_change_the_training(tmp_path, source):
    crowd.train(tmp_path / "a", source, steps=6)
    crowd.train(tmp_path / "b", source, steps=6, validate_every=1)
    assert crowd.losses_in(tmp_path / "a") == crowd.losses_in(tmp_path / "b")


def test_a_batch_in_two_parts_is_the_batch_in_one(tmp_path, source):
    for parts in (1, 2):
        crowd.train(tmp_path / str(parts), source, steps=6, accumulate=parts, batch_norm="frozen", batch_size=4)
    one, two = (crowd.losses_in(tmp_path / str(parts)) for parts in (1, 2))
    # The sums of two halves are rounded in another order, by an amount that depends on the processor, and each step
    # builds on the last: 6 steps end about 3e-5 apart.
    assert two[0] == pytest.approx(one[0], rel=1e-6)
    assert two == pytest.approx(one, rel=1e-3)


def test_the_parts_of_a_batch_are_divided_by_the_whole_batchs_numbers(tmp_path):
    source = crowd.write_photos(tmp_path / "photos", 4)
    for path in list((tmp_path / "photos").glob("*.txt"))[:3]:
        if path.name != "list.txt":
            path.write_text("")  # the parts then have very different numbers of heads
    values = {"steps": 1, "batch_norm": "frozen", "batch_size": 4}
    for parts in (1, 4):
        crowd.train(tmp_path / str(parts), (source, source), accumulate=parts, **values)
    [one], [four] = (crowd.steps_in(tmp_path / str(parts)) for parts in (1, 4))
    assert four == pytest.approx(one, rel=1e-5)


def test_images_kept_in_memory_do_not_change_the_training(tmp_path, source):
    for name, kept in (("a", False), ("b", True)):
        crowd.train(tmp_path / name, source, steps=4, cache_images=kept)
    assert crowd.losses_in(tmp_path / "a") == crowd.losses_in(tmp_path / "b")


def test_a_batch_that_can_not_be_shared_out_is_refused(tmp_path, source, monkeypatch):
    monkeypatch.setattr(crowd, "Processes", lambda: Processes(rank=0, world=3))
    with pytest.raises(
        InputError, match=r"batch_size: expected a multiple of 3 processes x 2 parts \(accumulate\), found 4"
    ):
        crowd.trainer(tmp_path / "run", source, batch_size=4, accumulate=2)


def test_images_without_heads_are_learned_from(tmp_path):
    source = crowd.write_photos(tmp_path / "photos", heads=0)
    held = crowd.write_photos(tmp_path / "held", 2)
    crowd.train(tmp_path / "run", (source, held), steps=3)
    entries = crowd.steps_in(tmp_path / "run")
    assert [entry["localization"] for entry in entries] == [0, 0, 0]
    assert all(entry["classification"] > 0 for entry in entries)


def poisoned(run, at, layer):
    """Return the Trainer, which sets a weight to NaN after a step."""

    def talk(entry):
        if entry["step"] == at and "loss" in entry:
            with torch.no_grad():
                layer(run.model).bias[0] = float("nan")

    run.on_entry = talk
    return run


@pytest.mark.parametrize(
    ("layer", "words"),
    [
        (lambda model: model.neck.top, "the classification and localization loss is not finite"),
        (lambda model: model.regression[-1], "the localization loss is not finite"),
        (lambda model: model.classification[-1], "the classification loss is not finite"),
    ],
)
def test_a_loss_that_is_not_finite_ends_the_training_with_step_images_and_term(tmp_path, source, layer, words):
    run = poisoned(crowd.trainer(tmp_path / "run", source, steps=9, save_every=2), 3, layer)
    with pytest.raises(
        TrainingError, match=rf"^step 4, image img_\d, img_\d: {words}; the checkpoints in .* are unchanged$"
    ):
        run.run()


def test_the_checkpoint_before_a_loss_that_is_not_finite_is_as_it_was(tmp_path, source):
    home = tmp_path / "run"
    run = crowd.trainer(home, source, steps=9, save_every=2, validate_every=2)
    with pytest.raises(TrainingError, match="step 4"):
        poisoned(run, 3, lambda model: model.neck.top).run()
    for name in ("best", "last"):
        model, record = load_checkpoint(home / f"{name}.safetensors")
        assert record.step == 2
        assert all(torch.isfinite(value).all() for value in model.state_dict().values())
    assert run.folder.load_state()["step"] == 2


def test_a_run_goes_on_from_before_a_loss_that_is_not_finite(tmp_path, source):
    values = {"steps": 6, "save_every": 2, "validate_every": 2}
    with pytest.raises(TrainingError, match="step 4"):
        poisoned(crowd.trainer(tmp_path / "run", source, **values), 3, lambda model: model.neck.top).run()
    crowd.train(tmp_path / "run", source, **values)
    crowd.train(tmp_path / "whole", source, **values)
    assert crowd.steps_in(tmp_path / "run") == crowd.steps_in(tmp_path / "whole")


def test_a_training_that_diverges_is_ended(tmp_path, source):
    with pytest.raises(TrainingError, match=r"^step \d, image img_"):
        crowd.train(tmp_path / "run", source, steps=9, lr=1e20, lr_backbone=1e20, save_every=1)
    assert load_checkpoint(tmp_path / "run" / "last.safetensors")[1].step >= 1


def test_a_gradient_that_is_not_finite_ends_the_training_before_the_weights_change(tmp_path, source):
    run = crowd.trainer(tmp_path / "run", source, steps=3)
    before = run.model.neck.top.weight.detach().clone()
    run.model.neck.top.weight.register_hook(lambda gradient: gradient * float("inf"))
    with pytest.raises(
        TrainingError, match=r"step 1: the losses are finite and the gradient is not \(images img_\d, img_\d\)$"
    ):
        run.run()
    assert torch.equal(run.model.neck.top.weight, before)


def test_more_heads_than_proposals_end_the_training_with_image_stride_and_k(tmp_path):
    source = crowd.write_photos(tmp_path / "photos", size=(64, 64), heads=30)
    values = {"stride": 16, "rows": 1, "lines": 1, "scale_least": 1.0, "scale_most": 1.0}
    with pytest.raises(
        InputError, match=r"image img_\d: 30 heads and only 16 proposals \(stride 16, K = 1\); use a smaller stride"
    ):
        crowd.train(tmp_path / "run", source, steps=2, **values)


def test_more_heads_than_proposals_are_truncated_on_request_and_counted_in_the_log(tmp_path):
    source = crowd.write_photos(tmp_path / "photos", size=(64, 64), heads=30)
    values = {"stride": 16, "rows": 1, "lines": 1, "scale_least": 1.0, "scale_most": 1.0, "surplus": "truncate"}
    crowd.train(tmp_path / "run", source, steps=1, **values)
    [entry] = crowd.steps_in(tmp_path / "run")
    assert entry["unmatched"] == 4 * 14  # crops of 30 heads and 16 proposals
    crowd.train(tmp_path / "roomy", source, steps=1)
    assert "unmatched" not in crowd.steps_in(tmp_path / "roomy")[0]


def test_a_checkpoint_says_what_it_was_trained_and_selected_on(tmp_path, source):
    crowd.train(tmp_path / "run", source, steps=2)
    record = load_checkpoint(tmp_path / "run" / "best.safetensors")[1]
    assert record.selected_on == f"2 of the 8 images of {source}, seed 0"
    assert record.trained_on["source"] == source
    assert (record.trained_on["images"], record.trained_on["points"]) == (6, 30)
    assert record.origin["trunk"] == "random"
    assert record.config == crowd.config(steps=2)


def test_images_to_choose_on_may_be_named(tmp_path, source):
    held = crowd.write_photos(tmp_path / "held", 3, seed=9)
    run = crowd.train(tmp_path / "run", (source, held), steps=2)
    assert len(run.train) == 8
    assert load_checkpoint(tmp_path / "run" / "best.safetensors")[1].selected_on == held


def test_the_last_checkpoint_was_not_chosen_and_does_not_say_so(tmp_path, source):
    crowd.train(tmp_path / "run", source, steps=3, validate_every=1)
    record = load_checkpoint(tmp_path / "run" / "last.safetensors")[1]
    assert (record.step, record.selected_on, record.selected_by) == (3, "", {})


def test_a_step_that_goes_wrong_before_the_first_checkpoint_promises_none(tmp_path, source):
    run = poisoned(crowd.trainer(tmp_path / "run", source, steps=9), 3, lambda model: model.neck.top)
    with pytest.raises(TrainingError, match=r"loss is not finite$"):
        run.run()


def test_the_one_image_whose_loss_is_not_finite_is_named(tmp_path, source):
    run = crowd.trainer(tmp_path / "run", source, steps=1)
    second = run.crops.epochs.step(0)[1][1]

    def spoilt(module, images, maps):  # the maps of the batch's second image, both its crops
        for each in maps:
            each[2:] = float("nan")

    with torch.no_grad():
        run.model.trunk.register_forward_hook(spoilt)
        run.model.requires_grad_(False)
        [(_, parts)] = steps_from(run.crops, 0, 1)
        with pytest.raises(TrainingError, match=f"^step 1, image {run.train[second].id}: the classification and loc"):
            run.take_step(0, parts)


def test_images_without_heads_can_not_choose_by_precision_and_can_by_counts(tmp_path, source):
    held = crowd.write_photos(tmp_path / "held", 2, heads=0)
    with pytest.raises(
        InputError, match=r"held/list.txt: the images have no true points, so that nAP can't select .* select=MAE"
    ):
        crowd.trainer(tmp_path / "run", (source, held), steps=1)
    crowd.train(tmp_path / "run", (source, held), steps=2, select="MAE", validate_every=1)
    for text in [
        *(tmp_path / "run" / "log.jsonl").read_text().splitlines(),
        (tmp_path / "run" / "best.json").read_text(),
    ]:
        assert "NaN" not in text
    assert json.loads((tmp_path / "run" / "best.json").read_text())["selected_by"]["nAP"] is None


def test_a_start_that_fails_leaves_the_folder_free(tmp_path, source):
    home = tmp_path / "run"
    with pytest.raises(MissingFileError, match="no such weights file"):
        crowd.trainer(home, source, steps=1, backbone_weights=str(tmp_path / "trunk.pth"))
    RunFolder(home).begin(resume=False)
    assert crowd.train(home, source, steps=1).step == 1


def test_a_log_that_can_not_be_written_ends_the_training_with_its_name(tmp_path, source):
    run = crowd.trainer(tmp_path / "run", source, steps=2)
    run.folder.log.unlink()
    run.folder.log.mkdir()
    with pytest.raises(WriteError, match=r"log.jsonl can't be written: Is a directory"):
        run.run()


def test_beginning_removes_what_a_killed_run_wrote_aside_and_nothing_else(tmp_path):
    (tmp_path / ".state.pt.123-4-5.part").write_text("half")
    (tmp_path / ".mine.tmp").write_text("a user's")
    RunFolder(tmp_path).begin(resume=False)
    assert [path.name for path in tmp_path.iterdir()] == [".mine.tmp"]


def test_a_folder_that_holds_a_run_is_refused(tmp_path, source):
    run = crowd.train(tmp_path / "run", source, steps=1)
    with pytest.raises(
        UsageError, match=r"run: the folder already has a run; resume it with --resume, or give another --out"
    ):
        run.folder.begin(resume=False)


def test_a_trunk_starts_from_the_files_weights(tmp_path, source):
    weights = {f"features.{key.split('.', 2)[2]}": value + 1 for key, value in crowd.thin_trunk().state_dict().items()}
    torch.save(weights, tmp_path / "trunk.pth")
    run = crowd.trainer(tmp_path / "run", source, backbone_weights=str(tmp_path / "trunk.pth"))
    assert torch.equal(run.model.trunk.state_dict()["stages.2.40.weight"], weights["features.40.weight"])
    assert run.origin == {"trunk": "trunk.pth", "missing": [], "unused": []}


def test_another_seed_makes_other_steps_and_sets_the_same_images_aside(tmp_path, source):
    runs = [crowd.train(tmp_path / str(seed), source, steps=1, seed=seed) for seed in (0, 1)]
    assert runs[0].validation.source == runs[1].validation.source == f"2 of the 8 images of {source}, seed 0"
    assert [each.id for each in runs[0].validation] == [each.id for each in runs[1].validation]
    first, second = (crowd.losses_in(tmp_path / str(seed)) for seed in (0, 1))
    assert first != second
    other = crowd.trainer(tmp_path / "other", source, validation_seed=3)
    assert [each.id for each in other.validation] != [each.id for each in runs[0].validation]


def test_a_source_without_images_is_refused(tmp_path, source):
    empty = tmp_path / "empty.txt"
    empty.write_text("")
    with pytest.raises(InputError, match=r"empty\.txt: no images to train on$"):
        crowd.trainer(tmp_path / "run", (str(empty), source))
    with pytest.raises(InputError, match=r"empty\.txt: no images to select the checkpoint on$"):
        crowd.trainer(tmp_path / "run", (source, str(empty)), select="MAE")


def test_a_model_is_fine_tuned_from_a_checkpoint(tmp_path, source):
    crowd.train(tmp_path / "first", source, steps=30)
    file = tmp_path / "first" / "last.safetensors"
    second = crowd.trainer(tmp_path / "second", source, steps=3, start=str(file), tau=0.1, backbone_weights="imagenet")
    began = {key: value.clone() for key, value in second.model.state_dict().items()}
    assert [key for key, value in crowd.weights_in(file).items() if not torch.equal(value, began[key])] == []
    second.run()
    assert crowd.losses_in(tmp_path / "second")[0] < crowd.losses_in(tmp_path / "first")[0] / 2
    record = load_checkpoint(tmp_path / "second" / "best.safetensors")[1]
    assert (record.origin["start"], record.origin["trunk"], record.config.tau) == ("last.safetensors", "random", 0.1)
    assert record.origin["start_trained_on"] == load_checkpoint(file)[1].trained_on == record.trained_on
    file.unlink()
    assert crowd.trainer(tmp_path / "second", source, steps=3, start="gone.safetensors", tau=0.1).step == 3


@pytest.mark.parametrize(
    ("name", "values", "kind", "words"),
    [
        (
            "best.safetensors",
            {"stride": 4, "width": 6},
            InputError,
            r"differs from the config: width \(expected 6, found 8\), stride \(expected 4, found 8\)",
        ),
        (
            "best.safetensors",
            {"rows": 1, "lines": 4},
            InputError,
            r"rows \(expected 1, found 2\), lines \(expected 4, found 2\)$",
        ),
        ("none.safetensors", {}, MissingFileError, "none.safetensors: no such checkpoint"),
        ("best.onnx", {}, UsageError, "best.onnx is an ONNX export, which can't be trained"),
        ("log.jsonl", {}, InputError, "log.jsonl is not a weights file"),
    ],
)
def test_a_start_that_does_not_fit_is_refused(tmp_path, source, name, values, kind, words):
    crowd.train(tmp_path / "first", source, steps=1)
    with pytest.raises(kind, match=words):
        crowd.trainer(tmp_path / "second", source, start=str(tmp_path / "first" / name), **values)
