//===- Tune.cpp - Kernels chosen by measurement -----------------------------===//
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//
// A form is a product without its epilogue, which costs all candidates the same. Each
// candidate is compiled as a model of that one product, with the product's own weights.
//===----------------------------------------------------------------------===//

#include "secateur/CodeGen/Tune.h"

#include "../Steps.h"
#include "Measure.h"
#include "TuneFile.h"
#include "secateur/CodeGen/Kernels/Passes.h"
#include "secateur/CodeGen/Kernels/Tunable.h"
#include "secateur/CodeGen/Link.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "llvm/ADT/MapVector.h"
#include "llvm/ADT/ScopeExit.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/FileSystem.h"

#include <cmath>

using namespace mlir;
using namespace secateur;
using namespace secateur::codegen;
using kern::ChoiceAttr;

/// What a candidate's time must be below, as a share of the usual choice's: noise is to
/// decide nothing.
static constexpr double worthwhile = 0.97;
/// Larger weights are an argument of what is measured, of which there is one for all candidates.
static constexpr int64_t mostWeightBytes = int64_t(128) << 20;

namespace {

/// Products of one form and the candidates for them, the usual one first.
struct Form {
  SmallVector<TunableOpInterface> ops;
  SmallVector<ChoiceAttr> candidates;
};

class Tuner {
public:
  Tuner(ModuleOp module, ModuleOp sized, const TuneOptions &options)
      : module(module), sized(sized), options(options) {}

  FailureOr<TuneOutcome> run();

private:
  auto emitError() {
    return [this] { return mlir::emitError(module.getLoc()); };
  }
  LogicalResult fuse(ModuleOp which);
  void collect();
  CandidateTimes measure(TunableOpInterface op, ArrayRef<ChoiceAttr> candidates);
  bool compile(TunableOpInterface op, ChoiceAttr choice, StringRef path);
  void apply(StringRef name, const Form &form, const CandidateTimes &times);

  ModuleOp module, sized;
  const TuneOptions &options;
  TargetFacts target;
  llvm::MapVector<std::string, Form, llvm::StringMap<unsigned>> forms;
  /// The product of `module` that stands for one of `sized`.
  DenseMap<Operation *, Operation *> originals;
  TuneOutcome outcome;
};

} // namespace

/// The candidate as it is written in files: `matrix 6x4 task 96`.
static std::string nameOf(ChoiceAttr choice) {
  std::string text;
  llvm::raw_string_ostream stream(text);
  stream << Attribute(choice);
  return StringRef(text).split('<').second.rtrim('>').str();
}

static bool isStatic(Operation *op) {
  return llvm::all_of(op->getOperandTypes(), [](Type type) {
    auto tensor = dyn_cast<RankedTensorType>(type);
    return tensor && tensor.hasStaticShape();
  });
}

/// The operands that are multiplied, and the destination.
static SmallVector<Value> productOperands(Operation *op) {
  return {op->getOperand(0), op->getOperand(1), cast<kern::EpilogueOpInterface>(op).getInit()};
}

/// `strides [2, 2]`, `groups 1`, `packed`.
static void describe(NamedAttribute attribute, raw_ostream &stream) {
  stream << ' ' << attribute.getName().getValue();
  if (auto list = dyn_cast<DenseI64ArrayAttr>(attribute.getValue())) {
    stream << " [";
    llvm::interleaveComma(list.asArrayRef(), stream);
    stream << ']';
  } else if (auto number = dyn_cast<IntegerAttr>(attribute.getValue())) {
    stream << ' ' << number.getInt();
  } else if (!isa<UnitAttr>(attribute.getValue())) {
    stream << ' ' << attribute.getValue();
  }
}

/// All that the time of a product depends on.
static std::string describe(TunableOpInterface op) {
  std::string text;
  llvm::raw_string_ostream stream(text);
  stream << op->getName().stripDialect();
  for (Value operand : productOperands(op)) {
    auto type = cast<RankedTensorType>(operand.getType());
    stream << ' ';
    llvm::interleave(type.getShape(), stream, "x");
    stream << 'x' << type.getElementType();
    if (operand.getDefiningOp<kern::WeightOp>())
      stream << " constant";
  }
  for (NamedAttribute attribute : op->getAttrDictionary())
    if (!llvm::is_contained({"choice", "epilogue_maps"}, attribute.getName().getValue()))
      describe(attribute, stream);
  return text;
}

