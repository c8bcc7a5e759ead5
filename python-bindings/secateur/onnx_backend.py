# ===- An onnx.backend implementation ---------------------------------------===//
# SPDX-License-Identifier: Apache-2.0
# ===----------------------------------------------------------------------===//
"""onnx's own interface to execution engines, over compile(): what onnx's backend
tests drive. `import secateur.onnx_backend as backend; backend.run_model(model, [x])`.
"""

import numpy as np
from onnx.backend.base import Backend, BackendRep, Device, DeviceType

from .compiler import compile as compile_model


class Representation(BackendRep):
    def __init__(self, model):
        self.model = model

    def run(self, inputs, **kwargs):
        """Takes a list in the order of the inputs, or a dictionary; returns a tuple."""
        if isinstance(inputs, dict):
            feeds = inputs
        elif isinstance(inputs, (list, tuple)):
            feeds = {info.name: value for info, value in zip(self.model.inputs, inputs)}
        else:
            feeds = {self.model.inputs[0].name: inputs}
        results = self.model.run({name: np.asarray(value) for name, value in feeds.items()})
        return tuple(results[info.name] for info in self.model.outputs)


class SecateurBackend(Backend):
    @classmethod
    def supports_device(cls, device):
        return Device(device).type == DeviceType.CPU

    @classmethod
    def prepare(cls, model, device="CPU", **kwargs):
        if not cls.supports_device(device):
            raise ValueError(f"device '{device}' is not supported: use CPU")
        super().prepare(model, device, **kwargs)  # Checks the model.
        return Representation(compile_model(model, **kwargs))


is_compatible = SecateurBackend.is_compatible
prepare = SecateurBackend.prepare
run_model = SecateurBackend.run_model
supports_device = SecateurBackend.supports_device
