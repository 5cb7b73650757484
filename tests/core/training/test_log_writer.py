"""The two CSV files of a run: their columns, their numbers, and what becomes of a line that was cut."""

import csv
from pathlib import Path
from typing import Any

import pytest
import torch

from core.models.style_net import StyleNet
from core.training.log_writer import (
    LOG_FIELDS,
    PERCENT,
    SAMPLE,
    WEIGHT_FIELDS,
    RunLog,
    read_rows,
    rows_before,
    trained_layers,
    weight_summary,
)


def row(iteration: int, **more: Any) -> dict[str, Any]:
    return {
        **dict.fromkeys(LOG_FIELDS, 0.5),
        "iteration": iteration,
        "epoch": 0,
        "style": "wave",
        "skipped": "",
        **more,
    }


def numbers(path: Path) -> list[int]:
    return [int(r["iteration"]) for r in read_rows(path)]


def test_columns() -> None:
    assert LOG_FIELDS[:4] == ("iteration", "epoch", "style", "seconds")
    assert {
        "content_loss",
        "style_loss",
        "tv_loss",
        "loss",
        "filter_norm",
        "filter_max",
        "skipped",
    } <= set(LOG_FIELDS)
    assert WEIGHT_FIELDS == (
        "iteration", "layer", "p0", "p7", "p16", "p31", "p50", "p69", "p84", "p93", "p100", "rms",
    )  # fmt: skip


def test_a_summary_of_known_values() -> None:
    summary = weight_summary(torch.arange(101.0)[torch.randperm(101)].view(1, 101)).tolist()
    assert summary[:-1] == pytest.approx(PERCENT, abs=1e-4)
    assert summary[-1] == pytest.approx((100 * 101 * 201 / 6 / 101) ** 0.5)


def test_a_large_summary_has_exact_ends_and_close_quantiles() -> None:
    torch.manual_seed(0)
    weight = torch.randn(5 * SAMPLE + 7).view(-1)
    weight[12345], weight[54321] = -50.0, 60.0
    summary = weight_summary(weight).tolist()
    assert (summary[0], summary[-2]) == (-50.0, 60.0)
    wanted = [
        weight.kthvalue(max(1, round(p / 100 * len(weight)))).values.item() for p in PERCENT[1:-1]
    ]
    assert summary[1:-2] == pytest.approx(wanted, abs=0.03)
    assert summary[-1] == pytest.approx(weight.double().square().mean().sqrt().item(), rel=1e-4)


def test_every_trained_filter_and_matrix_is_watched() -> None:
    layers = trained_layers(StyleNet(2, "resnext"))
    assert "transform_net.downsampling.1.weight" in layers
    assert "meta_net.hidden.weight" in layers
    assert len(layers) == 3 + 1 + 6
    assert all(value.ndim >= 2 for value in layers.values())


def test_rows_are_on_disk_as_soon_as_they_are_written(tmp_path: Path) -> None:
    log = RunLog(tmp_path / "run")
    log.iteration(row(0, style='a, "quoted"\u2028 name', content_loss=1.23456789, skipped="flat"))
    log.weights(0, [("first", torch.tensor([[1.0, -1.0]])), ("second", torch.ones(2, 2))])
    with open(tmp_path / "run" / "log.csv", newline="", encoding="utf-8") as file:
        (read,) = csv.DictReader(file)
    assert tuple(read) == LOG_FIELDS
    assert (read["style"], read["content_loss"], read["skipped"]) == (
        'a, "quoted"\u2028 name',
        "1.23457",
        "flat",
    )
    assert read_rows(tmp_path / "run" / "log.csv") == [read], "an unusual end of line is none here"
    weights = read_rows(tmp_path / "run" / "weights.csv")
    assert [tuple(r) for r in weights] == [WEIGHT_FIELDS] * 2
    assert [(r["layer"], r["p0"], r["p100"], r["rms"]) for r in weights] == [
        ("first", "-1", "1", "1"),
        ("second", "1", "1", "1"),
    ]
    log.close()


def test_a_cut_last_line_is_ignored(tmp_path: Path) -> None:
    log = RunLog(tmp_path)
    for i in range(3):
        log.iteration(row(i))
    log.close()
    path = tmp_path / "log.csv"
    whole = path.read_bytes()
    last = whole.rstrip(b"\n").rindex(b"\n") + 1
    for cut in (last + 1, last + 6, len(whole) - 1):
        path.write_bytes(whole[:cut])
        assert numbers(path) == [0, 1]
    path.write_bytes(whole[: last + 8] + b"\n")
    assert numbers(path) == [0, 1], "a line that ends too early is not a row"


def test_what_is_not_there_has_no_rows(tmp_path: Path) -> None:
    assert read_rows(tmp_path / "log.csv") == []
    (tmp_path / "log.csv").write_text("")
    assert read_rows(tmp_path / "log.csv") == []
    (tmp_path / "log.csv").write_text("iteration,ep")
    assert read_rows(tmp_path / "log.csv") == []


def test_resuming_drops_the_rows_that_come_again(tmp_path: Path) -> None:
    log = RunLog(tmp_path)
    for i in range(6):
        log.iteration(row(i, style="风景, 山"))
        log.weights(i, [("layer", torch.ones(2, 2))])
    log.close()
    with open(tmp_path / "log.csv", "a", encoding="utf-8") as file:
        file.write("6,0,wa")
    log = RunLog(tmp_path, start=4)
    log.iteration(row(4, style="new"))
    log.close()
    assert numbers(tmp_path / "log.csv") == [0, 1, 2, 3, 4]
    assert [r["style"] for r in read_rows(tmp_path / "log.csv")] == ["风景, 山"] * 4 + ["new"]
    assert numbers(tmp_path / "weights.csv") == [0, 1, 2, 3]
    assert (tmp_path / "log.csv").read_text(encoding="utf-8").count("iteration") == 1
    assert sorted(p.name for p in tmp_path.iterdir()) == ["log.csv", "weights.csv"]


def test_a_fresh_run_starts_empty_files(tmp_path: Path) -> None:
    first = RunLog(tmp_path)
    first.iteration(row(0))
    first.close()
    RunLog(tmp_path).close()
    assert numbers(tmp_path / "log.csv") == []


def test_rows_before_an_iteration_leave_out_what_a_run_wrote_ahead_of_its_state(
    tmp_path: Path,
) -> None:
    (tmp_path / "log.csv").write_text("iteration,loss\n0,3\n1,2\n2,1\n3,0.")
    assert rows_before(tmp_path / "log.csv", 2) == b"iteration,loss\n0,3\n1,2\n"
