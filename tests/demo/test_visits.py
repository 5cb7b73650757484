"""Coming back: what was painted within the hour, settings that the browser kept, and results in an address."""

import asyncio
import json
import os
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import gradio as gr
import pytest
from gradio.state_holder import SessionState

from core.provenance import Provenance
from demo.shared.events import Answer, connect
from demo.shared.picture_place import placed
from demo.shared.requests import RequestError, repaint
from demo.transfer import address, arrival
from demo.transfer.arrival import Visit, arrive
from demo.transfer.form import TransferForm
from demo.transfer.visits import MAX_UNSEEN, VISITS, Visits
from gallery.pictures import find_content, find_style
from tests.demo.server import stage

WAIT = 60  # s


def opening(**changed: Any) -> dict[str, Any]:
    """The form's values as the page opens, but for some of them."""
    values: dict[str, Any] = {
        "content": placed(str(find_content("coffee").path())),
        "style": placed(str(find_style("duerer_lion").path())),
        "model": "original-500",
        "size": 96,
    }
    return vars(TransferForm(**(values | changed)))


def told(**said: Any) -> str:
    return json.dumps({"visitor": "v", "page": "p", "query": "", "kept": None} | said)


# ---- work that goes on ----


def counted(begun: threading.Event, goes_on: threading.Event) -> Any:
    """Work of two answers, the second once `goes_on` is set or the work is stopped."""

    def paint(stop: threading.Event) -> Iterator[Answer]:
        yield {"status": "first"}
        begun.set()
        while not (goes_on.wait(0.01) or stop.is_set()):
            pass
        yield {"status": "stopped" if stop.is_set() else "last"}

    return paint


def test_work_goes_on_when_its_page_is_gone_and_is_found_by_its_visitor_alone() -> None:
    visits, begun, goes_on = Visits(), threading.Event(), threading.Event()
    follower = visits.start("me", "page", {"size": 96}, counted(begun, goes_on)).follow()
    assert next(follower) == {"status": "first"}
    del follower  # the line breaks
    goes_on.set()
    found = visits.come("me", "another page")
    assert found and found.values == {"size": 96}
    assert [*found.follow()][-1] == {"status": "last"}
    assert [*found.follow()] == [{"status": "last"}], "as often as one comes back"
    assert visits.latest("somebody else") is None


def test_leaving_for_good_stops_the_work_and_coming_back_does_not() -> None:
    for comes_back, ended in ((False, "stopped"), (True, "last")):
        visits, begun, goes_on = Visits(grace=0.2), threading.Event(), threading.Event()
        work = visits.start("me", "page", {}, counted(begun, goes_on))
        assert begun.wait(WAIT)
        visits.leave("me", "page")
        if comes_back:
            visits.come("me", "page again")
            assert not work.stop.wait(0.6)
            goes_on.set()
        assert [*work.follow()][-1] == {"status": ended}


def test_an_order_ends_the_one_before_it_of_the_same_page_only() -> None:
    visits, begun, goes_on = Visits(), threading.Event(), threading.Event()
    first = visits.start("me", "one", {}, counted(begun, goes_on))
    second = visits.start("me", "two", {}, counted(begun, goes_on))
    assert not first.stop.is_set(), "another page of the visitor waits for it"
    visits.start("me", "two", {}, counted(begun, goes_on))
    assert second.stop.is_set()
    goes_on.set()


def test_what_work_raised_is_raised_where_it_is_followed() -> None:
    def paint(_: threading.Event) -> Iterator[Answer]:
        yield {"status": "first"}
        raise RequestError("no")

    with pytest.raises(RequestError, match="no"):
        [*Visits().start("me", "page", {}, paint).follow()]


# ---- addresses ----


def recipe_of(**changed: Any) -> Provenance:
    [result] = repaint(TransferForm(**opening(**changed)).request_of())
    assert result.recipe
    return result.recipe


