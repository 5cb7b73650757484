"""Reading training logs: our own two files, anyone's CSV, TensorBoard's event files; what is none is said in one sentence."""

import csv
import importlib
import io
import math
import random
import tracemalloc
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from core.analysis.curves import LOSSES, LR, Distribution, LogError, Series
from core.analysis.tensorboard import BASIS_POINTS, loss_of
from core.analysis.training_logs import MAX_BYTES, MAX_LAYERS, find_logs, read_files, read_folder
from core.training.log_writer import PERCENT, WEIGHT_FIELDS, weight_summary
from tests.runs import FIRST, write_about, write_run


def refused(path: Path) -> str:
    with pytest.raises(LogError) as caught:
        read_files([path], "own")
    said = str(caught.value)
    assert said.startswith(f'"{path.name}" ') and said.endswith(".") and "\n" not in said
    return said


# ---- our own logs ----


def test_a_folder_becomes_curves(tmp_path: Path) -> None:
    log = read_folder(write_run(tmp_path / "improved-500"))
    assert log.name == "improved-500"
    assert list(log.layers) == [FIRST, "meta_net.hidden.weight"]
    layer = log.layers[FIRST]
    assert layer.iterations.tolist() == [0, 10, 20, 30]
    assert layer.quantiles.shape == (4, len(PERCENT))
    assert (np.diff(layer.quantiles, axis=1) > 0).all()
    assert layer.rms == pytest.approx(
        [math.sqrt(0.04**2 + 1e-6 * t) for t in (0, 10, 20, 30)], rel=1e-5
    )
    assert tuple(log.losses) == LOSSES
    assert log.losses["content_loss"].values == pytest.approx(
        [1 / (i + 1) for i in range(40)], rel=1e-5
    )


def test_the_learning_rate_is_the_models(tmp_path: Path) -> None:
    def told(**training: object) -> tuple[float, int | None]:
        kind = str(training.pop("kind", "improved-500"))
        write_about(tmp_path, kind, **training)
        log = read_folder(tmp_path)
        return log.lr, log.falls

    write_run(tmp_path)
    assert (read_folder(tmp_path).lr, read_folder(tmp_path).falls) == (LR, None)
    assert told(lr=0.002, growth="decay", of_iterations=40) == (0.002, 0)
    assert told(lr=0.002, growth="fixed-norm", of_iterations=40) == (0.002, 40)
    assert told(lr=0.002, growth="free", of_iterations=40, kind="flagship") == (0.002, None)
    (tmp_path / "model.json").write_text('{"training": ')
    assert read_folder(tmp_path).lr == LR


def test_a_step_turns_long_filters_less_and_at_a_lower_rate_too(tmp_path: Path) -> None:
    log = read_folder(write_run(tmp_path))  # c = 1: RMS 0.04 at first
    assert log.turns(FIRST) is None, "the course of the rate is not known"
    free = replace(log, falls=0).turns(FIRST)
    assert free is not None
    assert list(free) == pytest.approx(
        [0.04 / math.sqrt(0.04**2 + 1e-6 * t) for t in (0, 10, 20, 30)], rel=1e-5
    )
    falling = replace(log, falls=40).turns(FIRST)
    assert falling is not None
    assert list(falling / free) == pytest.approx(
        [(1 + math.cos(math.pi * t / 40)) / 2 for t in (0, 10, 20, 30)]
    )


def test_one_of_the_two_files_is_enough(tmp_path: Path) -> None:
    write_run(tmp_path)
    (tmp_path / "log.csv").unlink()
    assert read_folder(tmp_path).losses == {}
    (tmp_path / "weights.csv").unlink()
    with pytest.raises(LogError, match=r"^There is no training log in "):
        read_folder(tmp_path)


@pytest.mark.parametrize(
    ("name", "loss"),
    [("run_one-tag-train_style_loss.csv", "style_loss"), ("loss.csv", "loss"), ("a.csv", "loss")],
)
def test_what_tensorboard_offers_to_download_is_a_loss(
    tmp_path: Path, name: str, loss: str
) -> None:
    (tmp_path / name).write_text("Wall time,Step,Value\n1764.5,0,3.5\n1765.5,10,2.5\n")
    log = read_files([tmp_path / name], "own")
    assert set(log.losses) == {loss} and log.layers == {}
    assert log.losses[loss].iterations.tolist() == [0, 10]
    assert log.losses[loss].values.tolist() == [3.5, 2.5]


