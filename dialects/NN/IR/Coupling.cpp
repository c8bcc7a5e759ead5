//===- Coupling.cpp - How an operation declares its coupling ----------------===//
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

#include "dialects/NN/IR/Coupling.h"

#include "dialects/NN/IR/NNCoupling.cpp.inc"

secateur::nn::ErasedValue secateur::nn::join(ErasedValue left, ErasedValue right) { return std::max(left, right); }