@pytest.mark.usefixtures("models")
def test_an_address_makes_the_same_result_again() -> None:
    glass = placed(str(find_style("stained_glass").path()))
    recipe = recipe_of(
        second=glass, weight_2=20, strength=80, colours="photo", model="improved-500"
    )
    query = address.address_of(recipe)
    assert query.startswith("photo=coffee&style=duerer_lion,stained_glass&mix=50,20")
    assert "strength=80" in query and "model=improved-500" in query and "style_size" not in query
    again = TransferForm(**(opening() | address.values_of(query))).request_of()
    assert again.settings == recipe.settings
    assert [Path(str(style)).name for style in again.styles] == [
        "duerer_lion.jpg",
        "stained_glass.jpg",
    ]


@pytest.mark.usefixtures("models")
def test_pictures_of_ones_own_are_in_no_address(tmp_path: Path) -> None:
    own = tmp_path / "mine.png"
    own.write_bytes(find_content("coffee").path().read_bytes() + b"\0")
    assert address.address_of(recipe_of(content=placed(str(own)))) == ""


@pytest.mark.usefixtures("models")
@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("photo=nobody", "There is no content called"),
        ("style=nothing", "There is no style called"),
        (f"photo={'x' * 5000}", f"There is no content called &#34;{'x' * 59}…&#34;"),
        ("photo=%00%0A", "There is no content called &#34;??&#34;"),
        ("strength=much", "strength must be a number"),
        ("strength=900", "strength must be a number from 0 to 1.5"),
        ("model=/etc", "There is no trained model named /etc"),
        ("style=duerer_lion,duerer_lion,duerer_lion,duerer_lion,duerer_lion", "at most 4"),
    ],
)
def test_an_address_that_cannot_be_is_answered_in_a_sentence(query: str, said: str) -> None:
    answer = arrive(told(query=query), **opening())
    assert said in answer["status"] and 'role="alert"' in answer["status"]
    assert "due" not in answer


# ---- arrivals ----


@pytest.mark.usefixtures("models")
def test_an_address_is_painted_at_once_unless_that_takes_minutes() -> None:
    answer = arrive(told(query="photo=chelsea&strength=70"), **opening())
    assert Path(answer["content"]["path"]).name == "chelsea.png"
    assert answer["strength"] == 70 and answer["due"]
    assert "Chelsea" in answer["content_note"]
    answer = arrive(told(query="photo=chelsea&mode=refined"), **opening())
    assert "due" not in answer and "press Stylize" in answer["status"]


@pytest.mark.usefixtures("models")
def test_settings_that_the_browser_kept_come_back_if_they_still_can() -> None:
    kept = opening(strength=55, content=placed(str(find_content("chelsea").path())))
    answer = arrive(told(kept=kept), **opening())
    assert answer["strength"] == 55 and Path(answer["content"]["path"]).name == "chelsea.png"
    for gone in ({"model": "gone"}, {"content": {"path": "/etc/passwd"}}, {"size": "large"}):
        answer = arrive(told(kept=kept | gone), **opening())
        assert set(answer) == {"visit"}


