//===- KernelBuilder.h - Short words for kernel code ------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//
// Kernels compute with i64 and bare pointers: strides and extents are arguments, so
// that one function serves every shape. KernelBuilder writes such code; KernelModule
// keeps the functions of a module, one for each form.
//===----------------------------------------------------------------------===//

#ifndef SECATEUR_LIB_CODEGEN_KERNELS_KERNELBUILDER_H
#define SECATEUR_LIB_CODEGEN_KERNELS_KERNELBUILDER_H

#include "secateur/CodeGen/Kernels/Target.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/Builders.h"
#include "mlir/IR/BuiltinOps.h"

namespace secateur::codegen {

/// What a cache line is asked for: to be read or overwritten by this tile, or read by a later one.
enum class Fetch { Read, Write, Later };

class KernelBuilder {
public:
  /// `entry` starts the kernel whose body is built.
  KernelBuilder(mlir::OpBuilder &builder, mlir::Location loc, const TargetFacts &target,
                mlir::Block *entry = nullptr)
      : builder(builder), loc(loc), target(target), entry(entry) {}

  mlir::OpBuilder &builder;
  mlir::Location loc;
  const TargetFacts &target;
  /// Where rooms on the stack are made; null outside kernels.
  mlir::Block *entry;

  // Types.
  mlir::Type i64() { return builder.getI64Type(); }
  mlir::Type f32() { return builder.getF32Type(); }
  mlir::VectorType vectorOf(mlir::Type element) {
    return mlir::VectorType::get(target.lanes(), element);
  }
  mlir::Type pointerType();

  // Integers (i64), folded where constant.
  mlir::Value constant(int64_t value);
  mlir::Value add(mlir::Value a, mlir::Value b);
  mlir::Value add(mlir::Value a, int64_t b);
  mlir::Value sub(mlir::Value a, mlir::Value b);
  mlir::Value mul(mlir::Value a, mlir::Value b);
  mlir::Value mul(mlir::Value a, int64_t b);
  mlir::Value div(mlir::Value a, mlir::Value b);
  mlir::Value rem(mlir::Value a, mlir::Value b);
  mlir::Value ceilDiv(mlir::Value a, mlir::Value b);
  mlir::Value min(mlir::Value a, mlir::Value b);
  mlir::Value max(mlir::Value a, mlir::Value b);
  mlir::Value land(mlir::Value a, mlir::Value b);
  mlir::Value lor(mlir::Value a, mlir::Value b);
  mlir::Value less(mlir::Value a, mlir::Value b);      // signed
  mlir::Value lessEqual(mlir::Value a, mlir::Value b); // signed
  mlir::Value below(mlir::Value a, mlir::Value b);     // unsigned: 0 <= a < b
  mlir::Value equal(mlir::Value a, mlir::Value b);
  mlir::Value select(mlir::Value condition, mlir::Value a, mlir::Value b);

  /// The same value (i64), of which LLVM does not know where it comes from: it
  /// would compute divisions anew inside loops where it folds them into addresses.
  mlir::Value opaque(mlir::Value value);
  /// The same values (i64, pointers, vectors), none of which LLVM computes before all
  /// of them are needed: it keeps what comes before apart from what comes after.
  llvm::SmallVector<mlir::Value> fence(mlir::ValueRange values);

  // Memory. Offsets count elements of `element`.
  mlir::Value offset(mlir::Value pointer, mlir::Value elements, mlir::Type element);
  mlir::Value offset(mlir::Value pointer, int64_t elements, mlir::Type element);
  /// `pointer` where `mask` (opaque, see maskOf) is -1, `safe` where it is 0: without
  /// a branch, and without a select, of which LLVM would make one.
  mlir::Value guarded(mlir::Value pointer, mlir::Value safe, mlir::Value mask);
  /// -1 or 0 for a condition.
  mlir::Value maskOf(mlir::Value condition);
  /// Room on the stack for one vector (for stores that do not count), or for `elements` of
  /// f32; at a kernel's start.
  mlir::Value scratch();
  mlir::Value scratch(int64_t elements);
  mlir::Value load(mlir::Type type, mlir::Value pointer);
  mlir::Value loadMasked(mlir::VectorType type, mlir::Value pointer, mlir::Value mask);
  void store(mlir::Value value, mlir::Value pointer);
  /// Stores the lanes of a mask that maskBelow made. Kernels without mask registers put them
  /// on the stack, and copy them from there in two parts that overlap.
  void storeMasked(mlir::Value value, mlir::Value pointer, mlir::Value mask);
  /// Asks for the cache line at `pointer`, which need not be valid.
  void prefetch(mlir::Value pointer, Fetch use = Fetch::Read);
  /// Lanes below `count` (i64, may be negative or large).
  mlir::Value maskBelow(mlir::Value count);

