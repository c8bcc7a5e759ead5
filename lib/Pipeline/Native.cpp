#include "Native.h"
using namespace mlir;
using namespace secateur;
StringRef secateur::mathModeName(const CompileOptions &options) { return "strict"; }
LogicalResult secateur::lowerModel(ModuleOp module, const CompileOptions &options) { return mlir::emitError(module.getLoc()) << "this build cannot generate native code yet; write .onnx or .mlir"; }
LogicalResult secateur::emitNative(ModuleOp module, const CompileOptions &options, Artifact artifact, StringRef path) { return failure(); }
