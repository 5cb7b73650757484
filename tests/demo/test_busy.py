"""The result is marked as busy from the press of a button to the answer, whatever the answer is."""

import json
import re

from playwright.sync_api import Locator, Page, Route, expect

from tests.browser import repainted

BAR = """(slider) => {
  const bar = getComputedStyle(slider, "::after");
  return bar.content !== "none" && bar.opacity === "1";
}"""


def slider(page: Page) -> Locator:
    return page.locator("#slider")


def stylize(page: Page) -> Locator:
    return page.get_by_role("button", name="Stylize", exact=True)


def hold_orders(page: Page) -> list[Route]:
    """Keep what is ordered from now on from the server; returns the orders, a list that grows."""
    held: list[Route] = []
    page.route(re.compile("/queue/join"), lambda route: held.append(route))
    return held


def order(page: Page, held: list[Route], number: int = 1) -> None:
    """Press Stylize, and wait until so many orders are held."""
    stylize(page).click()
    while len(held) < number:
        page.wait_for_timeout(20)
    expect(slider(page)).to_have_attribute("aria-busy", "true")


def test_a_bar_is_shown_until_the_picture_is_there(page: Page) -> None:
    expect(slider(page)).not_to_have_attribute("aria-busy", "true")
    held = hold_orders(page)
    order(page, held)
    bar = slider(page).element_handle()
    page.wait_for_function(BAR, arg=bar)
    order(page, held, 2)
    for each in held:
        each.continue_()
    expect(slider(page)).to_have_attribute("aria-busy", "false")
    repainted(page, "astronaut__hokusai_great_wave__original-500.png")
    assert not page.evaluate(BAR, bar)


def test_an_order_that_is_refused_leaves_no_bar(page: Page) -> None:
    held = hold_orders(page)
    order(page, held)
    held[0].fulfill(status=429, json={"detail": "You have 4 orders waiting already."})
    expect(slider(page)).to_have_attribute("aria-busy", "false")


def test_an_order_that_goes_wrong_leaves_no_bar(page: Page) -> None:
    held = hold_orders(page)
    order(page, held)
    body = json.loads(held[0].request.post_data or "")
    body["data"] = ["no-such-model" if value == "original-500" else value for value in body["data"]]
    held[0].continue_(post_data=body)
    expect(page.locator("#status")).to_contain_text("There is no trained model named")
    expect(slider(page)).to_have_attribute("aria-busy", "false")


def test_refining_has_a_bar_of_its_own_and_leaves_none_when_it_is_stopped(page: Page) -> None:
    page.get_by_label("Longest side").click()
    page.get_by_role("option", name="256 px").click()
    page.get_by_label("Refined").check()
    page.get_by_label("number input for Batches").fill("100")
    page.get_by_label("number input for Batches").press("Tab")
    stylize(page).click()
    expect(page.locator("#status .refining")).to_be_visible()
    expect(slider(page)).to_have_attribute("aria-busy", "true")
    assert not page.evaluate(BAR, slider(page).element_handle())
    page.get_by_role("button", name="Stop refining").click()
    expect(page.locator("#status")).to_contain_text(re.compile("stopped|batches"))
    expect(slider(page)).to_have_attribute("aria-busy", "false")
