"""Stylising: exact sizes, what is refused, what is remembered, and refining that never touches the model."""

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from PIL import Image

from core.images.convert import resize_smaller, to_tensor
from core.images.decode import ImageError
from core.inference.model_store import model_store
from core.inference.styled_model import MAX_WHOLE, StyleCache, StyledModel
from core.inference.stylizer import Cancelled, Stylizer
from core.models.checkpoint import Model
from core.models.encoder import EncoderError, denormalize, normalize
from core.models.losses import mean_std
from core.training import refine as refine_module
from core.training.objective import Objective
from core.training.refine import RefineStep, refine
from core.training.step import StepResult
from tests.conftest import draw, pixels, shipped_encoder

NAMES = ("original-500", "improved-500")
SIDE = 48
Make = Callable[[str], Stylizer]


@pytest.fixture
def make(tiny_model: Callable[[str], Model]) -> Make:
    """name -> a stylizer of an untrained tiny model, with a cache of its own."""

    def build(name: str) -> Stylizer:
        model = tiny_model(name)
        return Stylizer(model, shipped_encoder(model.variant.encoder), cache=StyleCache())

    return build


@pytest.fixture
def painting() -> Image.Image:
    return draw(1000, (80, 64))


# ---- instant ----


@pytest.mark.parametrize("name", NAMES)
def test_results_have_the_exact_size_of_the_photo(
    name: str, make: Make, painting: Image.Image
) -> None:
    styled = make(name).encode_style(painting, SIDE)
    for size in ((16, 16), (17, 31), (64, 200), (333, 250), (MAX_WHOLE, 16), (18, 1025)):
        result = styled(draw(1, size))
        assert result.size == size
        assert result.mode == "RGB"
        assert pixels(result).std() > 1, "a picture, not one colour"


@pytest.mark.parametrize(
    ("size", "said"),
    [
        ((15, 40), "15 x 40"),
        ((40, 15), "40 x 15"),
        ((4097, 16), "4097 x 16"),
        ((16, 5000), "16 x 5000"),
    ],
)
def test_photos_too_small_or_too_large_are_refused(
    make: Make, painting: Image.Image, size: tuple[int, int], said: str
) -> None:
    styled = make("improved-500").encode_style(painting, SIDE)
    with pytest.raises(
        ImageError, match=rf"^The photo has {said} px; each side must have 16 to 4096\.$"
    ):
        styled(Image.new("RGB", size))


@pytest.mark.parametrize("name", NAMES)
def test_instant_is_one_pass_of_the_networks(name: str, make: Make, painting: Image.Image) -> None:
    """Also that ResNeXt's inference in groups and the padding change nothing."""
    ours = make(name)
    assert ours.name == name
    images = torch.stack([to_tensor(draw(i, (60, 40))) for i in range(2)])
    descriptor = ours.descriptor(painting, SIDE).clone()
    with torch.enable_grad():
        net = ours.model.net.requires_grad_(True)
        outputs, _ = net(normalize(images), descriptor)
    wanted = denormalize(outputs.detach()).clamp(0, 1)
    torch.testing.assert_close(
        ours.encode_style(painting, SIDE).apply(images), wanted, rtol=0, atol=2e-4
    )


@pytest.mark.parametrize("name", [*NAMES, "flagship"])
@torch.inference_mode()
def test_networks_take_several_images_at_once(name: str, painting: Image.Image) -> None:
    styled = model_store().stylizer(name, "cpu").encode_style(painting, SIDE)
    images = torch.stack([to_tensor(draw(i, (32, 24))) for i in range(2)])
    together = styled.transform_net(normalize(images), styled.filters)
    wanted = styled.apply(images)
    torch.testing.assert_close(denormalize(together).clamp(0, 1), wanted, rtol=0, atol=1e-3)


