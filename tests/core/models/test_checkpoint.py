"""Trained models on disk: what is kept, what is refused, and in what words."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import safetensors.torch
import torch

from core.models import checkpoint
from core.models.checkpoint import Model, available_models, load_model, pack, save_model
from core.models.encoder import Encoder, EncoderError
from core.models.registry import VARIANTS, Variant
from core.models.style_net import StyleNet
from core.models.weights import SINGLE, WeightsError

GetEncoder = Callable[[str], Encoder]
NAME = "improved-500"


@pytest.fixture
def folder(tiny_checkpoint: Callable[[str], Path], tmp_path: Path) -> Path:
    """A tiny checkpoint of one's own to damage."""
    return Path(shutil.copytree(tiny_checkpoint(NAME), tmp_path / NAME))


def edit(folder: Path, **changes: Any) -> None:
    info = json.loads((folder / "model.json").read_text(encoding="utf-8"))
    (folder / "model.json").write_text(json.dumps(info | changes), encoding="utf-8")


def test_what_model_json_says(
    folder: Path, encoder: GetEncoder, tiny_variant: Callable[[str], Variant]
) -> None:
    info = json.loads((folder / "model.json").read_text(encoding="utf-8"))
    assert info["variant"] == tiny_variant(NAME).to_json()
    assert info["encoder"] == {"name": "vgg19", "source": "oxford", "hash": encoder("vgg19").hash}
    assert info["parameters"] == tiny_variant(NAME).build().counts()
    assert info["weights"]["bytes"] == (folder / SINGLE).stat().st_size
    assert info["training"] == {"style_weight": VARIANTS[NAME].style_weight, "lr": 1e-3}


def test_only_the_meta_nets_large_matrices_are_packed() -> None:
    packed = pack(StyleNet(8, "resnext").state_dict())
    rows = {name for name, value in packed.items() if value.dtype == torch.uint8}
    assert "meta_net.hidden.weight" in rows
    assert "transform_net.residuals.4.weight" not in rows
    assert packed["transform_net.residuals.4.weight"].numel() >= checkpoint.ROWS_FROM
    assert all(
        name.startswith("meta_net.") and 4 * packed[name].numel() >= 3 * checkpoint.ROWS_FROM
        for name in rows
    )
    assert {f"{name}.scale" for name in rows} == {
        name for name in packed if name.endswith(".scale")
    }


def test_round_trip_is_exact_but_for_packed_rows(
    tmp_path: Path, encoder: GetEncoder, tiny_variant: Callable[[str], Variant]
) -> None:
    variant = tiny_variant(NAME)
    net = variant.build()
    size = save_model(tmp_path / "new", variant, net, encoder("vgg19"), {})
    model = load_model(tmp_path / "new")
    assert size < sum(p.nbytes for p in net.parameters()) / 4
    for name, value in net.state_dict().items():
        loaded = model.net.state_dict()[name]
        if name == "meta_net.hidden.weight":
            step = value.abs().amax(1, keepdim=True) / 31
            assert ((loaded - value).abs() <= step * 0.5001).all()
            assert not torch.equal(loaded, value)
        elif value.ndim < 2 or value.numel() < checkpoint.ROWS_FROM:
            assert torch.equal(loaded, value), name


def test_a_loaded_model_is_ready_to_use(
    tiny_model: Callable[[str], Model], encoder: GetEncoder
) -> None:
    model = tiny_model(NAME)
    assert not model.net.training
    assert not any(p.requires_grad for p in model.net.parameters())
    assert model.encoder().hash == encoder("vgg19").hash


def test_another_encoder_is_refused_in_one_sentence(
    tiny_model: Callable[[str], Model], encoder: GetEncoder
) -> None:
    model = tiny_model(NAME)
    with pytest.raises(EncoderError) as refusal:
        model.check_encoder(encoder("vgg16"))
    mine, other = encoder("vgg19").hash[:8], encoder("vgg16").hash[:8]
    assert str(refusal.value) == (
        f"The model {NAME} was trained with vgg19 (oxford weights, {mine}) "
        f"and does not work with vgg16 (oxford weights, {other})."
    )


