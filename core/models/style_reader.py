"""A small network in VGG19's place: what the flagship's MetaNet sees of a painting,
at a fortieth of the work.

Reading a painting with VGG19 took more time than half of painting a picture. Only 1,920 channel
means and standard deviations come out of it, which a small network can be taught to give
(distillation, Hinton et al. 1503.02531): it has convolutions of its own, takes the channel means
and deviations of each of its layers, and maps these to VGG19's.

    reader = StyleReader()
    seen = reader(normalize(painting))          # N x 1920: log statistics as `FlagshipMetaNet.standardized` gives them
    filters = net.meta_net.generate(seen)
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from core.models.encoder import STYLE_SIZE

# Channels and stride of each convolution; the first sees every pixel.
LAYERS = ((16, 1), (32, 2), (32, 1), (48, 2), (48, 1), (96, 2), (96, 1), (160, 2), (160, 1))
WIDTH = 640
LOG_OFFSET = 1e-2
FOLLOW = 0.02


class StyleReader(nn.Module):
    """Convolutions, their layers' statistics, and a map from these to VGG19's.

    Attributes:
        centre, spread: running mean and standard deviation of the statistics, by which they are
            made comparable; followed while training.
    """

    centre: Tensor
    spread: Tensor

    def __init__(self) -> None:
        super().__init__()
        before, convolutions = 3, []
        for channels, stride in LAYERS:
            convolutions.append(nn.Conv2d(before, channels, 3, stride, padding=1))
            before = channels
        self.convolutions = nn.ModuleList(convolutions)
        seen = 2 * (3 + sum(channels for channels, _ in LAYERS))
        self.register_buffer("centre", torch.zeros(seen))
        self.register_buffer("spread", torch.ones(seen))
        self.body = nn.Sequential(
            nn.Linear(seen, WIDTH), nn.ReLU(), nn.Linear(WIDTH, WIDTH), nn.ReLU()
        )
        self.out = nn.Linear(seen + WIDTH, STYLE_SIZE)

    def forward(self, images: Tensor) -> Tensor:
        """ImageNet-normalised images, N x 3 x H x W of at least 16 px a side, to N x 1920."""
        x = images.contiguous(memory_format=torch.channels_last)
        found = [self._statistics(x)]
        for convolution in self.convolutions:
            x = F.relu(convolution(x))
            found.append(self._statistics(x))
        statistics = torch.cat(found, dim=1)
        if self.training:
            self._follow(statistics.detach())
        seen = (statistics - self.centre) / self.spread
        return torch.as_tensor(self.out(torch.cat([seen, self.body(seen)], dim=1)))

    @torch.no_grad()
    def _follow(self, statistics: Tensor) -> None:
        self.centre.lerp_(statistics.mean(dim=0), FOLLOW)
        spread = (statistics - self.centre).square().mean(dim=0).sqrt()
        self.spread.lerp_(spread.clamp(min=1e-3), FOLLOW)

    @staticmethod
    def _statistics(x: Tensor) -> Tensor:
        """Channel means and logs of standard deviations, N x 2C, in float32."""
        var, mean = torch.var_mean(x.float(), dim=(2, 3), correction=0)
        return torch.cat([mean, torch.log(torch.sqrt(var + 1e-5) + LOG_OFFSET)], dim=1)
