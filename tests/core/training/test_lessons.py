"""What a style reader is taught: variations by number, and what VGG19 sees in them, kept from run to run."""

from pathlib import Path

import numpy as np
import pytest
import torch

from core.models.encoder import normalize
from core.models.losses import mean_std
from core.training.lessons import AT_ONCE
from tests.conftest import shipped_encoder
from tests.training import LESSONS_SIDE, lessons_of, prepared_lessons


def test_a_variation_follows_from_its_number(styles: list[Path], tmp_path: Path) -> None:
    lessons = prepared_lessons(tmp_path, styles)
    first, second = lessons.images(0), lessons.images(1)
    assert first.shape == (AT_ONCE, 3, LESSONS_SIDE, LESSONS_SIDE)
    assert torch.equal(first, lessons.images(0))
    assert not torch.equal(first, second)
    with torch.no_grad():
        seen = mean_std(shipped_encoder("vgg19")(normalize(second)))
    assert torch.equal(lessons.seen(1), seen)


def test_what_was_seen_is_kept_and_what_is_there_in_part_is_seen_again(
    styles: list[Path], tmp_path: Path
) -> None:
    whole = prepared_lessons(tmp_path, styles, 12)
    wanted = np.array(whole.descriptors)
    assert whole.prepared == 3
    whole.descriptors[6:] = 0  # as after a kill amid the second group
    again = lessons_of(tmp_path, styles, 12)
    assert again.prepared == 1
    again.prepare()
    assert np.array_equal(again.descriptors, wanted)


def test_descriptors_of_other_variations_are_not_mixed_in(
    styles: list[Path], tmp_path: Path
) -> None:
    prepared_lessons(tmp_path, styles, 4)
    with pytest.raises(ValueError, match="remove it to begin anew"):
        lessons_of(tmp_path, styles, 4, seed=1)
    (tmp_path / "lessons.json").write_text('{"set": "cut o')
    with pytest.raises(ValueError, match="remove it to begin anew"):
        lessons_of(tmp_path, styles, 4)
