"""How often an event of the page counts, whose details tell what was clicked or brought."""

import app


def test_every_click_that_says_where_it_was_counts() -> None:
    """Not "once", which drops a second one, nor "always_last", which sends the details of the first once more."""
    page = app.build()
    told = [event for event in page.config["dependencies"] if event["collects_event_data"]]
    modes = {
        f"{page.fns[event['id']].name}, {event['targets']}": event["trigger_mode"] for event in told
    }
    assert len(modes) > 30
    assert {where: mode for where, mode in modes.items() if mode != "multiple"} == {}
