//===- WinogradFilter.h - Filters in Winograd's form ------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

#ifndef SECATEUR_LIB_CODEGEN_LINK_WINOGRADFILTER_H
#define SECATEUR_LIB_CODEGEN_LINK_WINOGRADFILTER_H

#include "secateur/CodeGen/WeightsBlob.h"

namespace secateur::codegen {

/// Writes G g G^T for each window g of the filter whose elements (f32, row-major, one
/// where the value is a splat) are `bytes`, packed as `packedShape` says. The points
/// are those of Lavin and Gray, "Fast Algorithms for Convolutional Neural Networks",
/// CVPR 2016: 0, 1, -1 and infinity for tiles of 2, and 2 and -2 too for tiles of 4.
void writeWinogradFilter(const PackedWeight &weight, llvm::StringRef bytes, llvm::raw_ostream &os);

} // namespace secateur::codegen

#endif // SECATEUR_LIB_CODEGEN_LINK_WINOGRADFILTER_H