def test_the_descriptor_is_of_the_painting_at_the_asked_size(
    make: Make, painting: Image.Image
) -> None:
    ours = make("original-500")
    small, large = (ours.descriptor(painting, side) for side in (32, 64))
    assert small.shape == (1920,)
    wanted = mean_std(ours.encoder(normalize(to_tensor(resize_smaller(painting, 32))[None])))[0]
    torch.testing.assert_close(small, wanted)
    assert (small - large).abs().max() > 0.01
    assert torch.equal(ours.descriptor(painting), ours.descriptor(painting, 256))


@pytest.mark.parametrize("flat", ["painting", "photo"])
def test_a_picture_of_one_colour_gives_numbers(
    make: Make, painting: Image.Image, flat: str
) -> None:
    """Nothing is divided by its deviation, which is nought."""
    plain = Image.new("RGB", (64, 64), "crimson")
    style = make("improved-500").encode_style(plain if flat == "painting" else painting, SIDE)
    photo = plain if flat == "photo" else draw(1, (40, 32))
    painted = style.apply(to_tensor(photo)[None])
    assert painted.isfinite().all()
    assert painted.shape[2:] == (photo.height, photo.width)
    assert flat == "photo" or painted.std() > 0.01


def test_another_encoder_is_refused(tiny_model: Callable[[str], Model]) -> None:
    with pytest.raises(EncoderError, match=r"was trained with vgg19 .* does not work with vgg16"):
        Stylizer(tiny_model("improved-500"), shipped_encoder("vgg16"))


# ---- the cache ----


def test_a_painting_seen_before_is_remembered(
    make: Make, painting: Image.Image, monkeypatch: pytest.MonkeyPatch
) -> None:
    ours = make("improved-500")
    first = ours.encode_style(painting, SIDE)
    monkeypatch.setattr(ours, "descriptor", None)  # what is remembered is not computed
    assert ours.encode_style(painting.copy(), SIDE) is first


def test_another_pixel_size_or_model_is_another_style(make: Make, painting: Image.Image) -> None:
    ours, other = make("improved-500"), make("original-500")
    other.cache = ours.cache
    changed = painting.copy()
    changed.putpixel((3, 3), (1, 2, 3))
    turned = painting.transpose(Image.Transpose.ROTATE_90)
    kept = [ours.encode_style(p, SIDE) for p in (painting, changed, turned)] + [
        ours.encode_style(painting, 32),
        other.encode_style(painting, SIDE),
    ]
    assert len({id(styled) for styled in kept}) == len(ours.cache) == 5


# ---- refined ----


def state(net: torch.nn.Module) -> dict[str, torch.Tensor]:
    return {name: value.clone() for name, value in net.state_dict().items()}


def same(a: dict[str, torch.Tensor], b: dict[str, torch.Tensor]) -> bool:
    return a.keys() == b.keys() and all(torch.equal(a[name], b[name]) for name in a)


@pytest.mark.slow
@pytest.mark.usefixtures("_small_batches")
@pytest.mark.parametrize("name", NAMES)
def test_refining_comes_closer_to_the_style_and_leaves_the_model_alone(
    name: str, make: Make, contents: list[Path], painting: Image.Image
) -> None:
    ours = make(name)
    before, vgg = state(ours.net), state(ours.encoder)
    instant = ours.encode_style(painting, SIDE)
    photo = draw(1, (64, 48))
    shown = instant(photo)
    steps: list[tuple[int, int, StepResult, StyledModel]] = []

    def note(step: RefineStep[StyledModel]) -> None:
        steps.append((step.done, step.batches, step.losses, step.style()))

    refined = refine(ours, painting, contents, 12, SIDE, on_step=note)

    assert same(state(ours.net), before), "the model is shared and must not change"
    assert same(state(ours.encoder), vgg)
    assert not any(p.requires_grad for p in ours.net.parameters())
    assert pixels(instant(photo)).tolist() == pixels(shown).tolist()
    assert refined.refined == 12
    assert refined.transform_net is not ours.net.transform_net
    assert not same(state(refined.transform_net), state(ours.net.transform_net)), (
        "everything is trained"
    )
    assert any(not torch.equal(refined.filters[n], instant.filters[n]) for n in instant.filters)

    objective = Objective(ours.model.variant, ours.encoder)
    target = objective.style(to_tensor(resize_smaller(painting, SIDE))[None]).target

    def style_loss(styled: StyledModel) -> float:
        outputs = normalize(
            styled.apply(torch.stack([to_tensor(draw(i, (48, 48))) for i in range(4)])).clone()
        )
        return float(objective.style_loss(ours.encoder(outputs), target))

    assert style_loss(refined) < 0.8 * style_loss(instant)
    assert [(done, of) for done, of, _, _ in steps] == [(i, 12) for i in range(1, 13)]
    assert steps[-1][2].style_loss < steps[0][2].style_loss
    assert all(not result.skipped for _, _, result, _ in steps)
    seen = [style_loss(step[3]) for step in (steps[0], steps[5], steps[-1])]
    early, late = (state(step[3].transform_net) for step in (steps[0], steps[-1]))
    assert not same(early, late), "each step hands out its own copy"
    assert len(set(seen)) == 3
    assert seen[2] == pytest.approx(style_loss(refined))


