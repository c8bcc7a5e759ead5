# ===- The C ABI of a compiled model, for ctypes ----------------------------===//
# SPDX-License-Identifier: Apache-2.0
# ===----------------------------------------------------------------------===//
"""The structs of secateur.h, field by field, and the functions of its table."""

import ctypes as c

import numpy as np

ABI_VERSION = 1
MAX_RANK = 16
DATA_DEPENDENT = 1
BFLOAT16 = 16

DTYPES = {
    1: np.dtype(np.float32),
    2: np.dtype(np.uint8),
    3: np.dtype(np.int8),
    4: np.dtype(np.uint16),
    5: np.dtype(np.int16),
    6: np.dtype(np.int32),
    7: np.dtype(np.int64),
    9: np.dtype(np.bool_),
    10: np.dtype(np.float16),
    11: np.dtype(np.float64),
    12: np.dtype(np.uint32),
    13: np.dtype(np.uint64),
    BFLOAT16: np.dtype(np.uint16),  # The bits; see runtime.py.
}


class ValueInfo(c.Structure):
    _fields_ = [
        ("name", c.c_char_p),
        ("dtype", c.c_int32),
        ("rank", c.c_int32),
        ("dims", c.POINTER(c.c_int64)),
        ("symbols", c.POINTER(c.c_char_p)),
        ("flags", c.c_int32),
        ("reserved", c.c_int32),
    ]


class Tensor(c.Structure):
    _fields_ = [
        ("name", c.c_char_p),
        ("data", c.c_void_p),
        ("bytes", c.c_size_t),
        ("dtype", c.c_int32),
        ("rank", c.c_int32),
        ("dims", c.c_int64 * MAX_RANK),
    ]


class Options(c.Structure):
    _fields_ = [
        ("struct_size", c.c_size_t),
        ("weights_path", c.c_char_p),
        ("pool", c.c_void_p),
        ("threads", c.c_int32),
        ("reserved", c.c_int32),
    ]


class Step(c.Structure):
    _fields_ = [
        ("name", c.c_char_p),
        ("seconds", c.c_double),
        ("calls", c.c_int64),
        ("flops", c.c_int64),
        ("bytes", c.c_int64),
    ]


class Memory(c.Structure):
    _fields_ = [
        ("weight_bytes", c.c_uint64),
        ("arena_bytes", c.c_uint64),
        ("dynamic_bytes", c.c_uint64),
    ]


_context, _status, _int, _text = c.c_void_p, c.c_int, c.c_int32, c.c_char_p
_text_of = c.CFUNCTYPE(_text)
_info_of = c.CFUNCTYPE(_status, _context, _int, c.POINTER(ValueInfo))
_count_of = c.CFUNCTYPE(_int, _context)
_index_of = c.CFUNCTYPE(_int, _context, _text)


class Api(c.Structure):
    """SecateurApi: the functions return a status, 0 for success."""

    _fields_ = [
        ("abi_version", c.c_uint32),
        ("struct_size", c.c_uint32),
        ("version", _text_of),
        ("model_name", _text_of),
        ("target", _text_of),
        ("cpu", _text_of),
        ("math_mode", _text_of),
        ("status_name", c.CFUNCTYPE(_text, _int)),
        ("dtype_name", c.CFUNCTYPE(_text, _int)),
        ("dtype_size", c.CFUNCTYPE(c.c_size_t, _int)),
        ("create", c.CFUNCTYPE(_status, c.POINTER(Options), c.POINTER(_context))),
        ("destroy", c.CFUNCTYPE(None, _context)),
        ("last_error", c.CFUNCTYPE(_text, _context)),
        ("set_threads", c.CFUNCTYPE(_status, _context, _int)),
        ("threads", _count_of),
        ("input_count", _count_of),
        ("output_count", _count_of),
        ("input_info", _info_of),
        ("output_info", _info_of),
        ("input_index", _index_of),
        ("output_index", _index_of),
        ("prepare", c.CFUNCTYPE(_status, _context, c.POINTER(Tensor), _int)),
        (
            "output_shape",
            c.CFUNCTYPE(_status, _context, _int, c.POINTER(_int), c.POINTER(c.c_int64)),
        ),
        ("output_bytes", c.CFUNCTYPE(_status, _context, _int, c.POINTER(c.c_size_t))),
        (
            "run",
            c.CFUNCTYPE(_status, _context, c.POINTER(Tensor), _int, c.POINTER(Tensor), _int),
        ),
        ("output_data", c.CFUNCTYPE(_status, _context, _int, c.POINTER(Tensor))),
        ("memory", c.CFUNCTYPE(_status, _context, c.POINTER(Memory))),
        ("pool_create", c.CFUNCTYPE(_status, _int, c.POINTER(c.c_void_p))),
        ("pool_threads", c.CFUNCTYPE(_int, c.c_void_p)),
        ("pool_destroy", c.CFUNCTYPE(None, c.c_void_p)),
        ("profile", c.CFUNCTYPE(_status, _context, _int)),
        ("step_count", _count_of),
        ("step_info", c.CFUNCTYPE(_status, _context, _int, c.POINTER(Step))),
    ]


def open_library(path):
    """Loads a compiled model; returns (library, table). The library must be kept."""
    library = c.CDLL(path, mode=c.RTLD_LOCAL if hasattr(c, "RTLD_LOCAL") else 0)
    get_api = library.secateur_api
    get_api.restype = c.POINTER(Api)
    get_api.argtypes = []
    return library, get_api().contents
