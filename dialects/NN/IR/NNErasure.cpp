//===- NNErasure.cpp - What an operation needs when tensors shrink ----------===//
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

#include "dialects/NN/IR/NNErasure.h"

#include "dialects/NN/IR/NNErasure.cpp.inc"
