//===- PruneOps.cpp - Operations of the prune dialect -----------------------===//
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

#include "dialects/Prune/IR/PruneOps.h"

#include "mlir/IR/Builders.h"

using namespace mlir;
using namespace secateur::prune;

#include "dialects/Prune/IR/PruneOpsDialect.cpp.inc"

void PruneDialect::initialize() {
  addOperations<
#define GET_OP_LIST
#include "dialects/Prune/IR/PruneOps.cpp.inc"
      >();
}

//===----------------------------------------------------------------------===//
// Members: `(%w[0: 0 by 1], %v[1: 0 by 4 x 2 step 8] keeps_value)`
//===----------------------------------------------------------------------===//

static void printPart(OpAsmPrinter &printer, const AxisPart &part) {
  printer << part.axis << ": ";
  if (!part.lists.empty()) {
    printer << "{";
    llvm::interleaveComma(part.lists, printer, [&](ArrayRef<int64_t> list) {
      printer << "[";
      llvm::interleaveComma(list, printer);
      printer << "]";
    });
    printer << "}";
    return;
  }
  if (part.div != 1 || part.extent)
    printer << "(u / " << part.div << " mod " << part.extent << ") ";
  printer << part.offset << " by " << part.block;
  for (const AxisPart::Loop &loop : part.outer)
    printer << " x " << loop.count << " step " << loop.stride;
}

static void printMembers(OpAsmPrinter &printer, Operation *op, OperandRange members,
                         ArrayAttr layouts) {
  printer << "(";
  llvm::interleaveComma(llvm::zip(members, layouts), printer, [&](auto pair) {
    auto [value, attribute] = pair;
    printer << value;
    auto code = dyn_cast<DenseI64ArrayAttr>(attribute);
    std::optional<MemberLayout> layout = code ? decode(code) : std::nullopt;
    if (!layout)
      return;
    for (const BoxLayout &box : layout->boxes) {
      printer << "[";
      llvm::interleaveComma(box.parts, printer,
                            [&](const AxisPart &part) { printPart(printer, part); });
      printer << "]";
    }
    if (layout->keepsValue)
      printer << " keeps_value";
    else if (layout->fill)
      printer << " counts_as " << layout->fill;
  });
  printer << ")";
}

static ParseResult parseLists(OpAsmParser &parser, AxisPart &part) {
  auto parseList = [&]() -> ParseResult {
    SmallVector<int64_t> &list = part.lists.emplace_back();
    return parser.parseCommaSeparatedList(OpAsmParser::Delimiter::Square,
                                          [&] { return parser.parseInteger(list.emplace_back()); });
  };
  return parser.parseCommaSeparatedList(OpAsmParser::Delimiter::Braces, parseList);
}

static ParseResult parsePart(OpAsmParser &parser, AxisPart &part) {
  if (parser.parseInteger(part.axis) || parser.parseColon())
    return failure();
  // A brace cannot start an integer, so that a failed optional integer means lists.
  if (succeeded(parser.parseOptionalLParen())) {
    if (parser.parseKeyword("u") || parser.parseSlash() || parser.parseInteger(part.div) ||
        parser.parseKeyword("mod") || parser.parseInteger(part.extent) || parser.parseRParen())
      return failure();
  }
  OptionalParseResult offset = parser.parseOptionalInteger(part.offset);
  if (!offset.has_value())
    return parseLists(parser, part);
  if (failed(*offset) || parser.parseKeyword("by") || parser.parseInteger(part.block))
    return failure();
  while (succeeded(parser.parseOptionalKeyword("x"))) {
    AxisPart::Loop &loop = part.outer.emplace_back();
    if (parser.parseInteger(loop.count) || parser.parseKeyword("step") ||
        parser.parseInteger(loop.stride))
      return failure();
  }
  return success();
}

