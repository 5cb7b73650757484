"""VGG19's convolutions in three thin parts each, found from what they do to paintings.

    reader = thin_copy(encoder, normalize(paintings))          # core.models.style_reader.StyleReader
    fit_scale(reader, paintings, wanted)                       # as FlagshipMetaNet.standardized gives them

Layer by layer, from the first (Zhang et al. 1505.06798, "Accelerating very deep convolutional
networks"). A 3x3 filter bank, read as a matrix with a row for each input channel and line and a
column for each output channel and column, is cut to its first singular vectors: vertical filters,
then horizontal ones (Jaderberg et al. 1405.3866). What these give is mapped to what the layer itself
gives, by the best linear map that passes through few channels:

    responses    y = what VGG19's layer gives, from what its own layers before it gave
    found        f = what the two parts give, from what the copy's layers before them gave
    least squares, y ~ C f, then the plane of few dimensions U in which C f varies most: y ~ U (U^T C) f

so that a layer makes good for what those before it have lost. U is the 1x1 convolution, and U^T C is
worked into the horizontal filters.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from core.models.encoder import Encoder
from core.models.style_reader import StyleReader, ThinConv

AT_ONCE = 4  # pictures
PLACES = 1200  # of each group of pictures at which responses are compared
RIDGE = 1e-6  # of the mean variance of what is found


@torch.no_grad()
def thin_copy(encoder: Encoder, images: Tensor, seed: int = 0) -> StyleReader:
    """A reader whose taps come near to the encoder's, not taught anything yet.

    Args:
        encoder: VGG19, float32.
        images: ImageNet-normalised, N x 3 x H x W, on the encoder's device; 96 of 256 px take 5 GB.
        seed: of the places that are compared.
    """
    reader = StyleReader().to(images.device)
    generator = torch.Generator().manual_seed(seed)
    given = images.contiguous(memory_format=torch.channels_last).split(AT_ONCE)
    exact, thin = list(given), list(given)
    for layer, ours in zip(encoder.features, reader.features, strict=True):
        wanted = [layer(x) for x in exact]
        if isinstance(ours, ThinConv):
            assert isinstance(layer, nn.Conv2d)
            _fit(ours, layer, thin, wanted, generator)
        elif isinstance(layer, nn.Conv2d):
            ours.load_state_dict(layer.state_dict())
        exact, thin = wanted, [ours(x) for x in thin]
    return reader


def _fit(
    ours: ThinConv,
    layer: nn.Conv2d,
    inputs: Sequence[Tensor],
    wanted: Sequence[Tensor],
    generator: torch.Generator,
) -> None:
    """Set the three parts of a convolution.

    Args:
        inputs: what comes to it in the copy.
        wanted: what the convolution itself gives.
    """
    vertical, horizontal, out = (part for part in ours if isinstance(part, nn.Conv2d))
    rank = vertical.out_channels
    lines, columns = _separated(layer.weight, inputs, rank)  # K x I x 3 x 1, O x K x 1 x 3
    vertical.weight.copy_(lines)
    assert layer.bias is not None
    found_rows, wanted_rows = [], []
    for x, y in zip(inputs, wanted, strict=True):
        found = nn.functional.conv2d(vertical(x), columns, layer.bias, padding=(0, 1))
        places = torch.randperm(y[:, 0].numel(), generator=generator)[:PLACES].to(y.device)
        found_rows.append(_at(found, places))
        wanted_rows.append(_at(y, places))
    found, responses = torch.cat(found_rows), torch.cat(wanted_rows)  # rows x O
    into, plane, offset = _through_a_plane(found, responses, rank)
    horizontal.weight.copy_(torch.einsum("ro,okij->rkij", into.float(), columns))
    out.weight.copy_(plane.float()[:, :, None, None])
    # The horizontal part has no bias of its own, so that of the layer, which `found` holds, goes with the plane's.
    bias = offset + plane @ (into @ layer.bias.double())
    out.bias.copy_(bias.float())  # type: ignore[union-attr]


def _through_a_plane(found: Tensor, wanted: Tensor, rank: int) -> tuple[Tensor, Tensor, Tensor]:
    """The best linear map that passes through few channels: `wanted` ~ `offset + plane @ into @ found`.

    Args:
        found, wanted: rows x O, float64.
        rank: K, of the channels between.

    Returns:
        `into` (K x O), `plane` (O x K) and `offset` (O).
    """
    mean_f, mean_w = found.mean(dim=0), wanted.mean(dim=0)
    f, w = found - mean_f, wanted - mean_w
    square = f.T @ f
    ridge = RIDGE * square.diagonal().mean() * torch.eye(len(square), device=f.device)
    best = torch.linalg.solve(square + ridge, f.T @ w).T  # O x O: w ~ best f
    fitted = f @ best.T
    plane = torch.linalg.eigh(fitted.T @ fitted).eigenvectors.flip(1)[:, :rank]
    into = plane.T @ best
    return into, plane, mean_w - plane @ (into @ mean_f)


def _separated(weight: Tensor, inputs: Sequence[Tensor], rank: int) -> tuple[Tensor, Tensor]:
    """A filter bank (O x I x 3 x 3) as vertical filters (K x I x 3 x 1) and horizontal ones
    (O x K x 1 x 3), which are the nearer to it the louder an input channel is.
    """
    outside, inside = weight.shape[:2]
    powers = torch.stack([x.square().mean(dim=(0, 2, 3)) for x in inputs]).mean(dim=0)
    loud = powers.sqrt().clamp(min=1e-3).view(1, -1, 1, 1)
    matrix = (weight * loud).permute(1, 2, 3, 0).reshape(inside * 3, 3 * outside).double()
    left, values, right = torch.linalg.svd(matrix, full_matrices=False)
    roots = values[:rank].sqrt()
    lines = (left[:, :rank] * roots).view(inside, 3, rank).permute(2, 0, 1)[..., None] / loud
    columns = (right[:rank] * roots[:, None]).view(rank, 3, outside).permute(2, 0, 1)
    return lines.float(), columns[:, :, None, :].float()


def _at(responses: Tensor, places: Tensor) -> Tensor:
    """Responses (N x C x H x W) at some places, in rows of C, float64."""
    return responses.permute(0, 2, 3, 1).flatten(0, 2)[places].double()


@torch.no_grad()
def fit_scale(reader: StyleReader, images: Tensor, wanted: Tensor) -> None:
    """Set a reader's `slope` and `offset` by least squares, for each statistic alone.

    Args:
        images: ImageNet-normalised, N x 3 x H x W.
        wanted: what the MetaNet shall see of them, N x 1920.
    """
    logs = torch.cat([reader.logs(part) for part in images.split(AT_ONCE)])
    mean, goal = logs.mean(dim=0), wanted.mean(dim=0)
    apart = logs - mean
    slope = (apart * (wanted - goal)).sum(dim=0) / apart.square().sum(dim=0).clamp(min=1e-8)
    reader.slope.copy_(slope)
    reader.offset.copy_(goal - slope * mean)
