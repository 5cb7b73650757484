"""What a request may cost, and what is said when something goes wrong."""

import errno
import json
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from demo.server import cleaner as cleaner_module
from demo.server import limits
from demo.server.refusals import CLOSING, FULL, UNREADABLE
from tests.demo.server import WAIT, Stage, stage
from tests.demo.test_cleaner import Disk
from tests.waiting import wait_for

SECRET = "a text that must not come back"


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    with stage(tmp_path_factory.mktemp("uploads"), waits=False) as built:
        yield built


@pytest.fixture(scope="module")
def locked_page(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    with stage(
        tmp_path_factory.mktemp("uploads"), auth=("visitor", "secret"), waits=False
    ) as built:
        yield built


def files_of(page: Stage) -> set[Path]:
    return {path for path in page.page.cleaner.folder.rglob("*") if path.is_file()}


# ---- sizes ----


def test_a_body_that_is_too_large_is_refused(page: Stage) -> None:
    body = b" " * (limits.MAX_BODY + 1)
    answer = httpx.post(page.url("/gradio_api/call/paint"), content=body, timeout=WAIT)
    assert answer.status_code == 413 and "too large" in answer.text


def test_a_file_that_is_too_large_is_refused_in_a_sentence(page: Stage) -> None:
    files = {"files": ("huge.jpg", b"x" * ((64 << 20) + 1))}
    answer = httpx.post(page.url("/gradio_api/upload"), files=files, timeout=WAIT)
    assert (answer.status_code, answer.json()["detail"]) == (413, limits.TOO_LARGE)


def test_so_is_one_that_does_not_say_its_size(page: Stage) -> None:
    chunks = (b" " * (1 << 20) for _ in range(20))
    answer = httpx.post(page.url("/gradio_api/call/paint"), content=chunks, timeout=WAIT)
    assert answer.status_code == 413 and "too large" in answer.text


@pytest.mark.parametrize("values", ["[]", "{}", "1"])
@pytest.mark.parametrize("route", ["call/paint", "queue/join", "run/check"])
def test_endless_lists_are_refused_before_they_are_taken_apart(
    page: Stage, route: str, values: str
) -> None:
    """Each value of an order is looked at several times, while everybody else waits."""
    listed = ",".join([values] * (limits.MAX_VALUES + 1))
    body = f'{{"fn_index":0,"session_hash":"x","data":["a","instant",[{listed}]]}}'
    answer = httpx.post(page.url(f"/gradio_api/{route}"), content=body, timeout=WAIT)
    assert (answer.status_code, answer.json()["detail"]) == (400, limits.BY_STATUS[400])


def test_a_long_text_is_one_value(page: Stage) -> None:
    """As a painted mask is, in a data URL."""
    event = page.order("a" * 3_000_000).json()["event_id"]
    assert page.answer(event)[-1][0] == "complete"


def test_before_the_login_next_to_nothing_is_read(locked_page: Stage) -> None:
    address = httpx.URL(locked_page.address)
    with socket.create_connection((address.host, address.port or 80), timeout=WAIT) as connection:
        head = "POST /gradio_api/upload HTTP/1.1\r\nHost: localhost\r\nContent-Length: 200000000\r\n\r\n"
        connection.sendall(head.encode())
        assert b"401" in connection.recv(1000), "refused before the body has come"
    answer = httpx.post(
        locked_page.url("/login"), data={"username": "x" * 5000, "password": "y"}, timeout=WAIT
    )
    assert answer.status_code == 413


# ---- uploads that end early ----


def test_an_upload_that_breaks_off_leaves_nothing(page: Stage) -> None:
    before = files_of(page)
    address = httpx.URL(page.address)
    head = (
        "POST /gradio_api/upload HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100000000\r\n"
        "Content-Type: multipart/form-data; boundary=x\r\n\r\n"
        '--x\r\nContent-Disposition: form-data; name="files"; filename="half.jpg"\r\n\r\n'
    )
    with socket.create_connection((address.host, address.port or 80), timeout=WAIT) as connection:
        connection.sendall(head.encode() + b"y" * 500_000)
        wait_for(lambda: files_of(page) != before)
    wait_for(lambda: files_of(page) == before)


def test_an_upload_that_fills_the_disk_is_a_sentence_and_leaves_nothing(
    page: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = files_of(page)

    async def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("gradio.route_utils.GradioUploadFile.write", full)
        answer = httpx.post(
            page.url("/gradio_api/upload"), files={"files": b"x" * 1000}, timeout=WAIT
        )
        assert answer.status_code == 507 and answer.json() == {"detail": FULL}
    assert files_of(page) == before
    assert Path(page.upload()).exists(), "the next one is taken again"


def test_a_disk_without_room_refuses_an_upload_before_it_comes(
    page: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = page.upload("old.jpg", b"x" * 500_000)
    new = page.upload("new.jpg", b"y" * 100_000)
    monkeypatch.setattr(cleaner_module.shutil, "disk_usage", Disk(page.page.cleaner.folder))
    upload = page.url("/gradio_api/upload")
    answer = httpx.post(upload, files={"files": ("huge.jpg", b"z" * 2_000_000)}, timeout=WAIT)
    assert answer.status_code == 507 and answer.json() == {"detail": FULL}
    ten_minutes_ago = time.time() - 700
    cleaner_module.os.utime(old, (ten_minutes_ago, ten_minutes_ago))
    answer = httpx.post(upload, files={"files": ("large.jpg", b"z" * 500_000)}, timeout=WAIT)
    assert answer.status_code == 200 and not Path(old).exists() and Path(new).exists()


def test_a_page_that_is_being_closed_takes_nothing_more(
    page: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(type(page.page.cleaner), "is_ending", True)
    files = {"files": ("photo.jpg", b"x")}
    answer = httpx.post(page.url("/gradio_api/upload"), files=files, timeout=WAIT)
    assert (answer.status_code, answer.json()) == (503, {"detail": CLOSING})


def test_an_upload_that_cannot_be_parsed_is_a_sentence(page: Stage) -> None:
    headers = {"Content-Type": "multipart/form-data; boundary=x"}
    answer = httpx.post(
        page.url("/gradio_api/upload"), content=b'--{"data": 1}', headers=headers, timeout=WAIT
    )
    assert (answer.status_code, answer.json()) == (400, {"detail": UNREADABLE})


def test_an_upload_that_is_under_way_when_the_page_closes_does_not_stay(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with stage(tmp_path) as page:
        cleaner = page.page.cleaner
        free = cleaner.free

        def ended_meanwhile(size: int) -> bool:
            cleaner.end()
            return free(size)

        monkeypatch.setattr(cleaner, "free", ended_meanwhile)
        path = Path(page.upload())
        end = time.monotonic() + WAIT
        while path.exists():  # the answer comes before all is done
            assert time.monotonic() < end, "it stays"
            time.sleep(0.02)


def test_an_upload_whose_folder_goes_as_the_page_closes_is_a_sentence_and_no_fault(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    with stage(tmp_path) as page:

        async def deleted_meanwhile(*_: object) -> None:
            page.page.cleaner.end()
            raise FileNotFoundError(errno.ENOENT, "No such file or directory", "photo.png")

        monkeypatch.setattr("gradio.route_utils.GradioUploadFile.write", deleted_meanwhile)
        upload = page.url("/gradio_api/upload")
        answer = httpx.post(upload, files={"files": b"x" * 1000}, timeout=WAIT)
        assert (answer.status_code, answer.json()) == (503, {"detail": CLOSING})
    assert not caplog.records


def test_a_result_that_does_not_fit_on_the_disk_is_a_sentence(page: Stage) -> None:
    answer = httpx.post(
        page.url("/gradio_api/run/check"), json={"data": [1, "small", True, None]}, timeout=WAIT
    )
    assert answer.json()["error"] == FULL


# ---- words ----


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", "/gradio_api/call/paint", f'{{"data": "{SECRET}"'),
        ("POST", "/gradio_api/call/paint", f'{{"data": "{SECRET}"}}'),
        ("POST", "/gradio_api/call/paint", f'["{SECRET}"]'),
        ("POST", f"/gradio_api/call/{SECRET}", '{"data": []}'),
        ("POST", f"/gradio_api/run/{SECRET}", '{"data": []}'),
        ("POST", f"/gradio_api/call/v2/{SECRET}", "{}"),
        ("POST", "/gradio_api/call/v2/paint", f'{{"{SECRET}": 1}}'),
        (
            "POST",
            "/gradio_api/queue/join",
            f'{{"data": [], "fn_index": 999, "session_hash": "{SECRET}"}}',
        ),
        (
            "POST",
            "/gradio_api/queue/join",
            f'{{"data": [], "fn_index": "{SECRET}", "session_hash": "x"}}',
        ),
        ("POST", "/gradio_api/queue/join", f'{{"data": ["{SECRET}"]}}'),
        ("POST", "/gradio_api/cancel", f'{{"session_hash": "{SECRET}"}}'),
        ("POST", "/gradio_api/component_server", f'{{"data": "{SECRET}"}}'),
        ("POST", "/gradio_api/upload", SECRET),
        ("GET", f"/gradio_api/file=/etc/{SECRET}", ""),
        ("GET", f"/gradio_api/file=http://127.0.0.1/{SECRET}", ""),
        ("GET", f"/{SECRET}", ""),
        ("GET", f"/?deep_link={SECRET}", ""),
        ("DELETE", f"/gradio_api/{SECRET}", ""),
    ],
)
def test_what_is_wrong_is_said_without_repeating_it(
    page: Stage, method: str, path: str, body: str
) -> None:
    answer = httpx.request(
        method,
        page.url(path),
        content=body,
        headers={"Content-Type": "application/json"},
        timeout=WAIT,
    )
    assert answer.status_code < 500 and SECRET not in answer.text
    if answer.status_code >= 400:
        said = answer.json()["detail"]
        assert isinstance(said, str) and said.endswith("."), said


WRONG = [
    (["abc", "small", False, None], 'The value of "strength" must be a number.'),
    ([True, "small", False, None], 'The value of "strength" must be a number.'),
    ([[1], "small", False, None], 'The value of "strength" must be a number.'),
    ([float("nan"), "small", False, None], 'The value of "strength" must be a number.'),
    ([10**400, "small", False, None], 'The value of "strength" must be a number.'),
    ([1, ["small"], False, None], 'The value of "size" must be one of its choices.'),
    ([1, {}, False, None], 'The value of "size" must be one of its choices.'),
    ([1, "\ud800", False, None], 'The value of "size" must be one of its choices.'),
    ([1, "small", "yes", None], 'The value of "invert" must be true or false.'),
    ([1, "small", False, "photo.jpg"], 'The value of "photo" must be an uploaded file.'),
    ([1, "small", False, {"path": 1}], 'The value of "photo" must be an uploaded file.'),
    ([1, "small", False, {"path": "a\0b"}], 'The value of "photo" must be an uploaded file.'),
    ([1, "small", False, {"path": "x" * 9999}], 'The value of "photo" must be an uploaded file.'),
    (
        [1, "small", False, {"path": "/etc/passwd", "meta": {"_type": "gradio.FileData"}}],
        UNREADABLE,
    ),
    ([], "This takes 4 values, and 0 were sent."),
    ([1, "small", False, None, 5], "This takes 4 values, and 5 were sent."),
]


@pytest.mark.parametrize(("data", "said"), WRONG)
def test_wrong_types_are_refused_in_a_sentence(page: Stage, data: list[object], said: str) -> None:
    body = json.dumps({"data": data}).encode()
    answer = httpx.post(
        page.url("/gradio_api/run/check"),
        content=body,
        headers={"Content-Type": "application/json"},
        timeout=WAIT,
    )
    assert answer.json()["error"] == said


@pytest.mark.parametrize(
    "data", [[1, "instant", None], [None, ["refined"], None], ["x"], [{"a": 1}, "instant", 7]]
)
def test_so_are_those_of_orders_that_wait(page: Stage, data: list[object]) -> None:
    answer = httpx.post(page.url("/gradio_api/call/paint"), json={"data": data}, timeout=WAIT)
    [*_, (kind, said)] = page.answer(answer.json()["event_id"])
    assert kind == "error" and said["error"].endswith(".") and "went wrong" not in said["error"]
