"""Timing a compiled library and its peers on the same input, in alternating rounds."""

import json
import pathlib
import subprocess
import sys
import tempfile

import numpy as np

PEERS = pathlib.Path(__file__).parent / "peers.py"


def sh(*command):
    """Standard output of a command; raises RuntimeError with its error output where it fails."""
    result = subprocess.run([str(part) for part in command], capture_output=True, text=True)
    if result.returncode:
        raise RuntimeError(f"{' '.join(map(str, command))}: exit status {result.returncode}\n{result.stderr.strip()}")
    return result.stdout


def text_image(shape):
    """Rows of dark strokes on white, as wide as letters, normalised as PP-OCR's images are: what a detector of text
    says of noise is 1e-6 and below, which rounding alone changes by a tenth."""
    n, _, height, width = shape
    image, rng = np.ones((n, 1, height, width)), np.random.default_rng(0)
    for row in range(12, height - 24, 48):
        for column in range(16, width - 24, 24):
            glyph = np.kron(rng.integers(0, 2, (5, 4)), np.ones((5, 4)))[: height - row, : width - column]
            image[:, :, row : row + 25, column : column + 16] -= 0.95 * glyph
    mean, deviation = np.array([0.485, 0.456, 0.406]), np.array([0.229, 0.224, 0.225])
    return ((image - mean.reshape(1, 3, 1, 1)) / deviation.reshape(1, 3, 1, 1)).astype(np.float32)


def save_feeds(feeds, folder):
    """`--input NAME=FILE.npy` arguments for run-model."""
    arguments = []
    for index, (name, value) in enumerate(feeds.items()):
        path = pathlib.Path(folder) / f"input{index}.npy"
        np.save(path, value)
        arguments += ["--input", f"{name}={path}"]
    return arguments


def run_library(library, feeds, threads=1):
    """The outputs of a compiled library, by file name (see run-model --output)."""
    with tempfile.TemporaryDirectory() as folder:
        inputs = save_feeds(feeds, folder)
        output = pathlib.Path(folder) / "out"
        output.mkdir()
        sh("run-model", library, *inputs, "--output", output, "--threads", threads)
        return {path.stem: np.load(path) for path in output.glob("*.npy")}


class Library:
    """A compiled library as a contestant: run-model starts, warms up and times it anew each round."""

    def __init__(self, library, feeds, threads):
        self.folder = tempfile.TemporaryDirectory()
        self.command = ["run-model", library, *save_feeds(feeds, self.folder.name), "--threads", threads, "--benchmark", "--json"]

    def time(self, seconds):
        return json.loads(sh(*self.command))["median_ms"]

    def close(self):
        self.folder.cleanup()


class Peer:
    """Another runtime as a contestant, in a process of its own (see peers.py). Raises RuntimeError where it cannot run the model."""

    def __init__(self, name, model, feeds, threads):
        self.folder = tempfile.TemporaryDirectory()
        path = pathlib.Path(self.folder.name) / "feeds.npz"
        np.savez(path, **feeds)
        self.process = subprocess.Popen([sys.executable, PEERS, name, str(model), path, str(threads)], text=True,
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        answer = self.process.stdout.readline().strip()
        if answer != "ready":
            self.close()
            raise RuntimeError(answer.removeprefix("error: ") or "ended by a signal")

    def ask(self, line):
        self.process.stdin.write(f"{line}\n")
        self.process.stdin.flush()
        return self.process.stdout.readline().strip()

    def time(self, seconds):
        return float(self.ask(seconds))

    def outputs(self):
        """The outputs of one run, in the model's order."""
        path = pathlib.Path(self.folder.name) / "outputs.npz"
        self.ask(f"outputs {path}")
        with np.load(path) as file:
            return [file[f"arr_{index}"] for index in range(len(file.files))]

    def close(self):
        self.process.kill()
        self.process.communicate()
        self.folder.cleanup()


def interleave(contestants, rounds=5, seconds=1.0):
    """Milliseconds of each round by contestant's name; each figure is the median of a round's runs."""
    figures = {name: [] for name in contestants}
    for _ in range(rounds):
        for name, contestant in contestants.items():
            figures[name].append(contestant.time(seconds))
    return figures
