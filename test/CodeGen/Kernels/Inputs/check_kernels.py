# SPDX-License-Identifier: Apache-2.0
"""Compares every kernel with numpy in double precision, on shapes with odd extents."""

import itertools
import sys

import numpy as np

from kernels import ALLOW_512, Suite, memref, pack, winograd

MM = "affine_map<(m, n, k) -> (m, k)>", "affine_map<(m, n, k) -> (k, n)>", "affine_map<(m, n, k) -> (m, n)>"


def contract(maps, packed="", epilogue="", region="", count=2):
    return (f"kern.contract indexing_maps = [{', '.join(maps)}] ins(%a0, %a1 : $T0, $T1) {packed} "
            f"{epilogue} outs(%a{count} : $T{count}) {region}")


BIAS_RELU = """{
^bb0(%acc: f32, %b: f32):
  %zero = arith.constant 0.0 : f32
  %s = arith.addf %acc, %b : f32
  %y = arith.maximumf %s, %zero : f32
  kern.yield %y : f32
}"""
BIAS_RESIDUAL = """{
^bb0(%acc: f32, %b: f32, %r: f32):
  %s = arith.addf %acc, %b : f32
  %y = arith.addf %s, %r : f32
  kern.yield %y : f32
}"""
RESIDUAL = """{
^bb0(%acc: f32, %r: f32):
  %y = arith.addf %acc, %r : f32
  kern.yield %y : f32
}"""


