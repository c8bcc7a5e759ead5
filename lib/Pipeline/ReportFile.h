//===- ReportFile.h - The report as JSON and as a page ----------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

#ifndef SECATEUR_LIB_PIPELINE_REPORTFILE_H
#define SECATEUR_LIB_PIPELINE_REPORTFILE_H

#include "secateur/Support/Files.h"

#include "llvm/Support/JSON.h"

namespace secateur {

/// Writes `report` to `path`: a page of its own where that ends in .html.
llvm::LogicalResult writeReport(const llvm::json::Object &report, llvm::StringRef path,
                                EmitError emitError);

} // namespace secateur

#endif // SECATEUR_LIB_PIPELINE_REPORTFILE_H