/// The weight that an operand is, where each candidate has one of its own.
static kern::WeightOp ownWeight(Value operand) {
  auto weight = operand.getDefiningOp<kern::WeightOp>();
  auto type = cast<ShapedType>(operand.getType());
  bool fits = type.getNumElements() * type.getElementTypeBitWidth() / 8 <= mostWeightBytes;
  return fits ? weight : nullptr;
}

/// A model of the product alone, computed as `choice` says.
static OwningOpRef<ModuleOp> isolate(TunableOpInterface op, ChoiceAttr choice) {
  Location loc = UnknownLoc::get(op->getContext());
  OwningOpRef<ModuleOp> module = ModuleOp::create(loc);
  OpBuilder builder = OpBuilder::atBlockEnd(module->getBody());
  SmallVector<Value> operands = productOperands(op);
  auto result = cast<RankedTensorType>(operands.pop_back_val().getType());
  result = result.clone(cast<kern::EpilogueOpInterface>(op.getOperation()).getAccumulatorType());
  SmallVector<Type> inputs;
  for (Value operand : operands)
    if (!ownWeight(operand))
      inputs.push_back(operand.getType());
  auto main = func::FuncOp::create(builder, loc, "main", builder.getFunctionType(inputs, {result}));
  Block *block = main.addEntryBlock();
  builder.setInsertionPointToStart(block);
  auto next = block->args_begin();
  for (Value &operand : operands) {
    kern::WeightOp weight = ownWeight(operand);
    operand = weight ? builder.clone(*weight)->getResult(0) : Value(*next++);
  }
  operands.push_back(
      tensor::EmptyOp::create(builder, loc, result.getShape(), result.getElementType()));
  OperationState state(loc, op->getName(), operands, {result});
  state.propertiesAttr = op->getPropertiesAsAttribute();
  state.addRegion();
  Operation *copy = builder.create(state);
  cast<kern::EpilogueOpInterface>(copy).setEpilogueMapsAttr(builder.getArrayAttr({}));
  cast<TunableOpInterface>(copy).choose(choice);
  func::ReturnOp::create(builder, loc, copy->getResults());
  return module;
}

LogicalResult Tuner::fuse(ModuleOp which) {
  PassManager manager(which.getContext());
  buildFusionPipeline(manager);
  return manager.run(which);
}

/// Products by their form. Those of unknown sizes are looked up in the model of known ones, which
/// has them in the same order where both were lowered in the same way.
void Tuner::collect() {
  auto productsOf = [](ModuleOp which) {
    SmallVector<TunableOpInterface> found;
    if (which)
      which.walk([&](TunableOpInterface op) { found.push_back(op); });
    return found;
  };
  SmallVector<TunableOpInterface> products = productsOf(module), known = productsOf(sized);
  bool match =
      products.size() == known.size() && llvm::all_of(llvm::zip(products, known), [](auto pair) {
        auto [op, other] = pair;
        return op->getName() == other->getName() && op->getLoc() == other->getLoc();
      });
  for (auto [index, op] : llvm::enumerate(products)) {
    TunableOpInterface measured = op;
    if (!isStatic(op) && match)
      measured = known[index];
    if (!isStatic(measured)) {
      ++outcome.dynamic;
      continue;
    }
    SmallVector<ChoiceAttr> candidates =
        measured.getCandidates(target, options.code.mathMode == "fast");
    if (candidates.size() < 2)
      continue;
    Form &form = forms[describe(measured)];
    form.ops.push_back(measured);
    form.candidates = candidates;
    originals[measured] = op;
  }
  outcome.forms = forms.size();
}

bool Tuner::compile(TunableOpInterface op, ChoiceAttr choice, StringRef path) {
  // What cannot be compiled is not chosen; it is no error of the model.
  ScopedDiagnosticHandler quiet(module.getContext(), [](Diagnostic &) { return success(); });
  OwningOpRef<ModuleOp> isolated = isolate(op, choice);
  PassManager manager(module.getContext());
  manager.addPass(createKernChooseWinograd());
  if (failed(manager.run(*isolated)))
    return false;
  FailureOr<CompiledObject> object = compileToObject(*isolated, options.code);
  return succeeded(object) &&
         succeeded(linkModel(object->objects, object->weights, object->weightBytes, path,
                             LinkOptions(), module.getLoc()));
}