def test_of_weights_iteration_and_rms_are_enough(tmp_path: Path) -> None:
    (tmp_path / "norms.csv").write_text("iteration,rms\n0,0.01\n10,0.02\n")
    log = read_files([tmp_path / "norms.csv"], "own")
    assert list(log.layers) == ["norms"] and log.losses == {}
    assert log.layers["norms"].rms.tolist() == [0.01, 0.02]
    assert np.isnan(log.layers["norms"].quantiles).all()


def test_a_skipped_batch_is_a_gap(tmp_path: Path) -> None:
    values = read_folder(write_run(tmp_path, skipped=7)).losses["loss"].values
    assert np.flatnonzero(np.isnan(values)).tolist() == [7]


@pytest.mark.parametrize("name", ["log.csv", "weights.csv"])
def test_a_file_cut_anywhere_in_its_last_lines_is_read_as_far_as_it_goes(
    tmp_path: Path, name: str
) -> None:
    path = write_run(tmp_path, 11) / name
    whole = path.read_bytes()
    lines = whole.splitlines(keepends=True)
    ends = np.cumsum([len(line) for line in lines])
    for cut in range(int(ends[0]), len(whole), 7):
        path.write_bytes(whole[:cut])
        log = read_files([path], "cut")
        found = sum(len(layer.rms) for layer in log.layers.values()) + len(
            log.losses["loss"].values if log.losses else ()
        )
        assert found == int((ends <= cut).sum()) - 1
    path.write_bytes(whole[: int(ends[-2]) + 5] + b"\n")
    log = read_files([path], "ended too early")
    curves: dict[str, Series | Distribution] = {**log.layers, **log.losses}
    assert next(iter(curves.values())).iterations[-1] == (9 if log.losses else 10)


def test_rows_are_put_in_order_and_the_last_of_two_counts(tmp_path: Path) -> None:
    (tmp_path / "log.csv").write_text("iteration,loss\n2,5\n0,1\n2,7\n1,3\n")
    series = read_files([tmp_path / "log.csv"], "own").losses["loss"]
    assert (series.iterations.tolist(), series.values.tolist()) == ([0, 1, 2], [1, 3, 7])


def test_parts_of_a_log_are_joined(tmp_path: Path) -> None:
    """A run that was resumed with a new file: where both have an iteration, the later file counts."""
    (tmp_path / "first.csv").write_text("iteration,loss\n0,5\n1,4\n2,9\n")
    (tmp_path / "second.csv").write_text("iteration,loss\n2,3\n3,2\n")
    series = read_files([tmp_path / "first.csv", tmp_path / "second.csv"], "own").losses["loss"]
    assert (series.iterations.tolist(), series.values.tolist()) == ([0, 1, 2, 3], [5, 4, 3, 2])
    head = f"iteration,layer,{','.join(f'p{p}' for p in PERCENT)},rms\n"
    for i, name in enumerate(("a.csv", "b.csv")):
        (tmp_path / name).write_text(head + f"{i},conv,{','.join('0' * 9)},{i + 1}\n")
    layer = read_files([tmp_path / "a.csv", tmp_path / "b.csv"], "own").layers["conv"]
    assert (layer.rms.tolist(), layer.quantiles.shape) == ([1, 2], (2, 9))


def test_folders_with_logs_are_found(tmp_path: Path) -> None:
    write_run(tmp_path / "b")
    write_run(tmp_path / "a")
    (tmp_path / "a" / "log.csv").unlink()
    (tmp_path / "empty").mkdir()
    (tmp_path / "hashes.json").write_text("{}")
    assert find_logs(tmp_path) == ["a", "b"]
    assert find_logs(tmp_path / "nowhere") == []


# ---- anyone's CSV ----


