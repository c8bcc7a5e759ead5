"""Decoder-only language models in the shapes of today's families, in plain PyTorch.

A family differs from another in its norm, its rotary embedding, its number of key and
value heads, its feed-forward, and whether attention and feed-forward run side by side.
Keys and values of earlier tokens come in and go out as tensors [batch, kv heads,
tokens, head size], one pair a layer.
"""

import dataclasses

import torch
from torch import nn


@dataclasses.dataclass
class Shape:
    width: int = 512
    layers: int = 6
    heads: int = 8
    kv_heads: int = 2
    hidden: int = 1376
    vocabulary: int = 4000
    positions: int = 0  # Learned position embeddings; 0: rotary ones.
    rms: bool = True  # RMSNorm, otherwise LayerNorm.
    gated: bool = True  # SwiGLU, otherwise GELU.
    parallel: bool = False  # Attention and feed-forward read the same input (Phi, GPT-J).
    experts: int = 0  # Feed-forwards of which each token takes two (Qwen-MoE).


SHAPES = {
    "llama": Shape(),
    "phi": Shape(rms=False, gated=False, parallel=True, kv_heads=8, hidden=2048, layers=4),
    "qwen_moe": Shape(experts=8, hidden=512, layers=4),
    "gpt2": Shape(width=768, layers=12, heads=12, kv_heads=12, hidden=3072, positions=1024, rms=False, gated=False),
}


class RMSNorm(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.weight = nn.Parameter(torch.empty(width).uniform_(0.5, 1.5))

    def forward(self, x):
        return self.weight * (x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + 1e-5))


def rotate(x, cos, sin):
    """Rotary position embedding over the two halves of the head (Su et al. 2021)."""
    first, second = x.chunk(2, -1)
    return x * cos + torch.cat([-second, first], -1) * sin


class Attention(nn.Module):
    def __init__(self, shape):
        super().__init__()
        self.shape, self.size = shape, shape.width // shape.heads
        self.query = nn.Linear(shape.width, shape.heads * self.size, bias=not shape.rms)
        self.key = nn.Linear(shape.width, shape.kv_heads * self.size, bias=not shape.rms)
        self.value = nn.Linear(shape.width, shape.kv_heads * self.size, bias=not shape.rms)
        self.out = nn.Linear(shape.heads * self.size, shape.width, bias=not shape.rms)

    def forward(self, x, past, rotary, mask):
        batch, tokens = x.shape[0], x.shape[1]
        query = self.query(x).reshape(batch, tokens, self.shape.heads, self.size).transpose(1, 2)
        key = self.key(x).reshape(batch, tokens, self.shape.kv_heads, self.size).transpose(1, 2)
        value = self.value(x).reshape(batch, tokens, self.shape.kv_heads, self.size).transpose(1, 2)
        if rotary is not None:
            query, key = rotate(query, *rotary), rotate(key, *rotary)
        if past is not None:
            key, value = torch.cat([past[0], key], 2), torch.cat([past[1], value], 2)
        present = key, value
        repeat = self.shape.heads // self.shape.kv_heads
        if repeat > 1:
            key, value = (t[:, :, None].expand(-1, -1, repeat, -1, -1).reshape(batch, self.shape.heads, -1, self.size) for t in present)
        scores = query @ key.transpose(-1, -2) * self.size**-0.5 + mask
        y = (torch.softmax(scores, -1) @ value).transpose(1, 2).reshape(batch, tokens, -1)
        return self.out(y), present


class FeedForward(nn.Module):
    def __init__(self, shape):
        super().__init__()
        self.gate = nn.Linear(shape.width, shape.hidden, bias=False) if shape.gated else None
        self.up = nn.Linear(shape.width, shape.hidden, bias=not shape.gated)
        self.down = nn.Linear(shape.hidden, shape.width, bias=not shape.gated)

    def forward(self, x):
        if self.gate is None:
            return self.down(nn.functional.gelu(self.up(x)))
        return self.down(nn.functional.silu(self.gate(x)) * self.up(x))


class Experts(nn.Module):
    """Every expert sees every token; the router's two best weigh in, the others by zero."""

    def __init__(self, shape):
        super().__init__()
        self.router = nn.Linear(shape.width, shape.experts, bias=False)
        self.experts = nn.ModuleList(FeedForward(shape) for _ in range(shape.experts))

    def forward(self, x):
        weights, chosen = torch.softmax(self.router(x), -1).topk(2, -1)
        gates = torch.zeros_like(self.router(x)).scatter(-1, chosen, weights / weights.sum(-1, keepdim=True))
        return sum(gates[..., i : i + 1] * expert(x) for i, expert in enumerate(self.experts))


class Layer(nn.Module):
    def __init__(self, shape):
        super().__init__()
        norm = RMSNorm if shape.rms else nn.LayerNorm
        self.parallel = shape.parallel
        self.norm1 = norm(shape.width)
        self.norm2 = None if shape.parallel else norm(shape.width)
        self.attention = Attention(shape)
        self.feed_forward = Experts(shape) if shape.experts else FeedForward(shape)

    def forward(self, x, past, rotary, mask):
        y = self.norm1(x)
        attended, present = self.attention(y, past, rotary, mask)
        if self.parallel:
            return x + attended + self.feed_forward(y), present
        x = x + attended
        return x + self.feed_forward(self.norm2(x)), present


class Decoder(nn.Module):
    """forward(input_ids [batch, tokens], *past keys and values) -> logits, *present keys and values; the head is the embedding."""

    def __init__(self, shape):
        super().__init__()
        self.shape = shape
        self.embedding = nn.Embedding(shape.vocabulary, shape.width)
        self.position = nn.Embedding(shape.positions, shape.width) if shape.positions else None
        self.layers = nn.ModuleList(Layer(shape) for _ in range(shape.layers))
        self.norm = RMSNorm(shape.width) if shape.rms else nn.LayerNorm(shape.width)

    def forward(self, input_ids, *past):
        tokens, before = input_ids.shape[1], past[0].shape[2] if past else 0
        at = torch.arange(before, before + tokens)
        x, rotary = self.embedding(input_ids), None
        if self.position is not None:
            x = x + self.position(at)
        else:
            size = self.shape.width // self.shape.heads
            angles = at[:, None] * 10000.0 ** (-torch.arange(0, size, 2) / size)
            rotary = torch.cat([angles, angles], -1).cos(), torch.cat([angles, angles], -1).sin()
        mask = torch.full((tokens, before + tokens), -1e9).triu(before + 1)
        presents = []
        for index, layer in enumerate(self.layers):
            x, present = layer(x, past[2 * index : 2 * index + 2] if past else None, rotary, mask)
            presents += present
        return self.norm(x) @ self.embedding.weight.T, *presents