def contractions(s):
    f64 = np.float64
    for m, n, k in [(1, 1, 1), (1, 37, 5), (2, 16, 16), (3, 64, 7), (5, 115, 33), (6, 64, 64), (7, 59, 3), (13, 80, 17),
                    (30, 144, 9), (97, 200, 12), (200, 65, 40), (25, 8, 6), (26, 88, 13), (47, 104, 8),
                    (25, 70, 2051), (2, 20, 1025), (110, 5, 1030)]:  # The last three: k in blocks.
        a, w, bias, c = s.array(m, k, scale=0.1 if k > 1000 else 1), s.array(k, n), s.array(n), s.array(m, n)
        product = a.astype(f64) @ w
        for dynamic in (False, True):
            s.add(f"packed {m}x{n}x{k} dynamic={dynamic}",
                  contract(MM, "packed", "epilogue(%a2 : $T2) maps [affine_map<(m, n) -> (n)>]", BIAS_RELU, 3),
                  [a, pack(w, 0), bias, c], np.maximum(product + bias, 0), dynamic)
        s.add(f"rows {m}x{n}x{k}", contract(MM), [a, w, c], product)
        s.add(f"transposed b {m}x{n}x{k}", contract((MM[0], "affine_map<(m, n, k) -> (n, k)>", MM[2])),
              [a, np.ascontiguousarray(w.T), c], product)
        s.add(f"transposed a {m}x{n}x{k}", contract(("affine_map<(m, n, k) -> (k, m)>", MM[1], MM[2])),
              [np.ascontiguousarray(a.T), w, c], product)
        s.add(f"transposed c {m}x{n}x{k}", contract((MM[0], MM[1], "affine_map<(m, n, k) -> (n, m)>")),
              [a, w, s.array(n, m)], product.T)
        r = s.array(m, n)
        s.add(f"bias and residual {m}x{n}x{k}",
              contract(MM, "packed", "epilogue(%a2, %a3 : $T2, $T3) maps [affine_map<(m, n) -> (n)>, affine_map<(m, n) -> (m, n)>]",
                       BIAS_RESIDUAL, 4), [a, pack(w, 0), bias, r, c], product + bias + r)
        s.add(f"residual in place {m}x{n}x{k}",
              contract(MM, "packed", "epilogue(%a2 : $T2) maps [affine_map<(m, n) -> (m, n)>]", RESIDUAL, 2),
              [a, pack(w, 0), c], product + c)
        s.add(f"row and strided operands {m}x{n}x{k}",
              contract(MM, "packed", "epilogue(%a2, %a3 : $T2, $T3) maps [affine_map<(m, n) -> (m)>, affine_map<(m, n) -> (n, m)>]",
                       BIAS_RESIDUAL, 4), [a, pack(w, 0), s.array(m), s.array(n, m), c], None)
        name, body, arrays, _, *rest = s.cases.pop()
        s.add(name, body, arrays, product + arrays[2][:, None] + arrays[3].T)
    # Each count of lanes that the last vector can have; what is behind it stays.
    for n in range(1, 18):
        a, w, around = s.array(7, 5), s.array(5, n), s.array(7, n + 16)
        expected = around.astype(f64)
        expected[:, 8:8 + n] = a.astype(f64) @ w
        s.add(f"{n} columns of {n + 16}",
              f"%at = memref.subview %a2[0, 8] [7, {n}] [1, 1] : $T2 to memref<7x{n}xf32, strided<[{n + 16}, 1], offset: 8>>\n"
              + contract(MM, "packed").replace("%a2 : $T2", f"%at : memref<7x{n}xf32, strided<[{n + 16}, 1], offset: 8>>"),
              [a, pack(w, 0), around], expected)
    # Views: rows apart, columns of a larger output.
    a, w, c = s.array(9, 40)[:, :24], s.array(24, 50), s.array(9, 100)[:, 7:57]
    for dynamic in (False, True):
        s.add(f"views dynamic={dynamic}", contract(MM, "packed"), [a, pack(w, 0), c], a.astype(f64) @ w, dynamic)
    # Batches and heads.
    q, key, out = s.array(5, 3, 20), s.array(7, 3, 20), s.array(3, 5, 7)
    s.add("heads", contract(("affine_map<(h, m, n, k) -> (m, h, k)>", "affine_map<(h, m, n, k) -> (n, h, k)>",
                             "affine_map<(h, m, n, k) -> (h, m, n)>")), [q, key, out],
          np.einsum("mhk,nhk->hmn", q.astype(f64), key))
    p, v, out = s.array(3, 5, 7), s.array(7, 3, 20), s.array(5, 3, 20)
    for dynamic in (False, True):
        s.add(f"values dynamic={dynamic}",
              contract(("affine_map<(h, m, n, k) -> (h, m, k)>", "affine_map<(h, m, n, k) -> (k, h, n)>",
                        "affine_map<(h, m, n, k) -> (m, h, n)>")), [p, v, out],
              np.einsum("hmk,khn->mhn", p.astype(f64), v), dynamic)
    a, w, bias, c = s.array(2, 3, 5, 8), s.array(8, 21), s.array(21), s.array(2, 3, 5, 21)
    for dynamic in (False, True):
        s.add(f"many rows dynamic={dynamic}",
              contract(("affine_map<(b, s, t, n, k) -> (b, s, t, k)>", "affine_map<(b, s, t, n, k) -> (k, n)>",
                        "affine_map<(b, s, t, n, k) -> (b, s, t, n)>"), "packed",
                       "epilogue(%a2 : $T2) maps [affine_map<(b, s, t, n) -> (n)>]", BIAS_RELU, 3),
              [a, pack(w, 0), bias, c], np.maximum(a.astype(f64) @ w + bias, 0), dynamic)
    a, w, c = s.array(4, 6, 10), s.array(4, 10, 33), s.array(4, 6, 33)
    s.add("packed batch", contract(("affine_map<(b, m, n, k) -> (b, m, k)>", "affine_map<(b, m, n, k) -> (b, k, n)>",
                                    "affine_map<(b, m, n, k) -> (b, m, n)>"), "packed"), [a, pack(w, 1), c],
          a.astype(f64) @ w)
    s.add("broadcast a", contract(("affine_map<(b, m, n, k) -> (m, k)>", "affine_map<(b, m, n, k) -> (b, k, n)>",
                                   "affine_map<(b, m, n, k) -> (b, m, n)>")), [a[0].copy(), w, c], a[0].astype(f64) @ w)
    a, w, c = s.array(5, 3, 4), s.array(3, 4, 33), s.array(5, 33)
    s.add("two depths", contract(("affine_map<(m, n, j, k) -> (m, j, k)>", "affine_map<(m, n, j, k) -> (j, k, n)>",
                                  "affine_map<(m, n, j, k) -> (m, n)>"), "packed"), [a, pack(w, 0), c],
          np.einsum("mjk,jkn->mn", a.astype(f64), w))
    s.add("two depths apart", contract(("affine_map<(m, n, j, k) -> (j, m, k)>", "affine_map<(m, n, j, k) -> (j, k, n)>",
                                        "affine_map<(m, n, j, k) -> (m, n)>"), "packed"),
          [np.ascontiguousarray(a.transpose(1, 0, 2)), pack(w, 0), c], np.einsum("mjk,jkn->mn", a.astype(f64), w))
    a, x, c = s.array(11, 19), s.array(19), s.array(11)
    s.add("matrix and vector", contract(("affine_map<(m, k) -> (m, k)>", "affine_map<(m, k) -> (k)>", "affine_map<(m, k) -> (m)>")),
          [a, x, c], a.astype(f64) @ x)
    a, b, c = s.random.integers(-9, 9, (5, 8), np.int8), s.random.integers(-9, 9, (8, 7), np.int8), np.zeros((5, 7), np.int32)
    s.add("integers", contract(MM), [a, b, c], a.astype(np.int64) @ b, tolerance=0)


def windows(x, taps, strides, dilations, pads, out):
    """Padded input and the views of it that each tap sees."""
    padded = np.pad(x.astype(np.float64), ((0, 0), (pads[0], pads[2] + 99), (pads[1], pads[3] + 99), (0, 0)))
    for y, z in itertools.product(range(taps[0]), range(taps[1])):
        top, left = y * dilations[0], z * dilations[1]
        yield y, z, padded[:, top:top + out[0] * strides[0]:strides[0], left:left + out[1] * strides[1]:strides[1]][:, :out[0], :out[1]]


