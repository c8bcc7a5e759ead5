"""Makes an ONNX file of a lit test: make-onnx.py TEST OUT [NAME=VALUE]...

TEST holds a model in ONNX's own textual syntax; lines that start with // are
left out. NAME=VALUE sets a field of the model, such as ir_version=3, and
`initializers-as-inputs=1` lists initializers among the inputs, as IR version 3
wants."""

import sys

import onnx
import onnx.parser


def main(source, target, *fields):
    with open(source, encoding="utf-8") as file:
        text = "".join(line for line in file if not line.startswith("//"))
    model = onnx.parser.parse_model(text)
    for field in fields:
        name, value = field.split("=")
        if name == "initializers-as-inputs":
            for tensor in model.graph.initializer:
                model.graph.input.append(onnx.helper.make_tensor_value_info(tensor.name, tensor.data_type, tensor.dims))
        else:
            setattr(model, name, int(value) if value.isdigit() else value)
    onnx.save(model, target)


main(*sys.argv[1:])
