"""Training: what a run does, what it logs, what it ships, and its command line."""

import argparse
import copy
import csv
import dataclasses
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from core import train, train_options
from core.images.decode import load_image
from core.models.checkpoint import load_model
from core.models.encoder import Encoder
from core.models.registry import VARIANTS
from core.runtime import DistributedContext, init_distributed
from core.training import storage
from core.training import trainer as trainer_module
from core.training.batches import TrainingBatches
from core.training.data import Pools
from core.training.log_writer import LOG_FIELDS, PERCENT, read_rows, trained_layers
from core.training.trainer import Trainer, TrainingConfig
from tests.conftest import shipped_encoder, tiny
from tests.training import CPU, LOSSES, QUICK, after_each, assert_same, numbers, rows, stop_after

StartTrainer = Callable[..., Trainer]


# ---- a run and its log ----


def test_the_reports_recipe_is_the_default(contents: list[Path], styles: list[Path]) -> None:
    recipe = TrainingConfig()
    assert (recipe.epochs, recipe.batch, recipe.crop, recipe.style_every) == (22, 8, 256, 20)
    assert (recipe.lr, recipe.seed) == (1e-3, 42)
    hundred = contents * 63
    assert TrainingBatches(hundred[:500], styles, recipe.batch).per_epoch == 62


def test_log_has_a_row_for_each_iteration(finished: Trainer) -> None:
    log = read_rows(finished.folder / "log.csv")
    assert tuple(log[0]) == LOG_FIELDS
    assert [int(row["iteration"]) for row in log] == list(range(12))
    assert [int(row["epoch"]) for row in log] == [0] * 4 + [1] * 4 + [2] * 4
    assert [row["style"] for row in log] == [finished.sampler.style_path(i).stem for i in range(12)]
    assert len({row["style"] for row in log}) == 3
    for row in log:
        values = {
            key: float(row[key])
            for key in (*LOSSES, "loss", "seconds", "filter_norm", "filter_max")
        }
        assert all(value > 0 for value in values.values())
        assert values["loss"] == pytest.approx(sum(values[key] for key in LOSSES), rel=1e-4)
        assert values["filter_max"] < values["filter_norm"]
        assert row["skipped"] == ""


def test_weights_are_logged_every_ten_iterations_and_at_the_end(finished: Trainer) -> None:
    log = read_rows(finished.folder / "weights.csv")
    layers = list(trained_layers(finished.net))
    assert "transform_net.downsampling.1.weight" in layers
    assert [(int(row["iteration"]), row["layer"]) for row in log] == [
        (i, n) for i in (0, 10, 11) for n in layers
    ]
    for row in log:
        quantiles = [float(row[f"p{p}"]) for p in PERCENT]
        assert quantiles == sorted(quantiles)
        assert 0 < float(row["rms"]) <= max(-quantiles[0], quantiles[-1])
    name = "transform_net.downsampling.1.weight"
    (last,) = (row for row in log if (row["iteration"], row["layer"]) == ("11", name))
    weight = finished.net.get_parameter(name)
    assert float(last["p100"]) == pytest.approx(weight.max().item(), rel=1e-4)
    assert float(last["rms"]) == pytest.approx(weight.square().mean().sqrt().item(), rel=1e-4)


def test_every_parameter_but_not_the_encoder_is_trained(start: StartTrainer) -> None:
    trainer = start(name="original-500", epochs=1)
    before, vgg = (
        copy.deepcopy(trainer.net.state_dict()),
        copy.deepcopy(trainer.encoder.state_dict()),
    )
    trainer.run()
    after = trainer.net.state_dict()
    assert all(
        not torch.equal(after[name], before[name]) for name in before if name.endswith("weight")
    )
    assert_same(trainer.encoder.state_dict(), vgg)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["original-500", "improved-500"])
def test_training_lowers_the_losses(start: StartTrainer, name: str) -> None:
    trainer = start(name=name, epochs=4, style_every=1000)
    trainer.run()
    losses = [float(row["loss"]) for row in rows(trainer.folder)]
    assert sum(losses[-4:]) < 0.7 * sum(losses[:4])


@pytest.mark.slow
def test_two_runs_give_the_same_numbers(start: StartTrainer, finished: Trainer) -> None:
    torch.rand(17)  # what else uses torch's generator must not matter
    again = start()
    again.run()
    assert rows(again.folder) == rows(finished.folder)
    assert_same(numbers(again), numbers(finished), tolerance=1e-6)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["original-500", "improved-500"])