def output_extent(n, taps, stride, dilation, before, after):
    return (n + before + after - dilation * (taps - 1) - 1) // stride + 1


WINDOWS = [  # N, H, W, taps, strides, dilations, pads
    (1, 9, 9, (3, 3), (1, 1), (1, 1), (1, 1, 1, 1)), (2, 7, 8, (3, 3), (1, 1), (1, 1), (1, 1, 1, 1)),
    (1, 14, 15, (3, 3), (2, 2), (1, 1), (0, 0, 1, 1)), (1, 10, 11, (5, 5), (1, 1), (1, 1), (2, 2, 2, 2)),
    (1, 12, 9, (3, 3), (1, 1), (2, 2), (2, 2, 2, 2)), (1, 12, 9, (3, 2), (2, 1), (1, 3), (0, 2, 1, 1)),
    (1, 6, 5, (1, 1), (2, 2), (1, 1), (0, 0, 0, 0)), (1, 1, 20, (1, 5), (1, 1), (1, 1), (0, 2, 0, 2)),
    (1, 4, 4, (4, 4), (1, 1), (1, 1), (0, 0, 0, 0)), (2, 23, 22, (7, 7), (2, 2), (1, 1), (3, 3, 3, 3)),
    (1, 2, 2, (3, 3), (1, 1), (1, 1), (1, 1, 1, 1)), (1, 5, 6, (3, 3), (3, 3), (1, 1), (2, 2, 0, 0))]


def convolutions(s):
    deep = [(WINDOWS[0], (1, 180, 70)), (WINDOWS[5], (1, 600, 20)), (WINDOWS[4], (2, 350, 50))]  # k in blocks.
    for (n, h, w, taps, strides, dilations, pads), (groups, cg, mg) in deep + list(itertools.product(
            WINDOWS + WIDE, [(1, 3, 16), (1, 5, 37), (1, 20, 64), (1, 8, 115), (3, 4, 6), (2, 6, 20)])):
        if (n, h, w, taps, strides, dilations, pads) in WIDE and (groups > 1 or cg == 20):
            continue
        oh = output_extent(h, taps[0], strides[0], dilations[0], pads[0], pads[2])
        ow = output_extent(w, taps[1], strides[1], dilations[1], pads[1], pads[3])
        x = s.array(n, h, w, groups * cg)
        filters = s.array(groups, taps[0], taps[1], cg, mg, scale=0.1 if cg > 100 else 0.3)
        bias, y = s.array(groups * mg), s.array(n, oh, ow, groups * mg)
        expected = np.zeros((n, oh, ow, groups, mg))
        for i, j, view in windows(x, taps, strides, dilations, pads, (oh, ow)):
            expected += np.einsum("nhwgc,gcm->nhwgm", view.reshape(n, oh, ow, groups, cg), filters[:, i, j].astype(np.float64))
        expected = np.maximum(expected.reshape(y.shape) + bias, 0)
        body = (f"kern.conv ins(%a0, %a1 : $T0, $T1) epilogue(%a2 : $T2) maps [affine_map<(a, b, c, d) -> (d)>] outs(%a3 : $T3) "
                f"strides {list(strides)} dilations {list(dilations)} pads {list(pads)} groups {groups} {BIAS_RELU}")
        s.add(f"conv {n}x{h}x{w} {taps} s{strides} d{dilations} p{pads} g{groups} {cg}->{mg}", body,
              [x, pack(filters, 1), bias, y], expected)
    # Channels of a larger output, residual in place, an input whose pixels are apart.
    x, filters, r, y = s.array(1, 8, 8, 12)[..., :8], s.array(1, 3, 3, 8, 24, scale=0.3), s.array(1, 8, 8, 24), s.array(1, 8, 8, 40)[..., 3:27]
    expected = sum(view @ filters[0, i, j].astype(np.float64)
                   for i, j, view in windows(x, (3, 3), (1, 1), (1, 1), (1, 1, 1, 1), (8, 8)))
    s.add("conv views", "kern.conv ins(%a0, %a1 : $T0, $T1) outs(%a2 : $T2) pads [1, 1, 1, 1]", [x, pack(filters, 1), y], expected)
    s.add("conv residual in place", "kern.conv ins(%a0, %a1 : $T0, $T1) epilogue(%a2 : $T2) maps [affine_map<(a, b, c, d) -> (a, b, c, d)>] "
          f"outs(%a2 : $T2) pads [1, 1, 1, 1] {RESIDUAL}", [x, pack(filters, 1), r], expected + r)