@pytest.mark.usefixtures("models")
def test_who_loads_the_page_again_finds_the_work_and_not_the_address(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    visits, begun, goes_on = Visits(), threading.Event(), threading.Event()
    monkeypatch.setattr(arrival, "VISITS", visits)
    visits.start("v", "before", opening(strength=40), counted(begun, goes_on))
    query = "photo=chelsea&style=duerer_lion"
    answer = arrive(told(query=query, again=True), **opening())
    assert answer["strength"] == 40 and answer["following"] and "due" not in answer
    goes_on.set()
    answers = [*arrival.follow(answer["visit"], answer["following"])]
    assert answers[-1] == {"status": "last"}
    assert [*arrival.follow(Visit("another", "p"), 1.0)] == []
    assert arrive(told(query=query), **opening())["due"], "a link that is opened is followed"


@pytest.mark.usefixtures("models")
def test_what_was_set_since_the_last_picture_comes_back_with_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    visits, begun, goes_on = Visits(), threading.Event(), threading.Event()
    monkeypatch.setattr(arrival, "VISITS", visits)
    work = visits.start("v", "before", opening(strength=40, invert=True), counted(begun, goes_on))
    since = {name: value for name, value in opening(strength=70).items() if name != "invert"}
    answer = arrive(told(kept=since, own=True), **opening())
    assert answer["strength"] == 70 and answer["invert"], "what the browser has no room for too"
    answer = arrive(told(kept=since | {"model": "gone"}, own=True), **opening())
    assert answer["strength"] == 40, "as it was painted, where the later one can no longer be"
    answer = arrive(told(kept=since, own=False), **opening())
    assert answer["strength"] == 40, "another tab's form is not the result's"
    goes_on.set()
    assert [*work.follow()][-1] == {"status": "last"}
    answer = arrive(told(kept=since, own=True), **opening())
    assert answer["status"] == "last" and "following" not in answer, "nothing to wait for"


@pytest.mark.usefixtures("models")
def test_batches_and_mode_come_back_where_the_last_picture_had_none() -> None:
    answer = arrive(told(kept=opening(batches=7)), **opening())
    assert answer["batches"].value == 7 and not answer["batches"].visible
    answer = arrive(told(kept=opening(model="gatys", mode="refined")), **opening())
    assert answer["mode"] == "refined"
    answer = arrive(told(kept=opening(batches="many")), **opening())
    assert answer["batches"].value == 20


@pytest.mark.parametrize("broken", [None, "", "[]", "{}", '{"visitor": 1}', "x" * 99])
def test_a_browser_that_says_nothing_of_itself_gets_the_page_as_it_opens(broken: Any) -> None:
    assert set(arrive(broken, **opening())) == {"visit"}


def test_what_is_given_up_is_heard_of_no_more_and_what_is_stopped_is() -> None:
    visits, begun, goes_on = Visits(), threading.Event(), threading.Event()
    work = visits.start("me", "page", {}, counted(begun, goes_on))
    follower = work.follow()
    assert next(follower) == {"status": "first"}
    visits.give_up("me", "page")
    assert [*follower] == [] and work.stop.is_set() and visits.latest("me") is None
    other = visits.start("me", "another page", {}, counted(begun, goes_on))
    work = visits.start("me", "page", {}, counted(begun, goes_on))
    visits.stop("me", "page")
    assert [*work.follow()][-1] == {"status": "stopped"}
    assert not other.stop.is_set(), "each page stops its own"
    goes_on.set()


def test_what_work_needs_is_held_until_it_has_ended() -> None:
    visits, begun, goes_on = Visits(), threading.Event(), threading.Event()
    values = {"content": {"path": "/uploads/photo.jpg"}, "style": {"path": "/uploads/p.jpg"}}
    work = visits.start("me", "page", values, counted(begun, goes_on))
    visits.leave("me", "page")
    assert visits.files_in_use() == {"/uploads/photo.jpg", "/uploads/p.jpg"}
    goes_on.set()
    assert [*work.follow()][-1] == {"status": "last"}
    assert visits.files_in_use() == set()


def test_the_cleaner_asks_for_what_work_needs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with stage(tmp_path) as page:
        photo = Path(page.upload())
        two_hours_ago = time.time() - 7200
        os.utime(photo, (two_hours_ago, two_hours_ago))
        monkeypatch.setattr(VISITS, "files_in_use", lambda: {str(photo)})
        page.page.cleaner.clean()
        assert photo.exists()
        monkeypatch.undo()
        page.page.cleaner.clean()
        assert not photo.exists()


def test_works_that_nobody_follows_are_few() -> None:
    visits, begun, goes_on = Visits(), threading.Event(), threading.Event()
    works = [
        visits.start(f"visitor {number}", "page", {}, counted(begun, goes_on))
        for number in range(MAX_UNSEEN + 2)
    ]
    assert [work.stop.is_set() for work in works] == [True] + [False] * (MAX_UNSEEN + 1)
    goes_on.set()


def test_an_answer_can_be_given_twice() -> None:
    answer = {"status": gr.update(value="done", visible=None)}
    with gr.Blocks() as page:
        status, button = gr.HTML(), gr.Button()
        connect(button.click, lambda: answer, {}, {"status": status})
    answers = [asyncio.run(page.process_api(0, [], SessionState(page)))["data"] for _ in range(2)]
    assert answers[0] == answers[1] and answers[0][0]["value"] == "done"
