"""What the three methods do for a picture can be timed, and the table asks for no more."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from core.inference.model_store import ModelStore
from core.paths import CHECKPOINTS
from gallery.readme_tables import methods
from gallery.timed_methods import LONG, method_tasks
from gallery.timing import take_turns


@pytest.mark.slow
def test_what_is_quick_is_timed_and_all_of_it_is_told(
    tmp_path: Path, tiny_checkpoint: Callable[[str], Path]
) -> None:
    models = tmp_path / "models"
    models.mkdir()
    (models / "original-500").symlink_to(tiny_checkpoint("original-500"))
    (models / "flagship").symlink_to(CHECKPOINTS / "flagship")
    with ModelStore(models).in_use():
        tasks = method_tasks("cpu")
        short = {name: task for name, task in tasks.items() if name not in LONG}
        found = take_turns(short, 1, "Methods", warm_up=False)
    assert all(len(seconds) == 1 and seconds[0] > 0 for seconds in found.values())
    timings = tmp_path / "timings.json"
    timings.write_text(json.dumps({"methods": found | {name: [60.0] for name in LONG}}))
    assert set(tasks) == {*found, *LONG}
    assert "–" not in {cell for row in methods(timings) for cell in row.values()}
