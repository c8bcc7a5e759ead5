//===- Native.cpp - From a model's graph to native code ---------------------===//
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

#include "Native.h"

#include "secateur/CodeGen/Kernels/Passes.h"
#include "secateur/CodeGen/Link.h"
#include "secateur/Lowering/Passes.h"
#include "secateur/Support/Files.h"
#include "secateur/Transform/Passes.h"

#include "mlir/Pass/PassManager.h"
#include "llvm/Support/Path.h"

using namespace mlir;
using namespace secateur;

StringRef secateur::mathModeName(const CompileOptions &options) {
  MathMode mode =
      options.math.value_or(options.optimizationLevel >= 3 ? MathMode::Fast : MathMode::Strict);
  return mode == MathMode::Fast ? "fast" : "strict";
}

LogicalResult secateur::lowerModel(ModuleOp module, const CompileOptions &options) {
  PassManager manager(module.getContext());
  transform::buildTransformPipeline(manager);
  manager.addPass(lowering::createLowerNN());
  return manager.run(module);
}

LogicalResult secateur::chooseKernels(ModuleOp module, const CompileOptions &options) {
  PassManager manager(module.getContext());
  if (mathModeName(options) == "fast")
    manager.addPass(codegen::createKernChooseWinograd());
  return manager.run(module);
}

codegen::CodeGenOptions secateur::codeGenOptions(const CompileOptions &options) {
  codegen::CodeGenOptions settings;
  settings.cpu = options.march;
  settings.optLevel = options.optimizationLevel;
  settings.sanitizer = options.sanitize;
  settings.mathMode = mathModeName(options).str();
  settings.modelName = llvm::sys::path::stem(options.input).str();
  return settings;
}

LogicalResult secateur::emitNative(ModuleOp module, const CompileOptions &options,
                                   Artifact artifact, StringRef path, std::string *weightsFile) {
  codegen::CodeGenOptions settings = codeGenOptions(options);
  auto emitError = [&] { return mlir::emitError(module.getLoc()); };
  if (artifact == Artifact::LLVM) {
    FailureOr<codegen::CompiledObject> text = codegen::compileToLLVMText(module, settings);
    if (failed(text))
      return failure();
    FailureOr<OutputFile> file = OutputFile::open(path, emitError);
    if (failed(file))
      return failure();
    file->os() << text->objects.front();
    return file->commit(emitError);
  }
  FailureOr<codegen::CompiledObject> object = codegen::compileToObject(module, settings);
  if (failed(object))
    return failure();
  codegen::LinkOptions link;
  link.kind = artifact == Artifact::Object ? codegen::ArtifactKind::Object
                                           : codegen::ArtifactKind::SharedLibrary;
  link.allowUndefined = !options.sanitize.empty();
  FailureOr<codegen::LinkResult> linked = codegen::linkModel(
      object->objects, object->weights, object->weightBytes, path, link, module.getLoc());
  if (succeeded(linked) && weightsFile)
    *weightsFile = linked->weightsFile;
  return success(succeeded(linked));
}
