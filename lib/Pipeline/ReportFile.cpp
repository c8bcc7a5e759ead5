//===- ReportFile.cpp - The report as JSON and as a page --------------------===//
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//
// The page is report.html with the JSON in it: the script there draws it.

#include "ReportFile.h"

#include "llvm/Support/FormatVariadic.h"

using namespace mlir;

static const unsigned char pageTemplate[] = {
#include "report.html.inc"
    , 0};

/// JSON that can stand in a script element: no "</script>" or "<!--" in it.
static std::string embeddableJson(const llvm::json::Object &report) {
  std::string text = llvm::formatv("{0}", llvm::json::Value(llvm::json::Object(report))).str(),
              safe;
  for (char c : text)
    safe += c == '<' ? std::string("\\u003c") : std::string(1, c);
  return safe;
}

LogicalResult secateur::writeReport(const llvm::json::Object &report, StringRef path,
                                    EmitError emitError) {
  FailureOr<OutputFile> file = OutputFile::open(path, emitError);
  if (failed(file))
    return failure();
  if (path.ends_with(".html")) {
    auto [before, after] =
        StringRef(reinterpret_cast<const char *>(pageTemplate)).split("@REPORT@");
    file->os() << before << embeddableJson(report) << after;
  } else {
    file->os() << llvm::formatv("{0:2}", llvm::json::Value(llvm::json::Object(report))) << "\n";
  }
  return file->commit(emitError);
}