def bundles(filters, bundle):
    """[G, KH, KW, Cg, Mg] -> [ceil(G/B), 1, KH, KW, Cg, 16]: B groups side by side in a panel."""
    g, kh, kw, cg, mg = filters.shape
    padded = np.zeros((-(-g // bundle) * bundle, kh, kw, cg, mg), filters.dtype)
    padded[:g] = filters
    return pack(padded.reshape(-1, bundle, kh, kw, cg, mg).transpose(0, 2, 3, 4, 1, 5).reshape(-1, kh, kw, cg, bundle * mg), 1)


def grouped(s):
    # Groups that fill a panel, that leave lanes or a bundle empty, that are wider than a panel, of unequal inputs and outputs.
    for number, ((n, h, w, taps, strides, dilations, pads), (groups, cg, mg, bundle)) in enumerate(itertools.product(
            WINDOWS + WIDE, [(8, 4, 4, 4), (7, 5, 3, 5), (5, 8, 8, 2), (3, 2, 6, 2), (2, 33, 1, 16), (3, 9, 11, 1), (2, 16, 37, 1)])):
        if number % 2 or bundle == 1 and taps == (1, 1):
            continue
        oh = output_extent(h, taps[0], strides[0], dilations[0], pads[0], pads[2])
        ow = output_extent(w, taps[1], strides[1], dilations[1], pads[1], pads[3])
        x, filters = s.array(n, h, w, groups * cg), s.array(groups, *taps, cg, mg, scale=0.3)
        bias, r, y = s.array(groups * mg), s.array(n, oh, ow, groups * mg), s.array(n, oh, ow, groups * mg)
        expected = np.zeros((n, oh, ow, groups, mg))
        for i, j, view in windows(x, taps, strides, dilations, pads, (oh, ow)):
            expected += np.einsum("nhwgc,gcm->nhwgm", view.reshape(n, oh, ow, groups, cg), filters[:, i, j].astype(np.float64))
        packed = bundles(filters, bundle)
        images = [f"memref<?x?x?x{groups * channels}xf32>" for channels in (cg, mg)]
        types = [images[0], memref(packed), memref(bias), images[1], images[1]] if number % 4 else None
        s.add(f"grouped {n}x{h}x{w} {taps} s{strides} d{dilations} p{pads} g{groups} {cg}->{mg} bundle {bundle} dynamic={bool(types)}",
              f"kern.conv ins(%a0, %a1 : $T0, $T1) epilogue(%a2, %a3 : $T2, $T3) "
              f"maps [affine_map<(a, b, c, d) -> (d)>, affine_map<(a, b, c, d) -> (a, b, c, d)>] outs(%a4 : $T4) "
              f"strides {list(strides)} dilations {list(dilations)} pads {list(pads)} groups {groups} bundle {bundle} {BIAS_RESIDUAL}",
              [x, packed, bias, r, y], expected.reshape(y.shape) + bias + r, types=types)
    # Channels of a larger output, an input whose pixels are apart; then one that only scalar loops take.
    x, filters, y = s.array(1, 9, 20, 50)[..., :30], s.array(10, 3, 3, 3, 4, scale=0.3), s.array(1, 9, 20, 90)[..., 7:47]
    expected = sum(np.einsum("nhwgc,gcm->nhwgm", view.reshape(1, 9, 20, 10, 3), filters[:, i, j].astype(np.float64))
                   for i, j, view in windows(x, (3, 3), (1, 1), (1, 1), (1, 1, 1, 1), (9, 20))).reshape(1, 9, 20, 40)
    body = "kern.conv ins(%a0, %a1 : $T0, $T1) outs(%a2 : $T2) pads [1, 1, 1, 1] groups 10 bundle 4"
    s.add("grouped views", body, [x, bundles(filters, 4), y], expected)
    apart = s.array(1, 9, 20, 80)[..., ::2]
    s.add("grouped channels apart", body, [x, bundles(filters, 4), apart], expected)


def winograd_convolutions(s):
    # Images, sizes and pads that leave rest tiles; channels that fill no vector, panel or group of panels.
    for (n, h, w, pads), (channels, outputs), tile in itertools.product(
            [(1, 8, 8, (1, 1, 1, 1)), (2, 7, 9, (1, 1, 1, 1)), (1, 6, 11, (0, 0, 0, 0)), (1, 3, 2, (1, 2, 3, 0)), (3, 14, 13, (2, 1, 0, 1))],
            [(16, 16), (5, 37), (37, 64), (20, 115)], [2, 4]):
        oh, ow = output_extent(h, 3, 1, 1, pads[0], pads[2]), output_extent(w, 3, 1, 1, pads[1], pads[3])
        x, filters, bias = s.array(n, h, w, channels), s.array(3, 3, channels, outputs, scale=0.3), s.array(outputs)
        r, y = s.array(n, oh, ow, outputs), s.array(n, oh, ow, outputs)
        expected = sum(view @ filters[i, j].astype(np.float64) for i, j, view in windows(x, (3, 3), (1, 1), (1, 1), pads, (oh, ow)))
        u = winograd(filters, tile)
        arrays, dynamic = [x, u, bias, r, y], [f"memref<?x?x?x{m}xf32>" for m in (channels, outputs)]
        types = [dynamic[0], memref(u), memref(bias), dynamic[1], dynamic[1]]
        s.add(f"winograd {tile} {n}x{h}x{w} p{pads} {channels}->{outputs} dynamic={outputs == 37}",
              f"kern.winograd_conv tile {tile} ins(%a0, %a1 : $T0, $T1) epilogue(%a2, %a3 : $T2, $T3) "
              f"maps [affine_map<(a, b, c, d) -> (d)>, affine_map<(a, b, c, d) -> (a, b, c, d)>] outs(%a4 : $T4) pads {list(pads)} {BIAS_RESIDUAL}",
              arrays, expected + bias + r, tolerance=1e-4 if tile == 4 else 3e-5, types=types if outputs == 37 else None)
    # More tiles than a block takes; channels of a larger output; a residual in place.
    x, filters, y = s.array(1, 40, 44, 90)[..., :80], s.array(3, 3, 80, 24, scale=0.3), s.array(1, 40, 44, 50)[..., 7:31]
    expected = sum(view @ filters[i, j].astype(np.float64) for i, j, view in windows(x, (3, 3), (1, 1), (1, 1), (1, 1, 1, 1), (40, 44)))
    s.add("winograd views", "kern.winograd_conv tile 4 ins(%a0, %a1 : $T0, $T1) outs(%a2 : $T2) pads [1, 1, 1, 1]",
          [x, winograd(filters, 4), y], expected, tolerance=2e-4)
    r = s.array(1, 40, 44, 24)
    s.add("winograd residual in place", "kern.winograd_conv tile 2 ins(%a0, %a1 : $T0, $T1) epilogue(%a2 : $T2) "
          f"maps [affine_map<(a, b, c, d) -> (a, b, c, d)>] outs(%a2 : $T2) pads [1, 1, 1, 1] {RESIDUAL}",
          [x, winograd(filters, 2), r], expected + r, tolerance=1e-4)


WIDE = [  # Several tiles in a row, tiles in the padding, an even and an odd number of rows
    (1, 6, 30, (3, 3), (1, 1), (1, 1), (1, 1, 1, 1)), (1, 7, 17, (3, 3), (1, 1), (1, 1), (0, 0, 0, 0)),
    (2, 5, 31, (3, 3), (2, 2), (1, 1), (1, 1, 1, 1)), (1, 6, 23, (5, 5), (1, 1), (1, 1), (2, 2, 2, 2)),
    (1, 3, 2, (3, 3), (1, 1), (1, 1), (9, 9, 9, 9)), (1, 5, 40, (3, 3), (1, 1), (2, 4), (2, 4, 2, 4))]


def depthwise(s):
    for (n, h, w, taps, strides, dilations, pads), channels in itertools.product(WINDOWS + WIDE, [3, 37, 48]):
        oh = output_extent(h, taps[0], strides[0], dilations[0], pads[0], pads[2])
        ow = output_extent(w, taps[1], strides[1], dilations[1], pads[1], pads[3])
        x, filters, bias = s.array(n, h, w, channels), s.array(*taps, channels), s.array(channels)
        r, y = s.array(n, oh, ow, channels), s.array(n, oh, ow, channels)
        expected = sum(view * filters[i, j].astype(np.float64) for i, j, view in windows(x, taps, strides, dilations, pads, (oh, ow)))
        image = f"memref<?x?x?x{channels}xf32>"
        for types in (None, [image, memref(filters), memref(bias), image, image])[:2 if channels == 37 else 1]:
            s.add(f"depthwise {n}x{h}x{w}x{channels} {taps} s{strides} d{dilations} p{pads} dynamic={bool(types)}",
                  f"kern.depthwise_conv ins(%a0, %a1 : $T0, $T1) epilogue(%a2, %a3 : $T2, $T3) "
                  f"maps [affine_map<(a, b, c, d) -> (d)>, affine_map<(a, b, c, d) -> (a, b, c, d)>] outs(%a4 : $T4) "
                  f"strides {list(strides)} dilations {list(dilations)} pads {list(pads)} {BIAS_RESIDUAL}",
                  [x, filters, bias, r, y], expected + bias + r, types=types)
    # Channels of a larger output, an input whose pixels are apart, a residual in place.
    x, filters, y = s.array(1, 9, 20, 50)[..., :40], s.array(3, 3, 40), s.array(1, 9, 20, 90)[..., 7:47]
    expected = sum(view * filters[i, j].astype(np.float64) for i, j, view in windows(x, (3, 3), (1, 1), (1, 1), (1, 1, 1, 1), (9, 20)))
    s.add("depthwise views", "kern.depthwise_conv ins(%a0, %a1 : $T0, $T1) outs(%a2 : $T2) pads [1, 1, 1, 1]", [x, filters, y], expected)
    r = s.array(1, 9, 20, 40)
    s.add("depthwise residual in place", "kern.depthwise_conv ins(%a0, %a1 : $T0, $T1) epilogue(%a2 : $T2) "
          f"maps [affine_map<(a, b, c, d) -> (a, b, c, d)>] outs(%a2 : $T2) pads [1, 1, 1, 1] {RESIDUAL}", [x, filters, r], expected + r)


def pools(s):
    for (n, h, w, taps, strides, dilations, pads), channels in itertools.product(WINDOWS, [3, 37, 128]):
        if pads[0] >= taps[0] or pads[1] >= taps[1]:
            continue
        # One row more than fits: ceil_mode.
        oh = output_extent(h, taps[0], strides[0], dilations[0], pads[0], pads[2])
        ow = output_extent(w, taps[1], strides[1], dilations[1], pads[1], pads[3])
        x, y = s.array(n, h, w, channels), s.array(n, oh, ow, channels)
        ones = np.ones((1, h, w, 1))
        lowest = np.where(np.pad(ones, ((0, 0), (pads[0], pads[2] + 99), (pads[1], pads[3] + 99), (0, 0))) > 0, 0, -np.inf)
        views = list(windows(x, taps, strides, dilations, pads, (oh, ow)))
        shift = list(windows(ones, taps, strides, dilations, pads, (oh, ow)))
        largest = np.max([np.where(one > 0, view, -np.inf) for (_, _, view), (_, _, one) in zip(views, shift)], axis=0)
        count = sum(one for _, _, one in shift)
        total = sum(view for _, _, view in views)
        attributes = f"kernel {list(taps)} strides {list(strides)} dilations {list(dilations)} pads {list(pads)}"
        s.add(f"max pool {n}x{h}x{w}x{channels} {taps}", f"kern.pool max ins(%a0 : $T0) outs(%a1 : $T1) {attributes}", [x, y], largest)
        s.add(f"average pool {n}x{h}x{w}x{channels} {taps}", f"kern.pool average ins(%a0 : $T0) outs(%a1 : $T1) {attributes}", [x, y], total / np.maximum(count, 1))
        s.add(f"average pool with pads {n}x{h}x{w}x{channels} {taps}",
              f"kern.pool average ins(%a0 : $T0) outs(%a1 : $T1) {attributes} count_include_pad", [x, y], total / (taps[0] * taps[1]))


def rows(s):
    for shape in [(1, 1), (3, 2), (2, 3, 15), (4, 16), (2, 100), (3, 3, 65)]:
        x, y, scale, bias = s.array(*shape, scale=4.0), s.array(*shape), s.array(shape[-1]), s.array(shape[-1])
        z = x.astype(np.float64)
        power = np.exp(z - z.max(-1, keepdims=True))
        total = power.sum(-1, keepdims=True)
        s.add(f"softmax {shape}", "kern.softmax ins(%a0 : $T0) outs(%a1 : $T1)", [x, y], power / total, tolerance=1e-6)
        s.add(f"softmax in place {shape}", "kern.softmax ins(%a0 : $T0) outs(%a0 : $T0)", [x], power / total, tolerance=1e-6)
        s.add(f"log softmax {shape}", "kern.softmax log ins(%a0 : $T0) outs(%a1 : $T1)", [x, y], np.log(power / total), dynamic=True, tolerance=1e-6)
        for count in (None, shape[-1] + 5):
            n = count or shape[-1]
            mean = z.sum(-1, keepdims=True) / n
            variance = (((z - mean) ** 2).sum(-1, keepdims=True) + (n - shape[-1]) * mean ** 2) / n
            extra = f"count {count}" if count else ""
            s.add(f"layer norm {shape} {extra}", f"kern.norm layer epsilon 1.0e-3 {extra} ins(%a0 : $T0) scale(%a1 : $T1) bias(%a2 : $T2) outs(%a3 : $T3)",
                  [x, scale, bias, y], (z - mean) / np.sqrt(variance + 1e-3) * scale + bias)
            rms = np.sqrt((z ** 2).sum(-1, keepdims=True) / n + 1e-3)
            s.add(f"rms norm {shape} {extra}", f"kern.norm rms epsilon 1.0e-3 {extra} ins(%a0 : $T0) scale(%a1 : $T1) outs(%a2 : $T2)",
                  [x, scale, y], z / rms * scale, dynamic=True)
    x, y = s.array(2, 5, 40)[:, :, :33], s.array(5, 2, 33).transpose(1, 0, 2)
    z = x.astype(np.float64)
    power = np.exp(z - z.max(-1, keepdims=True))
    s.add("softmax of views", "kern.softmax ins(%a0 : $T0) outs(%a1 : $T1)", [x, y], power / power.sum(-1, keepdims=True), tolerance=1e-6)
    # Rows of -inf but for one; very small probabilities.
    x = np.full((1, 20), -np.inf, np.float32)
    x[0, 3] = 2.0
    s.add("softmax of infinities", "kern.softmax ins(%a0 : $T0) outs(%a1 : $T1)", [x, s.array(1, 20)], (x == 2.0).astype(np.float64))
    x = s.array(3, 7, 20)
    s.add("pack transposed", "kern.pack ins(%a0 : $T0) permutation [0, 2, 1] batch 1 outs(%a1 : $T1)",
          [x, s.array(3, 1, 20, 16)], pack(np.ascontiguousarray(x.transpose(0, 2, 1)), 1), tolerance=0)
    s.add("pack rows", "kern.pack ins(%a0 : $T0) batch 1 outs(%a1 : $T1)", [x, s.array(3, 2, 7, 16)], pack(x, 1), tolerance=0)
    s.add("pack two depths", "kern.pack ins(%a0 : $T0) permutation [1, 0, 2] outs(%a1 : $T1)", [x, s.array(2, 7, 3, 16)],
          pack(np.ascontiguousarray(x.transpose(1, 0, 2)), 0), tolerance=0)


MASK_SCALE = """{
^bb0(%score: f32, %m: f32):
  %scale = arith.constant 0.25 : f32
  %s = arith.mulf %score, %scale : f32
  %y = arith.addf %s, %m : f32
  kern.yield %y : f32
}"""


def attend(q, k, v, mask=0.0, scale=1.0):
    """[.., m, d], [.., n, d], [.., n, e] in double precision; rows without a key are zeros."""
    scores = scale * (q.astype(np.float64) @ np.swapaxes(k.astype(np.float64), -1, -2)) + mask
    power = np.exp(scores - np.maximum(scores.max(-1, keepdims=True, initial=-1e300), -1e300))
    return power / np.maximum(power.sum(-1, keepdims=True), 1e-300) @ v.astype(np.float64)


def attention(s):
    def maps(*names):
        return ", ".join(f"affine_map<(h, m, n, d, e) -> ({name})>" for name in names)

    # Sizes around those of tiles, panels and blocks of keys.
    for h, m, n, d, e in [(1, 1, 1, 1, 1), (2, 5, 7, 3, 20), (1, 6, 64, 8, 64), (3, 13, 65, 16, 37), (1, 97, 30, 4, 5),
                          (1, 8, 513, 5, 16), (2, 3, 1100, 8, 70), (1, 4, 0, 8, 9)]:
        q, k, v, o = s.array(h, m, d), s.array(h, n, d), s.array(h, n, e), s.array(h, m, e)
        packed = pack(np.ascontiguousarray(k.transpose(0, 2, 1)), 1)
        expected = attend(q, k, v)
        for dynamic in (False, True):
            s.add(f"attention {h}x{m}x{n}x{d}x{e} dynamic={dynamic}",
                  f"kern.attention indexing_maps = [{maps('h, m, d', 'h, d, n', 'h, n, e', 'h, m, e')}] "
                  "ins(%a0, %a1, %a2 : $T0, $T1, $T2) packed outs(%a3 : $T3)", [q, packed, v, o], expected, dynamic)
        # Sequences first, keys as they are, a mask that grows from block to block and hides some keys.
        mask = (s.array(m, n) + np.linspace(0, 9, n, dtype=np.float32)).astype(np.float32)
        mask[s.random.random((m, n)) < 0.2] = -np.inf
        mask[-1] = -np.inf
        arrays = [q.transpose(1, 0, 2).copy(), k.transpose(2, 0, 1).copy(), v.transpose(1, 0, 2).copy(), mask,
                  s.array(m, h, e)]
        s.add(f"masked attention {h}x{m}x{n}x{d}x{e}",
              f"kern.attention indexing_maps = [{maps('m, h, d', 'd, h, n', 'n, h, e', 'm, h, e')}] "
              "ins(%a0, %a1, %a2 : $T0, $T1, $T2) scores(%a3 : $T3) maps [affine_map<(h, m, n) -> (m, n)>] "
              f"outs(%a4 : $T4) zero_empty {MASK_SCALE}", arrays, attend(q, k, v, mask, 0.25).transpose(1, 0, 2))
    # Four heads share two of keys; no stride is one.
    q, k, v = s.array(2, 2, 9, 12), s.array(2, 70, 12), s.array(2, 70, 21)
    names = ["(g, r, m, n, d, e) -> (d, g, r, m)", "(g, r, m, n, d, e) -> (n, g, d)",
             "(g, r, m, n, d, e) -> (e, g, n)", "(g, r, m, n, d, e) -> (g, r, m, e)"]
    wide = s.array(2, 2, 9, 42)[..., ::2]
    s.add("shared keys", f"kern.attention indexing_maps = [{', '.join(f'affine_map<{name}>' for name in names)}] "
          "ins(%a0, %a1, %a2 : $T0, $T1, $T2) outs(%a3 : $T3)",
          [q.transpose(3, 0, 1, 2).copy(), k.transpose(1, 0, 2).copy(), v.transpose(2, 0, 1).copy(), wide],
          attend(q, k[:, None], v[:, None]))
    # Very large and very small scores, and NaN in one row alone.
    q, k, v, o = s.array(1, 7, 4), s.array(1, 40, 4), s.array(1, 40, 16), s.array(1, 7, 16)
    q[0, 0] *= 1e6
    q[0, 1] *= 1e-20
    q[0, 2] = np.nan
    s.add("attention of extremes", f"kern.attention indexing_maps = [{maps('h, m, d', 'h, n, d', 'h, n, e', 'h, m, e')}] "
          "ins(%a0, %a1, %a2 : $T0, $T1, $T2) outs(%a3 : $T3)", [q, k, v, o], attend(q, k, v))


def choices(s):
    """Every form that can be chosen instead of the model's, on extents that fill nothing."""
    f64 = np.float64
    # Tiles that fit 16 registers of any width, rests of rows and columns, tasks that end inside a tile.
    tiles = [f"matrix {tile} task {task}" for tile, task in
             (("1x1", 8), ("2x1", 96), ("3x1", 5), ("2x1", 1))]
    if s.bits == 256:
        tiles += ["matrix 6x1 task 10", "matrix 3x2 task 96", "matrix 1x4 task 7"]
    if s.bits == 512:
        tiles += ["matrix 7x4 task 14", "matrix 9x3 task 96", "matrix 14x2 task 50", "matrix 16x1 task 96", "matrix 2x8 task 9"]
    for choice, (m, n, k, dynamic) in itertools.product(tiles, [(1, 37, 5, False), (49, 115, 33, False), (30, 144, 9, True)]):
        a, w, bias, c = s.array(m, k), s.array(k, n), s.array(n), s.array(m, n)
        s.add(f"{choice} {m}x{n}x{k} dynamic={dynamic}",
              contract(MM, "packed", "epilogue(%a2 : $T2) maps [affine_map<(m, n) -> (n)>]",
                       f"attributes {{choice = #kern.choice<{choice}>}} {BIAS_RELU}", 3),
              [a, pack(w, 0), bias, c], np.maximum(a.astype(f64) @ w + bias, 0), dynamic)
    # Narrow groups, groups of a panel and more, one tap, many channels to copy, several rows of pixels.
    grouped_tiles = ["grouped 1x7", "grouped 1x7 by_row", "grouped 2x4 by_row", "grouped 1x3"]
    if s.bits >= 256:
        grouped_tiles += ["grouped 1x7 copied", "grouped 2x3 copied by_row"]
    for choice, (groups, cg, mg, bundle), (n, h, w, taps, strides, dilations, pads) in itertools.product(
            grouped_tiles + tiles[-2:], [(7, 5, 3, 5), (2, 33, 50, 1)], [WINDOWS[-1], WIDE[2]]):
        if bundle > 1 and choice.startswith("matrix"):
            continue
        oh = output_extent(h, taps[0], strides[0], dilations[0], pads[0], pads[2])
        ow = output_extent(w, taps[1], strides[1], dilations[1], pads[1], pads[3])
        x, filters, y = s.array(n, h, w, groups * cg), s.array(groups, *taps, cg, mg, scale=0.3), s.array(n, oh, ow, groups * mg)
        expected = np.zeros((n, oh, ow, groups, mg))
        for i, j, view in windows(x, taps, strides, dilations, pads, (oh, ow)):
            expected += np.einsum("nhwgc,gcm->nhwgm", view.reshape(n, oh, ow, groups, cg), filters[:, i, j].astype(f64))
        s.add(f"{choice} {n}x{h}x{w} {taps} s{strides} g{groups} {cg}->{mg}",
              f"kern.conv ins(%a0, %a1 : $T0, $T1) outs(%a2 : $T2) strides {list(strides)} dilations {list(dilations)} "
              f"pads {list(pads)} groups {groups} bundle {bundle} attributes {{choice = #kern.choice<{choice}>}}",
              [x, bundles(filters, bundle), y], expected.reshape(y.shape), tolerance=5e-5)
    for tile, (number, (n, h, w, taps, strides, dilations, pads)) in itertools.product(
            ["1x7", "2x4", "1x5", "2x3", "1x1"], enumerate(WIDE)):
        dynamic = number % 2 == 1
        oh = output_extent(h, taps[0], strides[0], dilations[0], pads[0], pads[2])
        ow = output_extent(w, taps[1], strides[1], dilations[1], pads[1], pads[3])
        x, filters, y = s.array(n, h, w, 37), s.array(*taps, 37), s.array(n, oh, ow, 37)
        image = "memref<?x?x?x37xf32>"
        s.add(f"depthwise {tile} {n}x{h}x{w} {taps} s{strides} d{dilations} dynamic={dynamic}",
              f"kern.depthwise_conv ins(%a0, %a1 : $T0, $T1) outs(%a2 : $T2) strides {list(strides)} dilations {list(dilations)} "
              f"pads {list(pads)} attributes {{choice = #kern.choice<depthwise {tile}>}}", [x, filters, y],
              sum(view * filters[i, j].astype(f64) for i, j, view in windows(x, taps, strides, dilations, pads, (oh, ow))),
              types=[image, memref(filters), image] if dynamic else None)


def main():
    families = {"attention": attention, "choices": choices, "contract": contractions, "conv": convolutions, "depthwise": depthwise, "grouped": grouped, "winograd": winograd_convolutions, "pool": pools, "rows": rows}
    bits = int(sys.argv[1])
    suite = Suite(bits)
    for name in sys.argv[2:] or families:
        families[name](suite)
    if bits == 512 and not ALLOW_512:
        print("no AVX-512 here")
        return
    sys.exit(1 if suite.check() else 0)


main()
