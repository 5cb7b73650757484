"""Who waits for a picture, in which line, for how long."""

import gc
import os
import shutil
import time
import weakref
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest
from gradio.data_classes import PredictBodyInternal

import demo.page
from core.inference.model_store import ModelStore, model_store
from demo.page import PageBlocks, forget_models, give_memory_back
from demo.server import job_queue
from demo.server.job_queue import AT_ONCE, FILE_GONE, LONG, YOU_WAIT
from demo.server.newest import Order
from demo.server.turns import TURNS
from demo.shared.uploads import new_file
from tests.conftest import draw
from tests.demo.server import WAIT, Stage, stage
from tests.waiting import wait_for


@pytest.fixture
def page(tmp_path: Path) -> Iterator[Stage]:
    with stage(tmp_path) as built:
        yield built


def waiting(page: Stage, line: str) -> int:
    queue = page.page.queue_of_jobs.event_queue_per_concurrency_id.get(line)
    return len(queue.queue) if queue else 0


def running(page: Stage) -> int:
    return page.page.queue_of_jobs.get_active_worker_count()


@pytest.mark.slow
def test_64_visitors_at_once_are_all_served_first_come_first_served(page: Stage) -> None:
    events = [page.order(str(number)).json()["event_id"] for number in range(64)]
    for _ in events:
        page.go_on.release()
    with ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(page.answer, events))
    assert [said[-1] for said in answers] == [
        ("complete", [f"{number} painted"]) for number in range(64)
    ]
    assert page.painted == [str(number) for number in range(64)]


def test_a_visitor_holds_a_few_places_only(page: Stage) -> None:
    answers = [
        page.order(str(number), session="greedy") for number in range(job_queue.MAX_PER_VISITOR + 3)
    ]
    refused = [answer for answer in answers if answer.status_code != 200]
    assert 2 <= len(refused) <= 3, "one of them may be at work already"
    assert all(
        answer.status_code == 429 and answer.json()["detail"] == YOU_WAIT for answer in refused
    )
    assert page.order("modest", session="another").status_code == 200


def test_the_newest_order_takes_the_place_of_those_that_wait(page: Stage) -> None:
    page.order("blocker", session="another")
    wait_for(lambda: running(page) == 1)
    names = [str(number) for number in range(2 * job_queue.MAX_PER_VISITOR)]
    events = [
        page.order(name, session="visitor", api="newest").json()["event_id"] for name in names
    ]
    assert waiting(page, AT_ONCE) == 1
    stranger = page.order("stranger", session="stranger", api="newest").json()["event_id"]
    for _ in range(3):
        page.go_on.release()
    assert page.answer(stranger, "newest")[-1] == ("complete", ["stranger painted"])
    assert page.painted == ["blocker", names[-1], "stranger"] and page.ended == []
    messages = page.page.queue_of_jobs.pending_messages_per_session["visitor"]
    said = [messages.get_nowait() for _ in range(messages.qsize())]
    done = [message.event_id for message in said if message.msg == "process_completed"]
    assert done == events, "each is done with, the last one last"


def test_the_newest_order_takes_the_place_of_one_in_the_other_line(page: Stage) -> None:
    page.order("blocker", "refined", session="another")
    assert page.begun.wait(WAIT)
    page.order("portrait", "refined", session="visitor", api="newest")
    assert waiting(page, LONG) == 1
    page.order("wave", session="visitor", api="newest")
    assert waiting(page, LONG) == 0


def test_the_newest_order_ends_the_one_that_is_painted(page: Stage) -> None:
    page.order("portrait", "refined", session="visitor", api="newest")
    assert page.begun.wait(WAIT)
    page.order("stranger", session="stranger", api="newest")
    assert page.ended == []
    page.order("wave", session="visitor", api="newest")
    assert page.ended == ["portrait"]


def test_an_order_that_was_withdrawn_does_not_begin() -> None:
    order, begun, ended = Order(), list[str](), list[str]()

    def start() -> str:
        begun.append("work")
        return "work"

    assert order.begin(start, ended.append) == "work" and ended == []
    order.withdraw()
    assert ended == ["work"]
    assert order.begin(start, ended.append) is None and begun == ["work"]


