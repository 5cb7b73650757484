"""The report: claims tested on galleries whose answer is known, what is missing, costs, growth, and the shipped files."""

import json
import runpy
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from core.analysis.heldout_comparison import Change
from core.files import read_json
from core.inference.model_store import ModelStore
from core.metrics.features import MEASURES
from core.metrics.paired_test import FAILS, HIGHER, HOLDS, LOWER, UNKNOWN, compare
from core.models.checkpoint import save_model
from core.models.model_card import CARD, write_card
from core.models.registry import VARIANTS
from core.training.log_writer import LOG_FIELDS, WEIGHT_FIELDS
from gallery import report, timing
from gallery.claims import growth, pictures
from gallery.claims.costs import cost_section, same_ratio
from gallery.claims.finding import NOT_YET, Claim, Finding, Section
from gallery.claims.growth import FIGURE_LAYER, growth_section, of_seeds
from gallery.claims.numbers import Numbers
from gallery.claims.pictures import Side, Test, picture_sections, run
from gallery.grids.paths import row_folder
from gallery.pictures import CONTENTS, STYLES
from gallery.report import MARKDOWN, Report, from_json, markdown, measured, to_json
from tests.conftest import shipped_encoder
from tests.rendered import write_row
from tests.runs import write_about, write_heldout

Value = Callable[[int, int], float]  # (style, content) -> a measure
AGAINST = Test(
    "improved against original", "specks", Side("improved-500"), LOWER, Side("original-500")
)


@pytest.fixture
def checkpoints(tmp_path: Path) -> Iterator[Path]:
    """An empty folder of models."""
    with ModelStore(tmp_path / "models").in_use() as store:
        yield store.folder


def fill(
    root: Path,
    row: str,
    value: Value,
    mode: str = "instant",
    follows: bool = True,
    measure: str = "specks",
) -> Numbers:
    """A row in all styles: small one-coloured cells (of one colour for all styles unless it `follows`), one measure."""
    for index, style in enumerate(STYLES):
        values = [value(index, column) for column in range(len(CONTENTS))]
        measures = [{} if np.isnan(found) else {measure: found} for found in values]
        folder = row_folder(mode, style.name, row, root)
        write_row(folder, (30 * index * follows, 90, 90), measures)
    return Numbers(root)


def varied(style: int, content: int) -> float:
    return 10.0 + style + 0.12 * content


# ---- claims about pictures ----


@pytest.mark.parametrize(
    ("change", "verdict"),
    [(-3.0, HOLDS), (3.0, FAILS), (0.0, UNKNOWN)],
    ids=["lower", "higher", "the same"],
)
def test_a_claim_is_tested_over_64_pairs(change: float, verdict: str, tmp_path: Path) -> None:
    fill(tmp_path, "original-500", varied)
    found = run(
        AGAINST, "instant", fill(tmp_path, "improved-500", lambda s, c: varied(s, c) + change)
    )
    assert (found.verdict, found.pairs) == (verdict, 64)
    assert found.case == "improved against original, instant"
    assert found.text == f"{13.92 + change:.3g} against 13.9 per megapixel"
    means = {"improved-500": 13.92 + change, "original-500": 13.92}
    assert found.values == pytest.approx(means)
    assert found.test is not None and found.test.pairs == 64
    assert found.sentence == f"{found.text}; {found.test.summary()}"


def test_pairs_without_a_value_do_not_count(tmp_path: Path) -> None:
    fill(tmp_path, "original-500", lambda s, c: np.nan if c < 2 else varied(s, c))
    found = run(AGAINST, "instant", fill(tmp_path, "improved-500", lambda s, c: varied(s, c) - 3))
    assert (found.verdict, found.pairs) == (HOLDS, 48)
    assert found.text == "11 against 14 per megapixel", "means over the same pairs"


def test_a_measure_can_be_compared_with_a_number(tmp_path: Path) -> None:
    numbers = fill(tmp_path, "original-500", lambda s, c: 0.5 + 0.01 * s, measure="sharpness")
    blurry = Test("sharpness", "sharpness", Side("original-500"), LOWER, 1.0)
    assert run(blurry, "instant", numbers).verdict == HOLDS


