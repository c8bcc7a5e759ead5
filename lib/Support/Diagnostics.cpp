//===- Diagnostics.cpp - Errors as users see them ---------------------------===//
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

#include "secateur/Support/Diagnostics.h"

#include "secateur/Support/Names.h"

#include "mlir/IR/MLIRContext.h"
#include "llvm/Support/raw_ostream.h"

using namespace mlir;
using namespace secateur;

std::string secateur::printable(StringRef text) {
  constexpr size_t kLongest = 200;
  std::string result;
  for (char c : text.take_front(kLongest))
    result += static_cast<unsigned char>(c) < 0x20 || c == 0x7f ? '?' : c;
  if (text.size() > kLongest)
    result += "...";
  return result;
}

std::string secateur::describeLocation(Location loc) {
  if (StringRef name = getNodeName(loc); !name.empty())
    return "node '" + printable(name) + "'";
  for (StringRef name : getOutputNames(loc))
    if (!name.empty())
      return "value '" + printable(name) + "'";
  std::string text;
  loc->walk([&](Location part) {
    if (auto file = dyn_cast<FileLineColLoc>(part)) {
      text = printable(file.getFilename().getValue());
      if (file.getLine())
        text += ":" + std::to_string(file.getLine()) + ":" + std::to_string(file.getColumn());
      return WalkResult::interrupt();
    }
    return WalkResult::advance();
  });
  return text;
}

DiagnosticPrinter::DiagnosticPrinter(MLIRContext *context, raw_ostream &os, bool verbose)
    : ScopedDiagnosticHandler(context), os(os), verbose(verbose) {
  context->printOpOnDiagnostic(false);
  setHandler([this](Diagnostic &diagnostic) {
    if (diagnostic.getSeverity() == DiagnosticSeverity::Error)
      ++numErrors;
    print(diagnostic, "");
    return success();
  });
}

void DiagnosticPrinter::print(Diagnostic &diagnostic, StringRef indent) {
  if (diagnostic.getSeverity() == DiagnosticSeverity::Remark && !verbose)
    return;
  StringRef kind = "error";
  if (diagnostic.getSeverity() == DiagnosticSeverity::Warning)
    kind = "warning";
  else if (diagnostic.getSeverity() == DiagnosticSeverity::Note)
    kind = "note";
  else if (diagnostic.getSeverity() == DiagnosticSeverity::Remark)
    kind = "remark";
  std::string where = describeLocation(diagnostic.getLocation());
  std::string text = diagnostic.str();
  for (char &c : text)
    if (c == '\n' || c == '\r')
      c = ' ';
  os << indent << kind << ": " << where << (where.empty() ? "" : ": ") << text << "\n";
  for (Diagnostic &note : diagnostic.getNotes())
    print(note, "  ");
  os.flush();
}
