#!/usr/bin/env python3
"""Runs one model in one peer, as a worker that another program asks for timings.

usage: python benchmarks/peers.py PEER MODEL.onnx FEEDS.npz THREADS

Each peer runs at its best documented settings for latency in f32. The worker prints
`ready`, or `error: REASON` and ends. Then, for each line with a number of seconds on
standard input, it runs the model for that long and prints the median in milliseconds;
for the line `outputs FILE.npz`, it writes the outputs of one run, in the model's order,
and prints `done`. A worker that waits uses no processor, so that several can be timed
in turn on the same machine.

The peers come from benchmarks/requirements.txt.
"""

import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time

import numpy as np


def onnxruntime(model, feeds, threads, folder):
    import onnxruntime as ort

    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_ENABLE_ALL
    options.log_severity_level = 3
    session = ort.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    return lambda: session.run(None, feeds)


def openvino(model, feeds, threads, folder):
    import openvino

    core = openvino.Core()
    network = core.read_model(model)
    network.reshape({name: value.shape for name, value in feeds.items()})
    compiled = core.compile_model(network, "CPU", {
        "INFERENCE_NUM_THREADS": threads, "PERFORMANCE_HINT": "LATENCY", "INFERENCE_PRECISION_HINT": "f32"})
    request = compiled.create_infer_request()
    for name, value in feeds.items():
        request.set_tensor(name, openvino.Tensor(value, shared_memory=True))

    def run():
        request.infer()
        return [output.data for output in request.output_tensors]

    return run


def mnn(model, feeds, threads, folder):
    import MNN
    import _tools  # The converter itself: MNN's wrapper of it reports usage to its vendor.

    import onnx

    target = str(folder / "model.mnn")
    # It prints its progress, which is not ours to print.
    silently(lambda: _tools.mnnconvert(["mnnconvert", "-f", "ONNX", "--modelFile", model, "--MNNModel", target, "--bizCode", "bench"]))
    interpreter = MNN.Interpreter(target)
    session = interpreter.createSession({"backend": "CPU", "precision": "high", "numThread": threads})
    types = {np.dtype(np.float32): MNN.Halide_Type_Float, np.dtype(np.int32): MNN.Halide_Type_Int,
             np.dtype(np.int64): MNN.Halide_Type_Int, np.dtype(np.uint8): MNN.Halide_Type_Uint8}
    for name, value in feeds.items():
        interpreter.resizeTensor(interpreter.getSessionInput(session, name), value.shape)
    interpreter.resizeSession(session)
    for name, value in feeds.items():
        kept = value.astype(np.int32) if value.dtype == np.int64 else value
        host = MNN.Tensor(value.shape, types[value.dtype], kept, MNN.Tensor_DimensionType_Caffe)
        interpreter.getSessionInput(session, name).copyFrom(host)
    names = [value.name for value in onnx.load(model, load_external_data=False).graph.output]

    def run():
        interpreter.runSession(session)
        results = []
        for name in names:
            output = interpreter.getSessionOutput(session, name)
            host = MNN.Tensor(output.getShape(), MNN.Halide_Type_Float, np.zeros(output.getShape(), np.float32), MNN.Tensor_DimensionType_Caffe)
            output.copyToHostTensor(host)
            results.append(np.array(host.getNumpyData(), copy=True).reshape(output.getShape()))
        return results

    return run


