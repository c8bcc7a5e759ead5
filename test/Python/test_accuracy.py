"""Functions of compiled code over all floats, of every exponent and sign: each 2003rd, or with
SECATEUR_FLOAT_STEP=1 every one (some minutes each). docs/codegen.md states the bounds."""

import math
import os

import numpy as np
import pytest

from test_codegen import execute

STEP = int(os.environ.get("SECATEUR_FLOAT_STEP", 2003))
CHUNK = 1 << 24
SMALLEST = 2.0 ** -126  # Normal float: what is smaller may be zero.


def chunks():
    for begin in range(0, 1 << 32, CHUNK * STEP):
        bits = np.arange(begin, min(begin + CHUNK * STEP, 1 << 32), STEP, dtype=np.uint64)
        yield bits.astype(np.uint32).view(np.float32)


def worst(y, expected):
    """The largest error relative to the true value, where that is no less than the smallest normal
    float; infinite where NaN or an infinity is wrong, or a small value is not near zero."""
    with np.errstate(over="ignore", invalid="ignore"):
        rounded = expected.astype(np.float32)
        if not np.array_equal(np.isnan(y), np.isnan(rounded)):
            return np.inf
        finite = np.isfinite(rounded) & np.isfinite(y)
        # Just below the largest float, one may be infinite and the other not.
        if np.any(~finite & ~np.isnan(y) & (y != rounded) & (np.abs(expected) < 3.4028e38)):
            return np.inf
        small = finite & (np.abs(expected) < SMALLEST)
        if np.any(np.abs(y[small]) > SMALLEST):
            return np.inf
        usable = finite & ~small
        return np.max(np.abs(y[usable] - expected[usable]) / np.abs(expected[usable]), initial=0.0)


def elementwise(name):
    return f"""
func.func @main(%x: tensor<?xf32> {{nn.name = "x"}}) -> (tensor<?xf32> {{nn.name = "y0"}}) {{
  %zero = arith.constant 0 : index
  %n = tensor.dim %x, %zero : tensor<?xf32>
  %e = tensor.empty(%n) : tensor<?xf32>
  %y = linalg.generic {{indexing_maps = [affine_map<(i) -> (i)>, affine_map<(i) -> (i)>], iterator_types = ["parallel"]}}
      ins(%x : tensor<?xf32>) outs(%e : tensor<?xf32>) {{
    ^bb0(%a: f32, %o: f32):
      %v = math.{name} %a : f32
      linalg.yield %v : f32
  }} -> tensor<?xf32>
  return %y : tensor<?xf32>
}}"""


@pytest.mark.parametrize("name,reference,bound", [
    ("exp", np.exp, 3.5e-7), ("log", np.log, 3e-7), ("tanh", np.tanh, 3e-7), ("erf", np.vectorize(math.erf), 3e-7)])
def test_function(tmp_path, name, reference, bound):
    error = 0.0
    for x in chunks():
        if name == "log":  # A subnormal counts as the smallest normal float.
            x = np.where((x > 0) & (x < SMALLEST), np.float32(SMALLEST), x)
        (y,) = execute(tmp_path, elementwise(name), {"x": x})
        with np.errstate(all="ignore"):
            error = max(error, worst(y, reference(x.astype(np.float64))))
    assert error <= bound


SOFTMAX = """
func.func @main(%x: tensor<?x2xf32> {nn.name = "x"}) -> (tensor<?x2xf32> {nn.name = "y0"}) {
  %zero = arith.constant 0 : index
  %n = tensor.dim %x, %zero : tensor<?x2xf32>
  %e = tensor.empty(%n) : tensor<?x2xf32>
  %y = kern.softmax ins(%x : tensor<?x2xf32>) outs(%e : tensor<?x2xf32>) -> tensor<?x2xf32>
  return %y : tensor<?x2xf32>
}"""
# Two keys, whose values are 1 and 0: the result is the share of the first.
ATTENTION = """
func.func @main(%x: tensor<?x2xf32> {nn.name = "x"}) -> (tensor<?x2xf32> {nn.name = "y0"}) {
  %zero = arith.constant 0 : index
  %n = tensor.dim %x, %zero : tensor<?x2xf32>
  %e = tensor.empty(%n) : tensor<?x2xf32>
  %one = arith.constant dense<[[1.0, 0.0], [0.0, 1.0]]> : tensor<2x2xf32>
  %y = kern.attention indexing_maps = [affine_map<(m, n, d, e) -> (m, d)>, affine_map<(m, n, d, e) -> (d, n)>,
                                       affine_map<(m, n, d, e) -> (n, e)>, affine_map<(m, n, d, e) -> (m, e)>]
    ins(%x, %one, %one : tensor<?x2xf32>, tensor<2x2xf32>, tensor<2x2xf32>) outs(%e : tensor<?x2xf32>) -> tensor<?x2xf32>
  return %y : tensor<?x2xf32>
}"""


@pytest.mark.parametrize("source,bound", [(SOFTMAX, 4e-7), (ATTENTION, 4e-7)], ids=["softmax", "attention"])
def test_shares(tmp_path, source, bound):
    """softmax([x, 0]) has exp(x) in it for every x below 0. A share below exp(-87) may be zero."""
    error = 0.0
    for x in chunks():
        x = x[np.isfinite(x)]
        (y,) = execute(tmp_path, source, {"x": np.stack([x, np.zeros_like(x)], axis=1)})
        z = x.astype(np.float64)
        with np.errstate(over="ignore", under="ignore"):
            expected = 1 / (1 + np.exp(-z))
        tiny = expected < math.exp(-86.9)
        assert np.all(np.abs(y[tiny, 0]) <= 1.01 * math.exp(-86.9))
        error = max(error, worst(y[~tiny, 0], expected[~tiny]))
        assert np.all(np.abs(y.sum(axis=1) - 1) < 1e-6)
    assert error <= bound
