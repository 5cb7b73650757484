"""The encoder in 8-bit integers against the one in float32."""

import pytest
import torch

from core.images.convert import resize_smaller, to_tensor
from core.inference.model_store import model_store
from core.inference.styled_model import StyleCache, StyledModel
from core.inference.stylizer import Stylizer
from core.models.encoder import TAPS, Encoder, normalize
from core.models.fast import int8_encoder
from core.models.fast.int8_encoder import Int8Encoder, load_ranges, measure_ranges
from core.models.losses import mean_std
from gallery.pictures import CONTENTS, STYLES
from tests.conftest import shipped_encoder
from tests.core.models.test_encoder import random_state

needs_vnni = pytest.mark.skipif(
    not int8_encoder.available(),
    reason="this CPU does not multiply 8-bit integers in one instruction",
)
CHANGE = 1.0  # of 255, root mean square


def pixels(index: int, side: int = 128) -> torch.Tensor:
    return to_tensor(resize_smaller(STYLES[index].image(), side))[None]


def byte_encoder(encoder: Encoder) -> Int8Encoder:
    ranges = load_ranges(encoder)
    assert ranges is not None
    return Int8Encoder(encoder, ranges)


@needs_vnni
@pytest.mark.parametrize("name", list(TAPS))
@pytest.mark.parametrize("index", [0, 5])
def test_features_stay_close(name: str, index: int) -> None:
    images = normalize(pixels(index))
    exact, found = shipped_encoder(name)(images), byte_encoder(shipped_encoder(name))(images)
    assert list(found) == list(exact)
    for tap, value in exact.items():
        assert found[tap].dtype == torch.float32 and found[tap].shape == value.shape
        assert (found[tap] - value).norm() < 0.06 * value.norm(), tap
        assert (found[tap] >= 0).all()


@needs_vnni
@pytest.mark.parametrize("size", [(16, 16), (17, 45), (8, 8)])
def test_any_size(size: tuple[int, int]) -> None:
    images = torch.rand(2, 3, *size, generator=torch.Generator().manual_seed(0))
    exact, found = (
        shipped_encoder("vgg19")(normalize(images)),
        byte_encoder(shipped_encoder("vgg19"))(normalize(images)),
    )
    assert [value.shape for value in found.values()] == [value.shape for value in exact.values()]


@pytest.mark.slow
@needs_vnni
def test_pictures_hardly_move() -> None:
    """The flagship's pictures of a photo, painted with descriptors of both encoders."""
    net = model_store().load("flagship").net
    photo = to_tensor(CONTENTS[0].image().resize((128, 128)))[None]
    reader = byte_encoder(shipped_encoder("vgg19"))
    for index in range(len(STYLES)):
        images = normalize(pixels(index, 256))
        with torch.inference_mode():
            both = [mean_std(read(images))[0] for read in (shipped_encoder("vgg19"), reader)]
            first, second = (
                StyledModel(net.transform_net, net.meta_net(d)).apply(photo) for d in both
            )
        assert not torch.equal(first, second)
        assert 255 * (first - second).square().mean().sqrt() < CHANGE, STYLES[index].name


@needs_vnni
def test_shipped_models_read_paintings_with_it_and_refine_without() -> None:
    stylizer = model_store().stylizer("flagship")
    assert isinstance(stylizer.reader, Int8Encoder)
    assert isinstance(stylizer.encoder, Encoder)
    exact = Stylizer(stylizer.model, stylizer.encoder, cache=stylizer.cache)
    painting = STYLES[1].image()
    assert exact.key(painting, 64) != stylizer.key(painting, 64)
    assert not torch.equal(exact.descriptor(painting, 64), stylizer.descriptor(painting, 64))


def test_without_the_instruction_paintings_are_read_in_float(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(int8_encoder, "cpu_features", lambda: "FLAGS: AVX2 AVX512F")
    assert not int8_encoder.available()
    monkeypatch.setattr(int8_encoder, "cpu_features", lambda: "FLAGS: AVX2 AVX_VNNI")
    assert int8_encoder.available() == torch.backends.mkldnn.is_available()
    shared = model_store().stylizer("flagship")
    stylizer = Stylizer(shared.model, shared.encoder, cache=StyleCache())
    assert stylizer.reader is stylizer.encoder


@pytest.mark.parametrize("name", list(TAPS))
def test_shipped_ranges_belong_to_the_shipped_weights(name: str) -> None:
    ranges = load_ranges(shipped_encoder(name))
    assert ranges is not None
    found = measure_ranges(shipped_encoder(name), [pixels(0, 256)])
    assert found.keys() == ranges.keys()
    for layer, largest in found.items():
        assert (largest <= ranges[layer] * 1.001 + 1e-4).all(), (
            f"{layer} saw less than this picture of the gallery"
        )
    assert load_ranges(Encoder(name, random_state(name))) is None


def test_ranges_are_the_largest_activations_over_all_images() -> None:
    vgg = Encoder("vgg16", random_state("vgg16"))
    images = [
        torch.rand(1, 3, 16, 16, generator=torch.Generator().manual_seed(seed)) for seed in range(2)
    ]
    both = measure_ranges(vgg, images)
    tap = f"features.{TAPS['vgg16']['relu4_3'] - 1}"
    expected = torch.cat([vgg(normalize(image))["relu4_3"] for image in images]).amax(dim=(0, 2, 3))
    torch.testing.assert_close(both[tap], expected, rtol=1e-4, atol=1e-5)
    assert len(both) == 10
