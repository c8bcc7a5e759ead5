"""lit configuration: MLIR tests by stage."""

import os

import lit.formats

config.name = "Secateur"
config.test_format = lit.formats.ShTest(execute_external=False)
config.suffixes = [".mlir", ".test"]
config.excludes = ["Inputs", "CMakeLists.txt"]
config.test_source_root = os.path.dirname(__file__)
config.test_exec_root = os.path.join(config.secateur_binary, "test")
config.environment["PATH"] = os.pathsep.join(
    [os.path.join(config.secateur_binary, "bin"), os.path.join(config.test_exec_root, "bin"),
     config.llvm_tools, os.environ["PATH"]])
config.environment["FILECHECK_OPTS"] = "--enable-var-scope"
config.environment["SECATEUR_CACHE"] = "off"
config.environment["ASAN_OPTIONS"] = "detect_leaks=0"
# Tests of ONNX files need the Python of scripts/install-deps.sh.
venv = os.path.join(config.secateur_source, ".venv", "bin")
config.substitutions += [
    ("%python", os.path.join(venv, "python") if os.path.exists(venv) else "python3"),
    ("%print-onnx", os.path.join(os.path.dirname(__file__), "print-onnx.py")),
    ("%make-onnx", os.path.join(os.path.dirname(__file__), "make-onnx.py")),
]
config.substitutions.append(("%testbin", os.path.join(config.test_exec_root, "bin")))
if not config.secateur_sanitize:
    config.available_features.add("sanitizer-tests")
