"""The tab Weight growth: which logs are offered and read, what the tables and the CSV hold, and the tab in Chromium."""

import csv
import json
import os
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import gradio as gr
import numpy as np
import pytest
from playwright.sync_api import Browser, Locator, Page, expect

import app
from core.analysis.curves import Series
from core.analysis.heldout_comparison import Change, RunSettings, Summary
from core.analysis.heldout_losses import DATA
from core.analysis.training_logs import read_files
from core.inference.model_store import ModelStore
from core.metrics.paired_test import LOWER, compare
from demo.growth import logs as growth_sources
from demo.growth import tab as growth
from demo.growth import tables
from demo.growth.figure import Curves, View, figure, running_mean, thin, two_signed_log
from demo.growth.logs import Source, readable, running, shipped, sources, studied
from demo.growth.text import HANDLING
from demo.i18n.catalogue import CHINESE, translate_html
from demo.page import PageBlocks
from tests.browser import new_page, open_page, open_section
from tests.runs import FIRST, write_about, write_heldout, write_run

HIDDEN = "meta_net.hidden.weight"


@pytest.fixture
def folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """`checkpoints/original-500` (c = 1) and `checkpoints/other`, and a training `runs/live` of 40 iterations."""
    write_run(tmp_path / "checkpoints" / "other", c=0.5)
    write_run(tmp_path / "checkpoints" / "original-500")
    write_run(tmp_path / "runs" / "live", c=2.0)
    monkeypatch.setattr(growth_sources, "RUNS", tmp_path / "runs")
    with ModelStore(tmp_path / "checkpoints").in_use():
        yield tmp_path


def test_logs_of_models_and_of_trainings_are_offered(folders: Path) -> None:
    assert shipped() == ["original-500", "other"], "those of figure 5 first"
    assert running() == ["live"]
    assert [source.title for source in sources(["other"], "live", None)] == [
        "other",
        "live, in training",
    ]
    with pytest.raises(ValueError, match="The training gone is not there any more"):
        sources([], ["live", "gone"], None)


def test_trainings_are_drawn_beside_one_another_each_in_its_colour(folders: Path) -> None:
    """As in figure 5: two models in training, both followed, and a line about each, in Chinese too."""
    second = write_run(folders / "runs" / "second", iterations=50, c=3.0)
    found = sources([], ["second", "live", "second", ""], None)
    assert [source.title for source in found] == ["second, in training", "live, in training"]
    assert [each.color for each in found] == [*growth_sources.RUNNING_COLORS[:2]]
    assert len(set(growth_sources.RUNNING_COLORS)) == growth_sources.MAX_RUNS

    rest = (None, FIRST, "linear", "loss", 20)
    order: tuple[Any, ...] = (False, [], ["second", "live"], *rest)
    seen, plot, _, said, _ = growth.tick(None, *order)
    traces = json.loads(plot.value["plot"])["data"]
    rms = {each["name"]: each["line"]["color"] for each in traces if each.get("name")}
    assert rms["second, in training"] != rms["live, in training"]
    assert "second: iteration 49" in said and "live: iteration 39" in said
    chinese = translate_html(said, CHINESE)
    assert "second：第 49 次迭代" in chinese and "live：第 39 次迭代" in chinese

    assert growth.tick(seen, *order)[1] == gr.skip(), "no row was written since"
    log = second / "log.csv"
    log.write_text(log.read_text() + log.read_text().splitlines()[-1].replace("49,", "50,", 1))
    assert growth.tick(seen, *order)[0] != seen, "each of them is followed, not the last alone"

    many = [f"run-{number}" for number in range(growth_sources.MAX_RUNS + 1)]
    assert "At most 6 trainings" in growth.draw(False, [], many, *rest)[2]


@pytest.mark.parametrize("runs", ["live", ["live"]])
def test_a_name_alone_is_a_choice_of_one_training(folders: Path, runs: str | list[str]) -> None:
    assert "live: iteration 39" in growth.draw(False, [], runs, None, FIRST, "linear", "loss", 1)[2]
    path, _ = growth.export(False, [], runs, None, FIRST)
    assert "live, in training" in Path(path).read_text()
    assert growth.watch(runs).active and not growth.watch([]).active


