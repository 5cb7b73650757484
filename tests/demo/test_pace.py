"""How long refining takes, told before and while it runs."""

import pytest

from core.settings import Settings
from demo.shared import messages
from demo.shared.pace import Pace, duration
from demo.transfer.events import begins_to_refine


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(3.4, "3 s"), (89, "89 s"), (95, "2 min"), (500, "8 min"), (4200, "1 h 10 min")],
)
def test_durations_are_read_at_a_glance(seconds: float, words: str) -> None:
    assert duration(seconds) == words


def test_networks_of_one_form_share_their_pace() -> None:
    pace = Pace()
    assert pace.seconds("improved-500") is None
    for seconds in (30.0, 8.0, 9.0):  # the first batch loads and prepares things
        pace.saw("improved-500", seconds)
    assert pace.seconds("improved-500") == pace.seconds("improved-1000") == 9.0
    assert pace.seconds("original-500") is None
    pace.saw("my own", 2.0)
    assert pace.seconds("my own") == 2.0


def test_the_estimate_is_told_before_the_first_batch(monkeypatch: pytest.MonkeyPatch) -> None:
    pace = Pace()
    monkeypatch.setattr(messages, "PACE", pace)
    assert "min" not in messages.starting("improved-500", 20)
    pace.saw("improved-500", 12.0)
    assert "about 4 min" in messages.starting("improved-500", 20)
    order = Settings("improved-1000", refine=20)  # of the same form
    assert "about 4 min" in begins_to_refine(order)["status"]