def test_a_csv_from_elsewhere(tmp_path: Path) -> None:
    """With a byte order mark, Windows line ends, columns in another order, and more of them."""
    path = tmp_path / "My weights.csv"
    columns = ["note", *reversed(WEIGHT_FIELDS)]
    with open(path, "w", newline="", encoding="utf-8-sig") as file:
        writer = csv.writer(file)
        writer.writerow(columns)
        writer.writerow(["hello", 0.5, *reversed(range(9)), "conv", 3])
    layer = read_files([path], "own").layers["conv"]
    assert (layer.iterations.tolist(), layer.rms.tolist(), layer.quantiles.tolist()) == (
        [3],
        [0.5],
        [list(range(9))],
    )


def test_of_two_columns_of_one_name_the_first_counts(tmp_path: Path) -> None:
    (tmp_path / "mine.csv").write_text("iteration,loss,loss\n0,2.5,9\n1,3,9\n")
    losses = read_files([tmp_path / "mine.csv"], "own").losses
    assert losses["loss"].values.tolist() == [2.5, 3]


def test_names_may_hold_commas_quotes_and_line_ends(tmp_path: Path) -> None:
    (tmp_path / "mine.csv").write_text(
        'iteration,style,loss\n0,"a, b",1\n1,x\u2028y,2\n2,"a\nb",3\n'
    )
    assert read_files([tmp_path / "mine.csv"], "own").losses["loss"].values.tolist() == [1, 2, 3]
    (tmp_path / "mine.csv").write_text('iteration,style,loss\n0,"a\nb",1\n1,c,two\n')
    assert "'two' in line 4" in refused(tmp_path / "mine.csv")


def test_a_table_without_rows_has_no_points(tmp_path: Path) -> None:
    (tmp_path / "log.csv").write_text("iteration,loss\n")
    (tmp_path / "weights.csv").write_text(",".join(WEIGHT_FIELDS) + "\n")
    log = read_folder(tmp_path)
    assert len(log.losses["loss"].values) == 0 and log.layers == {}


def test_one_loss_is_enough(tmp_path: Path) -> None:
    (tmp_path / "mine.csv").write_text("iteration,style_loss\n0,2.5\n1,nan\n")
    losses = read_files([tmp_path / "mine.csv"], "own").losses
    assert list(losses) == ["style_loss"]
    assert losses["style_loss"].values[0] == 2.5 and math.isnan(losses["style_loss"].values[1])


def test_an_empty_cell_is_a_gap(tmp_path: Path) -> None:
    (tmp_path / "mine.csv").write_text("iteration,loss\n0,2.5\n1,\n")
    values = read_files([tmp_path / "mine.csv"], "own").losses["loss"].values
    assert values[0] == 2.5 and math.isnan(values[1])
    (tmp_path / "mine.csv").write_text("iteration,loss\n0,2.5\n,2\n")
    assert "has no iteration in line 3" in refused(tmp_path / "mine.csv")


def test_models_in_one_table_are_not_mixed(tmp_path: Path) -> None:
    (tmp_path / "both.csv").write_text("model,iteration,loss\na,0,1\nb,0,2\n")
    assert "has the rows of 2 models; leave those of one in it" in refused(tmp_path / "both.csv")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "milk, eggs\n",
        "iteration,epoch\n0,0\n",
        "iteration;loss\n0;1\n",
        "layer,p0,rms\nconv,0,1\n",
    ],
)
def test_another_table_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "shopping.csv").write_text(text)
    said = refused(tmp_path / "shopping.csv")
    assert (
        "log.csv has a column iteration and one or more of loss, content_loss, style_loss, tv_loss"
        in said
    )
    assert "weights.csv has the columns iteration, layer, p0, p7" in said


def test_something_that_is_no_table_is_refused(tmp_path: Path) -> None:
    (tmp_path / "photo.csv").write_bytes(b"\x89PNG\r\n\x1a\n\xff\xfe\x00")
    assert "is not a table of comma-separated values" in refused(tmp_path / "photo.csv")
    (tmp_path / "quote.csv").write_text('iteration,loss\n0,"1\n1,2"x\n')
    assert "is not a table of comma-separated values" in refused(tmp_path / "quote.csv")


def test_a_broken_row_is_named(tmp_path: Path) -> None:
    path = tmp_path / "log.csv"
    path.write_text("iteration,loss\n0,1\n1,2,3\n2,3\n")
    assert "3 values in line 3, where 2 belong" in refused(path)
    path.write_text("iteration,loss\n0,1\n1,two\n2,3\n")
    assert "'two' in line 3, where a number belongs" in refused(path)


