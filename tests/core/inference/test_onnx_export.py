"""A style taken away: the ONNX file gives PyTorch's picture at any size, the safetensors file the same network again."""

import dataclasses
import json
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
import safetensors.torch
import torch
from PIL import Image

from core.export import main
from core.images.convert import to_tensor
from core.inference import onnx_export as module
from core.inference.onnx_export import Exported, ExportError, export, load_baked
from core.inference.styled_model import StyleCache, StyledModel
from core.inference.stylizer import Stylizer, picture_hash
from core.models.checkpoint import Model, load_model, save_model
from core.models.registry import FLAGSHIP
from core.models.weights import WeightsError
from tests.conftest import draw, shipped_encoder

NETWORKS = (
    "original-500",
    "improved-500",
    "flagship",
)  # five ResidualBlocks, one ResNeXtBlock, the flagship's
SIDE = 48
Make = Callable[[str], Stylizer]


@pytest.fixture(scope="module")
def flagship(tmp_path_factory: pytest.TempPathFactory) -> Model:
    """An untrained flagship of base 4."""
    torch.manual_seed(0)
    variant = dataclasses.replace(FLAGSHIP, base=4)
    folder = tmp_path_factory.mktemp("checkpoints") / "flagship"
    save_model(
        folder,
        variant,
        variant.build(),
        shipped_encoder(variant.encoder),
        {"style_weight": 8.0, "lr": 1e-3},
    )
    return load_model(folder)


@pytest.fixture
def make(flagship: Model, tiny_model: Callable[[str], Model]) -> Make:
    """name -> a stylizer of an untrained tiny model."""

    def build(name: str) -> Stylizer:
        model = flagship if name == "flagship" else tiny_model(name)
        return Stylizer(model, shipped_encoder(model.variant.encoder), cache=StyleCache())

    return build


@pytest.fixture
def painting() -> Image.Image:
    return draw(1000, (80, 64))


def exported(
    stylizer: Stylizer, painting: Image.Image, folder: Path
) -> tuple[StyledModel, Exported]:
    styled = stylizer.encode_style(painting, SIDE)
    return styled, export(stylizer, styled, painting, "painting.jpg", folder, SIDE)


@pytest.mark.parametrize("name", NETWORKS)
def test_the_onnx_file_gives_pytorchs_picture_at_any_size(
    name: str, make: Make, painting: Image.Image, tmp_path: Path
) -> None:
    styled, done = exported(make(name), painting, tmp_path)
    assert done.difference is not None and done.difference < 1e-4
    session = onnxruntime.InferenceSession(done.onnx)
    for size in ((16, 16), (17, 18), (75, 130), (96, 61)):
        pixels = to_tensor(draw(1, size))[None]
        (stylized,) = session.run(["stylized"], {"image": pixels.numpy()})
        wanted = styled.apply(pixels).numpy()
        assert stylized.shape == wanted.shape and stylized.dtype == np.float32
        assert wanted.std() > 0.02, "a picture, not one colour"
        assert np.abs(stylized - wanted).max() < 1 / 255


def test_values_are_clamped(make: Make, painting: Image.Image, tmp_path: Path) -> None:
    stylizer = make("flagship")
    styled = stylizer.encode_style(painting, SIDE)
    loud = dataclasses.replace(
        styled, filters=styled.filters | {"offset": torch.tensor([30.0, -30, 0])}
    )
    done = export(stylizer, loud, painting, "painting.jpg", tmp_path)
    pixels = to_tensor(draw(1, (20, 30)))[None].numpy()
    (stylized,) = onnxruntime.InferenceSession(done.onnx).run(None, {"image": pixels})
    assert stylized[0, 0].min() == 1 and stylized[0, 1].max() == 0


@pytest.mark.parametrize("name", NETWORKS)
def test_the_safetensors_file_is_the_same_style_again(
    name: str, make: Make, painting: Image.Image, tmp_path: Path
) -> None:
    styled, done = exported(make(name), painting, tmp_path)
    again, photo = load_baked(done.weights), draw(1, (61, 50))
    assert again(photo).tobytes() == styled(photo).tobytes()
    assert again.refined == 0


def test_a_refined_style_is_baked_with_its_own_network(
    make: Make, painting: Image.Image, tmp_path: Path
) -> None:
    stylizer = make("original-500")
    own = stylizer.model.variant.build().transform_net
    refined = StyledModel(own, stylizer.encode_style(painting, SIDE).filters, refined=7)
    done = export(stylizer, refined, painting, "painting.jpg", tmp_path, SIDE)
    again = load_baked(done.weights)
    assert again.refined == 7
    assert torch.equal(
        again.transform_net.state_dict()["downsampling.1.weight"],
        own.state_dict()["downsampling.1.weight"],
    )


