"""Held-out measures of a model, on pictures where the right answer is known."""

import pytest

from core.images.convert import center_crop, resize_smaller
from core.training.learning_curve import NAMES, SIDE
from tests.conftest import draw, shipped_encoder
from tests.validation import Validation, summary


@pytest.fixture
def validation() -> Validation:
    return Validation(
        [draw(1, (64, 48)), draw(2, (40, 80))], [draw(3, (SIDE, SIDE))], shipped_encoder("vgg19")
    )


def test_a_photo_left_alone_keeps_all_of_its_distance_and_changes_nothing(
    validation: Validation,
) -> None:
    found = validation.measure(lambda photo, _: photo)
    assert list(found) == list(NAMES)
    for name, value in found.items():
        assert value == pytest.approx(0 if "change" in name else 1, abs=1e-4), name


def test_the_painting_itself_leaves_nothing_of_the_distance(validation: Validation) -> None:
    found = validation.measure(lambda photo, painting: resize_smaller(painting, SIDE))
    assert all(found[name] < 1e-6 for name in NAMES if "share" in name)
    assert found["content_change_3"] > 0.5


def test_every_pair_is_measured_painting_by_painting(validation: Validation) -> None:
    assert [(row, column) for row, column, _ in validation.pairs(lambda photo, _: photo)] == [
        (0, 0),
        (0, 1),
    ]


def test_photos_are_the_middle_squares() -> None:
    photo = draw(4, (90, 60))
    assert center_crop(photo, 60).tobytes() == photo.crop((15, 0, 75, 60)).tobytes()


def test_shares_are_averaged_geometrically() -> None:
    first, second = (dict.fromkeys(NAMES, value) for value in (0.1, 10.0))
    found = summary([first, second])
    assert found["gram_share_1"] == pytest.approx(1)
    assert found["content_change_3"] == pytest.approx(5.05)