def test_a_log_that_grows_is_read_again_and_a_cut_line_is_left_out(folders: Path) -> None:
    def rows() -> int:
        chosen, wrong = readable(sources([], "live", None))
        assert wrong == ""
        return len(growth_sources.read(chosen[0]).losses["loss"].values)

    assert rows() == 40
    whole = (folders / "runs" / "live" / "log.csv").read_text()
    last = whole.splitlines()[-1]
    with (folders / "runs" / "live" / "log.csv").open("a") as log:
        log.write(last.replace("39,", "40,", 1) + "\n" + last.replace("39,", "41,", 1)[:9])
    assert rows() == 41


def test_a_file_that_is_no_log_is_named_and_the_others_are_shown(folders: Path) -> None:
    broken = folders / "checkpoints" / "other" / "weights.csv"
    broken.write_text("a,b\n1,2\n")
    chosen, wrong = readable(sources(["original-500", "other"], None, None))
    assert [source.title for source in chosen] == ["original-500"]
    assert "weights.csv" in wrong and "is no training log" in wrong


def test_a_log_of_the_rms_alone_is_drawn_without_bands(folders: Path) -> None:
    file = folders / "norms.csv"
    file.write_text("iteration,rms\n" + "".join(f"{i},{0.01 + i / 1000}\n" for i in range(5)))
    source = Source.of("own log", "#000000", [file])
    run = Curves(growth_sources.read(source), source.title, source.color)
    drawn = figure([run], View("norms"))
    assert drawn is not None
    plot = json.loads(drawn.plot)
    assert plot["data"][0]["name"] == "own log"
    assert not any(trace["name"] == "median" for trace in plot["data"])


def test_the_table_holds_the_fitted_law(folders: Path) -> None:
    table = growth.laws(sources(["original-500", "other"], "live", None), FIRST)
    rates = re.findall(
        r'<th scope="row">([^<]+)</th>(?:<td>[^<]*</td>){3}<td>([^<]+)</td><td>([^<]+)</td>', table
    )
    assert rates == [
        ("original-500", "1.000", "1.000"),
        ("other", "0.500", "1.000"),
        ("live, in training", "2.000", "1.000"),
    ]
    (folders / "mine.csv").write_text(
        "iteration,layer,p0,p7,p16,p31,p50,p69,p84,p93,p100,rms\n"
        + "".join(f"{i},bias,0,0,0,0,0,0,0,0,0,{i / 100}\n" for i in range(4))
    )
    own = growth.laws([Source.of("own log", "#000000", [folders / "mine.csv"])], "bias")
    assert "<td>0.0000 → 0.0300</td><td>–</td>" in own, (
        "weights that begin at 0 have grown by no factor"
    )


def test_a_training_that_is_over_is_not_called_one(folders: Path) -> None:
    write_run(folders / "runs" / "newest")
    for file in (folders / "runs" / "live").iterdir():
        os.utime(file, (1e9, 1e9))
    assert running() == ["newest", "live"]
    assert [source.title for source in sources([], "live", None)] == ["live"]


