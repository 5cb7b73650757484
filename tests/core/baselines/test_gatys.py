"""Method 1: the loss is the improved model's, it falls, and the picture that is handed out is the one that was measured."""

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from PIL import Image

from core import gatys as gatys_command
from core.baselines.gatys import SETTINGS, PixelLoss, State, Weights, optimise
from core.gatys import main
from core.images.convert import resize_smaller, to_tensor
from core.images.decode import ImageError
from core.inference.stylizer import Cancelled
from core.models.encoder import Encoder, EncoderError, normalize
from core.models.registry import PER_STYLE_WEIGHT, VARIANTS
from core.training.objective import Objective
from tests.conftest import draw, shipped_encoder

SIDE = 32  # px, of the painting


@pytest.fixture(scope="module")
def vgg() -> Encoder:
    return shipped_encoder("vgg19")


@pytest.fixture(scope="module")
def photo() -> Image.Image:
    return draw(1, (40, 30))


@pytest.fixture(scope="module")
def painting() -> Image.Image:
    return draw(7, (50, 40))


Optimise = Callable[..., State]


@pytest.fixture(scope="module")
def run(photo: Image.Image, painting: Image.Image, vgg: Encoder) -> Optimise:
    """`optimise` with a small photo and painting, in float32, 12 steps unless told otherwise."""

    def start(**settings: object) -> State:
        given = {
            "steps": 12,
            "style_side": SIDE,
            "encoder": vgg,
            "dtype": torch.float32,
            **settings,
        }
        return optimise(photo, painting, **given)  # type: ignore[arg-type]

    return start


def pixels(image: Image.Image) -> torch.Tensor:
    return to_tensor(image)[None]


def test_the_loss_is_the_one_that_the_improved_model_is_trained_on(
    photo: Image.Image, painting: Image.Image, vgg: Encoder
) -> None:
    output, read = pixels(draw(2, photo.size)), pixels(resize_smaller(painting, SIDE))
    objective = Objective(VARIANTS["improved-500"], vgg, PER_STYLE_WEIGHT)
    wanted = objective.gradient(normalize(output), normalize(pixels(photo)), objective.style(read))[
        1
    ]
    torch.testing.assert_close(PixelLoss(pixels(photo), read, vgg)(output), torch.stack(wanted))


def test_each_step_shows_a_picture_no_worse_than_the_one_before(
    run: Optimise, photo: Image.Image
) -> None:
    seen: list[State] = []
    final = run(on_step=seen.append)
    assert [(state.done, state.steps) for state in seen] == [(step, 12) for step in range(1, 13)]
    losses = [state.loss for state in seen]
    assert losses == sorted(losses, reverse=True)
    assert losses[-1] < 0.5 * losses[0], "the first step's is the photo's own"
    assert seen[0].image.tobytes() == photo.tobytes(), "it starts from the photo"
    assert seen[-1].image.tobytes() == final.image.tobytes()
    assert final.image.size == photo.size


def test_the_losses_are_those_of_the_finished_picture(
    run: Optimise, photo: Image.Image, painting: Image.Image, vgg: Encoder
) -> None:
    final = run(steps=4)
    measured = PixelLoss(pixels(photo), pixels(resize_smaller(painting, SIDE)), vgg)(
        pixels(final.image)
    )
    assert [final.content_loss, final.style_loss, final.tv_loss] == pytest.approx(measured.tolist())
    assert final.loss == pytest.approx(measured.sum().item())


@pytest.mark.slow
def test_it_comes_lower_than_an_optimiser_without_bounds(
    photo: Image.Image, painting: Image.Image, vgg: Encoder
) -> None:
    """The same number of evaluations with torch's L-BFGS, whose picture must be cut off at black and white."""
    garish = painting.point(lambda value: 255 * (value > 128))
    loss = PixelLoss(pixels(photo), pixels(resize_smaller(garish, SIDE)), vgg)
    free = pixels(photo).requires_grad_()
    optimizer = torch.optim.LBFGS([free], max_iter=1)

    def evaluate() -> torch.Tensor:
        optimizer.zero_grad()
        total = loss(free).sum()
        total.backward()  # type: ignore[no-untyped-call]
        return total

    for _ in range(20):
        optimizer.step(evaluate)  # type: ignore[arg-type]
    ours = optimise(photo, garish, steps=20, style_side=SIDE, encoder=vgg, dtype=torch.float32)
    assert ours.loss < 0.8 * loss(free.detach().clamp(0, 1)).sum().item()


@pytest.mark.slow
def test_bfloat16_reaches_nearly_the_same_loss(run: Optimise) -> None:
    assert run(dtype=torch.bfloat16).loss == pytest.approx(run().loss, rel=0.03)


def test_the_same_order_gives_the_same_picture(run: Optimise) -> None:
    assert run(steps=6).image.tobytes() == run(steps=6).image.tobytes()


@pytest.mark.slow
def test_from_noise_another_seed_is_another_picture(run: Optimise) -> None:
    first, again, other = (run(steps=8, init="noise", seed=seed) for seed in (0, 0, 1))
    assert first.image.tobytes() == again.image.tobytes() != other.image.tobytes()
    assert first.loss < 0.6 * run(steps=1, init="noise").loss


def test_without_style_the_photo_stays(run: Optimise, photo: Image.Image) -> None:
    final = run(weights=Weights(style=0, tv=0))
    assert final.image.tobytes() == photo.tobytes()
    assert final.loss == 0
    assert final.done < final.steps, "there is nothing to gain"


