"""Trained models on disk: what is kept, what is refused, and in what words."""

import json
import shutil
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest
import safetensors.torch
import torch

from core.models.checkpoint import (
    ROWS_FROM,
    Model,
    load_model,
    pack,
    save_model,
)
from core.models.encoder import STYLE_SIZE, Encoder, EncoderError
from core.models.factored import factorise
from core.models.registry import VARIANTS, Variant, parameter_counts
from core.models.style_net import StyleNet
from core.models.weights import INDEX, SINGLE, WeightsError
from tests.conftest import shipped_encoder, tiny

NAME = "improved-500"
TRAINING = {"style_weight": 5e3, "lr": 1e-3}
POINTER = """version https://git-lfs.github.com/spec/v1
oid sha256:4d7a214614ab2935c943f9e0ff69d22eadbb8f32b1258daaa5e2ca24d17e2393
size 9437184
"""


@pytest.fixture
def folder(tiny_checkpoint: Callable[[str], Path], tmp_path: Path) -> Path:
    """A tiny checkpoint of one's own to damage."""
    return Path(shutil.copytree(tiny_checkpoint(NAME), tmp_path / NAME))


def edit(folder: Path, **changes: Any) -> None:
    info = json.loads((folder / "model.json").read_text(encoding="utf-8"))
    (folder / "model.json").write_text(json.dumps(info | changes), encoding="utf-8")


def test_what_model_json_says(folder: Path) -> None:
    info = json.loads((folder / "model.json").read_text(encoding="utf-8"))
    assert info["variant"] == asdict(tiny(NAME))
    assert info["encoder"] == {
        "name": "vgg19",
        "source": "oxford",
        "hash": shipped_encoder("vgg19").hash,
    }
    assert info["parameters"] == parameter_counts(tiny(NAME).build())
    assert info["weights"]["bytes"] == (folder / SINGLE).stat().st_size
    assert info["training"] == {"style_weight": VARIANTS[NAME].style_weight, "lr": 1e-3}


def test_a_network_saved_whole_comes_back_to_the_last_bit(tmp_path: Path) -> None:
    variant = tiny(NAME)
    net = variant.build()
    save_model(tmp_path / "new", variant, net, shipped_encoder("vgg19"), TRAINING)
    loaded = load_model(tmp_path / "new").net.state_dict()
    assert loaded.keys() == net.state_dict().keys()
    for name, value in net.state_dict().items():
        assert torch.equal(loaded[name], value), name


def test_a_network_in_factors_comes_back_as_it_was(tmp_path: Path) -> None:
    variant = tiny(NAME)
    descriptors = torch.rand(12, STYLE_SIZE)
    net = factorise(style_net(variant), descriptors, rank=5)
    size = save_model(tmp_path / "new", variant, net, shipped_encoder("vgg19"), TRAINING)
    model = load_model(tmp_path / "new")
    assert model.card.format == 2
    assert model.card.parameters == parameter_counts(variant.build())
    assert size < sum(p.nbytes for p in variant.build().parameters()) / 4
    loaded = model.net.state_dict()
    assert loaded.keys() == net.state_dict().keys()
    for name, value in net.state_dict().items():
        if value.ndim > 1 and value.dtype == torch.float32 and value.numel() >= ROWS_FROM:
            step = value.abs().amax(1, keepdim=True) / 127
            assert ((loaded[name] - value).abs() <= step * 0.5001).all(), name
            assert not torch.equal(loaded[name], value), name
        else:
            assert loaded[name].dtype == value.dtype, name
            assert torch.equal(loaded[name], value), name


def test_the_names_in_a_factored_file() -> None:
    net = factorise(style_net(tiny(NAME)), torch.rand(12, STYLE_SIZE), rank=5)
    packed = pack(net)
    parts = ("base", "columns", "scales", "projection", "centre")
    generated = {f"meta_net.{layer}.{part}" for layer in net.meta_net.names for part in parts}
    own = {name for name in net.state_dict() if name.startswith("transform_net.")}
    hidden = {"meta_net.hidden.weight", "meta_net.hidden.weight.scales", "meta_net.hidden.bias"}
    assert packed.keys() == generated | own | hidden
    layer, size = next(iter(net.transform_net.generated.items()))
    assert packed[f"meta_net.{layer}.columns"].shape == (size, 5)
    assert packed[f"meta_net.{layer}.columns"].dtype == torch.int8
    assert packed[f"meta_net.{layer}.base"].dtype == torch.float16
    assert packed["meta_net.hidden.weight"].dtype == torch.int8


