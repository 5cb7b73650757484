"""The strength seen while its slider moves, and painted when it is let go."""

import pytest
from playwright.sync_api import Locator, Page, expect

from demo.transfer import events
from demo.transfer.arrival import Visit
from demo.transfer.visits import VISITS
from tests.browser import open_section


def opacity(fade: Locator) -> float:
    return float(fade.locator("img.full").evaluate("image => getComputedStyle(image).opacity"))


def test_what_takes_minutes_is_not_painted_when_the_slider_is_let_go() -> None:
    visit = Visit.unknown()
    for values in ({"mode": "refined", "model": "flagship"}, {"mode": "instant", "model": "gatys"}):
        assert events.look_due(visit, **values) == {}
    assert events.look_due(visit, mode="instant", model="flagship")["due"]


def test_a_strength_moved_away_and_back_while_an_order_waits_is_asked_for_again() -> None:
    visit = Visit.unknown()
    full, weak = ({"mode": "instant", "model": "flagship", "strength": it} for it in (100, 80))
    VISITS.start(visit.visitor, visit.page, full, lambda stop: iter([]))
    assert events.look_due(visit, **full) == {}, "it is what was painted"
    assert events.look_due(visit, **weak)["due"]
    assert events.look_due(visit, **weak)["due"], "the queue may have refused it"
    assert events.look_due(visit, **full)["due"], "else the order that waits would be painted"


def test_the_strength_is_seen_while_the_slider_moves_and_painted_when_it_is_let_go(
    page: Page,
) -> None:
    expect(page.locator("#status")).to_contain_text("original-500")
    open_section(page, "Strength, colours, strokes")
    knob, fade = page.locator("#strength input[type=range]"), page.locator("#slider .fade")
    expect(fade).to_be_hidden()
    box = knob.bounding_box()
    assert box
    middle = box["y"] + box["height"] / 2
    page.mouse.move(box["x"] + box["width"] * 2 / 3, middle)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] / 3, middle, steps=5)
    expect(fade).to_be_visible()
    expect(fade).to_contain_text("Preview")
    assert opacity(fade) == pytest.approx(float(knob.input_value()) / 100)
    assert 0.4 < opacity(fade) < 0.6
    expect(page.locator("#status")).not_to_contain_text("strength")
    page.mouse.up()
    expect(page.locator("#status")).to_contain_text("strength")
    expect(fade).to_be_hidden()

    # Towards full strength, the stronger result of before is what is faded in.
    page.mouse.move(box["x"] + box["width"] / 3, middle)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * 0.6, middle, steps=5)
    expect(fade).to_be_visible()
    assert opacity(fade) == pytest.approx(float(knob.input_value()) / 100)
    page.mouse.up()
    expect(fade).to_be_hidden()


def test_a_strength_that_is_pasted_by_mouse_is_painted(page: Page) -> None:
    expect(page.locator("#status")).to_contain_text("original-500")
    open_section(page, "Strength, colours, strokes")
    page.get_by_label("number input for Strength").fill("60")  # without any key
    expect(page.locator("#status")).to_contain_text("strength 60 %")
    expect(page.locator("#slider .fade")).to_be_hidden()


def test_by_keyboard_too_the_strength_is_painted_and_no_preview_stays(page: Page) -> None:
    expect(page.locator("#status")).to_contain_text("original-500")
    open_section(page, "Strength, colours, strokes")
    knob, fade = page.locator("#strength input[type=range]"), page.locator("#slider .fade")
    knob.focus()
    for _ in range(3):
        knob.press("ArrowLeft")
    expect(fade).to_be_visible()
    expect(page.locator("#status")).to_contain_text("strength 97 %")
    expect(fade).to_be_hidden()
    number = page.get_by_label("number input for Strength")
    number.fill("60")
    number.press("Enter")
    expect(page.locator("#status")).to_contain_text("strength 60 %")
    expect(fade).to_be_hidden()


def test_colours_and_strokes_are_painted_as_soon_as_they_are_chosen(page: Page) -> None:
    status = page.locator("#status")
    expect(status).to_contain_text("original-500")
    open_section(page, "Strength, colours, strokes")
    page.get_by_label("photo's", exact=True).check()
    expect(status).to_contain_text("the photo's colours")
    page.locator("#style-size input[type=range]").press("ArrowRight")
    expect(status).to_contain_text("style size 272 px")
    page.get_by_role("combobox", name="Detail").click()
    page.get_by_role("option", name="256 px").click()
    expect(status).to_contain_text("painted at 256")


def test_back_at_the_strength_that_is_shown_there_is_no_preview(page: Page) -> None:
    expect(page.locator("#status")).to_contain_text("original-500")
    page.get_by_label("Refined").check()  # so that nothing is painted when the slider is let go
    open_section(page, "Strength, colours, strokes")
    knob, fade = page.locator("#strength input[type=range]"), page.locator("#slider .fade")
    knob.press("ArrowLeft")
    expect(fade).to_be_visible()
    knob.press("ArrowRight")
    expect(fade).to_be_hidden()