def test_the_same_architecture_with_other_weights_is_refused(
    tiny_model: Callable[[str], Model], encoder: GetEncoder
) -> None:
    state = {
        f"features.{name}": value * 2
        for name, value in encoder("vgg19").features.state_dict().items()
    }
    with pytest.raises(EncoderError, match=r"does not work with vgg19 \(torchvision weights"):
        tiny_model(NAME).check_encoder(Encoder("vgg19", state, "torchvision"))


def test_a_model_of_an_encoder_that_changed_is_refused_when_it_loads_its_own(folder: Path) -> None:
    edit(folder, encoder={"name": "vgg19", "source": "oxford", "hash": "0" * 64})
    with pytest.raises(EncoderError, match=r"trained with vgg19 \(oxford weights, 00000000\)"):
        load_model(folder).encoder()


def test_tampered_weights_are_refused(folder: Path) -> None:
    whole = bytearray((folder / SINGLE).read_bytes())
    whole[len(whole) // 2] ^= 1
    (folder / SINGLE).write_bytes(whole)
    with pytest.raises(
        WeightsError, match=rf"^The weights of {NAME} are not those its model\.json describes\.$"
    ):
        load_model(folder)


def test_a_truncated_file_is_refused(folder: Path) -> None:
    whole = (folder / SINGLE).read_bytes()
    (folder / SINGLE).write_bytes(whole[: len(whole) // 2])
    with pytest.raises(WeightsError, match=rf"^The weights in {NAME} cannot be read: "):
        load_model(folder)


def test_weights_of_another_shape_or_name_are_refused(
    folder: Path, tiny_checkpoint: Callable[[str], Path]
) -> None:
    shutil.copy(tiny_checkpoint("original-500") / SINGLE, folder / SINGLE)
    with pytest.raises(WeightsError, match=f"^The model {NAME} does not fit this program: "):
        load_model(folder)
    safetensors.torch.save_file({"something": torch.ones(3)}, folder / SINGLE)
    with pytest.raises(WeightsError, match=f"^The model {NAME} does not fit this program: "):
        load_model(folder)


def test_a_newer_format_is_refused(folder: Path) -> None:
    edit(folder, format=2)
    with pytest.raises(
        WeightsError, match=rf"^The model {NAME} has format 2; this version reads 1\.$"
    ):
        load_model(folder)


@pytest.mark.parametrize(
    "content",
    [b"", b"{", b"[]", b"{}", b'{"format": 1}', b"\xff\xfe", b'{"format": 1, "variant": 3}'],
)
def test_a_broken_model_json_is_refused(folder: Path, content: bytes) -> None:
    (folder / "model.json").write_bytes(content)
    with pytest.raises(WeightsError, match=f"^The model {NAME} does not fit this program: "):
        load_model(folder)


def test_a_block_that_this_program_does_not_know_is_refused(folder: Path) -> None:
    variant = json.loads((folder / "model.json").read_text(encoding="utf-8"))["variant"]
    edit(folder, variant=variant | {"block": "densenet"})
    with pytest.raises(
        WeightsError, match=f"^The model {NAME} does not fit this program: .*densenet"
    ):
        load_model(folder)


def test_missing_models_name_those_that_are_there(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checkpoint, "CHECKPOINTS", folder.parent)
    with pytest.raises(
        WeightsError, match=rf"^There is no trained model named best; shipped are: {NAME}\.$"
    ):
        load_model("best")
    monkeypatch.setattr(checkpoint, "CHECKPOINTS", folder.parent / "empty")
    with pytest.raises(WeightsError, match=r"shipped are: none yet\.$"):
        load_model("best")


def test_models_by_name_in_the_registrys_order(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checkpoint, "CHECKPOINTS", folder.parent)
    assert load_model(NAME).variant.name == NAME
    for name in ("aardvark", "ablation-mse", "original-500"):
        shutil.copytree(folder, folder.parent / name)
    (folder.parent / "encoders").mkdir()
    assert available_models() == ["original-500", NAME, "ablation-mse", "aardvark"]