def test_a_loaded_model_is_ready_to_use(tiny_model: Callable[[str], Model]) -> None:
    model = tiny_model(NAME)
    assert not model.net.training
    assert not any(p.requires_grad for p in model.net.parameters())
    assert model.encoder().hash == shipped_encoder("vgg19").hash


def test_another_encoder_is_refused_in_one_sentence(tiny_model: Callable[[str], Model]) -> None:
    model = tiny_model(NAME)
    with pytest.raises(EncoderError) as refusal:
        model.check_encoder(shipped_encoder("vgg16"))
    mine, other = shipped_encoder("vgg19").hash[:8], shipped_encoder("vgg16").hash[:8]
    assert str(refusal.value) == (
        f"The model {NAME} was trained with vgg19 (oxford weights, {mine}) "
        f"and does not work with vgg16 (oxford weights, {other})."
    )


def test_the_same_architecture_with_other_weights_is_refused(
    tiny_model: Callable[[str], Model],
) -> None:
    state = {
        f"features.{name}": value * 2
        for name, value in shipped_encoder("vgg19").features.state_dict().items()
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
    sentence = rf"^The weights in {NAME} cannot be read: model\.safetensors is damaged\.$"
    with pytest.raises(WeightsError, match=sentence):
        load_model(folder)


def test_weights_of_another_shape_or_name_are_refused(
    folder: Path, tiny_checkpoint: Callable[[str], Path]
) -> None:
    card = (folder / "model.json").read_bytes()
    shutil.copytree(tiny_checkpoint("original-500"), folder, dirs_exist_ok=True)
    (folder / "model.json").write_bytes(card)
    with pytest.raises(WeightsError, match=f"^The model {NAME} does not fit this program: "):
        load_model(folder)
    (folder / INDEX).unlink()
    safetensors.torch.save_file({"something": torch.ones(3)}, folder / SINGLE)
    with pytest.raises(WeightsError, match=f"^The model {NAME} does not fit this program: "):
        load_model(folder)


def test_a_newer_format_is_refused(folder: Path) -> None:
    edit(folder, format=3)
    with pytest.raises(
        WeightsError, match=rf"^The model {NAME} has format 3; this version reads 1 and 2\.$"
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


@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf")])
@pytest.mark.parametrize("factored", [False, True])
def test_weights_that_are_no_finite_numbers_are_refused(
    value: float, factored: bool, tmp_path: Path
) -> None:
    variant = tiny(NAME)
    net = style_net(variant)
    net = factorise(net, torch.rand(9, STYLE_SIZE), 4) if factored else net
    save_model(tmp_path, variant, net, shipped_encoder("vgg19"), TRAINING)
    tensors = safetensors.torch.load_file(tmp_path / SINGLE)
    layer = f"meta_net.{net.meta_net.names[0]}.scales" if factored else "meta_net.hidden.bias"
    tensors[layer][1] = value
    safetensors.torch.save_file(tensors, tmp_path / SINGLE)
    sentence = rf"^The model {tmp_path.name} is useless: its weights are not all finite numbers\.$"
    with pytest.raises(WeightsError, match=sentence):
        load_model(tmp_path)


def test_a_network_with_weights_that_are_no_finite_numbers_is_not_written(tmp_path: Path) -> None:
    variant = tiny(NAME)
    net = variant.build()
    net.transform_net.upsampling[-1].bias.data[0] = float("nan")  # type: ignore[union-attr, index]
    with pytest.raises(WeightsError, match=r"not all finite numbers\.$"):
        save_model(tmp_path / "new", variant, net, shipped_encoder("vgg19"), TRAINING)
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize("name", [SINGLE, INDEX, "model.json"])
def test_a_git_lfs_pointer_in_place_of_a_file_is_named_as_such(folder: Path, name: str) -> None:
    (folder / name).write_text(POINTER)
    sentence = rf"^The [^\n]* cannot be read: {name} is a Git LFS pointer, not [^\n]* `git lfs pull` [^\n]*\.$"
    with pytest.raises(WeightsError, match=sentence):
        load_model(folder)


def card(folder: Path) -> dict[str, Any]:
    return dict(json.loads((folder / "model.json").read_text(encoding="utf-8")))


def without(folder: Path, part: str, key: str) -> None:
    edit(
        folder, **{part: {name: value for name, value in card(folder)[part].items() if name != key}}
    )


def changed(folder: Path, part: str, **values: Any) -> None:
    edit(folder, **{part: card(folder)[part] | values})


def stored(folder: Path, **changes: torch.Tensor) -> None:
    tensors = safetensors.torch.load_file(folder / SINGLE)
    safetensors.torch.save_file(tensors | changes, folder / SINGLE)


def as_a_folder(folder: Path) -> None:
    (folder / SINGLE).unlink()
    (folder / SINGLE).mkdir()


def style_net(variant: Variant) -> StyleNet:
    net = variant.build()
    assert isinstance(net, StyleNet)
    return net


BROKEN: dict[str, Callable[[Path], object]] = {
    "no weights": lambda folder: (folder / SINGLE).unlink(),
    "weights are a folder": as_a_folder,
    "empty weights": lambda folder: (folder / SINGLE).write_bytes(b""),
    "weights of zeros": lambda folder: (folder / SINGLE).write_bytes(bytes(4096)),
    "a long header": lambda folder: (folder / SINGLE).write_bytes(b"\xff" * 8 + b"{}"),
    "an index of nothing": lambda folder: (folder / INDEX).write_text('{"weight_map": {}}'),
    "an index of a missing shard": lambda folder: (folder / INDEX).write_text(
        '{"weight_map": {"a": "b"}}'
    ),
    "an index out of the folder": lambda folder: (folder / INDEX).write_text(
        '{"weight_map": {"a": "../model.safetensors"}}'
    ),
    "an index of no text": lambda folder: (folder / INDEX).write_text(
        r'{"weight_map": {"a": "\ud800.safetensors"}}'
    ),
    "an index of numbers": lambda folder: (folder / INDEX).write_text('{"weight_map": {"a": 1}}'),
    "an index that is a list": lambda folder: (folder / INDEX).write_text("[]"),
    "an index too deep": lambda folder: (folder / INDEX).write_text("[" * 100_000),
    "a tensor of integers": lambda folder: stored(
        folder, **{"meta_net.hidden.bias": torch.ones(768, dtype=torch.int64)}
    ),
    "a tensor too many": lambda folder: stored(folder, more=torch.ones(2)),
    "a scale of another length": lambda folder: stored(
        folder, **{"meta_net.hidden.weight.scale": torch.ones(3)}
    ),
    "an index beyond its levels": lambda folder: stored(
        folder,
        **{
            "meta_net.hidden.bias": torch.full((768,), 9, dtype=torch.uint8),
            "meta_net.hidden.bias.levels": torch.ones(2),
        },
    ),
    "a card too deep": lambda folder: (folder / "model.json").write_text("[" * 100_000),
    "a card of another type": lambda folder: edit(folder, format="one"),
    "factors that are not there": lambda folder: edit(folder, format=2),
    "no training": lambda folder: edit(folder, training=None),
    "no learning rate": lambda folder: without(folder, "training", "lr"),
    "a style weight in words": lambda folder: changed(folder, "training", style_weight="much"),
    "a style weight that is no number": lambda folder: changed(
        folder, "training", style_weight=float("nan")
    ),
    "no encoder hash": lambda folder: without(folder, "encoder", "hash"),
    "an unknown encoder": lambda folder: changed(folder, "encoder", name="vgg11"),
    "no base": lambda folder: without(folder, "variant", "base"),
    "a base below 1": lambda folder: changed(folder, "variant", base=0),
    "a base of a million": lambda folder: changed(folder, "variant", base=10**6),
    "a base in words": lambda folder: changed(folder, "variant", base="8"),
    "an unknown loss": lambda folder: changed(folder, "variant", style_loss="l1"),
    "a hash of something else": lambda folder: changed(folder, "weights", hash="0" * 64),
    "weights without a hash": lambda folder: edit(folder, weights=[]),
}


@pytest.mark.parametrize("how", BROKEN)
def test_every_broken_folder_is_refused_in_one_sentence_of_our_own(folder: Path, how: str) -> None:
    BROKEN[how](folder)
    with pytest.raises(WeightsError) as refusal:
        load_model(folder)
    sentence = str(refusal.value)
    assert sentence.startswith("The ") and sentence.endswith(".")
    assert NAME in sentence
    assert len(sentence) < 200
    library = (
        "Error",
        "Traceback",
        "safetensors.",
        "size mismatch",
        "pydantic",
        "Errno",
        "\n",
        "invalid",
    )
    assert not [word for word in library if word in sentence.replace(SINGLE, "").replace(INDEX, "")]