  // Vectors of f32 (and scalars: every function takes both).
  mlir::Value splat(mlir::Value scalar);
  mlir::Value splat(double value);
  /// a * b + c, in one rounding where the target has it.
  mlir::Value fma(mlir::Value a, mlir::Value b, mlir::Value c);
  mlir::Value addf(mlir::Value a, mlir::Value b);
  mlir::Value subf(mlir::Value a, mlir::Value b);
  mlir::Value mulf(mlir::Value a, mlir::Value b);
  /// The larger; b where a is NaN.
  mlir::Value maxf(mlir::Value a, mlir::Value b);
  /// exp(x) for x <= 88.7, 0 below -104; about 1 ulp.
  mlir::Value exp(mlir::Value x);

  // Control.
  using LoopBody =
      llvm::function_ref<llvm::SmallVector<mlir::Value>(mlir::Value, mlir::ValueRange)>;
  llvm::SmallVector<mlir::Value> loop(mlir::Value lo, mlir::Value hi, int64_t step,
                                      mlir::ValueRange init, LoopBody body);
  void loop(mlir::Value lo, mlir::Value hi, int64_t step,
            llvm::function_ref<void(mlir::Value)> body);
  void ifThen(mlir::Value condition, llvm::function_ref<void()> then,
              llvm::function_ref<void()> otherwise = nullptr);

  /// Digits of `value` in the mixed base of `extents`, the last fastest.
  llvm::SmallVector<mlir::Value> decompose(mlir::Value value, mlir::ValueRange extents);
  /// sum of a[i] * b[i]; a missing b[i] counts as 0.
  mlir::Value dot(mlir::ValueRange a, mlir::ValueRange b);

private:
  /// Where storeMasked puts a vector that it copies; made by its first use.
  mlir::Value unstored;
};

/// A memref as a kernel sees it.
struct BufferView {
  /// Address of element (0, .., 0).
  mlir::Value pointer;
  llvm::SmallVector<mlir::Value> sizes, strides;
};
BufferView viewOf(KernelBuilder &k, mlir::Value memref);

/// The sizes and strides of a view, without its pointer.
llvm::SmallVector<mlir::Value> sizesOf(KernelBuilder &k, mlir::Value memref);

/// The kernels of a module, by the key of their form.
class KernelModule {
public:
  KernelModule(mlir::ModuleOp module, const TargetFacts &target) : module(module), target(target) {}

  mlir::ModuleOp module;
  TargetFacts target;

  /// The kernel of this form, built on its first use: `build` gets the arguments and
  /// writes the body. `stem` starts the function's name.
  mlir::func::FuncOp get(llvm::StringRef stem, llvm::StringRef key, mlir::TypeRange arguments,
                         mlir::Location loc,
                         llvm::function_ref<void(KernelBuilder &, mlir::ValueRange)> build);

  /// Address of at least `elements` zeros of type f32.
  mlir::Value zeros(KernelBuilder &k);
  /// Makes room for that many.
  void needZeros(int64_t elements);

private:
  llvm::StringMap<mlir::func::FuncOp> kernels;
  int64_t zeroElements = 0;
};

/// Writes `kern.parallel` over `count` tasks, each at least `work` scalar operations,
/// and gives its body the range as i64.
void parallelOver(KernelBuilder &k, mlir::Value count, mlir::Value workPerTask,
                  llvm::function_ref<void(mlir::Value, mlir::Value)> body);

} // namespace secateur::codegen

#endif // SECATEUR_LIB_CODEGEN_KERNELS_KERNELBUILDER_H
