"""The encoders: which layers are tapped, what comes out, where weights come from, what is refused."""

import urllib.error
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import torch
from PIL import Image
from torch import nn
from torchvision.models import VGG16_Weights
from torchvision.models.vgg import cfgs, make_layers

from core.images.convert import resize_smaller, to_tensor
from core.models.encoder import (
    TAPS,
    Encoder,
    EncoderError,
    denormalize,
    load_encoder,
    normalize,
    weights_hash,
)
from tests.conftest import shipped_encoder

NAMES = ("vgg16", "vgg19")
REPORT_TAPS = {"vgg16": (3, 8, 15, 22), "vgg19": (3, 8, 17, 26)}
CHANNELS = (64, 128, 256, 512)
CONFIG = {"vgg16": "D", "vgg19": "E"}
# Mean activation at the four taps over photographs, as published with the shipped weights.
MEANS = {"vgg16": (0.99, 0.87, 0.79, 0.76), "vgg19": (0.98, 0.87, 0.80, 0.75)}
# Every trained model names these; other weights would make all of them refuse to load.
HASHES = {
    "vgg16": "8590604e4f66cab2b2429af55128662d66b0a577bcfc0a7106503df9618937c0",
    "vgg19": "49836fd895010baad7ae435b43a415fdb329b5c591b5d9a1ef7affd90427331b",
}


def random_state(name: str, seed: int = 0) -> dict[str, torch.Tensor]:
    """torchvision's full feature extractor with its own random initialisation."""
    torch.manual_seed(seed)
    return {
        f"features.{key}": value
        for key, value in make_layers(cfgs[CONFIG[name]]).state_dict().items()
    }


def small_state(name: str) -> dict[str, torch.Tensor]:
    """Weights of the right names and shapes that take next to no space: one number each, repeated."""
    with torch.device("meta"):
        layers = make_layers(cfgs[CONFIG[name]])
    return {
        f"features.{key}": torch.full((1,), 0.01).expand(value.shape)
        for key, value in layers.state_dict().items()
    }


@pytest.mark.parametrize("name", NAMES)
def test_taps_are_the_reports_and_each_is_the_relu_before_a_pool(name: str) -> None:
    assert tuple(TAPS[name].values()) == REPORT_TAPS[name]
    with torch.device("meta"):
        layers = make_layers(cfgs[CONFIG[name]])
    for index in REPORT_TAPS[name]:
        assert isinstance(layers[index], nn.ReLU)
        assert isinstance(layers[index + 1], nn.MaxPool2d)


def test_tap_names() -> None:
    assert tuple(TAPS["vgg16"]) == ("relu1_2", "relu2_2", "relu3_3", "relu4_3")
    assert tuple(TAPS["vgg19"]) == ("relu1_2", "relu2_2", "relu3_4", "relu4_4")


@pytest.mark.parametrize("name", NAMES)
def test_features_by_name_with_their_shapes(name: str) -> None:
    features = shipped_encoder(name)(torch.randn(2, 3, 32, 40))
    assert tuple(features) == tuple(TAPS[name])
    shapes = [tuple(value.shape) for value in features.values()]
    assert shapes == [(2, c, 32 >> i, 40 >> i) for i, c in enumerate(CHANNELS)]


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_features_are_those_of_torchvisions_network(name: str) -> None:
    state = random_state(name)
    layers = make_layers(cfgs[CONFIG[name]])
    layers.load_state_dict({key.removeprefix("features."): value for key, value in state.items()})
    images = torch.randn(1, 3, 32, 32)
    x, wanted = images.clone(), []
    with torch.no_grad():
        for index, layer in enumerate(layers[: REPORT_TAPS[name][-1] + 1]):
            x = layer(x)
            if index in REPORT_TAPS[name]:
                wanted.append(x.clone())
        got = Encoder(name, state)(images)
    torch.testing.assert_close(list(got.values()), wanted, rtol=1e-4, atol=1e-5)


