"""Method 2: a network for one painting learns, is the same each time, and comes back from its file as it was."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from PIL import Image
from safetensors import safe_open
from safetensors.torch import save_file

from core import johnson as johnson_command
from core.baselines import johnson
from core.baselines.adapter import Johnson
from core.baselines.johnson import OBJECTIVE, PerStyleNet, load, save, train
from core.commandline import NO_MEMORY
from core.images.convert import to_tensor
from core.images.decode import ImageError
from core.inference.styled_model import StyledModel
from core.inference.stylizer import Cancelled
from core.johnson import main
from core.models.encoder import normalize
from core.models.weights import WeightsError
from core.training.objective import Objective
from core.training.refine import RefineStep
from core.training.step import StepResult
from gallery.pictures import find_style
from tests.conftest import draw, shipped_encoder
from tests.hungry import GPU_ERROR, LARGE

Train = Callable[..., StyledModel]
Step = tuple[int, int, StepResult, StyledModel]


@pytest.fixture(scope="module")
def painting() -> Image.Image:
    return draw(7, (60, 50))


@pytest.fixture(scope="module")
def learn(painting: Image.Image, contents: list[Path]) -> Train:
    """`train` on drawn pictures: base 4, two crops of 32 px a batch, three iterations unless told otherwise."""

    def start(
        iterations: int = 3, photos: list[Path] = contents, **settings: object
    ) -> StyledModel:
        given = {
            "batch": 2,
            "crop": 32,
            "base": 4,
            "style_side": 48,
            "encoder": shipped_encoder("vgg19"),
            **settings,
        }
        return train(painting, photos, iterations, **given)  # type: ignore[arg-type]

    return start


def values(styled: StyledModel) -> dict[str, torch.Tensor]:
    return {**styled.transform_net.state_dict(), **styled.filters}


def same(a: StyledModel, b: StyledModel) -> bool:
    first, second = values(a), values(b)
    return first.keys() == second.keys() and all(
        torch.equal(first[name], second[name]) for name in first
    )


def noted(steps: list[Step]) -> Callable[..., None]:
    """Takes down each step, with the style as it stood then."""

    def note(step: RefineStep[StyledModel]) -> None:
        steps.append((step.done, step.batches, step.losses, step.style()))

    return note


@pytest.mark.slow
def test_training_comes_closer_to_painting_and_photo(learn: Train, painting: Image.Image) -> None:
    steps: list[Step] = []
    trained = learn(30, on_step=noted(steps))
    assert [(done, of) for done, of, _, _ in steps] == [(i, 30) for i in range(1, 31)]
    assert trained.refined == 30
    assert same(steps[-1][3], trained)
    assert not same(steps[0][3], steps[1][3]), "each step hands out its own copy"

    objective = Objective(OBJECTIVE, shipped_encoder("vgg19"))
    target = objective.style(to_tensor(painting.resize((48, 48)))[None])
    photos = torch.stack([to_tensor(draw(seed, (48, 48))) for seed in (60, 61)])

    def loss(styled: StyledModel) -> float:
        outputs = normalize(styled.apply(photos).clone())
        return sum(
            value.item() for value in objective.gradient(outputs, normalize(photos), target)[1]
        )

    assert loss(trained) < 0.7 * loss(steps[0][3]), "on photos that it was not trained on"


def test_the_first_steps_do_not_ruin_the_network(contents: list[Path]) -> None:
    """At once at the highest rate, style loss is five times as large after four steps."""
    losses: list[float] = []
    with pytest.raises(Cancelled):
        train(
            find_style("hokusai_great_wave").image(),
            contents,
            90,
            batch=1,
            crop=64,
            on_step=lambda step: losses.append(step.losses.style_loss),
            stop=lambda: len(losses) == 12,
        )
    assert max(losses) < 2 * losses[0]


def test_everything_is_trained(learn: Train) -> None:
    steps: list[Step] = []
    learn(on_step=noted(steps))
    first, last = (values(steps[index][3]) for index in (0, -1))
    assert [name for name in first if torch.equal(first[name], last[name])] == []


def test_filters_start_as_those_of_ordinary_convolutions() -> None:
    net = PerStyleNet(base=4)
    sizes = {name: flat.numel() for name, flat in net.filters.items()}
    assert sizes == net.transform_net.generated
    name, flat = next(iter(net.filters.items()))
    limit = (4 * 9) ** -0.5  # 4 channels in, 3 x 3
    assert name == "downsampling.5"
    assert 0.9 * limit < flat.abs().max() <= limit


def test_the_same_order_gives_the_same_network_and_leaves_randomness_alone(learn: Train) -> None:
    before = torch.random.get_rng_state()
    first, again, other = learn(), learn(), learn(seed=1)
    assert same(first, again)
    assert not same(first, other)
    assert torch.equal(torch.random.get_rng_state(), before)


@pytest.mark.parametrize("after", [0, 2])
def test_training_can_be_cancelled(learn: Train, after: int) -> None:
    steps: list[Step] = []
    with pytest.raises(
        Cancelled, match=rf"^Training was cancelled after {after} of 9 iterations\.$"
    ):
        learn(9, on_step=noted(steps), stop=lambda: len(steps) == after)
    assert len(steps) == after


def test_what_cannot_be_trained_on_is_named(learn: Train, tmp_path: Path) -> None:
    with pytest.raises(ImageError, match=r"^Training needs at least one photo\.$"):
        learn(photos=[])
    (tmp_path / "broken.jpg").write_bytes(b"no picture")
    with pytest.raises(ImageError, match=r'^"broken\.jpg" '):
        learn(photos=[tmp_path / "broken.jpg"])
    for wrong in ({"iterations": 0}, {"batch": 0}, {"crop": 8}):
        with pytest.raises(ValueError, match=r"^Training takes at least one iteration"):
            learn(**wrong)


def test_a_painting_is_trained_once_for_the_gallery(
    painting: Image.Image, contents: list[Path], learn: Train, monkeypatch: pytest.MonkeyPatch
) -> None:
    trained_on: list[list[Path]] = []

    def quick(_: Image.Image, photos: list[Path], *__: object, **___: object) -> StyledModel:
        trained_on.append(photos)
        return learn(1)

    monkeypatch.setattr(johnson, "train", quick)
    method = Johnson()
    first = method.refine(painting, contents, 1)
    assert method.refine(painting.copy(), contents, 1) is first
    assert method.refine(painting.rotate(180), contents, 1) is not first
    assert trained_on == [contents, contents]


# ---- files ----


def test_a_network_comes_back_from_its_file_as_it_was(learn: Train, tmp_path: Path) -> None:
    trained = learn()
    save(tmp_path / "wave.safetensors", trained, style="wave.jpg")
    assert [path.name for path in tmp_path.iterdir()] == ["wave.safetensors"], (
        "nothing else is left there"
    )
    loaded = load(tmp_path / "wave.safetensors")
    assert same(loaded, trained)
    assert loaded.refined == 3
    photo = draw(3, (50, 41))
    assert loaded(photo).tobytes() == trained(photo).tobytes()
    with safe_open(tmp_path / "wave.safetensors", "pt") as file:
        info = json.loads(file.metadata()["info"])
    assert info == {"style": "wave.jpg", "iterations": 3}


def test_files_that_are_no_such_network_are_refused_in_a_sentence(
    learn: Train, tmp_path: Path
) -> None:
    good, bad = tmp_path / "good.safetensors", tmp_path / "bad.safetensors"
    save(good, learn(1))
    with safe_open(good, "pt") as file:
        tensors, metadata = {key: file.get_tensor(key) for key in file.keys()}, file.metadata()  # noqa: SIM118

    def problem() -> str:
        with pytest.raises(WeightsError) as caught:
            load(bad)
        return str(caught.value)

    assert problem().startswith('"bad.safetensors" cannot be read: ')
    bad.write_bytes(good.read_bytes()[:-100])
    assert problem().startswith('"bad.safetensors" cannot be read: ')
    save_file(tensors, bad)
    assert problem().startswith('"bad.safetensors" is not a network for one painting')
    narrow = {
        name: value[:-1] if name.startswith("filters.") else value
        for name, value in tensors.items()
    }
    few = {name: value for name, value in tensors.items() if "residuals" not in name}
    for changed in (narrow, few, {"other": torch.zeros(1)}):
        save_file(changed, bad, metadata)
        assert (
            problem()
            == '"bad.safetensors" does not fit this program: its weights have other names or shapes.'
        )


# ---- the command line ----


def test_from_the_command_line(
    painting: Image.Image, contents: list[Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    painting.save(tmp_path / "wave.png")
    net, out = tmp_path / "new" / "wave.safetensors", tmp_path / "out"
    quick = [
        "--iterations",
        "2",
        "--batch",
        "2",
        "--crop",
        "32",
        "--base",
        "4",
        "--style-size",
        "48",
    ]
    folder = str(contents[0].parent)
    assert (
        main(
            ["--style", str(tmp_path / "wave.png"), "--content", folder, "--out", str(net), *quick]
        )
        == 0
    )
    assert f"{net}: content loss " in capsys.readouterr().out
    assert load(net).refined == 2

    broken = tmp_path / "broken.png"
    broken.write_bytes(b"no picture")
    photos = [str(contents[0]), str(broken)]
    assert main(["--use", str(net), "--content", *photos, "--out", str(out)]) == 2
    assert [path.name for path in out.iterdir()] == [f"{contents[0].stem}__wave.png"]
    assert Image.open(next(out.iterdir())).size == Image.open(contents[0]).size
    said = capsys.readouterr()
    assert f"1 painted to {out}, " in said.out
    assert 'skipped: "broken.png"' in said.err


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ("--style TMP/none.png --out TMP/a.safetensors", '"none.png" does not exist'),
        ("--style TMP/none.png --out TMP", "cannot be written: it is a folder."),
        (
            "--style PHOTO --content TMP/empty --out TMP/a.safetensors",
            "There is no picture in the folder",
        ),
        ("--style PHOTO --iterations 0 --out TMP/a.safetensors", "at least one iteration"),
        (
            "--use TMP/none.safetensors --content PHOTO --out TMP/out",
            '"none.safetensors" cannot be read',
        ),
    ],
)
def test_what_cannot_be_done_is_one_sentence(
    arguments: str,
    sentence: str,
    contents: list[Path],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    (tmp_path / "empty").mkdir()
    words = [
        word.replace("TMP", str(tmp_path)).replace("PHOTO", str(contents[0]))
        for word in arguments.split()
    ]
    assert main(words) == 1
    errors = [line for line in capsys.readouterr().err.splitlines() if line.startswith("error: ")]
    assert len(errors) == 1
    assert sentence in errors[0]
    assert not (tmp_path / "a.safetensors").exists()


def test_a_photo_too_large_for_the_memory_is_skipped_and_others_are_painted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fake(photo: Image.Image) -> Image.Image:
        if max(photo.size) >= LARGE:
            raise GPU_ERROR
        return photo

    monkeypatch.setattr(johnson_command, "load", lambda *_: fake)
    draw(1, (40, 32)).save(tmp_path / "small.png")
    draw(2, (LARGE, 32)).save(tmp_path / "large.png")
    photos = [str(tmp_path / name) for name in ("large.png", "small.png")]
    assert main(["--use", "a.b", "--content", *photos, "--out", str(tmp_path / "out")]) == 2
    assert f'skipped: "large.png": {NO_MEMORY}' in capsys.readouterr().err
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["small__a.png"]


def test_photos_of_one_name_all_come_out_and_what_is_not_read_is_named(
    learn: Train, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    save(tmp_path / "wave.safetensors", learn(1))
    photos = tmp_path / "photos"
    photos.mkdir()
    draw(1).save(photos / "0.png")
    draw(2).save(photos / "0.jpg")
    (photos / "1.jxl").write_bytes(b"")
    options = ["--use", str(tmp_path / "wave.safetensors"), "--content", str(photos)]
    assert main([*options, "--out", str(tmp_path / "out")]) == 2
    said = capsys.readouterr()
    assert "2 painted" in said.out
    assert 'skipped: "1.jxl" is a JPEG XL picture' in said.err
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [
        "0-2__wave.png",
        "0__wave.png",
    ]