def test_an_address_does_not_hold_all_places(page: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(job_queue, "MAX_PER_ADDRESS", 5)
    codes = [page.order(str(number)).status_code for number in range(10)]
    assert codes.count(429) in (4, 5)
    headers = {"X-Forwarded-For": "203.0.113.7"}  # as the proxy of a share link says it
    answer = httpx.post(
        page.url("/gradio_api/call/paint"), json={"data": ["a", "instant", None]}, headers=headers
    )
    assert answer.status_code == 200


def test_a_picture_slips_in_between_two_batches_of_a_refining(page: Stage) -> None:
    slow = page.order("portrait", "refined").json()["event_id"]
    assert page.begun.wait(WAIT)
    quick = page.order("wave").json()["event_id"]
    wait_for(lambda: len(TURNS._waiting) == 1)
    for _ in range(3):
        page.go_on.release()
    wait_for(lambda: len(page.painted) == 3)
    assert page.painted.index("wave") <= 1, "after the batch that was running"
    assert page.answer(quick)[-1] == ("complete", ["wave painted"])
    for _ in range(20):
        page.go_on.release()
    assert page.answer(slow)[-1] == ("complete", ["portrait refined"])


def test_one_refining_at_a_time_and_the_next_is_told_why_it_waits(page: Stage) -> None:
    page.order("first", "refined", session="one")
    assert page.begun.wait(WAIT)
    page.order("second", "refined", session="two")
    messages = page.page.queue_of_jobs.pending_messages_per_session["two"]
    wait_for(lambda: messages.qsize() >= 2)
    said = [messages.get_nowait() for _ in range(messages.qsize())]
    [why] = [message.log for message in said if hasattr(message, "log")]
    assert why.startswith("Someone is refining; your turn in about ")
    assert 30 <= float(why.rpartition("about ")[2].removesuffix(" s.")) <= 60, (
        "what the job says of itself"
    )
    assert waiting(page, LONG) == 1 and running(page) == 1


def test_the_wait_that_is_told_is_that_of_orders_of_the_same_kind(page: Stage) -> None:
    for number in range(3):
        event = page.order(str(number)).json()["event_id"]
        page.go_on.release()
        page.answer(event)
    page.order("long", "refined")
    assert page.begun.wait(WAIT)
    page.order("wave", session="visitor")
    queue = page.page.queue_of_jobs
    messages = queue.pending_messages_per_session["visitor"]
    wait_for(lambda: messages.qsize() > 0)
    told = [messages.get_nowait() for _ in range(messages.qsize())]
    etas = [message.rank_eta for message in told if hasattr(message, "rank_eta")]
    assert etas and all(eta is not None and eta < 5 for eta in etas), "not what a refining takes"
    line = queue.event_queue_per_concurrency_id[AT_ONCE]
    wait = queue._seconds_until_free(AT_ONCE)
    assert line is not None and wait is not None and wait < 5, "not what the refining takes"


def test_what_an_order_needs_stays_while_it_waits(page: Stage) -> None:
    photo = page.upload()
    blocker = page.order("blocker").json()["event_id"]
    wait_for(lambda: running(page) == 1)
    event = page.order("wave", file=photo).json()["event_id"]
    two_hours_ago = time.time() - 7200
    os.utime(photo, (two_hours_ago, two_hours_ago))
    page.page.cleaner.clean()
    assert Path(photo).exists()
    page.go_on.release()
    page.answer(blocker)
    wait_for(lambda: running(page) == 1 and waiting(page, AT_ONCE) == 0)
    page.page.cleaner.clean()
    assert Path(photo).exists(), "it is at work"
    page.go_on.release()
    assert page.answer(event)[-1] == ("complete", ["wave painted"])
    wait_for(lambda: running(page) == 0)
    page.page.cleaner.clean()
    assert not Path(photo).exists()


def test_an_order_whose_photo_is_gone_is_refused_in_a_sentence(page: Stage) -> None:
    photo = page.upload()
    Path(photo).unlink()
    for file in (photo, f"/{'n' * 3000}"):  # a name that no file can have
        answer = page.order("wave", file=file)
        assert answer.status_code == 400 and answer.json()["detail"] == FILE_GONE
    assert waiting(page, AT_ONCE) == 0 and not page.page.queue_of_jobs.files_in_use()


def test_answers_that_nobody_fetches_are_dropped(page: Stage) -> None:
    queue = page.page.queue_of_jobs
    page.order("wave", session="forgetful")
    page.go_on.release()
    wait_for(lambda: page.painted == ["wave"] and running(page) == 0)
    now = time.monotonic()
    queue.drop_unread(now)
    assert "forgetful" in queue.pending_messages_per_session, "there is time to fetch it"
    page.order("next", session="waiting")
    wait_for(lambda: running(page) == 1)
    assert queue.drop_unread(now + 2 * job_queue.FETCH_WITHIN) == 1
    assert (
        "forgetful" not in queue.pending_messages_per_session
        and "forgetful" not in queue.pending_event_ids_session
    )
    assert "waiting" in queue.pending_messages_per_session, "its order is being done"


def test_once_nobody_waits_memory_is_given_back_and_no_sooner(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    given_back, looks = list[int](), list[float]()
    monkeypatch.setattr(job_queue, "LOOK_EVERY", 0.01)
    with stage(tmp_path) as page:
        queue = page.page.queue_of_jobs
        queue.on_idle = [(0.0, lambda: given_back.append(len(page.painted)))]
        monkeypatch.setattr(queue, "drop_unread", looks.append)  # done at each look
        with monkeypatch.context() as patch:
            # Between two orders none is being done for a moment; here the moment lasts.
            patch.setattr(queue, "get_events", lambda: None)
            for name in ("first", "second"):
                page.order(name)
            before = len(looks)
            wait_for(lambda: len(looks) > before + 3)
            assert running(page) == 0 and given_back == [], "both wait"
        wait_for(lambda: running(page) == 1)
        for _ in range(2):
            page.go_on.release()
        wait_for(lambda: bool(given_back))
        assert given_back == [2], "once both are done"


def test_what_is_given_back_is_all_that_a_refining_held(monkeypatch: pytest.MonkeyPatch) -> None:
    done: list[str] = []
    monkeypatch.setattr(model_store().styles, "trim", lambda: done.append("styles"))
    monkeypatch.setattr(demo.page, "release_freed_memory", lambda: done.append("memory"))
    give_memory_back()
    assert done == ["styles", "memory"]


def test_what_is_for_a_long_rest_comes_later_and_starts_anew_with_work(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    done: list[str] = []
    monkeypatch.setattr(job_queue, "LOOK_EVERY", 0.02)
    with stage(tmp_path, waits=False) as page:
        calls = [(0.0, lambda: done.append("idle")), (0.2, lambda: done.append("rest"))]
        page.page.queue_of_jobs.on_idle = calls
        page.order("first")
        wait_for(lambda: done == ["idle", "rest"])
        page.order("second")
        wait_for(lambda: done == ["idle", "rest"] * 2)


def test_after_a_long_rest_only_the_first_model_stays_loaded(tmp_path: Path) -> None:
    for name in ("flagship", "original-500"):
        shutil.copytree(model_store().folder / name, tmp_path / name)
    with ModelStore(tmp_path).in_use() as store:
        before = store.stylizer("original-500")
        before.encode_style(draw(1))
        networks = weakref.ref(before.model.net.meta_net)
        del before
        forget_models()
        gc.collect()
        assert networks() is None, "a style that is remembered holds its model's networks"
        loaded = store._stylizer.cache_info().currsize
        assert loaded == 1 and store.stylizer() is store.stylizer("flagship")
        shutil.rmtree(tmp_path)
        forget_models()  # without any model there is nothing to load


def test_a_method_without_a_model_waits_in_the_line_of_long_jobs() -> None:
    for value, long in (
        ("gatys", True),
        ("johnson", True),
        ("refined", True),
        ("instant", False),
        (1, False),
    ):
        body = PredictBodyInternal(data=[None, value, [1]])
        assert job_queue.is_long(body) is long
    assert not job_queue.is_long(None)


def test_what_the_page_shows_when_it_is_opened_outlives_the_hour(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path))
    visitors = Path(new_file("visitors.png"))
    visitors.write_bytes(b"x")
    os.utime(visitors, (time.time() - 60,) * 2)
    with PageBlocks() as page:
        own = Path(new_file("opening.png"))
        own.write_bytes(b"x")
    assert page.opening_files() == [str(own)]
