//===- GroupsFile.cpp - Groups and pins as JSON -----------------------------===//
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

#include "Shuffles.h"
#include "secateur/Pruning/Apply.h"
#include "secateur/Pruning/Groups.h"

#include "llvm/Support/JSON.h"

using namespace mlir;
using namespace secateur;
using namespace secateur::pruning;
namespace json = llvm::json;

static void printNumbers(json::OStream &out, ArrayRef<int64_t> numbers) {
  out.array([&] {
    for (int64_t number : numbers)
      out.value(number);
  });
}

static void printPart(json::OStream &out, const prune::AxisPart &part) {
  out.object([&] {
    out.attribute("axis", part.axis);
    if (!part.lists.empty()) {
      out.attributeArray("lists", [&] {
        for (ArrayRef<int64_t> list : part.lists)
          printNumbers(out, list);
      });
      return;
    }
    out.attribute("offset", part.offset);
    out.attribute("block", part.block);
    out.attributeArray("loops", [&] {
      for (const prune::AxisPart::Loop &loop : part.outer)
        printNumbers(out, {loop.count, loop.stride});
    });
    if (part.div != 1 || part.extent != 0) {
      out.attribute("div", part.div);
      out.attribute("extent", part.extent);
    }
  });
}

static void printMember(json::OStream &out, const Group &group, unsigned member) {
  out.object([&] {
    out.attribute("value", planName(group.members[member]));
    out.attribute("stored", isStoredTensor(group.members[member]));
    if (group.layouts[member].keepsValue)
      out.attribute("keeps_value", true);
    else if (group.layouts[member].fill)
      out.attribute("counts_as", group.layouts[member].fill);
    out.attributeArray("boxes", [&] {
      for (const prune::BoxLayout &box : group.layouts[member].boxes)
        out.array([&] {
          for (const prune::AxisPart &part : box.parts)
            printPart(out, part);
        });
    });
  });
}

static void printGroup(json::OStream &out, const Group &group) {
  out.object([&] {
    out.attribute("name", group.name);
    out.attribute("units", group.units);
    const Constraints &constraints = group.constraints;
    out.attribute("min_keep", constraints.minKeep);
    out.attribute("multiple_of", constraints.multipleOf);
    out.attribute("balanced", constraints.balanced);
    out.attribute("uniform", constraints.uniform);
    out.attributeArray("members", [&] {
      for (unsigned member = 0; member < group.members.size(); ++member)
        printMember(out, group, member);
    });
  });
}

static void printPin(json::OStream &out, const Pin &pin) {
  out.object([&] {
    out.attribute("value", planName(pin.value));
    out.attribute("axis", pin.axis);
    if (pin.count) {
      out.attribute("first", pin.first);
      out.attribute("count", pin.count);
    }
    out.attribute("reason", pin.reason);
    out.attribute("op", pin.op);
  });
}

/// One element a line: lists of groups are read by people, too.
template <typename Range, typename Print>
static void printLines(raw_ostream &stream, StringRef key, const Range &elements, Print print) {
  stream << ",\n \"" << key << "\": [";
  for (const auto &[index, element] : llvm::enumerate(elements)) {
    stream << (index ? ",\n  " : "\n  ");
    json::OStream out(stream);
    print(out, element);
  }
  stream << "]";
}

void pruning::printGroups(func::FuncOp func, raw_ostream &stream) {
  stream << "{\"version\": 1";
  printLines(stream, "groups", collectGroups(func), printGroup);
  printLines(stream, "pins", collectPins(func), printPin);
  printLines(stream, "copies", collectCopies(func), printCopy);
  if (std::vector<std::string> gathered = getGathered(func); !gathered.empty())
    printLines(stream, "gathered", gathered,
               [](json::OStream &out, const std::string &name) { out.value(name); });
  stream << "}\n";
}