def test_a_log_that_cannot_be_drawn_as_chosen_says_what_it_has(
    folders: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(growth_sources, "uploaded", lambda file, _: file["path"])
    mine = folders / "mine.csv"
    mine.write_text("iteration,style_loss\n0,2\n1,1\n")
    order = (["original-500"], None, [{"path": str(mine)}], FIRST, "linear")
    _, _, said, _ = growth.draw(False, *order, "loss", 20)
    assert (
        "Of own log, neither the chosen layer nor the chosen loss is there: it has style_loss; choose another"
        in said
    )
    _, _, said, _ = growth.draw(False, *order, "style_loss", 20)
    assert said == ""
    mine.unlink()
    _, _, said, _ = growth.draw(False, *order, "loss", 20)
    assert "Your log is kept for an hour" in said
    assert growth.export(False, *order[:4])[0] is None


# ---- the figure ----


def test_the_figure_holds_the_curves_of_its_panels(folders: Path) -> None:
    write_about(folders / "checkpoints" / "original-500", "original-500", growth="free")
    runs = [
        Curves(growth_sources.read(source), source.title, source.color)
        for source in sources(["original-500"], None, None)
    ]
    plot = figure(runs, View(FIRST, window=2))
    assert plot is not None
    assert json.loads(str(plot.plot))["config"]["toImageButtonOptions"] == {
        "filename": "weight-growth",
        "format": "svg",
    }
    assert "its upper right corner saves it as SVG." in HANDLING
    assert json.loads(str(plot.plot))["layout"]["paper_bgcolor"] == "#ffffff"
    traces = json.loads(str(plot.plot))["data"]
    names = [trace["name"] for trace in traces]
    bands = ["max", "93 %", "84 %", "69 %", "median", "31 %", "16 %", "7 %", "min"]
    model = "original-500 (8 channels)"
    lines = [model, f"{model}, fitted", f"{model}, law with c = 1"]
    assert names == [*bands, *lines, model, model], "bands, RMS, turns, loss"
    phone = figure(runs, View(FIRST, window=2, touch=True))
    assert phone is not None
    titles = [note["text"] for note in json.loads(str(phone.plot))["layout"]["annotations"]]
    assert max(len(re.sub("<[^>]+>", "", title)) for title in titles) < 50, "they fit a phone"
    shades = [trace["fillcolor"] for trace in traces[1:9]]
    assert shades == shades[::-1] and len(set(shades)) == 4, (
        "bands above and below the median look alike"
    )


def test_a_model_without_the_layer_is_named_and_does_not_stretch_the_axis(folders: Path) -> None:
    log = growth_sources.read(sources(["original-500"], None, None)[0])
    series = Series(np.arange(0.0, 12_600, 10), np.ones(1260))
    other = replace(log, layers={}, losses={"loss": series})
    plot = figure(
        [Curves(log, "original-500", "#dba24a"), Curves(other, "flagship", "#000000")], View(FIRST)
    )
    assert plot is not None
    layout = json.loads(str(plot.plot))["layout"]
    ends = {value["range"][1] for name, value in layout.items() if name.startswith("xaxis")}
    assert len(ends) == 1 and 30 <= ends.pop() < 45
    alone = figure([Curves(other, "flagship", "#000000")], View(FIRST))
    assert alone is not None
    assert "range" not in json.loads(str(alone.plot))["layout"]["xaxis"]
    file = folders / "checkpoints" / "other" / "weights.csv"
    file.write_text(file.read_text().replace(FIRST, "elsewhere.weight"))
    said = growth.draw(False, ["original-500", "other"], None, None, FIRST, "linear", "loss", 20)[2]
    assert "other has no layer" in said and "only the loss is drawn" in said


def test_a_loss_is_the_mean_of_iterations_and_gaps_are_left_out() -> None:
    every_ten = Series(np.arange(0.0, 50, 10), np.array([1.0, 3.0, np.nan, 5.0, 7.0]))
    assert running_mean(every_ten, 20).tolist() == [1, 2, 3, 5, 6]
    assert running_mean(every_ten, 10).tolist()[:2] == [1, 3]
    assert np.isnan(running_mean(every_ten, 10)[2])
    assert running_mean(Series(np.array([]), np.array([])), 5).tolist() == []


def test_at_most_300_points_of_a_curve_are_drawn() -> None:
    assert thin(3).tolist() == [0, 1, 2]
    assert (len(thin(1000)), thin(1000)[0], thin(1000)[-1]) == (300, 0, 999)


def test_the_logarithmic_scale_has_two_signs() -> None:
    assert two_signed_log([-0.09, 0, 0.99]).tolist() == pytest.approx([-1, 0, 2])


# ---- tables ----


def test_held_out_losses_of_models_stand_above_those_of_runs_over_seeds(folders: Path) -> None:
    assert "python -m core.heldout" in growth.heldout()
    models = folders / "checkpoints"
    write_heldout(models / "original-500", kind="original-500")
    smaller: dict[str, Any] = {"kind": "original-500", "crop": 128}
    for seed in (1, 2):
        write_heldout(
            models / "seeds" / f"a{seed}", groups=(DATA,), seed=seed, growth="decay", **smaller
        )
        write_heldout(models / "seeds" / f"b{seed}", 1.1, (DATA,), seed=seed, **smaller)
    rows = re.findall(r'<th scope="row">([^<]+)</th><td>([^<]+)</td>', growth.heldout())
    lower = (
        "9.1 % lower, 9.1 % lower; lower in 2 of 2 seeds, clearly lower in 2, clearly higher in 0"
    )
    assert rows == [
        ("original-500, free growth (8 channels)", "–"),
        ("original-500, decay (8 channels, crops of 128 px)\n2 seeds", lower),
        ("original-500, free growth (8 channels, crops of 128 px)\n2 seeds", "–"),
        ("original-500, free growth (8 channels)", "–"),
    ]
    said = "with <code>decay</code>, 9.1 % lower on average (−9.1 to −9.1 %), lower in 2 of 2 seeds. <b>So growth does not"
    assert said in growth.heldout()
    assert shipped() == ["original-500", "other"], (
        "runs over seeds are rows of the table, not models"
    )


def test_the_study_of_growth_is_offered_with_its_width(folders: Path) -> None:
    """Of runs over seeds one; without a card nobody could say what it is."""
    seeds = folders / "checkpoints" / "seeds"
    write_run(write_about(seeds / "a", growth="decay"))
    write_run(write_about(seeds / "b", growth="decay", seed=1))
    write_run(seeds / "c")
    assert studied() == {"seeds/a": "improved-500, decay (8 channels)"}
    chosen = sources(["seeds/a", "seeds/b"], None, None)
    assert [source.title for source in chosen] == ["improved-500, decay (8 channels)"]
    assert growth_sources.read(chosen[0]).falls == 0


@pytest.mark.parametrize(
    ("decay", "fixed", "verdict"),
    [
        (-0.1, -0.2, "does not make"),
        (0.1, 0.2, "makes the model better, as"),
        (-0.1, 0.2, "not the growth as such"),
    ],
)
def test_the_verdict_is_by_the_mean_over_seeds(decay: float, fixed: float, verdict: str) -> None:
    test = compare([1, 2], [1, 2], LOWER)
    rows = [
        Summary(
            RunSettings("original-500", 8, mitigation, 256, "float32", 1364),
            DATA,
            3,
            24,
            None,
            {},
            None,
            tuple(Change(c, test) for c in (0.01, -0.01, 3 * change)),
        )
        for mitigation, change in (("decay", decay), ("fixed-norm", fixed))
    ]
    assert verdict in tables.answer(rows)
    assert tables.answer([replace(rows[0], changes=rows[0].changes[:1])]) == "", (
        "one seed says nothing of chance"
    )


def test_the_csv_has_every_logged_row(folders: Path, tmp_path: Path) -> None:
    chosen: list[Source] = sources(["original-500"], None, None)
    log = growth_sources.read(chosen[0])
    log = replace(log, lr=2 * log.lr, falls=0)
    growth.write_csv(tmp_path / "out.csv", [("original-500", log)], FIRST)
    with (tmp_path / "out.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [int(row["iteration"]) for row in rows] == list(range(40))
    assert [float(row["loss"]) for row in rows] == pytest.approx(log.losses["loss"].values)
    weighed = [row for row in rows if row["layer"]]
    assert [float(row["rms"]) for row in weighed] == pytest.approx(log.layers[FIRST].rms, rel=1e-5)
    assert [float(row["p50"]) for row in weighed] == pytest.approx(
        log.layers[FIRST].quantiles[:, 4], abs=1e-6
    )
    assert [float(row["fitted_law"]) for row in weighed] == pytest.approx(
        log.layers[FIRST].rms, rel=1e-4
    )
    assert float(weighed[-1]["law_c_1"]) > 1.001 * float(weighed[-1]["fitted_law"]), (
        "its lr is twice the one of the rows"
    )
    assert [float(row["turns"]) for row in weighed] == pytest.approx(
        0.04 / log.layers[FIRST].rms, rel=1e-4
    )
    again = read_files([tmp_path / "out.csv"], "own")
    assert again.layers[FIRST].rms == pytest.approx(log.layers[FIRST].rms, rel=1e-5), (
        "what the page writes, it reads"
    )
    assert len(again.losses["loss"].values) == 40


# ---- in the browser ----


@pytest.fixture(scope="module")
def logs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("growth")
    write_run(home / "checkpoints" / "original-500")
    write_run(home / "checkpoints" / "improved-500", c=2.0)
    write_run(home / "runs" / "live", c=3.0)
    write_run(home / "runs" / "other", iterations=30)
    return home


@pytest.fixture(scope="module")
def address(logs: Path) -> Iterator[str]:
    """A page of this tab and an empty one before it, served from this process."""
    with pytest.MonkeyPatch.context() as patch, ModelStore(logs / "checkpoints").in_use():
        patch.setattr(growth_sources, "RUNS", logs / "runs")
        with PageBlocks() as blocks:
            gr.Tab("Transfer", id="transfer")
            with gr.Tab("Weight growth", id="growth") as tab:
                growth.build(tab)
        yield app.start(blocks.queue_jobs(), "127.0.0.1", None, None)
        blocks.close()


@pytest.fixture
def page(browser: Browser, address: str) -> Iterator[Page]:
    page = new_page(browser)
    open_page(page, address, "Weight growth")
    yield page
    page.context.close()


def titles(page: Page) -> Locator:
    """What stands in the figure: the names of the runs and of the panels."""
    return page.locator("#growth-figure .annotation-text")


def test_the_tab_from_figure_5_to_a_training_that_goes_on(
    page: Page, logs: Path, tmp_path: Path
) -> None:
    table = page.locator("#growth-laws tbody tr")
    expect(titles(page).filter(has_text="original-500").first).to_be_visible()
    expect(titles(page).filter(has_text="improved-500").first).to_be_visible()
    expect(table).to_have_count(2)
    expect(table.first).to_contain_text("original-500")
    expect(table.first.get_by_role("cell").nth(3)).to_have_text("1.000")

    page.locator("#growth-scale").get_by_label("logarithmic").check()
    expect(page.locator("#growth-figure .ytick text").filter(has_text="0.01").first).to_be_visible()
    page.get_by_label("Layer", exact=True).click()
    page.get_by_role("option", name="meta_net.hidden").click()
    expect(table.first.get_by_role("cell").nth(1)).to_contain_text("0.0100 → 0.0100")

    with page.expect_download() as download:
        page.locator("#growth-csv").click()
    with open(download.value.path(), newline="") as file:
        rows = list(csv.DictReader(file))
    assert {row["model"] for row in rows} == {"original-500", "improved-500"}
    assert {row["layer"] for row in rows} == {"", HIDDEN}

    open_section(page, "Your own log")
    own = page.locator("#growth-files input[type=file]")
    (tmp_path / "shopping.csv").write_text("apples,pears\n3,4\n")
    own.set_input_files(tmp_path / "shopping.csv")
    expect(page.locator("#growth-said").get_by_role("alert")).to_contain_text("shopping.csv")
    page.locator("#growth-files").get_by_label("Clear").first.click()
    own.set_input_files(write_run(tmp_path / "mine", c=1.5) / "weights.csv")
    expect(titles(page).filter(has_text="own log").first).to_be_visible()

    page.get_by_label("Running trainings", exact=True).click()
    page.get_by_role("option", name="live").click()
    expect(page.locator("#growth-said")).to_contain_text("live: iteration 39")
    page.get_by_role("option", name="other").click()
    expect(page.locator("#growth-said")).to_contain_text("other: iteration 29")
    expect(titles(page).filter(has_text="live, in training").first).to_be_visible()
    expect(titles(page).filter(has_text="other, in training").first).to_be_visible()
    page.keyboard.press("Escape")
    log = logs / "runs" / "live" / "log.csv"
    last = log.read_text().splitlines()[-1]
    with log.open("a") as file:
        file.write(last.replace("39,", "57,", 1) + "\n" + last.replace("39,", "58,", 1)[:12])
    expect(page.locator("#growth-said")).to_contain_text("live: iteration 57")
    page.set_viewport_size({"width": 390, "height": 844})
    assert page.evaluate("document.documentElement.scrollWidth") == 390
