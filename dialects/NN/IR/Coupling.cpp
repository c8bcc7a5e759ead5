//===- Coupling.cpp - How an operation declares its coupling ----------------===//
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

#include "dialects/NN/IR/Coupling.h"

#include <cmath>

#include "dialects/NN/IR/NNCoupling.cpp.inc"

using namespace secateur::nn;

ErasedValue ErasedValue::constant(double number) {
  return std::isfinite(number) ? ErasedValue{Kind::Constant, number} : unknown();
}

ErasedValue secateur::nn::join(ErasedValue left, ErasedValue right) {
  if (left.isAbsent() || right.isAbsent())
    return left.isAbsent() ? right : left;
  if (left.isConstant() && right.isConstant())
    return left.number == right.number ? left : ErasedValue::finite();
  return left.kind < right.kind ? right : left;
}
