# ===- Errors ---------------------------------------------------------------===//
# SPDX-License-Identifier: Apache-2.0
# ===----------------------------------------------------------------------===//
"""What can go wrong, as exceptions. All derive from SecateurError, and from the
built-in exception that fits, so that `except ValueError` works too."""


class SecateurError(Exception):
    """Base of all errors of this package."""

    def __str__(self):  # KeyError would print the repr of the message.
        return Exception.__str__(self)


class CompileError(SecateurError, RuntimeError):
    """The model could not be compiled or pruned; the message says why and where."""


class InvalidArgumentError(SecateurError, ValueError):
    """A wrong argument: a buffer, an index, an option."""


class OutOfMemoryError(SecateurError, MemoryError):
    """The shapes need more memory than there is."""


class UnsupportedCpuError(SecateurError, RuntimeError):
    """The model was compiled for a CPU with features that this one lacks."""


class WeightsError(SecateurError, OSError):
    """The weights file is missing, unreadable, or another model's."""


class ShapeError(SecateurError, ValueError):
    """An input has a shape that the model cannot take."""


class DTypeError(SecateurError, TypeError):
    """An input has another element type than the model's."""


class TensorNameError(SecateurError, KeyError):
    """The model has no input or output of that name."""


class RunError(SecateurError, RuntimeError):
    """The model refused the data, for example an index that is too large."""


# By SecateurStatus of secateur.h.
BY_STATUS = {
    1: InvalidArgumentError,
    2: OutOfMemoryError,
    3: UnsupportedCpuError,
    4: WeightsError,
    5: ShapeError,
    6: DTypeError,
    7: TensorNameError,
    8: InvalidArgumentError,
    9: RunError,
}
