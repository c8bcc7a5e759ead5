#!/usr/bin/env bash
# From a fresh machine to a pruned model: installs, builds, compiles the trained
# sample dense and at half of its FLOPs, and compares both with ONNX Runtime.
set -euo pipefail
cd "$(dirname "$0")/.."
scripts/install-deps.sh
scripts/build.sh --quiet compile-model run-model
export PATH="$PWD/build/bin:$PWD/.venv/bin:$PATH"
python samples/compare.py samples/mnist_cnn.onnx --budget flops=50%