static ParseResult parseMembers(OpAsmParser &parser,
                                SmallVectorImpl<OpAsmParser::UnresolvedOperand> &members,
                                ArrayAttr &layouts) {
  SmallVector<Attribute> codes;
  auto parseMember = [&]() -> ParseResult {
    if (parser.parseOperand(members.emplace_back()))
      return failure();
    MemberLayout layout;
    while (succeeded(parser.parseOptionalLSquare())) {
      BoxLayout &box = layout.boxes.emplace_back();
      auto parseOne = [&] { return parsePart(parser, box.parts.emplace_back()); };
      if (parser.parseCommaSeparatedList(parseOne) || parser.parseRSquare())
        return failure();
    }
    layout.keepsValue = succeeded(parser.parseOptionalKeyword("keeps_value"));
    if (succeeded(parser.parseOptionalKeyword("counts_as")) && parser.parseInteger(layout.fill))
      return failure();
    codes.push_back(parser.getBuilder().getDenseI64ArrayAttr(encode(layout)));
    return success();
  };
  if (parser.parseCommaSeparatedList(OpAsmParser::Delimiter::Paren, parseMember))
    return failure();
  layouts = parser.getBuilder().getArrayAttr(codes);
  return success();
}

//===----------------------------------------------------------------------===//
// Verification
//===----------------------------------------------------------------------===//

/// One past the last position that a part can name, or nullopt where a list is
/// missing.
static std::optional<int64_t> endOf(const AxisPart &part, int64_t units) {
  if (!part.lists.empty()) {
    if (static_cast<int64_t>(part.lists.size()) != units)
      return std::nullopt;
    int64_t end = 0;
    for (ArrayRef<int64_t> list : part.lists)
      for (int64_t position : list)
        end = std::max(end, position + 1);
    return end;
  }
  int64_t digits = part.extent ? part.extent : (units + part.div - 1) / part.div;
  int64_t end = part.offset + digits * part.block;
  for (const AxisPart::Loop &loop : part.outer)
    end += (std::max<int64_t>(loop.count, 1) - 1) * loop.stride;
  return end;
}

/// `units` is that of the group, where it is known.
static LogicalResult verifyMembers(Operation *op, ValueRange members, ArrayAttr layouts,
                                   std::optional<int64_t> units) {
  if (layouts.size() != members.size())
    return op->emitOpError("expected one layout for each member");
  for (auto [index, value, attribute] : llvm::enumerate(members, layouts)) {
    auto code = dyn_cast<DenseI64ArrayAttr>(attribute);
    std::optional<MemberLayout> layout = code ? decode(code) : std::nullopt;
    if (!layout)
      return op->emitOpError("expected the layout of member ")
             << index << " to be an encoded layout";
    auto type = dyn_cast<RankedTensorType>(value.getType());
    for (const BoxLayout &box : layout->boxes) {
      for (const AxisPart &part : box.parts) {
        std::optional<int64_t> end = units ? endOf(part, *units) : 0;
        if (!end)
          return op->emitOpError("expected a list of positions for each unit in member ") << index;
        if (!type)
          continue;
        if (part.axis >= type.getRank())
          return op->emitOpError("member ") << index << " has no axis " << part.axis;
        if (!type.isDynamicDim(part.axis) && *end > type.getDimSize(part.axis))
          return op->emitOpError("member ")
                 << index << ": positions up to " << *end << " on axis " << part.axis
                 << ", which has " << type.getDimSize(part.axis);
      }
    }
  }
  return success();
}

LogicalResult GroupOp::verify() {
  if (static_cast<int64_t>(getUnits()) < 1)
    return emitOpError("expected at least one unit");
  if (static_cast<int64_t>(getBalanced()) < 1 || getUnits() % getBalanced())
    return emitOpError("expected the units to divide into balanced slots");
  return verifyMembers(*this, getMembers(), getLayouts(), getUnits());
}

LogicalResult MembersOp::verify() {
  return verifyMembers(*this, getMembers(), getLayouts(), std::nullopt);
}

#define GET_OP_CLASSES
#include "dialects/Prune/IR/PruneOps.cpp.inc"
