//===- Counter.h - Counts of elements, in the program -----------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

#ifndef SECATEUR_DIALECTS_KERN_IR_COUNTER_H
#define SECATEUR_DIALECTS_KERN_IR_COUNTER_H

#include "mlir/IR/AffineMap.h"
#include "mlir/IR/Builders.h"

namespace secateur::kern {

/// Builds counts that may depend on sizes known at run time, as values of type i64.
class Counter {
public:
  Counter(mlir::OpBuilder &builder, mlir::Location loc) : builder(builder), loc(loc) {}

  mlir::Value constant(int64_t value);
  mlir::Value multiply(mlir::Value a, mlir::Value b);
  mlir::Value multiply(mlir::Value a, int64_t b) { return multiply(a, constant(b)); }
  mlir::Value add(mlir::Value a, mlir::Value b);
  /// The extent of a memref along `axis`.
  mlir::Value extent(mlir::Value memref, int64_t axis);
  /// The extent of dimension `dim` of `map` in the operand that it belongs to; null
  /// where the operand does not have it.
  mlir::Value extent(mlir::AffineMap map, mlir::Value memref, unsigned dim);
  /// The number of elements of a memref.
  mlir::Value elements(mlir::Value memref);

private:
  mlir::OpBuilder &builder;
  mlir::Location loc;
};

} // namespace secateur::kern

#endif // SECATEUR_DIALECTS_KERN_IR_COUNTER_H