def test_other_taps_can_be_chosen(
    run: Optimise, photo: Image.Image, painting: Image.Image, vgg: Encoder
) -> None:
    output, read = pixels(draw(2, photo.size)), pixels(resize_smaller(painting, SIDE))
    all_taps = PixelLoss(pixels(photo), read, vgg)(output)[1]
    parts = [
        PixelLoss(pixels(photo), read, vgg, Weights(style_taps=(tap,)))(output)[1]
        for tap in vgg.tap_names
    ]
    torch.testing.assert_close(torch.stack(parts).sum(), all_taps)
    shallow = Weights(content_tap="relu1_2", style_taps=("relu2_2",))
    with torch.no_grad():
        ours, theirs = (
            vgg(normalize(pixels(image)))["relu1_2"] for image in (photo, draw(2, photo.size))
        )
    found = PixelLoss(pixels(photo), read, vgg, shallow)(output)[0]
    torch.testing.assert_close(found, (ours - theirs).square().mean())
    with pytest.raises(EncoderError, match=r"^vgg19 has no tap named 'relu9_9'"):
        run(weights=Weights(style_taps=("relu9_9",)))


@pytest.mark.parametrize("after", [0, 3])
def test_it_can_be_cancelled(run: Optimise, after: int) -> None:
    seen: list[State] = []
    with pytest.raises(Cancelled, match=rf"^Optimising was cancelled after {after} of 12 steps\.$"):
        run(on_step=seen.append, stop=lambda: len(seen) == after)
    assert len(seen) == after


@pytest.mark.parametrize(
    "weights", [{"style": -1.0}, {"content": float("nan")}, {"tv": float("inf")}]
)
def test_weights_must_be_finite_and_not_negative(weights: dict[str, float]) -> None:
    with pytest.raises(
        ValueError, match=rf"^The {next(iter(weights))} weight must be 0 or more, not "
    ):
        Weights(**weights)  # type: ignore[arg-type]


def test_what_cannot_be_optimised_is_refused_in_a_sentence(
    run: Optimise, painting: Image.Image, vgg: Encoder
) -> None:
    for size in ((1025, 40), (40, 15)):
        with pytest.raises(
            ImageError,
            match=rf"^The photo has {size[0]} x {size[1]} px; .* must have 16 to 1024\.$",
        ):
            optimise(Image.new("RGB", size), painting, encoder=vgg)
    with pytest.raises(ValueError, match=r"^Optimising takes at least one step, not 0\.$"):
        run(steps=0)
    with pytest.raises(
        ValueError, match=r"^A picture cannot start from 'chaos'; choose content or noise\.$"
    ):
        run(init="chaos")


def test_flat_pictures_are_legal(vgg: Encoder) -> None:
    flat = Image.new("RGB", (32, 32), "crimson")
    navy = Image.new("RGB", (32, 32), "navy")
    assert optimise(flat, navy, steps=4, style_side=32, encoder=vgg).image.size == (32, 32)


def test_the_settings_for_the_record_are_the_ones_in_force(
    photo: Image.Image, painting: Image.Image
) -> None:
    seen: list[State] = []

    def stop() -> bool:
        return bool(seen)

    with pytest.raises(Cancelled, match=f"of {SETTINGS['steps']} steps"):
        optimise(photo, painting, on_step=seen.append, stop=stop)
    assert SETTINGS["style"] == PER_STYLE_WEIGHT


# ---- the command line ----


@pytest.fixture
def files(tmp_path: Path, photo: Image.Image, painting: Image.Image) -> list[str]:
    for name, image in (("photo", photo), ("painting", painting)):
        image.save(tmp_path / f"{name}.png")
    return f"--content {tmp_path / 'photo.png'} --style {tmp_path / 'painting.png'} --style-size {SIDE}".split()


def test_from_the_command_line(
    files: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "new" / "out.png"
    assert main([*files, "--out", str(out), "--steps", "5", "--size", "32"]) == 0
    assert Image.open(out).size == (32, 24)
    assert "after 5 steps (content " in capsys.readouterr().out


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (["--content", "NOTHING"], '"nothing.png" does not exist'),
        (["--out", "FOLDER"], "cannot be written: it is a folder."),
        (["--steps", "0"], "at least one step"),
        (["--style-taps", "relu5_1"], "vgg19 has no tap named 'relu5_1'"),
        (["--style-weight", "-3"], "The style weight must be 0 or more, not -3.0."),
        (["--size", "2000"], "each side must have 16 to 1024"),
    ],
)
def test_what_cannot_be_done_is_one_sentence(
    change: list[str],
    sentence: str,
    files: list[str],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    places = {"NOTHING": str(tmp_path / "nothing.png"), "FOLDER": str(tmp_path)}
    out = tmp_path / "out.png"
    arguments = [
        *files,
        "--out",
        str(out),
        "--steps",
        "2",
        *(places.get(word, word) for word in change),
    ]
    assert main(arguments) == 1
    errors = [line for line in capsys.readouterr().err.splitlines() if line.startswith("error: ")]
    assert len(errors) == 1
    assert sentence in errors[0]
    assert not out.exists()


def test_interrupted_the_picture_so_far_is_kept(
    files: list[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    class Bar(gatys_command.tqdm):  # type: ignore[misc]
        def update(self, n: float = 1) -> None:
            super().update(n)
            if self.n == 3:
                raise KeyboardInterrupt

    monkeypatch.setattr(gatys_command, "tqdm", Bar)
    assert main([*files, "--out", str(tmp_path / "out.png"), "--steps", "9"]) == 130
    assert "Stopped after 3 of 9 steps; the picture so far is in " in capsys.readouterr().err
    assert Image.open(tmp_path / "out.png").size == (40, 30), "the photo's own"
