//===- secateur-opt.cpp - Runs passes on MLIR files -------------------------===//
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

#include "secateur/InitAll.h"

#include "mlir/Tools/mlir-opt/MlirOptMain.h"

int main(int argc, char **argv) {
  secateur::registerAllPasses();
  mlir::DialectRegistry registry;
  secateur::registerAllDialects(registry);
  return mlir::asMainReturnCode(mlir::MlirOptMain(argc, argv, "Secateur pass driver\n", registry));
}
