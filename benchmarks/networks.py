"""Vision and speech architectures that torchvision lacks, in plain PyTorch.

A detector in the form of YOLOv8 (C2f blocks, fast pyramid pooling, a head that gives
the distances to a box's sides as distributions), a U-Net that enlarges by pixel
shuffle, and a Conformer (Gulati et al. 2020) over the bins of a spectrogram.
"""

import torch
from torch import nn


class ConvNorm(nn.Sequential):
    def __init__(self, inputs, outputs, size=1, stride=1):
        super().__init__(nn.Conv2d(inputs, outputs, size, stride, size // 2, bias=False), nn.BatchNorm2d(outputs), nn.SiLU())
        nn.init.kaiming_normal_(self[0].weight)  # As constructed, deep ones give outputs that hardly vary.


class Bottleneck(nn.Module):
    def __init__(self, width, shortcut):
        super().__init__()
        self.first, self.second, self.shortcut = ConvNorm(width, width, 3), ConvNorm(width, width, 3), shortcut

    def forward(self, x):
        y = self.second(self.first(x))
        return x + y if self.shortcut else y


class C2f(nn.Module):
    """Two halves, of which the second goes through bottlenecks; every intermediate result is kept."""

    def __init__(self, inputs, outputs, count, shortcut):
        super().__init__()
        half = outputs // 2
        self.first, self.last = ConvNorm(inputs, outputs), ConvNorm((2 + count) * half, outputs)
        self.blocks = nn.ModuleList(Bottleneck(half, shortcut) for _ in range(count))

    def forward(self, x):
        parts = list(self.first(x).chunk(2, 1))
        for block in self.blocks:
            parts.append(block(parts[-1]))
        return self.last(torch.cat(parts, 1))


class PyramidPooling(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.first, self.last, self.pool = ConvNorm(width, width // 2), ConvNorm(2 * width, width), nn.MaxPool2d(5, 1, 2)

    def forward(self, x):
        parts = [self.first(x)]
        for _ in range(3):
            parts.append(self.pool(parts[-1]))
        return self.last(torch.cat(parts, 1))


class Head(nn.Module):
    """Boxes (centre, size) and class probabilities [batch, 4 + classes, places] of three resolutions."""

    def __init__(self, widths, classes, bins=16):
        super().__init__()
        self.classes, self.bins = classes, bins
        box, kind = max(16, widths[0] // 4, 4 * bins), max(widths[0], min(classes, 100))

        def branch(width, hidden, outputs):
            return nn.Sequential(ConvNorm(width, hidden, 3), ConvNorm(hidden, hidden, 3), nn.Conv2d(hidden, outputs, 1))

        self.boxes = nn.ModuleList(branch(width, box, 4 * bins) for width in widths)
        self.kinds = nn.ModuleList(branch(width, kind, classes) for width in widths)
        self.expectation = nn.Conv2d(bins, 1, 1, bias=False).requires_grad_(False)
        self.expectation.weight.data[:] = torch.arange(bins).view(1, bins, 1, 1)

    def forward(self, maps):
        batch, found, places, scales = maps[0].shape[0], [], [], []
        for level, (x, box, kind) in enumerate(zip(maps, self.boxes, self.kinds)):
            found.append(torch.cat([box(x), kind(x)], 1).view(batch, 4 * self.bins + self.classes, -1))
            rows, columns = torch.meshgrid(torch.arange(x.shape[2]) + 0.5, torch.arange(x.shape[3]) + 0.5, indexing="ij")
            places.append(torch.stack([columns.flatten(), rows.flatten()]))
            scales.append(torch.full((rows.numel(),), 8.0 * 2**level))
        boxes, kinds = torch.cat(found, 2).split([4 * self.bins, self.classes], 1)
        likely = boxes.view(batch, 4, self.bins, -1).transpose(1, 2).softmax(1)
        low, high = self.expectation(likely).view(batch, 4, -1).chunk(2, 1)
        low, high = torch.cat(places, 1) - low, torch.cat(places, 1) + high
        return torch.cat([torch.cat([(low + high) / 2, high - low], 1) * torch.cat(scales), kinds.sigmoid()], 1)


class Detector(nn.Module):
    """YOLOv8's graph at its smallest width: image [batch, 3, 32 n, 32 m] -> [batch, 4 + classes, places]."""

    def __init__(self, widths=(16, 32, 64, 128, 256), depths=(1, 2, 2, 1), classes=80):
        super().__init__()
        stages, before = [ConvNorm(3, widths[0], 3, 2)], widths[0]
        for width, depth in zip(widths[1:], depths):
            stages.append(nn.Sequential(ConvNorm(before, width, 3, 2), C2f(width, width, depth, True)))
            before = width
        stages[-1].append(PyramidPooling(before))
        self.stages, self.enlarge = nn.ModuleList(stages), nn.Upsample(scale_factor=2)
        a, b, c = widths[2:]
        self.up1, self.up2 = C2f(b + c, b, 1, False), C2f(a + b, a, 1, False)
        self.down1, self.down2 = ConvNorm(a, a, 3, 2), ConvNorm(b, b, 3, 2)
        self.out1, self.out2 = C2f(a + b, b, 1, False), C2f(b + c, c, 1, False)
        self.head = Head((a, b, c), classes)

    def forward(self, x):
        maps = []
        for stage in self.stages:
            x = stage(x)
            maps.append(x)
        third, fourth, fifth = maps[2:]
        fourth = self.up1(torch.cat([self.enlarge(fifth), fourth], 1))
        third = self.up2(torch.cat([self.enlarge(fourth), third], 1))
        fourth = self.out1(torch.cat([self.down1(third), fourth], 1))
        fifth = self.out2(torch.cat([self.down2(fourth), fifth], 1))
        return self.head([third, fourth, fifth])


class UNet(nn.Module):
    """Three levels with skip connections; pixel shuffle enlarges. image [batch, 3, 8 n, 8 m] -> the same."""

    def __init__(self, widths=(32, 64, 128, 256)):
        super().__init__()

        def block(inputs, outputs):
            return nn.Sequential(ConvNorm(inputs, outputs, 3), ConvNorm(outputs, outputs, 3))

        self.down = nn.ModuleList(block(a, b) for a, b in zip((3, *widths), widths))
        pairs = list(zip(widths[-2::-1], widths[:0:-1]))
        self.enlarge = nn.ModuleList(nn.Sequential(nn.Conv2d(b, 4 * a, 1), nn.PixelShuffle(2)) for a, b in pairs)
        self.up = nn.ModuleList(block(2 * a, a) for a, _ in pairs)
        self.out = nn.Sequential(nn.Conv2d(widths[0], 12, 3, 1, 1), nn.PixelShuffle(2), nn.AvgPool2d(2))

    def forward(self, x):
        kept = []
        for index, block in enumerate(self.down):
            x = block(x if index == 0 else nn.functional.max_pool2d(x, 2))
            kept.append(x)
        for enlarge, block, skip in zip(self.enlarge, self.up, kept[-2::-1]):
            x = block(torch.cat([enlarge(x), skip], 1))
        return self.out(x)


class ConvolutionModule(nn.Module):
    def __init__(self, width, kernel=15):
        super().__init__()
        self.norm = nn.LayerNorm(width)
        self.expand, self.project = nn.Conv1d(width, 2 * width, 1), nn.Conv1d(width, width, 1)
        self.along = nn.Conv1d(width, width, kernel, padding=kernel // 2, groups=width)
        self.batch_norm = nn.BatchNorm1d(width)

    def forward(self, x):
        y = nn.functional.glu(self.expand(self.norm(x).transpose(1, 2)), 1)
        return self.project(nn.functional.silu(self.batch_norm(self.along(y)))).transpose(1, 2)


class SelfAttention(nn.Module):
    def __init__(self, width, heads):
        super().__init__()
        self.heads, self.size = heads, width // heads
        self.norm, self.joint, self.out = nn.LayerNorm(width), nn.Linear(width, 3 * width), nn.Linear(width, width)

    def forward(self, x):
        batch, steps, width = x.shape
        query, key, value = self.joint(self.norm(x)).reshape(batch, steps, 3, self.heads, self.size).permute(2, 0, 3, 1, 4)
        weights = torch.softmax(query @ key.transpose(-1, -2) * self.size**-0.5, -1)
        return self.out((weights @ value).transpose(1, 2).reshape(batch, steps, width))


class ConformerBlock(nn.Module):
    """Half a feed-forward, attention, convolution, the other half, and a norm."""

    def __init__(self, width, heads):
        super().__init__()

        def half():
            return nn.Sequential(nn.LayerNorm(width), nn.Linear(width, 4 * width), nn.SiLU(), nn.Linear(4 * width, width))

        self.first, self.last, self.norm = half(), half(), nn.LayerNorm(width)
        self.attention, self.convolution = SelfAttention(width, heads), ConvolutionModule(width)

    def forward(self, x):
        x = x + 0.5 * self.first(x)
        x = x + self.attention(x)
        x = x + self.convolution(x)
        return self.norm(x + 0.5 * self.last(x))


class Conformer(nn.Module):
    """Spectrogram [batch, frames, bins] -> a score for each symbol at every fourth frame."""

    def __init__(self, bins=80, width=144, heads=4, blocks=6, symbols=128):
        super().__init__()
        self.subsample = nn.Sequential(nn.Conv2d(1, width, 3, 2), nn.ReLU(), nn.Conv2d(width, width, 3, 2), nn.ReLU())
        self.project = nn.Linear(width * (((bins - 1) // 2 - 1) // 2), width)
        self.blocks = nn.Sequential(*[ConformerBlock(width, heads) for _ in range(blocks)])
        self.classify = nn.Linear(width, symbols)

    def forward(self, x):
        y = self.subsample(x[:, None])
        y = self.project(y.transpose(1, 2).flatten(2))
        return self.classify(self.blocks(y))