def test_features_before_the_next_layer_are_not_overwritten() -> None:
    """The encoder lets ReLUs work in place; what it hands out must be the same however far it runs on."""
    images = torch.randn(1, 3, 32, 32)
    short, full = shipped_encoder("vgg16")(images, last="relu1_2"), shipped_encoder("vgg16")(images)
    assert torch.equal(short["relu1_2"], full["relu1_2"])


def test_the_images_are_left_alone() -> None:
    images = torch.randn(1, 3, 16, 16)
    before = images.clone()
    shipped_encoder("vgg16")(images)
    assert torch.equal(images, before)


@pytest.mark.parametrize("name", NAMES)
def test_last_stops_early(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    third = tuple(TAPS[name])[2]
    vgg, ran = shipped_encoder(name), []
    layer = Encoder._layer

    def counted(self: Encoder, index: int) -> Callable[[torch.Tensor], torch.Tensor]:
        ran.append(getattr(self.features[index], "out_channels", 0))
        return layer(self, index)

    monkeypatch.setattr(Encoder, "_layer", counted)
    features = vgg(torch.randn(1, 3, 16, 16), last=third)
    assert tuple(features) == tuple(TAPS[name])[:3]
    assert max(ran) == 256, "a layer behind relu3 was computed"


def test_unknown_tap_is_refused() -> None:
    with pytest.raises(
        EncoderError, match=r"vgg16 has no tap named 'relu9_9'; it has relu1_2, .*relu4_3\."
    ):
        shipped_encoder("vgg16")(torch.randn(1, 3, 16, 16), last="relu9_9")


def test_frozen_but_gradients_reach_the_images() -> None:
    vgg = shipped_encoder("vgg16")
    assert not vgg.training
    assert not any(p.requires_grad for p in vgg.parameters())
    images = torch.randn(1, 3, 16, 16, requires_grad=True)
    vgg(images)["relu4_3"].sum().backward()
    assert images.grad is not None
    assert torch.isfinite(images.grad).all()
    assert images.grad.abs().max() > 0


@pytest.mark.parametrize("name", NAMES)
def test_shipped_weights_are_the_ones_the_models_were_trained_with(name: str) -> None:
    assert shipped_encoder(name).source == "oxford"
    assert shipped_encoder(name).hash == HASHES[name]


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_mean_activations_over_photographs(name: str, photos: dict[str, Image.Image]) -> None:
    with torch.inference_mode():
        chosen = [photos[key] for key in ("camera", "chelsea", "coffee")]
        features = [
            shipped_encoder(name)(normalize(to_tensor(resize_smaller(p, 320))[None]))
            for p in chosen
        ]
    means = [sum(f[tap].mean().item() for f in features) / len(features) for tap in TAPS[name]]
    assert means == pytest.approx(MEANS[name], rel=0.25)


def test_hash_is_of_names_shapes_and_values() -> None:
    state = {"a": torch.arange(6.0).reshape(2, 3), "b": torch.ones(2)}
    assert weights_hash(state) == weights_hash(dict(reversed(state.items())))
    assert weights_hash(state) == weights_hash(
        {name: value.half() for name, value in state.items()}
    )
    assert weights_hash(state) != weights_hash(state | {"a": torch.arange(6.0).reshape(3, 2)})
    assert weights_hash(state) != weights_hash({"a": state["a"], "c": state["b"]})
    nudged = state["a"].clone()
    nudged[0, 0] = 1e-7
    assert weights_hash(state) != weights_hash(state | {"a": nudged})


def test_hash_is_that_of_the_stored_weights_whatever_the_encoder_computes_in() -> None:
    vgg = Encoder("vgg16", random_state("vgg16"))
    before = vgg.hash
    vgg.for_compute(torch.bfloat16)
    assert vgg.dtype == torch.bfloat16
    assert vgg.hash == before
    assert vgg(torch.randn(1, 3, 16, 16))["relu1_2"].dtype == torch.bfloat16


def test_normalize_is_imagenets_and_denormalize_undoes_it() -> None:
    grey = torch.tensor([0.485, 0.456, 0.406]).view(1, 3, 1, 1).expand(1, 3, 2, 2)
    assert normalize(grey).abs().max() < 1e-6
    one = normalize(torch.ones(1, 3, 1, 1)).flatten()
    assert one.tolist() == pytest.approx([0.515 / 0.229, 0.544 / 0.224, 0.594 / 0.225])
    images = torch.rand(2, 3, 4, 5) * 1.4 - 0.2
    torch.testing.assert_close(denormalize(normalize(images)), images)


def test_unknown_encoder_and_source_are_refused() -> None:
    for build in (lambda: load_encoder("vgg11"), lambda: Encoder("vgg11", {})):
        with pytest.raises(
            EncoderError, match=r"^There is no encoder named 'vgg11'; choose vgg16 or vgg19\.$"
        ):
            build()
    with pytest.raises(
        EncoderError,
        match=r"source of encoder weights named 'caffe'; choose oxford or torchvision\.$",
    ):
        load_encoder("vgg16", "caffe")


def test_weights_of_another_network_are_refused() -> None:
    state = small_state("vgg16")
    with pytest.raises(EncoderError, match=r"not those of vgg19: features\.\d+\.\w+ is missing"):
        Encoder("vgg19", state)
    with pytest.raises(EncoderError, match="not those of vgg16: a layer has another shape"):
        Encoder("vgg16", state | {"features.0.weight": torch.zeros(8, 3, 3, 3)})


def test_missing_shipped_weights_are_said_to_be(tmp_path: Path) -> None:
    with pytest.raises(
        EncoderError, match="vgg16 is not in checkpoints/encoders; is the repository complete"
    ):
        load_encoder("vgg16", shipped=tmp_path)


# ---- torchvision's weights, from its cache ----


@pytest.fixture
def hub_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Where torchvision looks for VGG16's weights before it downloads them; downloading fails."""

    def no_network(*_: object, **__: object) -> None:
        raise urllib.error.URLError("no network")

    monkeypatch.setattr(torch.hub, "download_url_to_file", no_network)
    before = torch.hub.get_dir()
    torch.hub.set_dir(str(tmp_path))
    path = tmp_path / "checkpoints" / Path(VGG16_Weights.IMAGENET1K_V1.url).name
    path.parent.mkdir()
    yield path
    torch.hub.set_dir(before)


def test_torchvision_weights_come_from_its_cache(hub_file: Path) -> None:
    state = small_state("vgg16")
    torch.save(state, hub_file)
    vgg = load_encoder("vgg16", "torchvision")
    assert vgg.source == "torchvision"
    assert torch.equal(vgg.state_dict()["features.0.weight"], torch.full((64, 3, 3, 3), 0.01))
    assert vgg.hash == Encoder("vgg16", state).hash
    assert vgg.hash != HASHES["vgg16"]
    assert vgg(torch.randn(1, 3, 16, 16))["relu4_3"].shape == (1, 512, 2, 2)


def test_torchvision_weights_that_cannot_be_downloaded(hub_file: Path) -> None:
    with pytest.raises(
        EncoderError, match=r"torchvision's weights for vgg16 could not be loaded: .*no network"
    ):
        load_encoder("vgg16", "torchvision")


@pytest.mark.parametrize("broken", [b"", b"<html>not found</html>", b"PK\x03\x04 cut"])
def test_broken_torchvision_weights_in_the_cache(hub_file: Path, broken: bytes) -> None:
    hub_file.write_bytes(broken)
    with pytest.raises(
        EncoderError, match=r"^torchvision's weights for vgg16 could not be loaded: [^\n]+$"
    ):
        load_encoder("vgg16", "torchvision")
