# SPDX-License-Identifier: Apache-2.0
"""Finding groups takes time and memory that grow with the graph, not with its weights or faster."""

import importlib.util

from tools import ROOT, find

specification = importlib.util.spec_from_file_location("discovery", ROOT / "benchmarks" / "discovery.py")
discovery = importlib.util.module_from_spec(specification)
specification.loader.exec_module(discovery)


def measure(folder, make, nodes, kind=discovery.TensorProto.FLOAT):
    graph = discovery.Graph(kind)
    result, shape = make(graph, nodes)
    graph.save(folder, shape, result)
    return discovery.measure(find("compile-model"), folder)


def test_weights_are_not_read(tmp_path):
    """7 billion parameters; the goal is 2 seconds, on a machine that does nothing else."""
    seconds, megabytes = measure(tmp_path, discovery.seven_billion, None, discovery.TensorProto.FLOAT16)
    assert megabytes < 500 and seconds < 20
    assert len((tmp_path / "groups.json").read_text().splitlines()) > 32 * 3


def test_ten_times_the_nodes_take_no_more_than_thirty_times_as_long(tmp_path):
    small = min(measure(tmp_path, discovery.decoder, 500)[0] for _ in range(3))
    large = min(measure(tmp_path, discovery.decoder, 5000)[0] for _ in range(2))
    assert large < 30 * small
