"""Checks an ONNX file and prints it in ONNX's textual syntax: print-onnx.py FILE"""

import sys

import onnx
import onnx.checker
import onnx.printer

onnx.checker.check_model(sys.argv[1])
print(onnx.printer.to_text(onnx.load(sys.argv[1])))
