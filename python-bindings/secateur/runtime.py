# ===- Compiled models that run ---------------------------------------------===//
# SPDX-License-Identifier: Apache-2.0
# ===----------------------------------------------------------------------===//
"""Loads what compile-model has written and runs it on NumPy arrays."""

import _ctypes
import ctypes as c
import os
import tempfile
import threading
from dataclasses import dataclass
from typing import Optional, Tuple, Union

import numpy as np

from . import abi
from .errors import (
    BY_STATUS,
    DTypeError,
    InvalidArgumentError,
    SecateurError,
    ShapeError,
    TensorNameError,
)


@dataclass(frozen=True)
class TensorInfo:
    """An input or output. A free dimension is its name, or None without one."""

    name: str
    dtype: str
    shape: Tuple[Union[int, str, None], ...]
    data_dependent: bool = False


def _array_type(dtype):
    return np.dtype(np.float32) if dtype == abi.BFLOAT16 else abi.DTYPES[dtype]


def _to_bfloat16(array):
    """Bits of the nearest bfloat16 values, ties to even; NaN stays NaN."""
    bits = array.view(np.uint32)
    rounded = (bits + 0x7FFF + ((bits >> 16) & 1)) >> 16
    return np.where(np.isnan(array), (bits >> 16) | 0x40, rounded).astype(np.uint16)


def _from_bfloat16(bits):
    return (bits.astype(np.uint32) << 16).view(np.float32)


# Files that are loaded now, by path: the system would give a library that is loaded
# for a file that has been written anew since.
_loaded = {}
_loaded_lock = threading.RLock()  # A model may be collected at any time.


def _open_fresh(path):
    """Loads the file that is at `path` now; returns library, table and file identity."""
    status = os.stat(path)
    identity = (path, status.st_dev, status.st_ino)
    with _loaded_lock:
        stale = any(key[0] == path and key != identity for key in _loaded)
        if stale:  # Under another name it is another library.
            with tempfile.TemporaryDirectory(prefix="secateur-") as folder:
                link = os.path.join(folder, os.path.basename(path))
                os.symlink(path, link)
                library, api = abi.open_library(link)
        else:
            library, api = abi.open_library(path)
        _loaded[identity] = _loaded.get(identity, 0) + 1
    return library, api, identity


class Pool:
    """Threads that several models share: secateur.load(path, pool=Pool(model, 4)).

    The library of `model` provides the threads and stays loaded with the pool.
    """

    def __init__(self, model, threads=0):
        self._model = model
        self._handle = c.c_void_p()
        status = model._api.pool_create(threads, c.byref(self._handle))
        if status:
            raise BY_STATUS[status]("cannot start %d threads" % threads)

    @property
    def threads(self):
        return self._model._api.pool_threads(self._handle)

    def __del__(self):
        if getattr(self, "_handle", None):
            self._model._api.pool_destroy(self._handle)


