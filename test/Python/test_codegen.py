"""The code generator alone, on programs written by hand, against numpy in double precision."""

import math

import numpy as np
import pytest

from tools import run

NAMES = {"f4": "f32", "f8": "f64", "i8": "i64", "i4": "i32", "i1": "i8"}
RNG = np.random.default_rng(0)


def element(array):
    return NAMES[array.dtype.str[1:]]


def tensor(array, dynamic=False):
    return "tensor<" + "".join(("?" if dynamic else str(size)) + "x" for size in array.shape) + element(array) + ">"


def random(*shape):
    return RNG.standard_normal(shape).astype("f")


def execute(folder, source, inputs, *options):
    """Compiles @main, runs it, and returns the outputs y0, y1 ... that it names."""
    program, library = folder / "program.mlir", folder / "program.so"
    program.write_text(source)
    compiled = run("secateur-codegen", program, "-o", library, *options)
    assert compiled.returncode == 0, compiled.stderr
    arguments = []
    for name, array in inputs.items():
        np.save(folder / f"{name}.npy", array)
        arguments += ["--input", f"{name}={folder / name}.npy"]
    ran = run("run-model", library, "--threads", 2, "--output", folder, *arguments)
    assert ran.returncode == 0, ran.stderr
    return [np.load(path) for path in sorted(folder.glob("y*.npy"))]


def generic(maps, iterators, source, target, body, init):
    maps = ", ".join(f"affine_map<{text}>" for text in maps)
    iterators = ", ".join(f'"{kind}"' for kind in iterators)
    scalar = target[7:-1].split("x")[-1]
    return f"""
  %r = linalg.generic {{indexing_maps = [{maps}], iterator_types = [{iterators}]}}
      ins(%x : {source}) outs(%{init} : {target}) {{
    ^bb0(%a: {scalar}, %o: {scalar}):
{body}
  }} -> {target}
  return %r : {target}
}}
"""


def header(source, target, axes):
    """@main with the empty tensor %e, whose dynamic sizes are axes of %x."""
    text = f'func.func @main(%x: {source} {{nn.name = "x"}}) -> ({target} {{nn.name = "y0"}}) {{\n'
    sizes = []
    if "?" in target:
        for index, axis in enumerate(axes):
            text += f"  %c{index} = arith.constant {axis} : index\n"
            text += f"  %d{index} = tensor.dim %x, %c{index} : {source}\n"
            sizes.append(f"%d{index}")
    return text + f"  %e = tensor.empty({', '.join(sizes)}) : {target}\n"


def dims(axes):
    return "(" + ", ".join(f"d{axis}" for axis in axes) + ")"


@pytest.mark.parametrize("cpu", ["x86-64-v3", "native"])
@pytest.mark.parametrize("dynamic", [False, True])
@pytest.mark.parametrize("shape", [(1,), (3, 5, 37), (4, 64, 1000)])
def test_elementwise(tmp_path, shape, dynamic, cpu):
    x = random(*shape)
    axes = range(len(shape))
    kind = tensor(x, dynamic)
    body = "      %v = math.absf %a : f32\n      linalg.yield %v : f32"
    source = header(kind, kind, axes) + generic([f"{dims(axes)} -> {dims(axes)}"] * 2, ["parallel"] * len(shape),
                                                kind, kind, body, "e")
    (y,) = execute(tmp_path, source, {"x": x}, f"--cpu={cpu}")
    assert np.array_equal(y, np.abs(x))


@pytest.mark.parametrize("dynamic", [False, True])
@pytest.mark.parametrize("kind", ["f4", "i8", "i1"])
@pytest.mark.parametrize("shape,order", [((37, 50), (1, 0)), ((2, 64, 33, 48), (0, 2, 3, 1)),
                                         ((2, 3, 33, 48), (0, 2, 3, 1)), ((2, 33, 48, 3), (0, 3, 1, 2)),
                                         ((4, 8, 12, 64), (0, 2, 1, 3))])
def test_transpose(tmp_path, shape, order, kind, dynamic):
    x = (random(*shape) * 100).astype(kind)
    y = x.transpose(order).copy()
    axes = range(len(shape))
    inverse = [order.index(axis) for axis in axes]
    source = header(tensor(x, dynamic), tensor(y, dynamic), order) + generic(
        [f"{dims(axes)} -> {dims(inverse)}", f"{dims(axes)} -> {dims(axes)}"], ["parallel"] * len(shape),
        tensor(x, dynamic), tensor(y, dynamic), f"      linalg.yield %a : {element(x)}", "e")
    (actual,) = execute(tmp_path, source, {"x": x})
    assert np.array_equal(actual, y)


