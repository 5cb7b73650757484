"""Take a style away: one painting and one model,
baked into a small ONNX file and a safetensors file.

The command: `python -m core.export`.

The ONNX file (opset 17) needs neither this program nor PyTorch. It takes `image` and gives
`stylized`, both float32 1 x 3 x height x width, RGB in 0 to 1, of any size from 16 px a side:
padding to multiples of 4 and cropping happen inside. It is the network alone: what a result's
colours are moved by afterwards (`core.matching`) depends on each photo, and is not in it.

    session = onnxruntime.InferenceSession("baked/painting__original-500.onnx")
    stylized = session.run(None, {"image": pixels})[0]

The safetensors file holds the same network for this program: `painted = load_baked(path)`, then
`painted(photo)`. Before anything is written, the ONNX graph is compared with PyTorch, where
onnxruntime is installed. A photo of one single colour is the one exception to their agreement: its
features have no variance, so each instance norm magnifies rounding alone.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch
from onnx import TensorProto, helper, numpy_helper
from PIL import Image
from safetensors import SafetensorError
from torch import Tensor

from core.commandline import UserError
from core.files import MAX_NAME_BYTES, printable, short, shortened, write_atomic
from core.inference.layer_graph import (
    Conv,
    Layer,
    Norm,
    Parallel,
    Relu,
    Residual,
    Upsample,
    flatten,
)
from core.inference.styled_model import StyledModel
from core.inference.stylizer import STYLE_SIDE, Stylizer, picture_hash
from core.models.flagship import FLAGSHIP_BLOCK, FlagshipTransformNet
from core.models.layers import InstanceNorm
from core.models.style_net import MULTIPLE, TransformNet
from core.models.weights import WeightsError, load_one, save_one, under

FORMAT = "1"
OPSET = 17
IR_VERSION = 8  # what ONNX Runtime reads since 1.10
TOLERANCE = 1 / 255
CHECK_SIZES = ((64, 64), (61, 83), (114, 47), (16, 31))  # height, width
TERMS = (
    "Made with MetaStyle (code: MIT). The model was trained on pictures that were published for research, some of them for "
    "non-commercial research only; the painting's own terms apply as well."
)


class ExportError(UserError):
    """A style cannot be exported."""


@dataclass(frozen=True)
class Exported:
    """What was written.

    Attributes:
        onnx, weights: the ONNX and the safetensors file.
        difference: largest difference between ONNX Runtime and PyTorch, of values in 0 to 1;
            None where not compared.
    """

    onnx: Path
    weights: Path
    difference: float | None


class _Graph:
    """ONNX nodes as they are added; every value is known by its name."""

    def __init__(self) -> None:
        self.nodes: list[Any] = []
        self.constants: list[Any] = []

    def constant(self, values: Tensor | Sequence[int] | float, dtype: type = np.float32) -> str:
        array = values.detach().cpu().numpy() if isinstance(values, Tensor) else values
        name = f"constant_{len(self.constants)}"
        array = np.ascontiguousarray(array, dtype=dtype)
        self.constants.append(numpy_helper.from_array(array, name))
        return name

    def add(self, kind: str, *inputs: str, output: str = "", **attributes: Any) -> str:
        output = output or f"{kind.lower()}_{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, list(inputs), [output], name=output, **attributes))
        return output

    def chain(self, layers: Sequence[Layer], x: str, channels: int) -> str:
        """The nodes of some layers on the value x; `channels` is x's."""
        for layer in layers:
            match layer:
                case Conv():
                    x = self._conv(layer, x)
                    channels = len(layer.weight)
                case Norm(scale, shift):
                    scale = torch.ones(channels) if scale is None else scale
                    shift = torch.zeros(channels) if shift is None else shift
                    given = (self.constant(scale), self.constant(shift))
                    x = self.add("InstanceNormalization", x, *given, epsilon=InstanceNorm.eps)
                case Relu():
                    x = self.add("Relu", x)
                case Upsample():
                    how = {
                        "mode": "nearest",
                        "coordinate_transformation_mode": "asymmetric",
                        "nearest_mode": "floor",
                    }
                    x = self.add("Resize", x, "", self.constant((1, 1, 2, 2)), **how)
                case Residual():
                    x = self.add("Add", x, self.chain(layer.layers, x, channels))
                case Parallel():
                    total = self.chain(layer.chains[0], x, channels)
                    for chain in layer.chains[1:]:
                        total = self.add("Add", total, self.chain(chain, x, channels))
                    x = total
        return x

    def _conv(self, conv: Conv, x: str) -> str:
        kernel = conv.weight.shape[-1]
        if halo := kernel // 2:
            pads = self.constant((0, 0, halo, halo, 0, 0, halo, halo), np.int64)
            x = self.add("Pad", x, pads, mode="reflect")
        shape: dict[str, Any] = {
            "kernel_shape": [kernel, kernel],
            "strides": [conv.stride, conv.stride],
            "group": conv.groups,
        }
        return self.add("Conv", x, self.constant(conv.weight), self.constant(conv.bias), **shape)


