"""Figures of measurements: what they show is what was measured."""

import math
from dataclasses import replace
from pathlib import Path

import pytest

from core.inference.model_store import ModelStore
from core.metrics.features import MEASURES
from gallery.grids.charts import bars, boxes, from_ideal, heatmap
from gallery.grids.export import numbers
from gallery.grids.results import Entry, Grid, Row
from gallery.pictures import CONTENTS, STYLES
from tests.runs import write_about

VALUES = {"original-500": [(1.0, 4.0), (2.0, 8.0)], "improved-500": [(1.0, 1.0), (0.5, 2.0)]}


def grids(measure: str) -> list[Grid]:
    """Two styles, two contents, two measured rows and one without numbers."""
    found = []
    for index, style in enumerate(STYLES[:2]):
        rows = [
            Row(name, tuple(Entry(None, {measure: value}) for value in values[index]))
            for name, values in VALUES.items()
        ]
        found.append(
            Grid(
                "instant",
                style,
                CONTENTS[:2],
                (rows[0], Row("improved-1000", (Entry(),) * 2), rows[1]),
            )
        )
    return found


def test_bars_average_shares_geometrically_and_others_not() -> None:
    [shares] = bars(grids("gram_share"), "gram_share").data
    assert list(shares.y) == ["original-500", "improved-500"]
    assert list(shares.x) == pytest.approx([64**0.25, 1.0])
    [specks] = bars(grids("specks"), "specks").data
    assert list(specks.x) == pytest.approx([3.75, 1.125])


def test_whiskers_hold_the_middle_half() -> None:
    [specks] = bars(grids("specks"), "specks").data
    assert specks.x[0] + specks.error_x.array[0] == pytest.approx(5.0)  # of 1, 2, 4, 8
    assert specks.x[0] - specks.error_x.arrayminus[0] == pytest.approx(1.75)
    assert list(specks.customdata[0]) == [4, "1.75", "5"]


def test_the_map_has_a_line_for_each_style_and_is_darkest_farthest_from_the_ideal() -> None:
    [cells] = heatmap(grids("specks"), "specks").data
    assert [label.replace("<br>", " ") for label in cells.y] == [
        style.title for style in STYLES[:2]
    ]
    assert [list(row) for row in cells.text] == [["2.5", "1"], ["5", "1.25"]]
    assert cells.z[1][0] == max(max(row) for row in cells.z)
    assert cells.customdata[1][0] == "2 to 8 over 2 photos"


def test_boxes_have_a_dot_for_each_photo() -> None:
    original, improved = boxes(grids("specks"), "specks").data
    assert (original.name, improved.name) == ("original-500", "improved-500")
    assert list(original.x) == [1.0, 4.0, 2.0, 8.0]
    assert list(original.text) == [content.title for content in CONTENTS[:2]] * 2


def test_what_had_nothing_to_look_at_is_left_out() -> None:
    first, second = grids("specks")
    blind = replace(first, rows=(Row("original-500", (Entry(None, {"specks": math.nan}),) * 2),))
    [cells] = heatmap([blind, second], "specks").data
    assert cells.text[0][0] == ""
    assert len(boxes([blind, second], "specks").data[0].x) == 2
    assert bars([blind], "specks").to_json()


def test_axes_say_what_is_measured_in_which_unit() -> None:
    assert bars(grids("specks"), "specks").layout.xaxis.title.text == "Specks, per megapixel"
    assert boxes(grids("ssim"), "ssim").layout.xaxis.title.text == MEASURES["ssim"].title


def test_half_as_sharp_is_as_far_from_the_ideal_as_twice_as_sharp() -> None:
    assert from_ideal(0.5, "sharpness") == pytest.approx(from_ideal(2.0, "sharpness"))
    assert from_ideal(0.8, "ssim") == pytest.approx(0.2)
    assert math.isnan(from_ideal(math.nan, "specks"))


def test_a_model_of_another_width_is_named_with_it(tmp_path: Path) -> None:
    write_about(tmp_path / "original-500", "original-500")
    with ModelStore(tmp_path).in_use():
        drawn = [draw(grids("specks"), "specks") for draw in (bars, heatmap, boxes)]
        lines = numbers(grids("specks"))
    assert list(drawn[0].data[0].y) == ["original-500<br>(8 channels)", "improved-500"]
    assert list(drawn[1].data[0].x) == ["original-500<br>(8 channels)", "improved-500"]
    assert [box.name for box in drawn[2].data] == ["original-500 (8 channels)", "improved-500"]
    assert {(line["row"], line["model"]) for line in lines} == {
        ("original-500", "original-500 (8 channels)"),
        ("improved-500", "improved-500"),
    }
