//===- Diagnostics.h - Errors as users see them -----------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//
// Every stage reports through the diagnostics of the MLIRContext. This prints
// them for people: one line each, with the node instead of an MLIR location.

#ifndef SECATEUR_SUPPORT_DIAGNOSTICS_H
#define SECATEUR_SUPPORT_DIAGNOSTICS_H

#include "mlir/IR/Diagnostics.h"

namespace secateur {

/// How an error is started, at whatever location the caller has in mind.
using EmitError = llvm::function_ref<mlir::InFlightDiagnostic()>;

/// "node 'conv1'", "value 'y'", the file's name, or "" where nothing is known.
std::string describeLocation(mlir::Location loc);

/// `text` with line breaks and other control characters as '?', so that names
/// from a file cannot break a message into lines. Cut after 200 bytes.
std::string printable(llvm::StringRef text);

/// Prints each diagnostic of `context` as one line, "error: node 'x': reason",
/// while it lives. Remarks are printed only where `verbose`.
class DiagnosticPrinter : public mlir::ScopedDiagnosticHandler {
public:
  DiagnosticPrinter(mlir::MLIRContext *context, llvm::raw_ostream &os, bool verbose = false);

  /// Errors so far.
  unsigned getNumErrors() const { return numErrors; }

private:
  void print(mlir::Diagnostic &diagnostic, llvm::StringRef indent);

  llvm::raw_ostream &os;
  bool verbose;
  unsigned numErrors = 0;
};

} // namespace secateur

#endif // SECATEUR_SUPPORT_DIAGNOSTICS_H