def to_onnx(styled: StyledModel, about: dict[str, str]) -> bytes:
    """The ONNX file of a style, checked for validity.

    Args:
        about: what the file says of itself, name -> text.
    """
    graph = _Graph()
    sides = graph.constant((2,), np.int64), graph.constant((4,), np.int64)
    size = graph.add("Slice", graph.add("Shape", "image"), *sides)
    extra = graph.add("Mod", graph.add("Neg", size), graph.constant((MULTIPLE,), np.int64))
    pads = graph.add("Concat", graph.constant((0,) * 6, np.int64), extra, axis=0)
    x = graph.add("Pad", "image", pads, mode="reflect")
    x = graph.chain(flatten(styled.transform_net, styled.filters), x, 3)
    x = graph.add(
        "Slice", x, graph.constant((0, 0), np.int64), size, graph.constant((2, 3), np.int64)
    )
    graph.add("Clip", x, graph.constant(0.0), graph.constant(1.0), output="stylized")
    ends = [
        helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, 3, "height", "width"])
        for name in ("image", "stylized")
    ]
    model = helper.make_model(
        helper.make_graph(graph.nodes, "style", ends[:1], ends[1:], graph.constants),
        opset_imports=[helper.make_opsetid("", OPSET)],
        ir_version=IR_VERSION,
        producer_name="MetaStyle",
        doc_string="Style transfer: RGB in 0 to 1 in and out, any height and width from 16 px.",
    )
    helper.set_model_props(model, about)
    onnx.checker.check_model(model, full_check=True)
    return bytes(model.SerializeToString())


def onnx_difference(data: bytes, styled: StyledModel) -> float | None:
    """Largest difference of an ONNX file from the style in PyTorch, over drawn pictures of `CHECK_SIZES`.

    None where onnxruntime is not installed.
    """
    try:
        import onnxruntime
    except ImportError:
        return None
    session = onnxruntime.InferenceSession(data, providers=["CPUExecutionProvider"])
    generator = torch.Generator().manual_seed(0)
    largest = 0.0
    for height, width in CHECK_SIZES:
        blots = torch.rand(1, 3, 6, 6, generator=generator)
        picture = torch.nn.functional.interpolate(blots, (height, width), mode="bilinear")
        picture = (picture + 0.1 * torch.randn(picture.shape, generator=generator)).clamp(0, 1)
        device = next(styled.transform_net.parameters()).device
        wanted = styled.apply(picture.to(device)).cpu().numpy()
        given = session.run(["stylized"], {"image": picture.numpy()})[0]
        largest = max(largest, float(np.abs(given - wanted).max()))
    return largest


def load_baked(path: str | Path) -> StyledModel:
    """A style from its safetensors file, ready to stylise: `load_baked(path)(photo)`.

    Raises:
        WeightsError: the file is missing, broken, of a newer format, or no baked style.
    """
    path = Path(path)
    try:
        metadata, tensors = load_one(path)
        about = json.loads(metadata["metastyle"])
        if about["format"] != FORMAT:
            raise WeightsError(
                f'"{path.name}" has format {short(about["format"])}; this version reads {FORMAT}.'
            )
        base, block = int(about["base"]), str(about["block"])
        with torch.device("meta"):  # the file says any width, which need not be that of its weights
            net = (
                FlagshipTransformNet(base) if block == FLAGSHIP_BLOCK else TransformNet(base, block)
            )
        state = {name: value.float() for name, value in under(tensors, "net.").items()}
        net.load_state_dict(state, assign=True)
        filters = under(tensors, "filters.")
        if {name: value.numel() for name, value in filters.items()} != net.generated:
            raise ValueError("its filters have other shapes")
        return StyledModel(net.eval().requires_grad_(False), filters, int(about["refined"]))
    except WeightsError:
        raise
    except FileNotFoundError as error:
        raise WeightsError(f'"{path.name}" does not exist.') from error
    except (OSError, SafetensorError, RuntimeError, ValueError, KeyError, TypeError) as error:
        raise WeightsError(f'"{path.name}" is not a baked style, or is damaged.') from error


def export(
    stylizer: Stylizer,
    styled: StyledModel,
    painting: Image.Image,
    name: str,
    folder: Path,
    style_side: int = STYLE_SIDE,
) -> Exported:
    """Write `NAME__MODEL.onnx` and `NAME__MODEL.safetensors`, each whole or not at all.

    Args:
        styled: the painting's style, from `Stylizer.encode_style` or `core.training.refine.refine`.
        painting: RGB, as it was given to the stylizer.
        name: the painting's file name.
        style_side: as it was given to the stylizer.

    Raises:
        ExportError: the graph's result is not PyTorch's.
        OSError: the folder cannot be written.
    """
    variant = stylizer.model.variant
    about = {  # what both files say of themselves
        "format": FORMAT,
        "model": variant.name,
        "model_hash": stylizer.hash,
        "base": str(variant.base),
        "block": variant.block,
        "painting": printable(name),
        "painting_sha256": picture_hash(painting),
        "style_size": str(style_side),
        "refined": str(styled.refined),
        "terms": TERMS,
    }
    data = to_onnx(styled, about)
    difference = onnx_difference(data, styled)
    if difference is not None and not difference <= TOLERANCE:
        raise ExportError(
            f"Nothing was written: the ONNX file differs from PyTorch by {255 * difference:.2f} of 255, more than 1."
        )
    stem = folder / f"{shortened(Path(name).stem, MAX_NAME_BYTES // 2)}__{stylizer.name}"
    paths = stem.with_name(stem.name + ".onnx"), stem.with_name(stem.name + ".safetensors")
    write_atomic(paths[0], data)
    # The TransformNet's own values, and the generated ones.
    tensors = {f"net.{name}": value for name, value in styled.transform_net.state_dict().items()}
    tensors |= {f"filters.{name}": value for name, value in styled.filters.items()}
    save_one(paths[1], tensors, {"metastyle": json.dumps(about, ensure_ascii=False)})
    return Exported(*paths, difference)