def test_advantages_are_compared_pair_by_pair(tmp_path: Path) -> None:
    """Improved is 3 lower at 500 and 1 lower at 1,000; which is more is what is asked."""
    rows = {"original-500": 0, "improved-500": -3, "original-1000": 5, "improved-1000": 4}
    for row, change in rows.items():
        numbers = fill(tmp_path, row, lambda s, c, change=change: varied(s, c) + change)  # type: ignore[misc]
    sides = Side("improved-500", minus="original-500"), Side("improved-1000", minus="original-1000")
    test = Test("", "specks", sides[0], LOWER, sides[1])
    with ModelStore(tmp_path / "no models").in_use():
        found = run(test, "instant", numbers)
    assert found.verdict == HOLDS
    assert found.text == "-3 against -1 per megapixel"


def save_widths(models: Path, widths: Mapping[str, int]) -> None:
    """Untrained models of so many channels each."""
    about = {"style_weight": 1.0, "lr": 1e-3}
    for row, base in widths.items():
        variant = replace(VARIANTS[row], base=base)
        encoder = shipped_encoder(variant.encoder)
        save_model(models / row, variant, variant.build(), encoder, about)


def test_models_of_different_widths_leave_the_claim_open(tmp_path: Path) -> None:
    fill(tmp_path, "original-500", varied)
    numbers = fill(tmp_path, "improved-500", lambda s, c: varied(s, c) - 3)
    save_widths(tmp_path / "models", {"original-500": 2, "improved-500": 3})
    with ModelStore(tmp_path / "models").in_use():
        found = run(AGAINST, "instant", numbers)
    assert found.test is not None and found.test.verdict == HOLDS
    assert found.verdict == UNKNOWN
    assert found.caution == (
        "the models are not of one width (2 to 3 channels), which may be the difference"
    )


def test_a_model_that_ignores_the_painting_counts_photos_and_paintings(tmp_path: Path) -> None:
    """Lower for six of eight photos: clear over 64 pairs, not over eight photos."""

    def lower_for_most(style: int, content: int) -> float:
        return varied(style, content) + (-3 if content < 6 else 0.5)

    fill(tmp_path / "follows", "original-500", varied)
    follows = fill(tmp_path / "follows", "improved-500", lower_for_most)
    assert run(AGAINST, "instant", follows).verdict == HOLDS
    fill(tmp_path / "ignores", "original-500", varied)
    ignores = fill(tmp_path / "ignores", "improved-500", lower_for_most, follows=False)
    found = run(AGAINST, "instant", ignores)
    assert (found.verdict, found.pairs) == (UNKNOWN, 64)
    assert found.caution.startswith("improved-500 hardly looked at the painting, so")
    assert found.test is not None and found.test.verdict == HOLDS, "the caution is not the test's"
    assert found.sentence.endswith(f"; {found.caution}")


def test_change_with_the_painting_is_an_rms_of_255(tmp_path: Path) -> None:
    """Reds of 0, 30 ... 210: the mean square difference of two, over three channels of which one changes."""
    numbers = fill(tmp_path, "original-500", varied)
    reds = np.arange(8) * 30.0
    expected = np.sqrt(np.mean([(a - b) ** 2 for a in reds for b in reds if a != b]) / 3)
    assert numbers.change_with_style("instant", "original-500") == pytest.approx(expected, rel=0.03)


def test_what_is_missing_is_named(tmp_path: Path, checkpoints: Path) -> None:
    (checkpoints / "original-500").mkdir(parents=True)
    (checkpoints / "original-500" / "model.json").write_text("{}")
    found = run(AGAINST, "refined", Numbers(tmp_path))
    assert (found.verdict, found.pairs) == (NOT_YET, None)
    assert found.text == "needs improved-500, the refined cells of original-500"


def test_every_claim_is_tested_in_both_modes_on_measures_that_exist(tmp_path: Path) -> None:
    sections = picture_sections(Numbers(tmp_path))
    cases = [
        finding.case
        for section in sections
        for claim in section.claims
        for finding in claim.findings
    ]
    assert len(cases) == 2 * sum("instant" in case for case in cases) > 40
    for *_, tests in (*pictures.COMPARED, *pictures.ABLATED):
        assert all(test.measure in MEASURES and test.direction in (LOWER, HIGHER) for test in tests)


# ---- time, size, growth ----


@pytest.mark.parametrize(
    ("ratios", "verdict"),
    [
        ([1.5, 1.6, 1.7], HOLDS),
        ([1.0, 1.1, 1.2], FAILS),
        ([2.5, 2.6, 2.7], FAILS),
        ([1.0, 1.2, 1.7, 1.8], UNKNOWN),
        ([0.9, 1.6, 1.6, 1.6, 9.0], HOLDS),
    ],
)
def test_a_ratio_holds_where_the_middle_half_of_its_rounds_is_about_the_reports(
    ratios: list[float], verdict: str
) -> None:
    assert same_ratio(ratios, 1.6) == verdict