@pytest.mark.slow
@pytest.mark.usefixtures("_small_batches")
def test_a_refined_style_is_remembered_by_its_batches_and_contents(
    make: Make, contents: list[Path], painting: Image.Image
) -> None:
    ours = make("improved-500")
    first = refine(ours, painting, contents, 2, SIDE)
    assert refine(ours, painting.copy(), contents, 2, SIDE) is first
    assert ours.encode_style(painting, SIDE) is not first
    assert refine(ours, painting, contents, 1, SIDE) is not first
    assert refine(ours, painting, contents[:4], 2, SIDE) is not first
    assert refine_module.REFINE_BATCHES == 20


@pytest.mark.slow
@pytest.mark.usefixtures("_small_batches")
def test_refining_gives_the_same_style_each_time(
    make: Make, contents: list[Path], painting: Image.Image
) -> None:
    first, second = (refine(make("original-500"), painting, contents, 3, SIDE) for _ in range(2))
    assert same(first.filters, second.filters)


@pytest.mark.usefixtures("_small_batches")
@pytest.mark.parametrize("after", [0, 2])
def test_refining_can_be_cancelled(
    make: Make, contents: list[Path], painting: Image.Image, after: int
) -> None:
    ours = make("improved-500")
    before, steps = state(ours.net), list[RefineStep[StyledModel]]()
    with pytest.raises(Cancelled, match=rf"^Refining was cancelled after {after} of 10 batches\.$"):
        refine(
            ours,
            painting,
            contents,
            10,
            SIDE,
            on_step=steps.append,
            stop=lambda: len(steps) >= after,
        )
    assert len(steps) == after
    assert len(ours.cache) == 0
    assert same(state(ours.net), before)
    assert refine(ours, painting, contents, 1, SIDE).refined == 1


@pytest.mark.usefixtures("_small_batches")
def test_photos_that_cannot_be_refined_on_are_named(
    make: Make, tmp_path: Path, contents: list[Path], painting: Image.Image
) -> None:
    ours = make("improved-500")
    with pytest.raises(ImageError, match=r"^Refining needs at least one photo\.$"):
        refine(ours, painting, [], 2, SIDE)
    broken = tmp_path / "broken.jpg"
    broken.write_bytes(b"no picture")
    with pytest.raises(ImageError, match=r'^"broken\.jpg" '):
        refine(ours, painting, [broken], 2, SIDE)
    assert len(ours.cache) == 0


@pytest.mark.slow
def test_a_model_of_the_reports_width_runs_too(painting: Image.Image) -> None:
    model = model_store().load("improved-500")
    assert model.variant.base == 32
    styled = Stylizer(model, shipped_encoder("vgg19"), cache=StyleCache()).encode_style(painting)
    assert styled(draw(1, (101, 67))).size == (101, 67)