class Model:
    """A compiled model. Calling it runs it; threads may do so at the same time.

    Positional arguments are the inputs in order, keywords go by name. One output
    comes back as an array, several as a tuple in the order of `outputs`; `run`
    takes and gives dictionaries.
    """

    def __init__(self, path, weights=None, threads=0, pool=None, owned_folder=None):
        self.path = os.path.abspath(os.fspath(path))
        self._owned_folder = owned_folder
        self._pool = pool
        self._weights = os.fspath(weights) if weights is not None else None
        self._lock = threading.Lock()
        self._idle = []
        self._threads = threads
        self._identity = None
        try:
            self._library, self._api, self._identity = _open_fresh(self.path)
        except (OSError, AttributeError) as error:
            raise InvalidArgumentError(
                f"'{path}' is not a library that compile-model wrote: {error}"
            ) from error
        if self._api.abi_version != abi.ABI_VERSION:
            raise InvalidArgumentError(
                f"'{path}' has ABI version {self._api.abi_version}, "
                f"this package knows {abi.ABI_VERSION}"
            )
        context = self._create()
        count = self._api.input_count(context)
        self._inputs = [self._info(context, self._api.input_info, i) for i in range(count)]
        count = self._api.output_count(context)
        self._outputs = [self._info(context, self._api.output_info, i) for i in range(count)]
        self._idle.append(context)

    # --- What it is ---

    @property
    def inputs(self):
        return [info for info, _ in self._inputs]

    @property
    def outputs(self):
        return [info for info, _ in self._outputs]

    @property
    def properties(self):
        """Name, compiler version, target, CPU and math mode, as the library says."""
        names = ("version", "model_name", "target", "cpu", "math_mode")
        return {name: getattr(self._api, name)().decode() for name in names}

    @property
    def threads(self):
        """Threads that a run uses."""
        context = self._acquire()
        try:
            return self._api.threads(context)
        finally:
            self._release(context)

    @threads.setter
    def threads(self, count):
        if count < 0:
            raise InvalidArgumentError(f"the number of threads is {count}")
        with self._lock:
            self._threads = count
            for context in self._idle:
                self._api.set_threads(context, count)

    @property
    def memory(self):
        """Bytes of weights, of intermediate values, and of data-dependent values."""
        memory = abi.Memory()
        context = self._acquire()
        try:
            self._check(context, self._api.memory(context, c.byref(memory)))
        finally:
            self._release(context)
        return {name: getattr(memory, name) for name, _ in abi.Memory._fields_}

    def __repr__(self):
        def text(info):
            return f"{info.name}: {info.dtype}{list(info.shape)}"

        inputs = ", ".join(map(text, self.inputs))
        outputs = ", ".join(map(text, self.outputs))
        return f"<secateur.Model {self.properties['model_name']!r} ({inputs}) -> ({outputs})>"

    def profile(self, feeds, runs=10):
        """Runs the model on `feeds` `runs` times. Returns its steps, the slowest first: dictionaries
        of the nodes' names and the seconds, flops and bytes of one run."""
        if self._api.struct_size < c.sizeof(abi.Api):
            raise SecateurError("the library has no profile: compile it again")
        arrays = self._arrays(feeds)
        context = self._acquire()
        try:
            self._run(context, arrays)
            self._check(context, self._api.profile(context, 1))
            for _ in range(runs):
                self._run(context, arrays)
            steps, step = [], abi.Step()
            for index in range(self._api.step_count(context)):
                self._check(context, self._api.step_info(context, index, c.byref(step)))
                numbers = {name: getattr(step, name) / runs for name in ("seconds", "flops", "bytes")}
                steps.append({"node": step.name.decode(), **numbers})
            self._check(context, self._api.profile(context, 0))
        finally:
            self._release(context)
        return sorted(steps, key=lambda entry: -entry["seconds"])

    # --- Running ---

    def __call__(self, *args, **kwargs):
        if len(args) > len(self._inputs):
            raise InvalidArgumentError(
                f"{len(args)} inputs were given, the model has {len(self._inputs)}"
            )
        feeds = {info.name: value for (info, _), value in zip(self._inputs, args)}
        for name, value in kwargs.items():
            if name in feeds:
                raise TensorNameError(f"input '{name}' is given twice")
            feeds[name] = value
        results = self.run(feeds)
        values = tuple(results[info.name] for info, _ in self._outputs)
        return values[0] if len(values) == 1 else values

    def run(self, feeds):
        """Runs on a dictionary of arrays; returns a dictionary of new arrays."""
        arrays = self._arrays(feeds)
        context = self._acquire()
        try:
            return self._run(context, arrays)
        finally:
            self._release(context)

    def _arrays(self, feeds):
        known = {info.name for info, _ in self._inputs}
        for name in feeds:
            if name not in known:
                raise TensorNameError(
                    f"the model has no input '{name}'; it has: {', '.join(sorted(known))}"
                )
        return [self._array(info, dtype, feeds) for info, dtype in self._inputs]

    def _array(self, info, dtype, feeds):
        """The input as a dense array. Only what loses nothing is converted."""
        if info.name not in feeds:
            raise TensorNameError(f"input '{info.name}' has no value")
        value = feeds[info.name]
        wanted = _array_type(dtype)
        is_array = hasattr(value, "dtype") or hasattr(value, "__array__")
        array = np.asarray(value)
        if dtype == abi.BFLOAT16 and array.dtype.name == "bfloat16":  # Of ml_dtypes.
            return np.require(array, requirements="CA").view(np.uint16)
        if array.dtype != wanted:
            # Python's numbers and lists have no type of their own yet.
            if is_array or not np.can_cast(array.dtype, wanted, "same_kind"):
                raise DTypeError(f"input '{info.name}' is {array.dtype}, expected {wanted}")
            array = array.astype(wanted)
        if array.ndim > abi.MAX_RANK:
            raise ShapeError(f"input '{info.name}' has rank {array.ndim}")
        array = np.require(array, requirements="CA")
        return _to_bfloat16(array) if dtype == abi.BFLOAT16 else array

    def _run(self, context, arrays):
        inputs = (abi.Tensor * max(1, len(arrays)))()
        for tensor, array, (_, dtype) in zip(inputs, arrays, self._inputs):
            self._fill(tensor, array, dtype)
        self._check(context, self._api.prepare(context, inputs, len(arrays)))
        outputs = (abi.Tensor * max(1, len(self._outputs)))()
        results = []
        for index, (tensor, (info, dtype)) in enumerate(zip(outputs, self._outputs)):
            array = None
            if not info.data_dependent:
                array = np.empty(self._output_shape(context, index), abi.DTYPES[dtype])
                self._fill(tensor, array, dtype)
            results.append(array)
        status = self._api.run(context, inputs, len(arrays), outputs, len(self._outputs))
        self._check(context, status)
        named = {}
        for tensor, array, (info, dtype) in zip(outputs, results, self._outputs):
            if array is None:  # The library's memory: copied before the next run.
                shape = tuple(tensor.dims[: tensor.rank])
                array = np.empty(shape, abi.DTYPES[dtype])
                c.memmove(array.ctypes.data, tensor.data, array.nbytes)
            named[info.name] = _from_bfloat16(array) if dtype == abi.BFLOAT16 else array
        return named

    @staticmethod
    def _fill(tensor, array, dtype):
        tensor.data = array.ctypes.data
        tensor.bytes = array.nbytes
        tensor.dtype = dtype
        tensor.rank = array.ndim
        tensor.dims[: array.ndim] = array.shape

    def _output_shape(self, context, index):
        rank, dims = c.c_int32(), (c.c_int64 * abi.MAX_RANK)()
        self._check(context, self._api.output_shape(context, index, c.byref(rank), dims))
        return tuple(dims[: rank.value])

    # --- Contexts: one a call that is running ---

    def _create(self):
        options = abi.Options(struct_size=c.sizeof(abi.Options), threads=self._threads)
        if self._weights is not None:
            options.weights_path = os.fsencode(self._weights)
        if self._pool is not None:
            options.pool = self._pool._handle
        context = c.c_void_p()
        status = self._api.create(c.byref(options), c.byref(context))
        if status:
            message = self._api.last_error(context).decode(errors="replace")
            self._api.destroy(context)
            raise BY_STATUS.get(status, SecateurError)(message)
        return context

    def _acquire(self):
        with self._lock:
            if self._idle:
                return self._idle.pop()
        return self._create()

    def _release(self, context):
        with self._lock:
            self._idle.append(context)

    def _check(self, context, status):
        if status:
            message = self._api.last_error(context).decode(errors="replace")
            raise BY_STATUS.get(status, SecateurError)(message)

    def _info(self, context, get, index):
        info = abi.ValueInfo()
        self._check(context, get(context, index, c.byref(info)))
        shape = []
        for axis in range(info.rank):
            symbol = info.symbols[axis]
            known = info.dims[axis] >= 0
            shape.append(info.dims[axis] if known else symbol.decode() if symbol else None)
        dtype = self._api.dtype_name(info.dtype).decode()
        dependent = bool(info.flags & abi.DATA_DEPENDENT)
        return TensorInfo(info.name.decode(), dtype, tuple(shape), dependent), info.dtype

    def __del__(self):
        for context in getattr(self, "_idle", []):
            self._api.destroy(context)
        self._idle = []
        if getattr(self, "_identity", None) is None or _ctypes is None:
            return  # Not loaded, or Python is ending.
        with _loaded_lock:
            _loaded[self._identity] -= 1
            if not _loaded[self._identity]:
                del _loaded[self._identity]
        _ctypes.dlclose(self._library._handle)


def load(path, weights=None, threads: int = 0, pool: Optional[Pool] = None) -> Model:
    """Loads a model that compile-model has written.

    `weights` names the weights file where it does not lie beside the library.
    `threads` is the number that a run uses, 0 for one a physical core.
    """
    return Model(path, weights=weights, threads=threads, pool=pool)