@pytest.mark.parametrize("dynamic", [False, True])
@pytest.mark.parametrize("combiner,start,reference",
                         [("arith.addf", "0.0", np.sum), ("arith.maximumf", "0xFF800000", np.max),
                          ("arith.mulf", "1.0", np.prod)])
@pytest.mark.parametrize("axes", [(0,), (1,), (2,), (1, 2), (0, 1, 2)])
def test_reduce(tmp_path, axes, combiner, start, reference, dynamic):
    x = random(3, 7, 37) if reference is not np.prod else random(3, 2, 4)
    y = np.asarray(reference(x.astype("d"), axis=axes)).astype("f")
    kept = [axis for axis in range(3) if axis not in axes]
    target = tensor(y, dynamic)
    source = header(tensor(x, dynamic), target, kept) + f"""
  %start = arith.constant {start} : f32
  %f = linalg.fill ins(%start : f32) outs(%e : {target}) -> {target}""" + generic(
        [f"{dims(range(3))} -> {dims(range(3))}", f"{dims(range(3))} -> {dims(kept)}"],
        ["reduction" if axis in axes else "parallel" for axis in range(3)], tensor(x, dynamic), target,
        f"      %v = {combiner} %a, %o : f32\n      linalg.yield %v : f32", "f")
    (actual,) = execute(tmp_path, source, {"x": x})
    assert actual.shape == y.shape
    assert np.allclose(actual, y, rtol=1e-5, atol=1e-5)


# Absolute for what crosses zero away from the origin, relative for the rest.
FUNCTIONS = [("exp", np.exp, -87, 88, "rel"), ("expm1", np.expm1, -5, 5, "rel"), ("log", np.log, 1e-6, 100, "rel"),
             ("log1p", np.log1p, -0.9, 10, "rel"), ("tanh", np.tanh, -12, 12, "rel"),
             ("erf", np.vectorize(math.erf), -6, 6, "rel"), ("sqrt", np.sqrt, 0, 100, "rel"),
             ("rsqrt", lambda x: 1 / np.sqrt(x), 1e-5, 100, "rel"), ("sin", np.sin, -30, 30, "abs"),
             ("cos", np.cos, -30, 30, "abs"), ("atan", np.arctan, -30, 30, "rel"), ("sinh", np.sinh, -5, 5, "rel"),
             ("asinh", np.arcsinh, -50, 50, "rel"), ("roundeven", np.round, -10, 10, "rel")]


@pytest.mark.parametrize("name,reference,low,high,measure", FUNCTIONS, ids=[f[0] for f in FUNCTIONS])
def test_function(tmp_path, name, reference, low, high, measure):
    x = np.linspace(low, high, 100003).astype("f")
    body = f"      %v = math.{name} %a : f32\n      linalg.yield %v : f32"
    source = header(tensor(x), tensor(x), [0]) + generic(["(d0) -> (d0)"] * 2, ["parallel"], tensor(x), tensor(x),
                                                         body, "e")
    (y,) = execute(tmp_path, source, {"x": x})
    expected = reference(x.astype("d"))
    error = np.abs(y - expected) / (np.maximum(np.abs(expected), 1e-30) if measure == "rel" else 1)
    assert np.max(error) < 1e-6


def test_special_values(tmp_path):
    x = np.array([np.nan, np.inf, -np.inf, 0.0, -3.0, 3.0], "f")
    body = """      %zero = arith.constant 0.0 : f32
      %v = arith.maximumf %a, %zero : f32
      linalg.yield %v : f32"""
    source = header(tensor(x), tensor(x), [0]) + generic(["(d0) -> (d0)"] * 2, ["parallel"], tensor(x), tensor(x),
                                                         body, "e")
    (y,) = execute(tmp_path, source, {"x": x})
    assert np.array_equal(y, np.maximum(x, 0), equal_nan=True)


def test_data_dependent_size(tmp_path):
    source = """
func.func @main(%size: tensor<i64> {nn.name = "size"}) -> (tensor<?xf32> {nn.name = "y0"}) {
  %s = tensor.extract %size[] : tensor<i64>
  %n = arith.index_cast %s : i64 to index
  %e = tensor.empty(%n) : tensor<?xf32>
  %r = linalg.generic {indexing_maps = [affine_map<(i) -> (i)>], iterator_types = ["parallel"]}
      outs(%e : tensor<?xf32>) {
    ^bb0(%o: f32):
      %i = linalg.index 0 : index
      %c = arith.index_cast %i : index to i64
      %f = arith.sitofp %c : i64 to f32
      linalg.yield %f : f32
  } -> tensor<?xf32>
  return %r : tensor<?xf32>
}
"""
    (y,) = execute(tmp_path, source, {"size": np.array(77)})
    assert np.array_equal(y, np.arange(77))


