//===- InitAll.cpp - Registration of everything that is ours ----------------===//
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

#include "secateur/InitAll.h"

#include "dialects/Kern/IR/KernDialect.h"
#include "dialects/NN/IR/NNDialect.h"
#include "dialects/Prune/IR/PruneDialect.h"
#include "secateur/Analysis/Passes.h"
#include "secateur/Analysis/Registration.h"
#include "secateur/CodeGen/Kernels/Passes.h"
#include "secateur/CodeGen/Passes.h"
#include "secateur/Lowering/Passes.h"
#include "secateur/Pruning/CouplingModels.h"
#include "secateur/Pruning/Erasure.h"
#include "secateur/Pruning/Passes.h"
#include "secateur/Transform/Passes.h"

#include "mlir/Dialect/Arith/Transforms/BufferizableOpInterfaceImpl.h"
#include "mlir/Dialect/Bufferization/Transforms/FuncBufferizableOpInterfaceImpl.h"
#include "mlir/Dialect/Bufferization/Transforms/Passes.h"
#include "mlir/Dialect/Linalg/Transforms/BufferizableOpInterfaceImpl.h"
#include "mlir/Dialect/SCF/Transforms/BufferizableOpInterfaceImpl.h"
#include "mlir/Dialect/Tensor/Transforms/BufferizableOpInterfaceImpl.h"

using namespace mlir;

void secateur::registerAllDialects(DialectRegistry &registry) {
  // Dialects of MLIR.
  registry.insert<affine::AffineDialect, arith::ArithDialect, func::FuncDialect,
                  linalg::LinalgDialect, math::MathDialect, memref::MemRefDialect, scf::SCFDialect,
                  tensor::TensorDialect, vector::VectorDialect>();
  // Our own.
  registry.insert<kern::KernDialect, nn::NNDialect, prune::PruneDialect>();
  // External models.
  arith::registerBufferizableOpInterfaceExternalModels(registry);
  bufferization::func_ext::registerBufferizableOpInterfaceExternalModels(registry);
  linalg::registerBufferizableOpInterfaceExternalModels(registry);
  scf::registerBufferizableOpInterfaceExternalModels(registry);
  tensor::registerBufferizableOpInterfaceExternalModels(registry);
  analysis::registerCostModels(registry);
  analysis::registerShapeModels(registry);
  kern::registerBufferizableModels(registry);
  lowering::registerLoweringModels(registry);
  pruning::registerCouplingModels(registry);
  pruning::registerErasureModels(registry);
  transform::registerConstantFoldModels(registry);
  transform::registerDecompositionModels(registry);
  codegen::registerCodeGenDialects(registry);
}

void secateur::registerAllPasses() {
  mlir::registerTransformsPasses();
  bufferization::registerBufferizationPasses();
  analysis::registerSecateurAnalysisPasses();
  lowering::registerLoweringPasses();
  pruning::registerSecateurPruningPasses();
  transform::registerTransformPasses();
  codegen::registerSecateurCodeGenPasses();
  codegen::registerSecateurKernelsPasses();
  codegen::registerCodeGenPipelines();
}
