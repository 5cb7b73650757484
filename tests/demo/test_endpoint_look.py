"""What the endpoints for programs have in common: their parameters, and the request that these make."""

import contextlib
import inspect
from pathlib import Path
from typing import Any

import gradio as gr
import pytest

from core.commandline import UserError
from core.settings import SettingsError
from demo.shared import endpoint_look
from demo.shared.endpoint_look import (
    CROP,
    LOOK,
    MASK,
    MASKS,
    MIX,
    MODE,
    SAID,
    EndpointLook,
    takes,
    weights,
)
from demo.shared.requests import RequestError, checked
from demo.shared.uploads import new_file
from tests.soak.mutants import ODD


def upload(name: str) -> dict[str, str]:
    """A picture as Gradio passes what was uploaded."""
    path = Path(new_file(name))
    path.write_bytes(b"a picture")
    return {"path": str(path), "orig_name": name}


@takes(LOOK, MIX, MASK, MASKS, MODE, CROP)
def endpoint(content: str, *look: Any) -> EndpointLook:
    """Paint it.

    Args:
        content: the photo.
    """
    return EndpointLook.of(endpoint, look)


def test_an_endpoint_has_its_own_parameters_and_the_described_ones_of_its_groups() -> None:
    assert [*inspect.signature(endpoint).parameters] == ["content", *SAID]
    lines = (inspect.getdoc(endpoint) or "").splitlines()
    assert lines[:4] == ["Paint it.", "", "Args:", "    content: the photo."]
    assert lines[4:] == [f"    {name}: {SAID[name]}" for name in SAID]
    mix, mask = (None, None, None, ""), (None, None, 3, True, False)
    values = (512, 0.5, "photo", 0, *mix, *mask, None, None, None, "refined", 5, "0,0,1,0.5")
    assert endpoint("x.png", *values) == EndpointLook(
        style_side=512,
        strength=0.5,
        colours="photo",
        mask_softness=3,
        mask_invert=True,
        mode="refined",
        batches=5,
        style_crop="0,0,1,0.5",
    )
    with pytest.raises(ValueError, match="shorter"):
        endpoint("x.png", *values[1:])


def test_every_parameter_has_a_component_with_its_default() -> None:
    with gr.Blocks() as page:
        endpoint_look.offer(endpoint, [gr.Textbox()], "picture", api_name="paint")
    _, *built = page.fns[0].inputs
    for name, component in zip(SAID, built, strict=True):
        assert component.value == getattr(EndpointLook(), name), name


def test_paintings_are_mixed_or_have_a_mask_each() -> None:
    second, mask, other = upload("second.png"), upload("mask.png"), upload("other.png")
    mixed = EndpointLook(style_2=second, mix="0.7 0.3", mask=mask, strength=0.5)
    order = mixed.request("photo.png", "first.png", "improved-500", 64)
    assert order.styles == ["first.png", second["path"]] and order.masks == [mask["path"]]
    assert (order.settings.mix, order.settings.strength) == ((0.7, 0.3), 0.5)
    apart = EndpointLook(style_3=second, mix="0.7 0.3", mask=mask, mask_3=other)
    order = apart.request("photo.png", "first.png", "improved-500", 64)
    assert order.styles == ["first.png", second["path"]]
    assert order.masks == [mask["path"], other["path"]] and order.settings.mix == ()
    with pytest.raises(RequestError, match="a mask 2, but no painting 2"):
        EndpointLook(mask_2=mask).request("photo.png", "first.png", "improved-500", 64)


def test_each_painting_has_a_crop_of_its_own() -> None:
    second, mask, other = upload("second.png"), upload("mask.png"), upload("other.png")
    text, left, lower = "0,0,0.5,1; 0,0,1,1; 0,0.5,1,1", (0, 0, 0.5, 1), (0, 0.5, 1, 1)

    def crops_of(**look: Any) -> tuple[object, ...]:
        order = EndpointLook(**look).request("photo.png", "first.png", "improved-500", 64)
        return order.settings.style_crop

    assert crops_of(style_crop=text) == (left,)
    assert crops_of(style_crop=text, style_2=second) == (left,), "the second as a whole"
    assert crops_of(style_crop=text, style_3=second) == (left, lower), "its place counts"
    assert crops_of(style_crop="; 0,0.5,1,1;", style_2=second) == ((0, 0, 1, 1), lower)
    assert crops_of(style_crop=text, style_3=second, mask=mask, mask_3=other) == (left, lower)
    for wrong in ("0.1,0.1", "1,0,0,1", "a,b,c,d", "0,0,0.5,1;" * 5):
        with pytest.raises(SettingsError, match="crop"):
            crops_of(style_crop=wrong)


def test_weights_are_numbers() -> None:
    assert weights("0.7 0.3") == weights("0.7, 0.3") == [0.7, 0.3] and weights("") == []
    with pytest.raises(SettingsError, match="must be numbers"):
        weights("half")


@pytest.mark.parametrize("name", SAID)
def test_a_wrong_type_is_refused_in_a_sentence(name: str) -> None:
    for value in ODD:
        with contextlib.suppress(UserError):
            chosen = EndpointLook(**{"style_2": upload("second.png"), name: value})
            checked(chosen.request(upload("photo.png")["path"], "first.png", "improved-500", 64))
