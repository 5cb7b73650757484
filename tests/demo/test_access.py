"""Who may use the page, and from where."""

import socket
import time
from collections.abc import Iterator

import httpx
import pytest

from demo.server import access as access_module
from demo.server.access import Access, split_host
from tests.demo.server import WAIT, Stage, stage

FOREIGN = "http://evil.example"
LOGIN = ("visitor", "a secret")


@pytest.fixture(scope="module")
def open_page(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    access = Access("127.0.0.1", ["Style.Example.org"])
    with stage(tmp_path_factory.mktemp("uploads"), access=access, waits=False) as built:
        yield built


@pytest.fixture(scope="module")
def locked_page(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    with stage(tmp_path_factory.mktemp("uploads"), auth=LOGIN, waits=False) as built:
        yield built


# ---- names ----


@pytest.mark.parametrize(
    "host", ["localhost", "LOCALHOST:7860", "127.0.0.1:80", "[::1]:7860", "style.example.org"]
)
def test_the_page_answers_to_its_own_names(open_page: Stage, host: str) -> None:
    assert (
        httpx.get(open_page.url("/config"), headers={"Host": host}, timeout=WAIT).status_code == 200
    )


@pytest.mark.parametrize(
    "path", ["/", "/config", "/gradio_api/info", "/gradio_api/mcp/", "/gradio_api/upload"]
)
@pytest.mark.parametrize(
    "host", ["evil.example", "localhost.evil.example", "127.0.0.1.nip.io:7860", "192.168.1.5", ""]
)
def test_the_page_does_not_answer_to_other_names(open_page: Stage, path: str, host: str) -> None:
    answer = httpx.get(open_page.url(path), headers={"Host": host}, timeout=WAIT)
    assert answer.status_code == 421 and "does not answer to that name" in answer.text
    if path.startswith("/gradio_api"):  # what asks there looks for a sentence in JSON
        assert answer.json()["detail"].endswith(".")


def test_a_name_can_be_added_while_the_page_runs(open_page: Stage) -> None:
    headers = {"Host": "0123.gradio.live"}
    assert httpx.get(open_page.url("/config"), headers=headers, timeout=WAIT).status_code == 421


def test_listening_everywhere_addresses_and_the_own_name_are_right() -> None:
    access = Access("0.0.0.0")
    for host in ("192.168.1.5:7860", "[fe80::1]:7860", socket.gethostname(), "127.0.0.1"):
        assert access.is_own(host), host
    assert not access.is_own("evil.example:7860") and not access.is_own(None)
    for host in ("localhost/evil", "evil@localhost", "localhost?evil", "localhost#evil"):
        assert not access.is_own(host), host
        assert access.is_foreign(f"http://{host}", "localhost"), host
    access.allow("0123.GRADIO.live")
    assert access.is_own("0123.gradio.live")


def test_a_space_is_there_for_everyone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SPACE_ID", "someone/metastyle")
    access = Access("0.0.0.0")
    assert access.is_own("someone-metastyle.hf.space") and not access.is_foreign(
        "https://huggingface.co", "x.hf.space"
    )


@pytest.mark.parametrize(
    ("host", "parts"),
    [("A.b:80", ("a.b", 80)), ("[::1]:7", ("::1", 7)), ("a:x", ("", None)), ("[", ("", None))],
)
def test_a_host_header_is_a_name_and_a_port(host: str, parts: tuple[str, int | None]) -> None:
    assert split_host(host) == parts


# ---- origins ----


@pytest.mark.parametrize(
    "origin", [FOREIGN, "null", "http://127.0.0.1:1", "http://localhost", "file://", "http://[", ""]
)
def test_uploads_from_pages_of_other_sites_are_refused(open_page: Stage, origin: str) -> None:
    before = set(open_page.page.cleaner.folder.rglob("*"))
    answer = httpx.post(
        open_page.url("/gradio_api/upload"),
        files={"files": b"x"},
        headers={"Origin": origin},
        timeout=WAIT,
    )
    assert answer.status_code == 403 and "other sites" in answer.json()["detail"]
    assert set(open_page.page.cleaner.folder.rglob("*")) == before


def test_the_page_itself_may_upload_under_each_of_its_names(open_page: Stage) -> None:
    port = httpx.URL(open_page.address).port
    for own in (
        f"http://127.0.0.1:{port}",
        f"http://localhost:{port}",
        "https://style.example.org",
    ):
        answer = httpx.post(
            open_page.url("/gradio_api/upload"),
            files={"files": b"x"},
            headers={"Origin": own},
            timeout=WAIT,
        )
        assert answer.status_code == 200, own


def test_orders_from_pages_of_other_sites_are_refused(open_page: Stage) -> None:
    for method, path in (
        ("POST", "/gradio_api/call/paint"),
        ("GET", "/config"),
        ("POST", "/gradio_api/run/check"),
    ):
        answer = httpx.request(
            method,
            open_page.url(path),
            json={"data": []},
            headers={"Origin": FOREIGN},
            timeout=WAIT,
        )
        assert answer.status_code == 403, path


# ---- headers ----


def test_uploads_are_not_guessed_and_frames_are_the_page_s_own(open_page: Stage) -> None:
    path = open_page.upload("page.html", b"<script>alert(1)</script>")
    answer = httpx.get(open_page.url(f"/gradio_api/file={path}"), timeout=WAIT)
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["content-type"] == "application/octet-stream"
    page = httpx.get(open_page.address, timeout=WAIT)
    assert page.headers["x-content-type-options"] == "nosniff"
    assert page.headers["content-security-policy"] == "frame-ancestors 'self'"


def test_the_page_comes_compressed_and_events_as_they_happen(open_page: Stage) -> None:
    page = httpx.get(open_page.address, headers={"Accept-Encoding": "gzip"}, timeout=WAIT)
    assert page.headers["content-encoding"] == "gzip" and "<html" in page.text
    event = open_page.order("one").json()["event_id"]
    headers = {"Accept-Encoding": "gzip"}
    answer = httpx.get(
        open_page.url(f"/gradio_api/call/paint/{event}"), headers=headers, timeout=WAIT
    )
    assert "content-encoding" not in answer.headers and "one painted" in answer.text


# ---- passwords ----


ROUTES = [
    ("GET", path)
    for path in (
        *(
            "/config",
            "/gradio_api/info",
            "/gradio_api/openapi.json",
            "/gradio_api/heartbeat/abc",
            "/theme.css",
        ),
        *(
            "/gradio_api/queue/data?session_hash=abc",
            "/gradio_api/queue/status",
            "/gradio_api/startup-events",
        ),
        *(
            "/gradio_api/app_id",
            "/gradio_api/token",
            "/gradio_api/user",
            "/manifest.json",
            "/robots.txt",
            "/login",
        ),
        *(
            "/gradio_api/file=README.md",
            "/gradio_api/runs",
            "/monitoring",
            "/assets/index.js",
            "/gradio_api/mcp/",
        ),
    )
] + [
    ("POST", f"/gradio_api/{path}")
    for path in (
        "cancel",
        "reset",
        "upload",
        "call/paint",
        "run/check",
        "queue/join",
        "component_server",
        "stream/abc",
    )
]


@pytest.mark.parametrize(("method", "path"), ROUTES)
def test_with_a_password_nothing_answers_without_it(
    locked_page: Stage, method: str, path: str
) -> None:
    answer = httpx.request(method, locked_page.url(path), timeout=WAIT)
    assert answer.status_code == 401 and "Log in first." in answer.text
    if path.startswith("/gradio_api/"):
        assert answer.json() == {"detail": "Log in first."}


def test_without_the_password_the_page_is_the_login_page_alone(locked_page: Stage) -> None:
    answer = httpx.get(locked_page.address, timeout=WAIT)
    assert answer.status_code == 200 and "password" in answer.text and len(answer.text) < 5000
    assert "gradio_api_info" not in answer.text and "paint" not in answer.text
    forged = httpx.get(
        locked_page.url("/config"), headers={"Cookie": "access-token-x=y; a"}, timeout=WAIT
    )
    assert forged.status_code == 401


@pytest.mark.slow
def test_with_the_password_everything_works_and_wrong_ones_are_slowed(
    locked_page: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    times, started = [], time.monotonic()
    for _ in range(3):
        wrong = httpx.post(
            locked_page.url("/login"),
            data={"username": LOGIN[0], "password": "guess"},
            timeout=WAIT,
        )
        assert wrong.status_code == 400
        times.append(time.monotonic() - started)
        started = time.monotonic()
    assert times[0] >= 1 and times[1] >= 2 and times[2] >= 4
    monkeypatch.setattr(access_module, "MAX_DELAY", 0.0)
    with httpx.Client(base_url=locked_page.address, timeout=WAIT) as client:
        answer = client.post("/login", data={"username": LOGIN[0], "password": LOGIN[1]})
        assert answer.json() == {"success": True}
        assert client.get("/config").status_code == 200
        event = client.post(
            "/gradio_api/call/paint", json={"data": ["one", "instant", None]}
        ).json()["event_id"]
        assert "one painted" in client.get(f"/gradio_api/call/paint/{event}").text