def test_both_files_say_what_they_are(make: Make, painting: Image.Image, tmp_path: Path) -> None:
    _, done = exported(make("improved-500"), painting, tmp_path)
    assert [path.name for path in (done.onnx, done.weights)] == [
        "painting__improved-500.onnx",
        "painting__improved-500.safetensors",
    ]
    graph = onnx.load(done.onnx)
    about = {entry.key: entry.value for entry in graph.metadata_props}
    assert about["model"] == "improved-500" and about["painting"] == "painting.jpg"
    assert about["painting_sha256"] == picture_hash(painting)
    assert about["style_size"] == str(SIDE) and about["refined"] == "0"
    assert "research" in about["terms"]
    with safetensors.safe_open(done.weights, "pt") as file:
        assert json.loads(file.metadata()["metastyle"]) == about
    ends = [(end.name, [d.dim_param or d.dim_value for d in end.type.tensor_type.shape.dim])
            for end in (*graph.graph.input, *graph.graph.output)]  # fmt: skip
    assert ends == [("image", [1, 3, "height", "width"]), ("stylized", [1, 3, "height", "width"])]


# ---- what cannot be written or read ----


def test_nothing_is_written_where_onnx_runtime_disagrees(
    make: Make, painting: Image.Image, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stylizer = make("original-500")
    styled = stylizer.encode_style(painting, SIDE)
    other = stylizer.encode_style(painting.rotate(90), SIDE)
    wrong = module.to_onnx(other, {})
    assert module.onnx_difference(wrong, styled) > 1 / 255  # type: ignore[operator]
    monkeypatch.setattr(module, "to_onnx", lambda *_: wrong)
    with pytest.raises(
        ExportError, match=r"^Nothing was written: the ONNX file differs from PyTorch by .* of 255"
    ):
        export(stylizer, styled, painting, "painting.jpg", tmp_path / "baked")
    assert not (tmp_path / "baked").exists()


def test_without_onnx_runtime_the_files_are_written_but_not_compared(
    make: Make, painting: Image.Image, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    _, done = exported(make("original-500"), painting, tmp_path)
    assert done.difference is None and done.onnx.is_file()


def test_files_that_hold_no_baked_style_are_refused(
    make: Make, painting: Image.Image, tmp_path: Path
) -> None:
    _, done = exported(make("original-500"), painting, tmp_path)
    data = done.weights.read_bytes()
    tensors = safetensors.torch.load(data)
    with safetensors.safe_open(done.weights, "pt") as file:
        about = json.loads(file.metadata()["metastyle"])

    def saved(change: dict[str, str], **more: torch.Tensor) -> bytes:
        return safetensors.torch.save(tensors | more, {"metastyle": json.dumps(about | change)})

    cases = {
        "cut.safetensors": (data[:-100], "is not a baked style, or is damaged"),
        "text.safetensors": (b"hello", "is not a baked style, or is damaged"),
        "plain.safetensors": (
            safetensors.torch.save(tensors),
            "is not a baked style, or is damaged",
        ),
        # At once: of networks as wide as that nothing is made.
        "wide.safetensors": (saved({"base": "20000"}), "is not a baked style, or is damaged"),
        "other.safetensors": (saved({"block": "resnext"}), "is not a baked style, or is damaged"),
        "more.safetensors": (
            saved({}, **{"filters.x": torch.zeros(3)}),
            "is not a baked style, or is damaged",
        ),
        "newer.safetensors": (saved({"format": "2"}), "has format 2; this version reads 1"),
    }
    for name, (content, said) in cases.items():
        (tmp_path / name).write_bytes(content)
        with pytest.raises(WeightsError, match=rf'^"{name}" {said}\.$'):
            load_baked(tmp_path / name)
    with pytest.raises(WeightsError, match=r'^"none\.safetensors" does not exist\.$'):
        load_baked(tmp_path / "none.safetensors")


# ---- the command line ----


def test_the_command_line(
    tiny_checkpoint: Callable[[str], Path],
    painting: Image.Image,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    painting.save(tmp_path / "tower.png")
    given = [
        "--model",
        str(tiny_checkpoint("original-500")),
        "--style",
        str(tmp_path / "tower.png"),
    ]
    assert main([*given, "--out", str(tmp_path / "baked"), "--style-size", "32"]) == 0
    files = sorted(path.name for path in (tmp_path / "baked").iterdir())
    assert files == ["tower__original-500.onnx", "tower__original-500.safetensors"]
    assert "ONNX Runtime and PyTorch differ by at most 0.0" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (["--style", "none.jpg"], '"none.jpg" does not exist'),
        (["--model", "none"], "There is no trained model named none"),
    ],
)
def test_the_command_line_answers_mistakes_with_one_sentence(
    given: list[str],
    said: str,
    painting: Image.Image,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    painting.save(tmp_path / "tower.png")
    assert (
        main(["--style", str(tmp_path / "tower.png"), *given, "--out", str(tmp_path / "baked")])
        == 1
    )
    errors = capsys.readouterr().err
    assert errors.startswith(f"error: {said}") and errors.count("\n") == 1
    assert not (tmp_path / "baked").exists()