def test_loop_carries_tensors(tmp_path):
    source = """
#id = affine_map<(i) -> (i)>
func.func @main(%x: tensor<?x10xf32> {nn.name = "x"})
    -> (tensor<10xf32> {nn.name = "y0"}, tensor<?x10xf32> {nn.name = "y1"}) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %n = tensor.dim %x, %c0 : tensor<?x10xf32>
  %zero = arith.constant 0.0 : f32
  %e = tensor.empty() : tensor<10xf32>
  %h0 = linalg.fill ins(%zero : f32) outs(%e : tensor<10xf32>) -> tensor<10xf32>
  %all0 = tensor.empty(%n) : tensor<?x10xf32>
  %r:2 = scf.for %i = %c0 to %n step %c1 iter_args(%h = %h0, %all = %all0) -> (tensor<10xf32>, tensor<?x10xf32>) {
    %row = tensor.extract_slice %x[%i, 0] [1, 10] [1, 1] : tensor<?x10xf32> to tensor<10xf32>
    %f = tensor.empty() : tensor<10xf32>
    %next = linalg.generic {indexing_maps = [#id, #id, #id], iterator_types = ["parallel"]}
        ins(%h, %row : tensor<10xf32>, tensor<10xf32>) outs(%f : tensor<10xf32>) {
      ^bb0(%a: f32, %b: f32, %o: f32):
        %s = arith.addf %a, %b : f32
        %t = math.tanh %s : f32
        linalg.yield %t : f32
    } -> tensor<10xf32>
    %more = tensor.insert_slice %next into %all[%i, 0] [1, 10] [1, 1] : tensor<10xf32> into tensor<?x10xf32>
    scf.yield %next, %more : tensor<10xf32>, tensor<?x10xf32>
  }
  return %r#0, %r#1 : tensor<10xf32>, tensor<?x10xf32>
}
"""
    x = random(6, 10)
    state, states = np.zeros(10), []
    for row in x:
        state = np.tanh(state + row)
        states.append(state)
    y0, y1 = execute(tmp_path, source, {"x": x})
    assert np.allclose(y0, states[-1], atol=1e-6)
    assert np.allclose(y1, states, atol=1e-6)


@pytest.mark.parametrize("flag", [0, 1])
def test_branches(tmp_path, flag):
    source = """
func.func @main(%flag: tensor<i8> {nn.name = "flag"}, %x: tensor<?x10xf32> {nn.name = "x"})
    -> (tensor<?x10xf32> {nn.name = "y0"}) {
  %c0 = arith.constant 0 : index
  %n = tensor.dim %x, %c0 : tensor<?x10xf32>
  %b = tensor.extract %flag[] : tensor<i8>
  %zero = arith.constant 0 : i8
  %k = arith.cmpi ne, %b, %zero : i8
  %r = scf.if %k -> (tensor<?x10xf32>) {
    %e = tensor.empty(%n) : tensor<?x10xf32>
    %t = linalg.exp ins(%x : tensor<?x10xf32>) outs(%e : tensor<?x10xf32>) -> tensor<?x10xf32>
    scf.yield %t : tensor<?x10xf32>
  } else {
    scf.yield %x : tensor<?x10xf32>
  }
  return %r : tensor<?x10xf32>
}
"""
    x = random(6, 10)
    (y,) = execute(tmp_path, source, {"flag": np.array(flag, "i1"), "x": x})
    assert np.allclose(y, np.exp(x.astype("d")) if flag else x, rtol=1e-6)


def test_unknown_cpu(tmp_path):
    program = tmp_path / "program.mlir"
    program.write_text("func.func @main(%x: tensor<4xf32>) -> tensor<4xf32> { return %x : tensor<4xf32> }")
    result = run("secateur-codegen", program, "-o", tmp_path / "program.so", "--cpu=abacus")
    assert result.returncode == 1
    assert "CPU 'abacus' is not known" in result.stderr
    assert not (tmp_path / "program.so").exists()


def test_old_cpu(tmp_path):
    program = tmp_path / "program.mlir"
    program.write_text("func.func @main(%x: tensor<4xf32>) -> tensor<4xf32> { return %x : tensor<4xf32> }")
    result = run("secateur-codegen", program, "-o", tmp_path / "program.so", "--cpu=core2")
    assert result.returncode == 1
    assert "lacks SSE4.2" in result.stderr
