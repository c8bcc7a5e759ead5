# ===- Compiling and pruning ------------------------------------------------===//
# SPDX-License-Identifier: Apache-2.0
# ===----------------------------------------------------------------------===//
"""Runs compile-model in a process of its own: nothing that a model file contains
can take the Python process down, and Ctrl-C leaves no half-written file."""

import json
import os
import shutil
import subprocess
import tempfile

from .errors import CompileError, InvalidArgumentError
from .runtime import Model


def compiler_path():
    """Where compile-model is: $SECATEUR_COMPILER, in the package, on PATH, or in the
    build folder of a source tree."""
    here = os.path.dirname(os.path.abspath(__file__))
    candidates = [
        os.environ.get("SECATEUR_COMPILER"),
        os.path.join(here, "bin", "compile-model"),
        shutil.which("compile-model"),
        os.path.join(here, "..", "..", "build", "bin", "compile-model"),
    ]
    for candidate in candidates:
        if candidate and os.access(candidate, os.X_OK):
            return os.path.abspath(candidate)
    raise CompileError("compile-model was not found: set SECATEUR_COMPILER to its path")


def _amount(kind, value):
    """A fraction of the original up to 1, above it an absolute amount; or a text
    in compile-model's own form."""
    if isinstance(value, str):
        return f"{kind}={value}"
    if isinstance(value, bool) or not isinstance(value, (int, float)) or value <= 0:
        raise InvalidArgumentError(f"budget '{kind}' is {value!r}: expected a number above 0")
    if value <= 1:
        return f"{kind}={value * 100:.10g}%"
    return f"{kind}={int(value)}"


def _shape(name, dims):
    return f"{name}=" + "x".join("?" if dim is None else str(int(dim)) for dim in dims)


def _arguments(options):
    """compile-model's arguments for the keywords that compile() and prune() share."""
    arguments = []
    for flag, make, values in (
        ("--budget", _amount, options["budget"]),
        ("--shape", _shape, options["shapes"]),
        ("--nominal-shape", _shape, options["nominal_shapes"]),
    ):
        for name, value in (values or {}).items():
            arguments += [flag, make(name, value)]
    for flag in ("keep", "allow_interface"):
        for name in options[flag] or ():
            arguments += ["--" + flag.replace("_", "-"), name]
    for flag in ("gather_shuffles", "best_effort", "verify"):
        if options[flag]:
            arguments.append("--" + flag.replace("_", "-"))
    for flag in ("norm_statistics", "plan", "save_plan", "opset", "math", "march", "tune"):
        if options.get(flag) is not None:
            arguments += ["--" + flag.replace("_", "-"), str(options[flag])]
    # What is measured is a run on so many threads.
    if options.get("tune") is not None and options["threads"]:
        arguments += ["--threads", str(int(options["threads"]))]
    if options.get("opt_level") is not None:
        arguments.append(f"-O{int(options['opt_level'])}")
    return arguments


def _model_path(model, folder):
    """The path of a model; an onnx.ModelProto is written into `folder`."""
    if not hasattr(model, "SerializeToString"):
        return os.fspath(model)
    path = os.path.join(folder, "model.onnx")
    with open(path, "wb") as file:
        file.write(model.SerializeToString())
    return path


def _run(arguments):
    """Runs compile-model."""
    done = subprocess.run([compiler_path()] + arguments, stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False)
    if done.returncode:
        text = done.stderr.decode(errors="replace").strip()
        if done.returncode < 0:
            text = f"compile-model was ended by signal {-done.returncode}. {text}"
        raise CompileError(text or f"compile-model failed with exit code {done.returncode}")


def _invoke(model, output, options, folder):
    """Runs the compiler; returns the report as a dictionary."""
    report = os.path.join(folder, "report.json")
    if isinstance(options["plan"], dict):
        path = os.path.join(folder, "plan.json")
        with open(path, "w", encoding="utf-8") as file:
            json.dump(options["plan"], file)
        options = {**options, "plan": path}
    _run([_model_path(model, folder), "-o", os.fspath(output), "--report", report] + _arguments(options))
    with open(report, encoding="utf-8") as file:
        return json.load(file)


def compile(
    model,
    output=None,
    *,
    budget=None,
    shapes=None,
    nominal_shapes=None,
    keep=None,
    allow_interface=None,
    gather_shuffles=False,
    best_effort=False,
    verify=False,
    norm_statistics=None,
    plan=None,
    save_plan=None,
    math=None,
    march=None,
    opt_level=None,
    tune=None,
    threads=0,
) -> Model:
    """Compiles an ONNX model and loads the result.

    model           path of a file, or an onnx.ModelProto
    output          path of the library; without it, it lives as long as the result
    budget          what may be left, as {"flops": 0.5} or {"params": 2_000_000}
    shapes          input shapes to specialise for, as {"x": (1, 3, 224, 224)};
                    None in a shape leaves a dimension free
    nominal_shapes  input shapes to count FLOPs with; the code stays general
    keep            patterns of names whose dimensions stay
    allow_interface names of inputs and outputs whose dimensions may shrink
    gather_shuffles let any channel leave a channel shuffle, which becomes a Gather
    plan            a plan to replay: the path of a file, or what Groups.plan() makes
    verify          prove that zeroing and erasing what is pruned are the same
    norm_statistics "dense": norms go on counting erased channels, which is exact (the
                    default); "kept": they count those that are left, an approximation
    tune            path of a file that keeps which kernels are the fastest on this machine:
                    what it does not know of the model is measured
    threads         threads that a run uses, 0 for one a physical core

    The result has the compiler's report as `report`.
    """
    options = dict(locals())
    folder = tempfile.TemporaryDirectory(prefix="secateur-")
    path = os.fspath(output) if output is not None else os.path.join(folder.name, "model.so")
    report = _invoke(model, path, options, folder.name)
    result = Model(path, threads=threads, owned_folder=None if output is not None else folder)
    result.report = report
    return result


def prune(
    model,
    output,
    *,
    budget=None,
    shapes=None,
    nominal_shapes=None,
    keep=None,
    allow_interface=None,
    gather_shuffles=False,
    best_effort=False,
    verify=False,
    norm_statistics=None,
    plan=None,
    save_plan=None,
    opset=None,
):
    """Prunes an ONNX model to an ONNX file; returns the report as a dictionary.

    The arguments are those of compile(); `opset` asks for a newer opset than the
    lowest that expresses the result.
    """
    options = dict(locals())
    if not os.fspath(output).endswith(".onnx"):
        raise InvalidArgumentError(f"'{output}' does not end in .onnx")
    with tempfile.TemporaryDirectory(prefix="secateur-") as folder:
        return _invoke(model, output, options, folder)
