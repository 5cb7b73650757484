"""The generated layers of a MetaNet in factors: how a trained model is stored,
and what it paints from at once.

At the report's width a MetaNet has 160 to 220 million parameters, nearly all of them in the linear
maps from a layer's 128 hidden values to the layer's N filter values. Over real paintings those
hidden values vary in few directions, so that a map needs N x 8 numbers in place of N x 128:

    filters = base + (columns * scales) @ (projection @ hidden - centre)

    stored = factorise(net, descriptors, rank=8)   # descriptors: of real pictures, M x 1920
    filters = stored.meta_net(descriptor)          # as the whole network gives them, for real pictures
    whole = rebuild(stored, descriptors)           # whole matrices again, which can be trained

Only `core.inference.stylizer` and `core.models.checkpoint` need to know which of the two forms a
network has.
"""

import copy
import math
from collections.abc import Sequence
from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from core.models.style_net import HIDDEN, GeneratingLinear, MetaNet, StyleNet
from core.models.weights import INT8_MAX

SEED = 42
ROWS_AT_ONCE = 65_536  # of a matrix whose products are summed in float64
NEGLIGIBLE = 1e-12  # of the largest square of a singular value
REACHED = 1e-4  # of the longest hidden vector: shorter parts are not counted as a direction


class FactoredLinear(nn.Module):
    """A linear map of 128 hidden values to N filter values, in factors; see the module's docstring.

    Attributes:
        base: N, float16: the filters at the mean hidden vector.
        columns: N x R, int8: the directions in which filters vary;
            times `scales` (R) they have length 1.
        projection: R x 128: how far a hidden vector leads along each direction.
        centre: R: the projection of the mean hidden vector.
    """

    base: Tensor
    columns: Tensor
    scales: Tensor
    projection: Tensor
    centre: Tensor

    def __init__(self, size: int, rank: int, hidden: int = HIDDEN) -> None:
        super().__init__()
        self.register_buffer("base", torch.zeros(size, dtype=torch.float16))
        self.register_buffer("columns", torch.zeros(size, rank, dtype=torch.int8))
        self.register_buffer("scales", torch.zeros(rank))
        self.register_buffer("projection", torch.zeros(rank, hidden))
        self.register_buffer("centre", torch.zeros(rank))

    def forward(self, hidden: Tensor) -> Tensor:
        """N filter values in float32 of 128 hidden values."""
        along = self.scales * (F.linear(hidden, self.projection) - self.centre)  # R
        return F.linear(along, self.columns.float(), self.base.float())  # N

    def weight(self) -> Tensor:
        """The whole matrix, N x 128, of rank R."""
        return (self.columns.float() * self.scales) @ self.projection

    def bias(self) -> Tensor:
        """What the map gives for a hidden vector of zeros, N values."""
        return self.base.float() - self.columns.float() @ (self.scales * self.centre)


def is_factored(net: nn.Module) -> bool:
    """Whether a network's MetaNet is in factors."""
    return any(isinstance(module, FactoredLinear) for module in net.modules())


@torch.no_grad()
def hidden_vectors(meta_net: MetaNet, descriptors: Tensor) -> list[Tensor]:
    """Of each generated layer, its hidden values after the ReLU for some pictures (M x 1920):
    M x 128.
    """
    return list(F.relu(meta_net.hidden(descriptors)).split(HIDDEN, dim=1))


@torch.no_grad()
def factorise(net: StyleNet, descriptors: Tensor, rank: int) -> StyleNet:
    """A copy of a network whose generated layers are in factors; the network itself stays as it is.

    Args:
        net: with whole matrices.
        descriptors: M x 1920, of many real pictures, above all paintings. The factors are the best
            ones of their rank for these.
        rank: how many directions to keep, fewer where these pictures span fewer.
    """
    pairs = zip(net.meta_net.outputs, hidden_vectors(net.meta_net, descriptors), strict=True)
    return _with_outputs(net, [factor(cast(nn.Linear, out), part, rank) for out, part in pairs])


