# ===- Secateur: compile and prune ONNX models ------------------------------===//
# SPDX-License-Identifier: Apache-2.0
# ===----------------------------------------------------------------------===//
"""Compile ONNX models to small, fast native code, pruned if asked for.

    import secateur

    model = secateur.compile("model.onnx", budget={"flops": 0.5})
    y = model(x)                      # NumPy in, NumPy out
    secateur.prune("model.onnx", "small.onnx", budget={"params": 0.5})
    model = secateur.load("model.so")  # compiled earlier
"""

from .compiler import compile, compiler_path, prune
from .errors import (
    CompileError,
    DTypeError,
    InvalidArgumentError,
    OutOfMemoryError,
    RunError,
    SecateurError,
    ShapeError,
    TensorNameError,
    UnsupportedCpuError,
    WeightsError,
)
from .groups import Group, Groups, Member, Pin, find_groups
from .runtime import Model, Pool, TensorInfo, load

__version__ = "0.1.0"

__all__ = [
    "CompileError",
    "DTypeError",
    "Group",
    "Groups",
    "InvalidArgumentError",
    "Member",
    "Model",
    "OutOfMemoryError",
    "Pin",
    "Pool",
    "RunError",
    "SecateurError",
    "ShapeError",
    "TensorInfo",
    "TensorNameError",
    "UnsupportedCpuError",
    "WeightsError",
    "compile",
    "compiler_path",
    "find_groups",
    "load",
    "prune",
]