def claim(sections: list[Section], says: str) -> Claim:
    return next(claim for section in sections for claim in section.claims if says in claim.says)


def timings(path: Path, **more: Any) -> Path:
    found = {
        "device": "cpu",
        "dtype": "float32",
        "threads": 1,
        "batch": 8,
        "crop": 256,
        "base": 8,
        **more,
    }
    path.write_text(json.dumps(found))
    return path


def test_times_are_ratios_within_a_round(tmp_path: Path, checkpoints: Path) -> None:
    """The second round was slow for both."""
    seconds = {
        "original-500": [1.0, 10.0, 1.0],
        "improved-500": [1.6, 16.0, 1.6],
        "ablation-mse": [3.0, 30.0, 3.0],
    }
    fast = {"dtype": "bfloat16", "iteration": {name: seconds[name] for name in timing.COMPARED}}
    sections = [cost_section(timings(tmp_path / "t.json", iteration=seconds, fast=fast))]
    epoch = claim(sections, "epoch of the improved model").findings
    assert epoch[0].verdict == HOLDS
    assert epoch[0].text == "1.6 against 1 s per iteration, 1.60 times as long (median of 3 rounds)"
    assert [(finding.case, finding.verdict) for finding in epoch[1:]] == [
        ("improved-500 against original-500, in bfloat16", "not claimed"),
        ("ablation-mse against original-500", "not claimed"),
    ]
    assert claim(sections, "Refining").findings[0].verdict == NOT_YET
    assert "batches of 8 crops of 256 px" in sections[0].text


def test_without_timings_the_report_says_how_to_get_them(tmp_path: Path, checkpoints: Path) -> None:
    found = claim([cost_section(tmp_path / "none.json")], "epoch of the improved model").findings
    assert found == (
        Finding("improved-500 against original-500", NOT_YET, "needs `python -m gallery.timing`"),
    )


def test_the_reports_sizes_come_out_at_its_base(tmp_path: Path, checkpoints: Path) -> None:
    found = claim([cost_section(tmp_path / "none.json")], "weights take").findings
    assert found[0].text.startswith("647.8 against 850.2 units of 1,024,000 bytes"), (
        "647 and 850 in the report"
    )
    assert found[0].verdict == HOLDS
    assert found[1] == Finding("as stored here", NOT_YET, "needs improved-500, original-500")


def test_stored_sizes_are_told_with_the_ranks_they_follow_from(
    tmp_path: Path, checkpoints: Path
) -> None:
    for name, size, rank in (("improved-500", 18_700_000, 8), ("original-500", 13_500_000, 4)):
        about = read_json(write_about(checkpoints / name, name) / CARD)
        stored = {"bytes": size, "hash": "0", "quantisation": {"rank": rank}}
        write_card(checkpoints / name, about | {"weights": stored})
    found = claim([cost_section(tmp_path / "none.json")], "weights take").findings[1]
    assert found.text == ("18.7 against 13.5 MB, in factors of rank 8 and 4, a ratio of 1.39")
    assert found.verdict == "not claimed"


def log(folder: Path, rms: Mapping[int, float], per_epoch: int = 4) -> None:
    """log.csv of two epochs and weights.csv with the figure's layer."""
    folder.mkdir(parents=True)
    with (folder / "log.csv").open("w") as file:
        file.write(",".join(LOG_FIELDS) + "\n")
        for iteration in range(2 * per_epoch):
            file.write(f"{iteration},{iteration // per_epoch},style,1,1,1,1,3,1,1,\n")
    with (folder / "weights.csv").open("w") as file:
        file.write(",".join(WEIGHT_FIELDS) + "\n")
        for iteration, value in rms.items():
            file.write(f"{iteration},{FIGURE_LAYER},{','.join(['0'] * 9)},{value:.6g}\n")


def law(c: float) -> dict[int, float]:
    """Each step c times as long as the learning rate 1e-3."""
    return {t: float(np.sqrt(0.04**2 + c**2 * 1e-6 * t)) for t in range(0, 1300, 10)}


