"""Settings: what is refused, in one sentence, and that they come back from JSON as they went."""

import json
from typing import Any

import pytest

from core.settings import Settings, SettingsError

EVERYTHING = Settings(
    "original-500",
    (0.7, 0.3),
    1.25,
    "photo",
    640,
    512,
    128,
    style_crop=((0.1, 0.2, 0.9, 1), (0, 0, 0.5, 0.5)),
    mask_softness=3.5,
    mask_invert=True,
    tiles=True,
)


@pytest.mark.parametrize("settings", [Settings(), EVERYTHING, Settings(refine=20, mix=(1.0,))])
def test_settings_come_back_from_json(settings: Settings) -> None:
    text = json.dumps(settings.to_json())
    assert Settings.from_json(text) == Settings.from_json(text.encode()) == settings
    assert Settings.from_json(settings.to_json()) == settings


def test_what_json_leaves_out_is_as_by_default() -> None:
    assert Settings.from_json({"strength": 1}) == Settings(strength=1.0) == Settings()


def test_whole_numbers_and_fractions_are_one_setting() -> None:
    """The same settings give the same bytes in a recipe."""
    assert json.dumps(Settings(strength=1, mix=(1, 2)).to_json()) == json.dumps(
        Settings(mix=(1.0, 2.0)).to_json()
    )


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ({"strength": 1.6}, "The setting strength must be a number from 0 to 1.5."),
        ({"strength": float("nan")}, "The setting strength must be"),
        ({"strength": True}, "The setting strength must be"),
        ({"strength": "1"}, "The setting strength must be"),
        ({"mix": [1, -1]}, "The setting mix must be a number from 0"),
        ({"mix": [0, 0]}, "The weights of a mix must not all be 0."),
        ({"mix": [1] * 5}, "The mix must be a list of up to 4 weights."),
        ({"mix": "1 2"}, "The mix must be a list"),
        (
            {"colours": "grey"},
            "There is no way 'grey' to colour; choose auto, style, match, photo, recolour.",
        ),
        ({"colours": ["style"]}, "There is no way"),
        ({"size": 15}, "The setting size must be a whole number from 16 to 8192."),
        ({"size": 512.0}, "The setting size must be"),
        ({"detail": 9000}, "The setting detail must be"),
        ({"style_size": None}, "The setting style_size must be a whole number from 16 to 2048."),
        ({"refine": -1}, "The setting refine must be"),
        ({"refine": True}, "The setting refine must be"),
        (
            {"refine": 5, "mix": [1, 1]},
            "Refining takes one painting; mix several instantly, or refine on one of them.",
        ),
        ({"mask_softness": -1}, "The setting mask_softness must be"),
        ({"mask_invert": 1}, "The setting mask_invert must be true or false."),
        ({"style_crop": [[0.1, 0.1, 0.9]]}, "A crop is left,top,right,bottom"),
        ({"style_crop": [[0.9, 0.1, 0.1, 0.9]]}, "A crop is left,top,right,bottom"),
        ({"style_crop": [[0, 0, 1, 1.5]]}, "The setting style_crop must be a number from 0 to 1."),
        ({"style_crop": 5}, "The setting style_crop must be a list of up to 4 boxes."),
        ({"model": 5}, "The model must be the name of one."),
        ({"strenght": 1}, "There is no setting 'strenght'; there are model, mix, strength"),
        ({"x" * 5000: 1}, f"There is no setting '{'x' * 59}…'; there are model"),
        ({"a\nb": 1}, "There is no setting 'a?b'; there are model"),
        ("[]", "The settings must be a JSON object of names and values."),
        ("{", "The settings cannot be read: they are not JSON."),
        (b"\xff\xfe{", "The settings cannot be read: they are not JSON."),
    ],
)
def test_what_cannot_be_is_one_sentence(wrong: Any, sentence: str) -> None:
    with pytest.raises(SettingsError) as error:
        Settings.from_json(wrong)
    said = str(error.value)
    assert said.startswith(sentence)
    assert said.endswith(".") and "\n" not in said


def test_a_crop_of_all_is_none() -> None:
    whole, part = (0, 0, 1, 1), (0, 0, 1, 0.5)
    assert Settings(style_crop=(whole, whole)) == Settings()
    settings = Settings(style_crop=(whole, part, whole))
    assert settings.crops(3) == [whole, part, whole]
    with pytest.raises(SettingsError, match=r"^There are 2 crops for 1 painting; give one for"):
        settings.crops(1)


@pytest.mark.parametrize(
    ("mix", "paintings", "weights"),
    [
        ((), 1, [1]),
        ((), 4, [0.25] * 4),
        ((7, 3), 2, [0.7, 0.3]),
        ((0, 2), 2, [0, 1]),
    ],
)
def test_weights_sum_to_one(mix: tuple[float, ...], paintings: int, weights: list[float]) -> None:
    assert Settings(mix=mix).weights(paintings) == pytest.approx(weights)


@pytest.mark.parametrize(
    ("settings", "paintings", "sentence"),
    [
        (Settings(), 0, "A picture takes 1 to 4 paintings, not 0."),
        (Settings(), 5, "A picture takes 1 to 4 paintings, not 5."),
        (Settings(mix=(1, 2)), 3, "The mix has 2 weights for 3 paintings; give one for each."),
        (
            Settings(refine=2),
            2,
            "Refining takes one painting; mix several instantly, or refine on one of them.",
        ),
    ],
)
def test_weights_that_do_not_fit_the_paintings(
    settings: Settings, paintings: int, sentence: str
) -> None:
    with pytest.raises(SettingsError) as error:
        settings.weights(paintings)
    assert str(error.value) == sentence


def test_a_mix_of_which_one_painting_is_left_may_be_refined() -> None:
    assert Settings(refine=2, mix=(0, 1)).weights(2) == [0, 1]