CandidateTimes Tuner::measure(TunableOpInterface op, ArrayRef<ChoiceAttr> candidates) {
  SmallString<128> folder;
  CandidateTimes times;
  for (ChoiceAttr choice : candidates)
    times[nameOf(choice)] = nullptr;
  if (llvm::sys::fs::createUniqueDirectory("secateur-tune", folder))
    return times;
  llvm::scope_exit remove([&] { (void)llvm::sys::fs::remove_directories(folder); });
  std::vector<std::string> paths;
  for (auto [index, choice] : llvm::enumerate(candidates)) {
    std::string path = llvm::formatv("{0}/{1}.so", folder, index);
    paths.push_back(compile(op, choice, path) ? path : "");
  }
  for (auto [choice, time] : llvm::zip(candidates, measureLibraries(paths, options.threads)))
    if (time)
      times[nameOf(choice)] = std::max(std::round(*time * 1e6), 1.0) / 1e6;
  return times;
}

/// Sets the fastest candidate; nothing where that is the usual one.
void Tuner::apply(StringRef name, const Form &form, const CandidateTimes &times) {
  auto timeOf = [&](ChoiceAttr choice) { return times.getNumber(nameOf(choice)); };
  ChoiceAttr usual = form.candidates.front(), best = usual;
  std::optional<double> usualTime = timeOf(usual);
  double bestTime = usualTime ? *usualTime * worthwhile : INFINITY;
  for (ChoiceAttr choice : ArrayRef(form.candidates).drop_front())
    if (std::optional<double> time = timeOf(choice); time && *time < bestTime) {
      best = choice;
      bestTime = *time;
    }
  if (best == usual)
    return;
  TunedForm tuned{name.str(), {}, nameOf(usual), nameOf(best), usualTime.value_or(0), bestTime};
  for (TunableOpInterface op : form.ops) {
    auto original = cast<TunableOpInterface>(originals.lookup(op));
    original.choose(best);
    tuned.nodes.push_back(nameStep(original->getLoc()));
  }
  outcome.changed.push_back(std::move(tuned));
}

/// "avx,avx2,.." of "+avx2,-sse4a,+avx,..".
static std::string enabledFeatures(StringRef features) {
  SmallVector<StringRef> all;
  features.split(all, ',');
  llvm::erase_if(all, [](StringRef feature) { return !feature.starts_with("+"); });
  for (StringRef &feature : all)
    feature.consume_front("+");
  llvm::sort(all);
  return llvm::join(all, ",");
}

FailureOr<TuneOutcome> Tuner::run() {
  FailureOr<TargetInfo> host = lookUpTarget("native", module.getLoc()),
                        wanted = lookUpTarget(options.code.cpu, module.getLoc());
  if (failed(host) || failed(wanted))
    return failure();
  if (host->cpu != wanted->cpu)
    return mlir::emitError(module.getLoc()) << "--tune measures on this machine, a " << host->cpu
                                            << ": it cannot for --march " << wanted->cpu;
  target = getTargetFacts(host->vectorBits);
  TuneHost key{host->cpu, enabledFeatures(host->features), options.threads, options.code.optLevel};
  FailureOr<TuneFile> file = TuneFile::read(options.file, key, emitError());
  if (failed(file) || failed(fuse(module)) || (sized && failed(fuse(sized))))
    return failure();
  collect();
  unsigned number = 0;
  for (auto &[name, form] : forms) {
    ++number;
    const CandidateTimes *times = file->find(name);
    bool isKnown = times && llvm::all_of(form.candidates, [&](ChoiceAttr choice) {
                     return times->get(nameOf(choice));
                   });
    if (!isKnown) {
      if (options.progress)
        options.progress(number, forms.size());
      // Written at once, and onto what others have written meanwhile: an interrupt costs
      // one form.
      CandidateTimes found = measure(form.ops.front(), form.candidates);
      file = TuneFile::read(options.file, key, emitError());
      if (failed(file))
        return failure();
      file->set(name, std::move(found));
      if (failed(file->write(options.file, emitError())))
        return failure();
      ++outcome.measured;
    }
    apply(name, form, *file->find(name));
  }
  if (!llvm::sys::fs::exists(options.file) && failed(file->write(options.file, emitError())))
    return failure();
  return std::move(outcome);
}

FailureOr<TuneOutcome> secateur::codegen::tune(ModuleOp module, ModuleOp sized,
                                               const TuneOptions &options) {
  return Tuner(module, sized, options).run();
}