def test_growth_is_fitted_and_compared(tmp_path: Path, checkpoints: Path) -> None:
    log(checkpoints / "original-500", law(1.0))
    log(checkpoints / "improved-500", law(1.3))
    log(checkpoints / "original-1000", law(1.0), per_epoch=8)
    log(checkpoints / "improved-1000", dict.fromkeys(range(0, 1300, 10), 0.04), per_epoch=8)
    sections = [cost_section(tmp_path / "none.json"), growth_section()]
    keeps = {finding.case: finding for finding in claim(sections, "keep growing").findings}
    assert [finding.verdict for finding in keeps.values()] == [HOLDS, HOLDS, HOLDS, FAILS]
    assert keeps["improved-500"].text.endswith("c = 1.30, R² = 1.000")
    faster = claim(sections, "grow faster").findings
    assert [finding.verdict for finding in faster] == [HOLDS, FAILS]
    assert faster[0].text == "c = 1.30 against 1.00, a ratio of 1.30"
    doubled = claim(sections, "Twice the images").findings[0]
    assert (doubled.verdict, doubled.text[:35]) == (
        HOLDS,
        "8 against 4 iterations an epoch, 2.",
    )


def test_growth_of_different_widths_is_not_compared(checkpoints: Path) -> None:
    log(checkpoints / "original-500", law(1.0))
    log(checkpoints / "improved-500", law(1.3))
    save_widths(checkpoints, {"original-500": 2, "improved-500": 3})
    faster = claim([growth_section()], "grow faster").findings[0]
    assert faster.verdict == UNKNOWN
    assert faster.text == "c = 1.30 against 1.00, a ratio of 1.30"
    assert faster.caution.startswith("the models are not of one width (2 to 3 channels)")


def test_no_log_no_growth(checkpoints: Path) -> None:
    assert growth.grown("original-500") is None
    assert {f.verdict for each in growth_section().claims for f in each.findings} == {NOT_YET}


def test_growth_does_good_where_models_without_it_are_worse(checkpoints: Path) -> None:
    """The names of the folders say nothing: the cards do."""
    for name, factor, training in (
        ("a", 1.0, {}),
        ("b", 0.9, {"growth": "fixed-norm"}),
        ("c", 1.2, {"growth": "decay"}),
        ("seeds/d", 1.0, {"crop": 128}),
        ("seeds/e", 1.001, {"growth": "decay", "crop": 128}),
    ):
        write_heldout(checkpoints / name, factor, **training)
    found = claim([growth_section()], "makes the improved").findings
    assert [(each.case, each.verdict, each.sentence) for each in found] == [
        (
            "improved-500, fixed-norm (8 channels) against free growth",
            FAILS,
            "10.0 % lower; lower for 12 of 12 paintings, p = 0.00049",
        ),
        (
            "improved-500, decay (8 channels) against free growth",
            HOLDS,
            "20.0 % higher; lower for 0 of 12 paintings, p = 0.00049",
        ),
        (
            "improved-500, decay (8 channels, crops of 128 px) against free growth",
            HOLDS,
            "0.1 % higher; lower for 0 of 12 paintings, p = 0.00049",
        ),
    ]
    assert [each.pairs for each in found] == [24] * 3
    assert found[0].values == pytest.approx({"change 1": -0.1})


def test_a_mitigation_that_was_not_measured_says_what_it_needs(checkpoints: Path) -> None:
    write_heldout(checkpoints / "a")
    write_heldout(checkpoints / "b", 0.9, growth="decay")
    write_heldout(checkpoints / "c", 0.9, kind="original-500", growth="fixed-norm")
    fixed, decay = claim([growth_section()], "makes the improved").findings
    assert (fixed.case, fixed.verdict) == ("fixed-norm", NOT_YET)
    assert "--growth fixed-norm" in fixed.text
    assert decay.verdict == FAILS


def test_seeds_that_disagree_leave_the_claim_open(checkpoints: Path) -> None:
    for seed, factor in ((1, 0.9), (2, 1.2), (3, 0.8), (4, 1.3)):
        write_heldout(checkpoints / "seeds" / f"free-{seed}", seed=seed)
        write_heldout(checkpoints / "seeds" / f"{seed}", factor, seed=seed, growth="decay")
    _, decay = claim([growth_section()], "makes the improved").findings
    assert decay.case == "improved-500, decay (8 channels) against free growth; 4 seeds"
    assert (decay.verdict, len(decay.values)) == (UNKNOWN, 4)
    assert decay.over == "lower in 2 of 4 seeds, clearly lower in 2, clearly higher in 2"


@cache  # with ties, SciPy goes through all 4,096 signs
def change(way: str) -> Change:
    """A seed in which 12 paintings come out lower, higher or the same."""
    moved = {"l": 0, "-": 1, "h": 2}[way]
    return Change(0.0, compare(np.arange(12.0) + moved, np.arange(12.0) + 1, LOWER))