@torch.no_grad()
def factor(linear: nn.Linear, hidden: Tensor, rank: int) -> FactoredLinear:
    """The factors of one linear map that fit best what it makes of some hidden vectors (M x 128).

    With X the centred hidden vectors, M x 128, and W the weight, N x 128, the best approximation of
    rank R to W X^T = U S V^T keeps the R largest singular values (Eckart and Young, 1936). Since N
    is large, U is not computed from N x M numbers: the eigenvectors of X (W^T W) X^T are V, and U
    is W (X^T V / S). Then U U^T W replaces W, so U is `columns` and U^T W is `projection`.
    """
    mean = hidden.double().mean(dim=0)  # 128
    spread = hidden.double() - mean  # X, M x 128
    gram = _gram(linear.weight)  # W^T W, 128 x 128
    squares, vectors = torch.linalg.eigh(spread @ gram @ spread.T)  # S^2 rising, V: M x M
    kept = torch.arange(len(squares) - 1, -1, -1, device=squares.device)[:rank]
    kept = kept[squares[kept] > NEGLIGIBLE * squares[-1]]
    directions = spread.T @ vectors[:, kept] / squares[kept].sqrt()  # X^T V / S, 128 x R
    columns = linear.weight @ directions.float()  # U, N x R
    scales = columns.abs().amax(dim=0) / INT8_MAX
    projection = directions.T @ gram  # U^T W, R x 128

    factored = FactoredLinear(linear.out_features, len(kept), linear.in_features)
    factored.base = (linear.weight @ mean.float() + linear.bias).half()
    factored.columns = torch.round(columns / scales).to(torch.int8)
    factored.scales = scales
    factored.projection = projection.float()
    factored.centre = (projection @ mean).float()
    return factored


@torch.no_grad()
def rebuild(net: StyleNet, descriptors: Tensor, seed: int = SEED) -> StyleNet:
    """A copy of a network in factors with whole matrices, to be trained on.

    The factors say nothing of the directions that no picture's hidden vector has. A matrix of zeros
    there would keep the hidden layer from learning in them, so they get the random entries of a new
    `nn.Linear`, from a seed. The filters of these pictures stay as they are.

    Args:
        descriptors: M x 1920, of real pictures: the painting to train on, and some others.
        seed: of the random entries.
    """
    generator = torch.Generator().manual_seed(seed)
    pairs = zip(net.meta_net.outputs, hidden_vectors(net.meta_net, descriptors), strict=True)
    outputs = [whole_linear(cast(FactoredLinear, out), part, generator) for out, part in pairs]
    return _with_outputs(net, outputs)


def whole_linear(factored: FactoredLinear, hidden: Tensor, generator: torch.Generator) -> nn.Linear:
    """The whole linear map, with random entries in the directions that no hidden
    vector (M x 128) has.
    """
    reached = _directions(hidden)  # Q: 128 x K, orthonormal
    weight = factored.weight()
    bound = 1 / math.sqrt(weight.shape[1])
    random = torch.empty(weight.shape).uniform_(-bound, bound, generator=generator)
    random = random.to(weight.device)
    weight += random
    weight -= (random @ reached) @ reached.T
    with torch.device("meta"):
        linear = GeneratingLinear(weight.shape[1], weight.shape[0])
    linear.weight = nn.Parameter(weight)
    linear.bias = nn.Parameter(factored.bias())
    return linear


def _directions(hidden: Tensor) -> Tensor:
    """An orthonormal basis of the directions of some vectors (M x H), as columns: H x K."""
    _, lengths, directions = torch.linalg.svd(hidden.double(), full_matrices=False)
    return directions[lengths > REACHED * lengths[0]].T.to(hidden.dtype)


def _gram(weight: Tensor) -> Tensor:
    """W^T W of a tall matrix (N x H) in float64, H x H."""
    total = weight.new_zeros(weight.shape[1], weight.shape[1], dtype=torch.float64)
    for rows in weight.split(ROWS_AT_ONCE):
        rows = rows.double()
        total += rows.T @ rows
    return total


def _with_outputs(net: StyleNet, outputs: Sequence[nn.Module]) -> StyleNet:
    """A copy of a network with other maps in its MetaNet; the maps that it has are not copied."""
    # deepcopy takes these for copied already.
    replaced = {id(net.meta_net.outputs): nn.ModuleList(outputs)}
    return copy.deepcopy(net, replaced)