def test_a_huge_file_is_refused_unread(tmp_path: Path) -> None:
    path = tmp_path / "log.csv"
    with open(path, "wb") as file:
        file.truncate(MAX_BYTES + 1)
    assert "larger than 16 MiB" in refused(path)


# ---- TensorBoard ----


def test_the_words_in_a_tag_tell_the_loss() -> None:
    tags = ["loss/content", "Style Loss", "train/tv", "total_variation", "loss", "lr"]
    assert [loss_of(tag) for tag in tags] == [
        "content_loss",
        "style_loss",
        "tv_loss",
        "tv_loss",
        "loss",
        None,
    ]


def test_an_event_file_becomes_curves(tmp_path: Path) -> None:
    writer = importlib.import_module("torch.utils.tensorboard").SummaryWriter(str(tmp_path))
    torch.manual_seed(0)
    weights = [0.1 * (i + 1) * torch.randn(20_000) for i in range(3)]
    for i, weight in enumerate(weights):
        writer.add_histogram(FIRST, weight, 10 * i)
        writer.add_scalar("loss/style", 5.0 - i, 10 * i)
    writer.close()
    (path,) = tmp_path.glob("events.out.tfevents.*")
    log = read_files([path], "board")
    layer = log.layers[FIRST]
    assert layer.iterations.tolist() == [0, 10, 20]
    for i, weight in enumerate(weights):
        expected = weight_summary(weight).tolist()
        assert layer.rms[i] == pytest.approx(expected[-1], rel=1e-3)
        assert layer.quantiles[i, [0, -1]] == pytest.approx([expected[0], expected[-2]], rel=1e-3)
        assert layer.quantiles[i] == pytest.approx(expected[:-1], abs=0.1 * expected[-1]), (
            "its buckets are wide"
        )
    assert log.losses["style_loss"].values.tolist() == [5, 4, 3]
    assert [round(point / 100) for point in BASIS_POINTS] == list(PERCENT)


def test_an_event_file_that_is_none_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "events.out.tfevents.1"
    path.write_bytes(b"milk, eggs" * 50)
    assert "tensorboard" in refused(path) or "no histogram" in refused(path)


def event_records(*payloads: bytes) -> bytes:
    """An event file of those records, with right checksums whatever is in them."""
    record_writer = importlib.import_module("tensorboard.summary.writer.record_writer")
    file = io.BytesIO()
    writer = record_writer.RecordWriter(file)
    for payload in payloads:
        writer.write(payload)
    return file.getvalue()


def event(step: int, tag: str, plugin: str, tensor: np.ndarray) -> bytes:
    """An event as TensorFlow 2 and Keras write it: the summary is a tensor, its plugin says of what kind."""
    event_pb2 = importlib.import_module("tensorboard.compat.proto.event_pb2")
    tensor_util = importlib.import_module("tensorboard.util.tensor_util")
    found = event_pb2.Event(step=step, wall_time=step)
    value = found.summary.value.add(tag=tag, tensor=tensor_util.make_tensor_proto(tensor))
    value.metadata.plugin_data.plugin_name = plugin
    return bytes(found.SerializeToString())


def test_the_tensors_of_tensorflow_2_become_curves(tmp_path: Path) -> None:
    """Against the values themselves: a histogram of 200 buckets tells each quantile to a bucket's width."""
    rng = np.random.default_rng(0)
    path = tmp_path / "events.out.tfevents.1.v2"
    records, weights = [], []
    for step in range(3):
        weight = rng.normal(0, 0.1 * (step + 1), 20_000)
        count, edges = np.histogram(weight, 200)
        buckets = np.column_stack([edges[:-1], edges[1:], count])
        records.append(event(step, "epoch_loss", "scalars", np.array(5.0 - step)))
        records.append(event(step, "dense/kernel", "histograms", buckets))
        records.append(event(step, "picture", "images", np.array([b"1", b"1", b"png"])))
        weights.append(weight)
    path.write_bytes(event_records(*records))
    log = read_files([path], "keras")
    assert log.losses["loss"].values.tolist() == [5, 4, 3]
    layer = log.layers["dense/kernel"]
    for index, weight in enumerate(weights):
        width = (weight.max() - weight.min()) / 200
        expected = np.quantile(weight, np.array(BASIS_POINTS) / 10_000)
        assert layer.quantiles[index] == pytest.approx(expected, abs=width)
        assert layer.rms[index] == pytest.approx(np.sqrt(np.mean(weight**2)), rel=1e-3)
    assert list(log.layers) == ["dense/kernel"]