def test_bfloat16_losses_agree_with_float32(start: StartTrainer, name: str) -> None:
    """At a small rate: Adam's first steps have the size of the rate, and rounding may turn the sign of a tiny gradient."""
    exact, rough = (
        start(dtype, name, epochs=1, dtype=dtype, lr=1e-5) for dtype in ("float32", "bfloat16")
    )
    exact.run()
    rough.run()
    for one, other in zip(rows(exact.folder), rows(rough.folder), strict=True):
        for key in LOSSES:
            assert float(other[key]) == pytest.approx(float(one[key]), rel=0.05)
    assert rows(exact.folder) != rows(rough.folder)
    assert all(p.dtype == torch.float32 for p in rough.net.parameters())


@pytest.mark.slow
def test_log_can_be_read_while_training_goes_on(start: StartTrainer) -> None:
    trainer = start(epochs=1)
    seen: list[int] = []

    def read(_: int) -> None:
        with open(trainer.folder / "log.csv", newline="", encoding="utf-8") as file:
            seen.append(len(list(csv.DictReader(file))))

    after_each(trainer, read)
    trainer.run()
    assert seen == [1, 2, 3, 4]


# ---- what is shipped ----


@pytest.mark.slow
def test_export_writes_a_model_that_loads_with_its_logs(finished: Trainer, tmp_path: Path) -> None:
    trainer = finished
    size = trainer.export(tmp_path / "shipped")
    for name in ("log.csv", "weights.csv"):
        assert (tmp_path / "shipped" / name).read_bytes() == (trainer.folder / name).read_bytes()
    model = load_model(tmp_path / "shipped")
    assert model.weights.bytes == size
    painting = load_image(trainer.sampler.styles[0])
    descriptor = storage.descriptor(painting, trainer.encoder)
    with torch.inference_mode():
        stored, whole = (net.meta_net(descriptor) for net in (model.net, trainer.net))
    for name, filters in whole.items():
        assert (stored[name] - filters).norm() < 0.005 * filters.norm(), name
    for name, value in trainer.net.transform_net.state_dict().items():
        loaded = model.net.transform_net.state_dict()[name]
        assert (loaded - value).abs().max() <= value.abs().max() / 254 * 1.0001, name
    training = model.card.model_dump()["training"]
    assert training["style_weight"] == trainer.variant.style_weight
    assert (training["lr"], training["epochs"], training["iterations"]) == (1e-3, 3, 12)
    assert (training["styles_seen"], training["skipped"]) == (3, 0)
    last = [float(row["style_loss"]) for row in rows(trainer.folder)[-4:]]
    assert training["last_epoch"]["style_loss"] == pytest.approx(sum(last) / 4)
    model.encoder()


# ---- the command line ----


@pytest.fixture
def small_training(
    monkeypatch: pytest.MonkeyPatch, contents: list[Path], styles: list[Path]
) -> None:
    monkeypatch.setattr(
        train, "TrainingConfig", lambda **settings: dataclasses.replace(QUICK, **settings)
    )
    monkeypatch.setattr(train, "MODELS", {name: tiny(name) for name in VARIANTS})
    monkeypatch.setattr(train, "training_set", lambda *_: (contents, styles))
    monkeypatch.setattr(train, "pools_of", lambda *_: Pools((), (), (), ()))


@pytest.mark.usefixtures("small_training")
def test_a_pilot_ships_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(train, "PILOT_ITERATIONS", 3)
    folders = ["--runs", str(tmp_path / "runs"), "--out", str(tmp_path / "shipped")]
    assert train.main(["original-500", "--pilot", "--device", "cpu", *folders]) == 0
    assert capsys.readouterr().out == "3 iterations done\n"
    assert len(rows(tmp_path / "runs" / "original-500-pilot")) == 3
    assert not (tmp_path / "shipped").exists()