@pytest.mark.parametrize(
    ("ways", "verdict"),
    [
        ("lll", FAILS),
        ("ll-", FAILS),
        ("l--", UNKNOWN),
        ("llh", UNKNOWN),
        ("hh-", HOLDS),
        ("", UNKNOWN),
        ("h", HOLDS),
    ],
)
def test_of_several_seeds_most_must_agree_and_none_contradict(ways: str, verdict: str) -> None:
    assert of_seeds([change(way) for way in ways]) == verdict


def test_contenders_take_turns_in_one_run(
    tmp_path: Path, checkpoints: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With toy settings; what they come to is not looked at, only that the report can read it."""
    narrow = {name: replace(variant, base=2) for name, variant in timing.VARIANTS.items()}
    monkeypatch.setattr(timing, "VARIANTS", narrow)
    out = tmp_path / "timings.json"
    toy = "--rounds 1 --batch 1 --crop 32 --refine-rounds 0 --method-rounds 0 --device cpu"
    assert timing.main([*toy.split(), "--out", str(out)]) == 0
    found = json.loads(out.read_text())
    ablations = ("ablation-vgg16", "ablation-resnet", "ablation-mse")
    assert set(found["iteration"]) == {"original-500", "improved-500", *ablations}
    assert all(len(seconds) == 1 and seconds[0] > 0 for seconds in found["iteration"].values())
    assert (
        "(one round)" in claim([cost_section(out)], "epoch of the improved model").findings[0].text
    )


def test_a_model_of_ones_own_is_no_contender(monkeypatch: pytest.MonkeyPatch) -> None:
    own = replace(timing.VARIANTS["improved-500"], name="mine")
    monkeypatch.setitem(timing.VARIANTS, "mine", own)
    assert "mine" not in runpy.run_path(timing.__file__)["CONTENDERS"]


def test_every_round_begins_with_another_contender() -> None:
    order: list[str] = []
    work = {name: (lambda name=name: order.append(name)) for name in "abc"}
    found = timing.take_turns(work, 2, "test")  # type: ignore[arg-type]
    assert "".join(order) == "abcbcacab"
    assert [len(seconds) for seconds in found.values()] == [2, 2, 2], "the first round warms up"


# ---- the whole ----


def test_markdown_and_data_say_the_same(tmp_path: Path, checkpoints: Path) -> None:
    numbers = fill(tmp_path, "original-500", varied)
    found = measured(numbers, tmp_path / "none.json")
    text = to_json(found)
    assert to_json(from_json(text)) == text
    assert markdown(from_json(text)) == markdown(found)
    assert found.averages["instant"]["original-500"]["specks"] == 13.9
    assert found.averages["instant"]["original-500"]["ssim"] is None
    text = markdown(found)
    assert (
        "| original-500, specks, instant | 13.9 against 0 per megapixel; higher in 64 of 64 pairs"
        in text
    )
    assert "| 64 | **holds** |" in text
    assert (
        "| improved-1000, sharpness, of the photo's, refined | needs improved-1000 | – | not measured yet |"
        in text
    )


def test_every_text_of_the_markdown_goes_through_its_function() -> None:
    data = from_json(report.DATA.read_text(encoding="utf-8"))
    marked = markdown(data, lambda text: text.upper())
    assert marked == markdown(data).upper()


@pytest.mark.parametrize(
    "text", ["", "[]", '{"sections": 3}', '{"sections": [{}], "averages": {}}']
)
def test_other_data_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"^this is not the data of a report$"):
        from_json(text)


def test_verdicts_are_counted() -> None:
    found = [Finding("", verdict, "") for verdict in (HOLDS, HOLDS, FAILS, "not claimed")]
    whole = Report((Section("", "", (Claim("", "", "", tuple(found)),)),), {})
    assert whole.verdicts() == {HOLDS: 2, FAILS: 1, UNKNOWN: 0, NOT_YET: 0}


def test_the_shipped_report_says_the_same_in_words_and_as_data() -> None:
    """Also where a figure of three digits is rounded from one that was rounded before."""
    data = from_json(report.DATA.read_text(encoding="utf-8"))
    assert markdown(data) == MARKDOWN.read_text(encoding="utf-8")


@pytest.mark.artifacts
def test_the_shipped_report_is_that_of_the_shipped_gallery() -> None:
    """Where this fails, run `python -m gallery.report`."""
    found = measured()
    assert to_json(found) == report.DATA.read_text(encoding="utf-8")
    assert markdown(found) == MARKDOWN.read_text(encoding="utf-8")