def test_a_tensor_that_says_to_be_larger_than_its_file_is_not_filled(tmp_path: Path) -> None:
    """Sixty bytes would take a gigabyte."""
    event_pb2 = importlib.import_module("tensorboard.compat.proto.event_pb2")
    found = event_pb2.Event.FromString(event(1, "loss", "scalars", np.array([5.0])))
    found.summary.value[0].tensor.tensor_shape.dim[0].size = 50_000_000
    path = tmp_path / "events.out.tfevents.1"
    path.write_bytes(event_records(found.SerializeToString()))
    tracemalloc.start()
    try:
        assert "is broken" in refused(path)
        assert tracemalloc.get_traced_memory()[1] < 50_000_000
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize(
    ("tag", "loss"),
    [
        ("style_lr", None),
        ("tv_channel", None),
        ("style_weight", None),
        ("content_loss_weight", None),
        ("val_loss", None),
        ("grad_norm/style", None),
        ("glossy", None),
        ("activity", None),
        ("style", "style_loss"),
        ("train/contentLoss", "content_loss"),
        ("Losses/TV", "tv_loss"),
        ("epoch_loss", "loss"),
        ("my_model/style_loss_1", "style_loss"),
    ],
)
def test_only_a_loss_is_taken_for_one(tag: str, loss: str | None) -> None:
    assert loss_of(tag) == loss


def test_layers_beyond_any_network_are_refused(tmp_path: Path) -> None:
    """Of each, arrays would be kept and a choice be sent: 16 MiB would become gigabytes."""
    path = tmp_path / "weights.csv"
    rows = [f"1,layer {number},0.5\n" for number in range(MAX_LAYERS + 1)]
    path.write_text("iteration,layer,rms\n" + "".join(rows[:-1]))
    assert len(read_files([path], "own").layers) == MAX_LAYERS
    path.write_text("iteration,layer,rms\n" + "".join(rows))
    assert f"more than {MAX_LAYERS} layers" in refused(path)
    halves = [tmp_path / "a.csv", tmp_path / "b.csv"]
    for half, part in zip(halves, (rows[::2], rows[1::2]), strict=True):
        half.write_text("iteration,layer,rms\n" + "".join(part))
    with pytest.raises(LogError, match=f"more than {MAX_LAYERS} layers"):
        read_files(halves, "own")


def test_any_broken_event_file_is_one_sentence(tmp_path: Path) -> None:
    rng = random.Random(0)
    path = tmp_path / "events.out.tfevents.1"
    shapes = [np.zeros((0, 3)), np.zeros((4, 3)), np.zeros(5), np.ones((2, 3)), np.array("text")]
    good = [event(1, "w", "histograms", shape) for shape in shapes]
    good += [event(2, "loss", "scalars", np.array(1.0)), event(3, "loss", "scalars", np.zeros(7))]
    good.append(event(4, "loss", "scalars", np.array("text")))
    files = [event_records(*good), *(event_records(record) for record in good)]
    for _ in range(300):
        record = bytearray(rng.choice(good))
        for _ in range(rng.choice((1, 2, 8))):
            record[rng.randrange(len(record))] = rng.randrange(256)
        files.append(event_records(bytes(record)))  # with a right checksum
        whole = bytearray(files[0])
        whole[rng.randrange(len(whole))] = rng.randrange(256)
        files.append(bytes(whole[: rng.randrange(len(whole))]))
    files += [event_records(rng.randbytes(40)) for _ in range(50)]
    said = []
    for data in files:
        path.write_bytes(data)
        try:
            read_files([path], "broken")
        except LogError as error:
            said.append(str(error))
    assert len(said) > 100
    assert set(said) == {
        '"events.out.tfevents.1" is broken and cannot be read as a TensorBoard file.',
        '"events.out.tfevents.1" holds no histogram of weights and no loss.',
    }
