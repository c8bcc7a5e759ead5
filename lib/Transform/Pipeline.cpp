//===- Pipeline.cpp - The passes from nn to nn in their order ---------------===//
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

#include "dialects/NN/IR/NNDialect.h"
#include "secateur/Analysis/Passes.h"
#include "secateur/Transform/Passes.h"

using namespace mlir;

void secateur::transform::buildTransformPipeline(OpPassManager &manager) {
  OpPassManager &functions = manager.nest<func::FuncOp>();
  functions.addPass(createNNDecompose());
  // The shapes of what it built.
  functions.addPass(analysis::createNNInferShapes());
  functions.addPass(createNNFoldConstants());
  functions.addPass(createNNRecogniseViews());
  functions.addPass(createNNSimplify());
  functions.addPass(createNNFoldBatchNorm());
  functions.addPass(createNNFuseNormalizations());
  // What the rewrites left: constants that nothing reads.
  functions.addPass(createNNFoldConstants());
}
