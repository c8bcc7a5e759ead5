//===- GraphOrder.cpp - Names and order of the nodes of a graph -------------===//
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

#include "GraphOrder.h"

#include "onnx-ml.pb.h"

#include <queue>

using namespace llvm;
using namespace secateur;

/// Adds the names that `graph` reads and does not define.
static void collectCaptures(const onnx::GraphProto &graph, NameSet &captured) {
  llvm::StringSet<> defined;
  for (const auto &input : graph.input())
    defined.insert(input.name());
  for (const auto &tensor : graph.initializer())
    defined.insert(tensor.name());
  for (const auto &tensor : graph.sparse_initializer())
    defined.insert(tensor.values().name());
  for (const auto &node : graph.node())
    for (const std::string &output : node.output())
      defined.insert(output);
  auto read = [&](StringRef name) {
    if (!name.empty() && !defined.contains(name))
      captured.insert(name);
  };
  for (const auto &node : graph.node())
    for (StringRef name : collectReadNames(node))
      read(name);
  for (const auto &output : graph.output())
    read(output.name());
}

NameSet secateur::collectReadNames(const onnx::NodeProto &node) {
  NameSet names;
  for (const std::string &input : node.input())
    if (!input.empty())
      names.insert(input);
  for (const onnx::AttributeProto &attribute : node.attribute()) {
    if (attribute.has_g())
      collectCaptures(attribute.g(), names);
    for (const onnx::GraphProto &graph : attribute.graphs())
      collectCaptures(graph, names);
  }
  return names;
}

NodeOrder secateur::sortNodes(ArrayRef<const onnx::NodeProto *> nodes, ArrayRef<NameSet> reads) {
  StringMap<size_t> producers;
  for (auto [index, node] : enumerate(nodes))
    for (const std::string &output : node->output())
      if (!output.empty())
        producers.try_emplace(output, index);

  std::vector<std::vector<size_t>> readers(nodes.size());
  std::vector<size_t> missing(nodes.size(), 0);
  for (size_t index = 0; index < nodes.size(); ++index) {
    SmallSetVector<size_t, 8> sources;
    for (StringRef name : reads[index])
      if (auto producer = producers.find(name); producer != producers.end())
        sources.insert(producer->second);
    for (size_t source : sources)
      readers[source].push_back(index);
    missing[index] = sources.size();
  }

  // The lowest ready node first: a sorted graph keeps its order.
  std::priority_queue<size_t, std::vector<size_t>, std::greater<>> ready;
  for (size_t index = 0; index < nodes.size(); ++index)
    if (missing[index] == 0)
      ready.push(index);
  NodeOrder order;
  while (!ready.empty()) {
    size_t index = ready.top();
    ready.pop();
    order.nodes.push_back(nodes[index]);
    for (size_t reader : readers[index])
      if (--missing[reader] == 0)
        ready.push(reader);
  }
  order.numSorted = order.nodes.size();
  for (size_t index = 0; index < nodes.size(); ++index)
    if (missing[index] != 0)
      order.nodes.push_back(nodes[index]);
  return order;
}
