//===- WeightsBlob.h - Packed weights of a compiled model -------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//
//
// A model's weights are one blob of bytes, in which every weight has an offset
// that is a multiple of 64. It is written one tensor at a time, a megabyte at a
// time, and never goes through LLVM IR:
//  - embedded: an ELF object with one section, the header and the blob, or
//  - beside the library: a safetensors file, and an object with the header only.
// Both objects define `secateur_weights_header` of ModelDescriptor.h.
//
//===----------------------------------------------------------------------===//

#ifndef SECATEUR_CODEGEN_WEIGHTSBLOB_H
#define SECATEUR_CODEGEN_WEIGHTSBLOB_H

#include "mlir/IR/BuiltinAttributes.h"
#include "mlir/Support/LLVM.h"

#include <cstdint>
#include <string>

namespace secateur::codegen {

/// One weight: `value`, read in `shape`, transposed by `permutation`, and packed
/// in panels. With panel p the last dimension N, padded with zeros to a multiple of
/// p, is split: [batch.., K.., N] becomes [batch.., ceil(N/p), K.., p], where
/// `batch` counts the leading dimensions. Panel 0 is plain row-major order.
struct PackedWeight {
  /// Name in the safetensors file; made unique there.
  std::string name;
  mlir::ElementsAttr value;
  /// Empty: the shape of `value`.
  llvm::SmallVector<int64_t, 6> shape;
  /// Empty: the identity. Dimension i of the result is permutation[i] of `shape`.
  llvm::SmallVector<int64_t, 6> permutation;
  int64_t batch = 0;
  int64_t panel = 0;
  /// 2 or 4: `shape` is a filter [M, C, 3, 3] of f32, transformed for Winograd's
  /// convolution with output tiles of this extent and packed over M: result
  /// [ceil(M/panel), (winograd + 2)^2, C, panel]. 0: it stays as it is.
  int64_t winograd = 0;
  /// Byte offset in the blob.
  uint64_t offset = 0;

  /// Takes the attributes of a kern.weight: value, shape, permutation, batch, panel.
  static PackedWeight get(mlir::DictionaryAttr attributes, uint64_t offset, llvm::StringRef name);
};

/// Dimensions of the packed tensor.
llvm::SmallVector<int64_t, 8> packedShape(const PackedWeight &weight);

/// Bytes of the packed tensor; booleans take one byte.
uint64_t packedBytes(const PackedWeight &weight);

/// Writes the packed bytes of one weight. Fails where the value's bytes cannot be
/// read (a resource that is not there, elements of less than a byte).
llvm::LogicalResult packWeight(const PackedWeight &weight, llvm::raw_ostream &os,
                               mlir::Location location);

/// Writes an object with the blob of `bytes` bytes.
llvm::LogicalResult writeWeightsObject(llvm::ArrayRef<PackedWeight> weights, uint64_t bytes,
                                       llvm::StringRef path, mlir::Location location);

/// Writes the blob as a safetensors file at `path`, and an object that refers to it
/// as `fileName`.
llvm::LogicalResult writeWeightsFile(llvm::ArrayRef<PackedWeight> weights, uint64_t bytes,
                                     llvm::StringRef path, llvm::StringRef fileName,
                                     llvm::StringRef objectPath, mlir::Location location);

} // namespace secateur::codegen

#endif // SECATEUR_CODEGEN_WEIGHTSBLOB_H
