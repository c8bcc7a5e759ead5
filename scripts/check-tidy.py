#!/usr/bin/env python3
"""Checks the C++ sources with clang-tidy (see .clang-tidy), after a build.

usage: python scripts/check-tidy.py [--build build] [--jobs N] [PATTERN ...]

A file is checked again only where its object is newer than the last clean check, that
is, where it or something that it includes has changed.
"""

import argparse
import concurrent.futures
import fnmatch
import json
import os
import pathlib
import shlex
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent


def sources(build, patterns):
    """(file, object, stamp of its last clean check) of our own code in the build's compilation database:
    a source, or the file with which the build compiles several of them together."""
    seen = set()  # what is built in several forms is checked in one
    for entry in json.loads((build / "compile_commands.json").read_text()):
        path = pathlib.Path(entry["file"])
        parts = [path]
        if "Unity" in path.parts:
            parts = [pathlib.Path(line.split('"')[1]) for line in path.read_text().splitlines() if line.startswith("#include")]
        parts = [part for part in parts if part.is_relative_to(ROOT) and not part.is_relative_to(build)]
        if parts and set(parts) <= seen:
            continue
        seen.update(parts)
        if any(fnmatch.fnmatch(part.relative_to(ROOT), pattern) for part in parts for pattern in patterns or ["*"]):
            words = shlex.split(entry["command"])
            stamp = build / "tidy" / f"{path.relative_to(ROOT)}.ok"
            yield str(path), pathlib.Path(entry["directory"]) / words[words.index("-o") + 1], stamp


def is_current(target, stamp):
    newest = max(target.stat().st_mtime if target.exists() else float("inf"), (ROOT / ".clang-tidy").stat().st_mtime)
    return stamp.exists() and stamp.stat().st_mtime > newest


def check(build, name, stamp):
    # Generated headers are the generators' business: they count as the system's.
    result = subprocess.run(["clang-tidy-22", "-p", build, "--quiet", "--warnings-as-errors=*", f"--extra-arg=-isystem{build}",
                             f"--extra-arg=-isystem{build}/include", name], cwd=ROOT, capture_output=True, text=True)
    if result.returncode == 0:
        stamp.parent.mkdir(parents=True, exist_ok=True)
        stamp.touch()
    return result.returncode, result.stdout + (result.stderr if result.returncode and not result.stdout else "")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("patterns", nargs="*", metavar="PATTERN", help="globs over paths; default: all")
    parser.add_argument("--build", type=pathlib.Path, default=ROOT / "build")
    parser.add_argument("--jobs", type=int, default=len(os.sched_getaffinity(0)))
    arguments = parser.parse_args()
    build = arguments.build.resolve()
    stale = [(name, stamp) for name, target, stamp in sources(build, arguments.patterns) if not is_current(target, stamp)]
    failed = 0
    with concurrent.futures.ThreadPoolExecutor(arguments.jobs) as pool:
        for status, text in pool.map(lambda item: check(build, *item), stale):
            if status:
                failed += 1
                print(text, flush=True)
    print(f"clang-tidy: {len(stale)} files checked, {failed} with findings")
    sys.exit(bool(failed))


if __name__ == "__main__":
    main()
