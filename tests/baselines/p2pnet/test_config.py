"""The config: the paper's values, refused values, TOML files and settings."""

import dataclasses

import pytest

pytest.importorskip("torch")

from baselines.p2pnet import Config
from baselines.p2pnet.config import PAPER_VALUES, load_config, with_settings
from crowdeval.errors import InputError, MissingFileError, UsageError


def test_the_defaults_are_the_papers():
    config = Config()
    paper = {"backbone": "vgg16_bn", "width": 256, "stride": 8, "layout": "grid", "gamma": 100.0, "tau": 0.05}
    paper |= {"lambda1": 0.5, "lambda2": 2e-4, "ce_normalizer": "proposals", "crop": 128, "flip": 0.5}
    paper |= {"scale_least": 0.7, "scale_most": 1.3, "batch_size": 8, "epochs": 3500, "lr": 1e-4, "lr_backbone": 1e-5}
    assert {name: getattr(config, name) for name in paper} == paper
    assert config.K == 4


def test_what_the_paper_states_are_values_of_the_config():
    assert set(Config().as_dict()) >= PAPER_VALUES


def test_k_is_rows_times_lines():
    assert Config(rows=4, lines=3).K == 12


def test_a_config_can_not_be_changed():
    with pytest.raises(dataclasses.FrozenInstanceError):
        Config().stride = 4


def test_with_values_leaves_the_config_and_returns_another():
    config = Config()
    assert config.with_values({"stride": 4, "rows": 1}) == Config(stride=4, rows=1)
    assert config == Config()


def test_as_dict_holds_every_value():
    config = Config(stride=16, layout="center", seed=3)
    assert Config(**config.as_dict()) == config
    assert len(config.as_dict()) == len(dataclasses.fields(Config))


def test_a_whole_number_is_a_number():
    value = Config(gamma=50).gamma
    assert value == 50.0
    assert type(value) is float


def test_a_misspelt_name_is_refused_with_the_near_one():
    with pytest.raises(UsageError, match=r"^the config has no value 'lamda2'; did you mean 'lambda2'"):
        Config().with_values({"lamda2": 1.0})


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"width": 8.0}, "width: expected a whole number, found 8.0"),
        ({"width": True}, "width: expected a whole number, found true"),
        ({"lr": True}, "lr: expected a number, found true"),
        ({"lr": "fast"}, "lr: expected a number, found 'fast'"),
        ({"compile": 1}, "compile: expected true or false, found 1"),
        ({"backbone": 16}, "backbone: expected text, found 16"),
        ({"layout": "centre"}, "layout: expected "),
        ({"precision": "half"}, "precision: expected "),
        ({"width": 0}, "width: expected a number of at least 1, found 0"),
        ({"rows": 0}, "rows: expected a number of at least 1, found 0"),
        ({"crop": 0}, "crop: expected a number of at least 16, found 0"),
        ({"seed": -1}, "seed: expected a number of at least 0, found -1"),
        ({"gamma": 0}, "gamma: expected a number above 0, found 0.0"),
        ({"zoom": 0}, "zoom: expected a number above 0, found 0.0"),
        ({"lr": 0.0}, "lr: expected a number above 0, found 0.0"),
        ({"lr": float("nan")}, "lr: expected a number above 0, found nan"),
        ({"tau": float("inf")}, "tau: expected a number of at least 0, found inf"),
        ({"flip": 1.5}, "flip: expected a share from 0 to 1, found 1.5"),
        ({"stride": 32}, "stride: expected 4, 8 or 16, found 32"),
        ({"crop": 100}, "crop: expected a multiple of 16, found 100"),
        ({"scale_least": 2.0}, "scale_least: expected at most scale_most = 1.3, found 2.0"),
        ({"accumulate": 3}, "accumulate: expected a divisor of batch_size = 8, found 3"),
        ({"select": "loss"}, "select: expected "),
        ({"compile": True, "recompute": 1}, "recompute: expected 0 with compile"),
        ({"counting": "sum"}, "counting: expected "),
        ({"counting": "expected", "lambda1": 0}, "counting: expected 'threshold' with lambda1 = 0"),
        ({"ema": 1.0}, "ema and validation_share: expected less than 1"),
        ({"validation_share": 1.0}, "ema and validation_share: expected less than 1"),
    ],
)
def test_what_can_not_be_built_is_refused_by_name(values, message):
    with pytest.raises(UsageError) as caught:
        Config(**values)
    assert str(caught.value).startswith(message)