@pytest.mark.slow
@pytest.mark.usefixtures("small_training")
def test_a_run_ships_its_model_and_removes_its_state(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["ablation-mse", "--style-weight", "3.5", "--iterations", "4", "--device", "cpu"]
    arguments += ["--runs", str(tmp_path / "runs"), "--out", str(tmp_path / "shipped")]
    assert train.main(arguments) == 0
    shipped = tmp_path / "shipped" / "ablation-mse"
    assert capsys.readouterr().out.startswith("4 iterations done; ")
    assert load_model(shipped).style_weight == 3.5
    assert sorted(p.name for p in (tmp_path / "runs" / "ablation-mse").iterdir()) == [
        "log.csv",
        "run.json",
        "weights.csv",
    ]
    before = (shipped / "log.csv").read_bytes()
    assert train.main(arguments) == 1, "not trained again by mistake"
    assert "is finished; remove that folder" in capsys.readouterr().err
    assert (shipped / "log.csv").read_bytes() == before


@pytest.mark.usefixtures("small_training")
@pytest.mark.parametrize("began_in", [torch.float32, torch.bfloat16])
def test_a_run_goes_on_in_what_it_began_in(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, began_in: torch.dtype
) -> None:
    """Another machine, or a busier one, may find the other faster."""
    folder = tmp_path / "runs" / "improved-500"
    for dtype in (began_in, torch.bfloat16 if began_in == torch.float32 else torch.float32):
        monkeypatch.setattr(train, "fast_dtype", lambda _, dtype=dtype: dtype)
        assert train.run_dtype(folder, CPU) == str(began_in).removeprefix("torch.")
        parser = argparse.ArgumentParser()
        train_options.add_options(parser)
        options = parser.parse_args(["improved-500", "--runs", str(tmp_path / "runs")])
        run = train.make_trainer(
            dataclasses.replace(VARIANTS["improved-500"], base=2), options, CPU
        )
        assert isinstance(run, Trainer)
        assert run.encoder.dtype == run.net.compute_dtype == began_in
        if not run.done:
            stop_after(run, 2)
    assert run.done == 2


@pytest.mark.usefixtures("small_training")
@pytest.mark.parametrize(("given", "weight"), [([], 3e5), (["--style-weight", "7"], 7.0)])
def test_torchvisions_encoder_trains_with_the_reports_style_weight(
    given: list[str], weight: float, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def retrained(name: str, source: str) -> Encoder:
        return Encoder(name, shipped_encoder(name).state_dict(), source)

    monkeypatch.setattr(trainer_module, "load_encoder", retrained)
    parser = argparse.ArgumentParser()
    train_options.add_options(parser)
    arguments = ["improved-500", "--runs", str(tmp_path), "--encoder", "torchvision", *given]
    run = train.make_trainer(tiny("improved-500"), parser.parse_args(arguments), CPU)
    assert isinstance(run, Trainer) and run.encoder.source == "torchvision"
    assert run.objective.style_weight == weight


@pytest.mark.slow
@pytest.mark.usefixtures("small_training")
def test_a_run_with_another_seed_crop_and_growth_has_a_name_of_its_own(tmp_path: Path) -> None:
    folders = ["--runs", str(tmp_path / "runs"), "--out", str(tmp_path / "shipped")]
    cpu = ("--device", "cpu", "--fp32")
    options = "--growth fixed-norm --crop 48 --seed 7 --allow-constant-images --iterations 2"
    assert train.main(["improved-500", *options.split(), *cpu, *folders]) == 0
    name = "improved-500-fixed-norm-allow-constant-images-crop48-seed7"
    info = load_model(tmp_path / "shipped" / name).card.model_dump()
    training = info["training"]
    assert info["variant"]["name"] == name
    assert info["variant"]["title"].endswith(
        "(改进模型), fixed-norm, allow-constant-images, crop48, seed7"
    )
    chosen = ("growth", "crop", "seed", "allow_constant_images")
    assert [training[key] for key in chosen] == ["fixed-norm", 48, 7, True]
    assert len(rows(tmp_path / "runs" / name)) == 2
    own_name = ["--name", "my.run-1", "--iterations", "1"]
    assert train.main(["improved-500", *own_name, *cpu, *folders]) == 0
    assert (tmp_path / "shipped" / "my.run-1" / "model.json").is_file()


def test_a_run_on_a_set_of_another_size_is_drawn_named_and_told_by_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    many = tuple(Path(f"{number}.png") for number in range(30))
    monkeypatch.setattr(train, "pools_of", lambda *_: Pools(many, many, (), ()))
    monkeypatch.setattr(train, "check_pictures", lambda *_: None)
    parser = argparse.ArgumentParser()
    train_options.add_options(parser)
    arguments = ["improved-500", "--runs", str(tmp_path), "--images", "12", "--pilot"]
    run = train.make_trainer(tiny("improved-500"), parser.parse_args(arguments), CPU)
    assert isinstance(run, Trainer)
    assert len(run.sampler.contents) == len(run.sampler.styles) == 12
    assert (run.variant.name, run.variant.images) == ("improved-500-images12", 12)
    assert run.variant.title == "Improved, 12 images (改进模型), images12"
    assert run.variant.identity()["images"] == 12, "no run on other sets goes on from it"


def test_seeds_differ_in_network_and_order_and_not_in_the_set(start: StartTrainer) -> None:
    one, other = start("one", seed=1), start("other", seed=2)
    first, second = (run.net.state_dict()["meta_net.hidden.weight"] for run in (one, other))
    assert not torch.equal(first, second)
    assert not torch.equal(one.sampler.content_crops(0), other.sampler.content_crops(0))
    assert one.config["set"] == other.config["set"]
    assert one.config["recipe"] != other.config["recipe"]


def test_what_is_not_chosen_leaves_saved_states_valid() -> None:
    assert TrainingConfig().identity() == {}
    assert TrainingConfig(allow_constant_images=True, seed=1).identity() == {
        "allow_constant_images": True,
        "seed": 1,
    }


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--crop", "130"], "--crop must be a multiple of 4 from 32 to 480, not 130."),
        (["--crop", "16"], "--crop must be a multiple of 4 from 32 to 480, not 16."),
        (["--seed", "-1"], "--seed must be 0 or more, not -1."),
        (["--images", "7"], "--images must be 8 or more, not 7."),
        (
            ["--name", "../elsewhere"],
            "--name must be at most 100 letters, digits, dots, dashes and underscores, not '../elsewhere'.",
        ),
    ],
)
def test_an_option_out_of_range_is_one_sentence(
    options: list[str], said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert (
        train.main(["improved-500", *options, "--device", "cpu", "--runs", str(tmp_path / "runs")])
        == 1
    )
    assert capsys.readouterr().err == f"error: {said}\n"
    assert not (tmp_path / "runs").exists()


@pytest.mark.parametrize("device", ["foo", "cuda:99"])
def test_a_device_that_there_is_not_is_one_sentence(
    device: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert train.main(["improved-500", "--device", device, "--runs", str(tmp_path / "runs")]) == 1
    said = capsys.readouterr().err
    assert said.startswith("error: There is no ") and said.count("\n") == 1
    assert not (tmp_path / "runs").exists()


@pytest.mark.usefixtures("small_training")
def test_a_result_that_cannot_be_written_is_found_out_before_the_work(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").touch()
    folders = ["--runs", str(tmp_path / "runs"), "--out", str(tmp_path / "file")]
    assert train.main(["improved-500", "--device", "cpu", *folders]) == 1
    said = capsys.readouterr().err
    assert said.startswith("error: ") and "cannot be written" in said and said.count("\n") == 1
    assert not (tmp_path / "runs").exists()


@pytest.mark.slow
@pytest.mark.usefixtures("small_training")
def test_a_run_does_not_go_on_with_other_pictures_of_the_same_names(
    tmp_path: Path,
    contents: list[Path],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    copies = [tmp_path / path.name for path in contents]
    for path, copied in zip(contents, copies, strict=True):
        copied.write_bytes(path.read_bytes())
    _, styles = train.training_set()  # type: ignore[call-arg]
    monkeypatch.setattr(train, "training_set", lambda *_: (copies, styles))
    run = Trainer.run

    def stopped(trainer: Trainer) -> None:
        after_each(trainer, lambda iteration: trainer.guard.stop() if iteration == 2 else None)
        run(trainer)

    monkeypatch.setattr(Trainer, "run", stopped)
    arguments = ["improved-500", "--device", "cpu", "--fp32"]
    arguments += ["--runs", str(tmp_path / "runs"), "--out", str(tmp_path / "shipped")]
    assert train.main(arguments) == 130
    assert capsys.readouterr().err.endswith(
        "Stopped after 3 of 12 iterations; the state is saved.\n"
    )
    monkeypatch.setattr(Trainer, "run", run)
    copies[1].write_bytes(contents[0].read_bytes())
    assert train.main(arguments) == 1
    said = capsys.readouterr().err
    assert f'error: "{copies[1].name}" in the training set changed after the run in ' in said
    copies[1].write_bytes(contents[1].read_bytes())
    assert train.main(arguments) == 0


def test_pictures_that_are_missing_are_one_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = [
        "original-500",
        "--data",
        str(tmp_path / "no"),
        "--runs",
        str(tmp_path),
        "--device",
        "cpu",
    ]
    assert train.main(arguments) == 1
    said = capsys.readouterr().err
    assert said.startswith("error: Training needs pictures in ")
    assert said.count("\n") == 1


def test_an_unknown_model_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        train.main(["best"])
    assert "invalid choice: 'best'" in capsys.readouterr().err


def test_alone_a_process_is_rank_0_of_1(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("WORLD_SIZE", raising=False)
    assert init_distributed("cpu") == DistributedContext(torch.device("cpu"), 0, 1)


def test_the_flagship_has_no_growth_option(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert train.main(["flagship", "--data", str(tmp_path), "--growth", "decay"]) == 1
    assert "--growth is for the report's models" in capsys.readouterr().err
