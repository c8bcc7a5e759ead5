#!/usr/bin/env bash
# Builds the tools with AddressSanitizer and UndefinedBehaviorSanitizer in
# build-asan/, and sends the damaged models of test_bad_input.py through them.
set -euo pipefail
cd "$(dirname "$0")/.."
export PATH="$PWD/.venv/bin:$PATH"
export CCACHE_SLOPPINESS=pch_defines,time_macros,include_file_mtime,include_file_ctime
if [ ! -f build-asan/build.ninja ]; then
  cmake --preset asan >build-configure.log 2>&1 || { cat build-configure.log; exit 1; }
  rm -f build-configure.log
fi
ninja -C build-asan --quiet compile-model secateur-translate
# LLVM's own libraries are not instrumented: what its allocators mark as theirs in
# our code is not unmarked in theirs. Dialects live until the process ends.
export ASAN_OPTIONS=allow_user_poisoning=0:detect_leaks=0:detect_odr_violation=0
export UBSAN_OPTIONS=halt_on_error=1
PATH="$PWD/build-asan/bin:$PATH" python -m pytest -q -n 2 test/Python/test_bad_input.py