def test_a_bias_may_be_negative():
    assert Config(nothing_bias=-2).nothing_bias == -2.0


def test_settings_are_read_as_toml_and_text_needs_no_quotes():
    settings = ["stride=4", "lr=1e-3", "compile=true", "layout=center", "backbone_weights=a file.pth", "flip=0"]
    config = with_settings(Config(), settings)
    expected = {"stride": 4, "lr": 1e-3, "compile": True, "layout": "center", "backbone_weights": "a file.pth"}
    assert config == Config(flip=0.0, **expected)


def test_a_settings_text_may_hold_an_equals_sign():
    assert with_settings(Config(), ["train=a=b"]).train == "a=b"


def test_the_last_of_two_settings_counts():
    assert with_settings(Config(), ["seed=1", "seed=2"]).seed == 2


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ("stride", "'stride': expected NAME=VALUE, such as stride=4"),
        ("strid=4", "the config has no value 'strid'"),
        ("lr=fast", "lr: expected a number, or true or false, found 'fast'"),
        ("lr=", "lr: expected a number, or true or false, found ''"),
        ("width=1.5", "width: expected a whole number, found 1.5"),
        ("layout=round", "layout: expected "),
    ],
)
def test_a_wrong_setting_is_named(setting, message):
    with pytest.raises(UsageError) as caught:
        with_settings(Config(), [setting])
    assert str(caught.value).startswith(message)


def test_a_toml_file_gives_values_over_the_defaults(tmp_path):
    path = tmp_path / "mine.toml"
    path.write_text('stride = 4\nlayout = "center"\nepochs = 10\n')
    assert load_config(path) == Config(stride=4, layout="center", epochs=10)


def test_a_wrong_value_in_a_file_names_the_file(tmp_path):
    path = tmp_path / "mine.toml"
    path.write_text("gama = 50\n")
    with pytest.raises(UsageError) as caught:
        load_config(path)
    assert str(caught.value).startswith(f"{path}: the config has no value 'gama'")


def test_a_table_in_a_file_is_no_value(tmp_path):
    path = tmp_path / "mine.toml"
    path.write_text("[train]\nlr = 1\n")
    with pytest.raises(UsageError, match="train: expected text, found"):
        load_config(path)


def test_a_file_that_is_no_toml_is_refused(tmp_path):
    path = tmp_path / "mine.toml"
    path.write_bytes(b"stride 4 \xff")
    with pytest.raises(InputError, match=r"mine\.toml is not a TOML file"):
        load_config(path)


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("shanghaitech-a", {"K": 4, "stride": 8, "max_side": 0}),
        ("shanghaitech-b", {"K": 4, "stride": 8, "max_side": 0}),
        ("ucf-cc-50", {"stride": 8, "max_side": 0}),
        ("ucf-qnrf", {"K": 8, "stride": 8, "max_side": 1408}),
        ("nwpu", {"stride": 8, "max_side": 1920}),
    ],
)
def test_a_config_ships_for_every_dataset_of_the_paper(name, values):
    config = load_config(name)
    assert {each: getattr(config, each) for each in values} == values


def test_a_config_that_is_not_there_is_missing(tmp_path):
    with pytest.raises(MissingFileError, match="no such config"):
        load_config(tmp_path / "mine.toml")