def ncnn(model, feeds, threads, folder):
    import ncnn
    import pnnx

    kinds = {np.dtype(np.float32): "f32", np.dtype(np.int64): "i64", np.dtype(np.int32): "i32"}
    shapes = ",".join(f"[{','.join(map(str, value.shape))}]{kinds[value.dtype]}" for value in feeds.values())
    copy = folder / "model.onnx"
    copy.write_bytes(pathlib.Path(model).read_bytes())
    executable = next(pathlib.Path(pnnx.__file__).parent.glob("bin/pnnx*"), None) or "pnnx"
    subprocess.run([str(executable), str(copy), f"inputshape={shapes}", "fp16=0"], cwd=folder, check=True,
                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    network = ncnn.Net()
    network.opt.num_threads = threads
    network.opt.use_fp16_packed = network.opt.use_fp16_storage = network.opt.use_fp16_arithmetic = network.opt.use_bf16_storage = False
    if network.load_param(str(folder / "model.ncnn.param")) or network.load_model(str(folder / "model.ncnn.bin")):
        raise RuntimeError("ncnn does not load what pnnx wrote")
    # ncnn has no batch axis.
    inputs = {f"in{index}": ncnn.Mat(np.ascontiguousarray(value[0])) for index, value in enumerate(feeds.values())}
    outputs = [name for name in network.output_names()]

    def run():
        extractor = network.create_extractor()
        for name, value in inputs.items():
            extractor.input(name, value)
        return [np.array(extractor.extract(name)[1])[None] for name in outputs]

    return run


def iree(model, feeds, threads, folder):
    import iree.compiler as compiler
    import iree.runtime as runtime
    import onnx

    proto = onnx.load(model)
    for value in proto.graph.input:
        if value.name in feeds:
            for dim, size in zip(value.type.tensor_type.shape.dim, feeds[value.name].shape):
                dim.dim_value = size
    fixed, mlir, module = folder / "fixed.onnx", folder / "model.mlir", folder / "model.vmfb"
    if proto.opset_import[0].version < 17:
        proto = onnx.version_converter.convert_version(proto, 17)
    onnx.save(onnx.shape_inference.infer_shapes(proto), fixed)
    subprocess.run([sys.executable, "-m", "iree.compiler.tools.import_onnx", str(fixed), "-o", str(mlir)], check=True, capture_output=True)
    compiler.compile_file(str(mlir), output_file=str(module), target_backends=["llvm-cpu"], input_type="onnx", extra_args=[
        "--iree-llvmcpu-target-cpu=host", "--iree-opt-level=O3", "--iree-opt-data-tiling=true"])
    if threads > 1:
        runtime.flags.parse_flags(f"--task_topology_group_count={threads}")
    config = runtime.Config("local-sync" if threads == 1 else "local-task")
    loaded = runtime.load_vm_module(runtime.VmModule.mmap(config.vm_instance, str(module)), config)
    function = getattr(loaded, [name for name in loaded.vm_module.function_names if not name.startswith("_")and not name.endswith("$async")][0])
    device = [runtime.asdevicearray(config.device, value) for value in feeds.values()]

    def run():
        result = function(*device)
        return [r.to_host() for r in (result if isinstance(result, (list, tuple)) else [result])]

    return run


PEERS = {"onnxruntime": onnxruntime, "openvino": openvino, "mnn": mnn, "ncnn": ncnn, "iree": iree}


def silently(function):
    """Runs it with standard output, the libraries' own included, thrown away."""
    sys.stdout.flush()
    kept, sink = os.dup(1), os.open(os.devnull, os.O_WRONLY)
    os.dup2(sink, 1)
    try:
        return function()
    finally:
        sys.stdout.flush()
        os.dup2(kept, 1)


def timed(run, seconds):
    """Median of the runs of this many seconds, in milliseconds."""
    samples, end = [], time.perf_counter() + seconds
    while not samples or time.perf_counter() < end:
        start = time.perf_counter()
        run()
        samples.append(1e3 * (time.perf_counter() - start))
    return statistics.median(samples)


def main():
    peer, model, feeds, threads = sys.argv[1:]
    with tempfile.TemporaryDirectory() as folder, np.load(feeds) as file:
        values = {name: file[name] for name in file.files}
        try:
            run = silently(lambda: PEERS[peer](model, values, int(threads), pathlib.Path(folder)))
            silently(run)
        except Exception as error:  # the peer's answer is a row of a table
            reason = str(error).strip().splitlines()
            print(f"error: {type(error).__name__}: {reason[-1] if reason else ''}", flush=True)
            return
        print("ready", flush=True)
        for line in sys.stdin:
            if line.startswith("outputs "):
                np.savez(line.split()[1], *run())
                print("done", flush=True)
            else:
                print(timed(run, float(line)), flush=True)


if __name__ == "__main__":
    main()
