"""Runs a library on buffers that lie between pages without access: guarded.py LIBRARY FEEDS.npz end|begin

An access beyond an input or output, by as much as a byte, ends the process with a signal."""

import ctypes
import mmap
import pathlib
import sys

import numpy as np

sys.path.insert(0, str(pathlib.Path(__file__).parent.parent.parent / "python-bindings"))
import secateur  # noqa: E402
from secateur import runtime  # noqa: E402

PAGE = mmap.PAGESIZE
library = ctypes.CDLL(None, use_errno=True)
side, kept = sys.argv[3], []


def guarded(shape, dtype):
    """Memory for an array that ends, or begins, at a page without access; there is one on either side."""
    dtype = np.dtype(dtype)
    size = int(np.prod(shape, dtype=np.int64)) * dtype.itemsize
    pages = -(-max(size, 1) // PAGE)
    area = mmap.mmap(-1, (pages + 2) * PAGE)
    kept.append(area)
    address = ctypes.addressof(ctypes.c_char.from_buffer(area))
    for page in (0, pages + 1):
        if library.mprotect(ctypes.c_void_p(address + page * PAGE), PAGE, 0):
            sys.exit("mprotect failed")
    offset = PAGE if side == "begin" else (pages + 1) * PAGE - size
    return np.frombuffer(area, dtype, size // dtype.itemsize, offset).reshape(shape)


class Numpy:
    """numpy, whose new arrays are guarded: those of the outputs."""

    def __getattr__(self, name):
        return getattr(np, name)

    empty = staticmethod(guarded)


model = secateur.load(sys.argv[1], threads=2)
feeds = {}
for name, value in np.load(sys.argv[2]).items():
    feeds[name] = guarded(value.shape, value.dtype)
    feeds[name][...] = value
plain = model.run(dict(np.load(sys.argv[2])))
runtime.np = Numpy()
for name, value in model.run(feeds).items():
    if not np.array_equal(value, plain[name], equal_nan=True):
        sys.exit(f"output '{name}' differs")
print(len(kept), "guarded buffers")
