# ===- npy.py - Writes and checks .npy files without NumPy ------------------===//
# SPDX-License-Identifier: Apache-2.0
# ===----------------------------------------------------------------------===//
"""Inputs and expected outputs of the model written by hand (FakeModel.c)."""

import ast
import struct
import sys

X = [-3.0, -2.0, -1.0, 0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, -7.0, -8.0]  # 3x4
WEIGHTS, BIAS, PICK = [1, 2, 3, 4], [0.5, -0.5, 1, 0], 1


def write(path, code, shape, packed):
    header = repr({"descr": code, "fortran_order": False, "shape": shape})
    header += " " * (63 - (len(header) + 10) % 64) + "\n"
    with open(path, "wb") as file:
        file.write(b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header.encode() + packed)


def read(path):
    data = open(path, "rb").read()
    assert data[:8] == b"\x93NUMPY\x01\x00"
    length = struct.unpack_from("<H", data, 8)[0]
    assert (10 + length) % 64 == 0
    header = ast.literal_eval(data[10 : 10 + length].decode())
    assert header["descr"] == "<f4" and header["fortran_order"] is False
    body = data[10 + length :]
    return header["shape"], list(struct.unpack(f"<{len(body) // 4}f", body))


if sys.argv[1] == "write":
    write(sys.argv[2], "<f4", (3, 4), struct.pack("<12f", *X))
    write(sys.argv[3], "<i8", (), struct.pack("<q", PICK))
else:
    shape, y = read(sys.argv[2] + "/out/y.npy")
    assert shape == (3, 4), shape
    expected = [v * WEIGHTS[i % 4] + BIAS[i % 4] + X[PICK * 4 + i % 4] for i, v in enumerate(X)]
    assert y == expected, (y, expected)
    shape, kept = read(sys.argv[2] + "/out/kept.npy")
    assert shape == (6,) and kept == [v for v in X if v > 0], (shape, kept)
