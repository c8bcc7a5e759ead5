# ===- backend.py - Builds the wheel ----------------------------------------===//
# SPDX-License-Identifier: Apache-2.0
# ===----------------------------------------------------------------------===//
"""A build backend of the standard library alone, so that building a wheel needs no
network. It packs the Python files, secateur.h, and the tools from the build folder
($SECATEUR_BUILD, by default ../build). The tools use the machine's libLLVM and
libMLIR, so the wheel is for machines that have them. The same input gives the same
bytes."""

import base64
import hashlib
import os
import zipfile

NAME, VERSION = "secateur", "0.1.0"
TAG = "py3-none-linux_x86_64"
HERE = os.path.dirname(os.path.abspath(__file__))
METADATA = f"""Metadata-Version: 2.1
Name: {NAME}
Version: {VERSION}
Summary: Compile ONNX models to small, fast native code, pruned if asked for
License: Apache-2.0
Requires-Python: >=3.9
Requires-Dist: numpy
"""
WHEEL = f"""Wheel-Version: 1.0
Generator: secateur
Root-Is-Purelib: false
Tag: {TAG}
"""


def _contents():
    """Pairs of the name in the wheel and the bytes, and whether it is a program."""
    build = os.environ.get("SECATEUR_BUILD", os.path.join(HERE, "..", "build"))
    package = os.path.join(HERE, NAME)
    for name in sorted(os.listdir(package)):
        if name.endswith(".py"):
            yield f"{NAME}/{name}", os.path.join(package, name), False
    yield f"{NAME}/include/secateur.h", os.path.join(HERE, "..", "include", "secateur.h"), False
    for tool in ("compile-model", "run-model"):
        path = os.path.join(build, "bin", tool)
        if not os.path.exists(path):
            raise FileNotFoundError(f"{path}: build it first, or set SECATEUR_BUILD")
        yield f"{NAME}/bin/{tool}", path, True


def build_wheel(wheel_directory, config_settings=None, metadata_directory=None):
    name = f"{NAME}-{VERSION}-{TAG}.whl"
    info = f"{NAME}-{VERSION}.dist-info"
    record = []
    with zipfile.ZipFile(os.path.join(wheel_directory, name), "w", zipfile.ZIP_DEFLATED) as wheel:

        def add(path, data, program=False):
            entry = zipfile.ZipInfo(path, (1980, 1, 1, 0, 0, 0))
            entry.external_attr = (0o100755 if program else 0o100644) << 16
            entry.compress_type = zipfile.ZIP_DEFLATED
            wheel.writestr(entry, data)
            digest = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
            record.append(f"{path},sha256={digest},{len(data)}")

        for path, source, program in _contents():
            with open(source, "rb") as file:
                add(path, file.read(), program)
        add(f"{info}/METADATA", METADATA.encode())
        add(f"{info}/WHEEL", WHEEL.encode())
        lines = record + [f"{info}/RECORD,,", ""]
        wheel.writestr(zipfile.ZipInfo(f"{info}/RECORD", (1980, 1, 1, 0, 0, 0)), "\n".join(lines))
    return name


def build_sdist(sdist_directory, config_settings=None):
    raise NotImplementedError("build the wheel from a source tree: scripts/build-wheel.sh")
