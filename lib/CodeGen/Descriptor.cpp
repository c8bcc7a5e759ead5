//===- Descriptor.cpp - The constant that the runtime reads -----------------===//
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//
// Field by field what secateur/Runtime/ModelDescriptor.h declares; change both.
//===----------------------------------------------------------------------===//

#include "TargetMachines.h"

#include "secateur.h"
#include "secateur/Runtime/ModelDescriptor.h"

#include "mlir/IR/BuiltinAttributes.h"
#include "mlir/IR/BuiltinTypes.h"
#include "llvm/IR/Constants.h"
#include "llvm/IR/GlobalVariable.h"
#include "llvm/IR/Module.h"

using namespace mlir;
using namespace secateur::codegen;

namespace {

class DescriptorWriter {
public:
  explicit DescriptorWriter(llvm::Module &module)
      : module(module), context(module.getContext()), i32(llvm::Type::getInt32Ty(context)),
        i64(llvm::Type::getInt64Ty(context)), pointer(llvm::PointerType::getUnqual(context)) {}

  llvm::Constant *integer32(int64_t value) { return llvm::ConstantInt::getSigned(i32, value); }
  llvm::Constant *integer64(int64_t value) { return llvm::ConstantInt::getSigned(i64, value); }
  llvm::Constant *null() { return llvm::ConstantPointerNull::get(pointer); }

  llvm::Constant *global(llvm::Constant *value) {
    auto *variable = new llvm::GlobalVariable(module, value->getType(), /*isConstant=*/true,
                                              llvm::GlobalValue::PrivateLinkage, value);
    variable->setUnnamedAddr(llvm::GlobalValue::UnnamedAddr::Global);
    return variable;
  }
  llvm::Constant *string(StringRef text) {
    return global(llvm::ConstantDataArray::getString(context, text));
  }
  /// A pointer to the elements, or null when there are none.
  llvm::Constant *array(llvm::Type *type, ArrayRef<llvm::Constant *> elements) {
    if (elements.empty())
      return null();
    return global(llvm::ConstantArray::get(llvm::ArrayType::get(type, elements.size()), elements));
  }
  llvm::Constant *structure(ArrayRef<llvm::Constant *> fields) {
    return llvm::ConstantStruct::getAnon(context, fields);
  }

  llvm::Module &module;
  llvm::LLVMContext &context;
  llvm::Type *i32, *i64;
  llvm::PointerType *pointer;
};

} // namespace

static int32_t dtypeOf(Type type) {
  if (type.isF32())
    return SECATEUR_F32;
  if (type.isF64())
    return SECATEUR_F64;
  if (type.isF16())
    return SECATEUR_F16;
  if (type.isBF16())
    return SECATEUR_BF16;
  auto integer = dyn_cast<IntegerType>(type);
  if (!integer)
    return SECATEUR_UNDEFINED;
  bool isUnsigned = integer.isUnsigned();
  switch (integer.getWidth()) {
  case 1:
    return SECATEUR_BOOL;
  case 8:
    return isUnsigned ? SECATEUR_U8 : SECATEUR_I8;
  case 16:
    return isUnsigned ? SECATEUR_U16 : SECATEUR_I16;
  case 32:
    return isUnsigned ? SECATEUR_U32 : SECATEUR_I32;
  case 64:
    return isUnsigned ? SECATEUR_U64 : SECATEUR_I64;
  default:
    return SECATEUR_UNDEFINED;
  }
}

/// A SecateurValueDesc of an input or output as codegen-prepare-entry left it.
static llvm::Constant *valueDesc(DescriptorWriter &writer, DictionaryAttr value) {
  auto type = cast<ShapedType>(value.getAs<TypeAttr>("secateur.type").getValue());
  // `nn.type` has the model's own type where it is stored as another.
  Type elementType = type.getElementType();
  if (auto original = value.getAs<TypeAttr>("nn.type"))
    elementType = getElementTypeOrSelf(original.getValue());
  SmallVector<llvm::Constant *> dims, symbols;
  auto names = value.getAs<ArrayAttr>("nn.dims");
  bool named = false;
  for (auto [axis, size] : llvm::enumerate(type.getShape())) {
    dims.push_back(writer.integer64(ShapedType::isDynamic(size) ? -1 : size));
    StringRef symbol;
    if (names && axis < names.size() && ShapedType::isDynamic(size))
      if (auto name = dyn_cast<StringAttr>(names[axis]))
        symbol = name.getValue() == "?" ? StringRef() : name.getValue();
    named |= !symbol.empty();
    symbols.push_back(symbol.empty() ? writer.null() : writer.string(symbol));
  }
  auto name = value.getAs<StringAttr>("nn.name");
  int32_t flags = value.contains("secateur.data_dependent") ? SECATEUR_DATA_DEPENDENT : 0;
  return writer.structure({writer.string(name ? name.getValue() : ""),
                           writer.array(writer.i64, dims),
                           named ? writer.array(writer.pointer, symbols) : writer.null(),
                           writer.integer32(dtypeOf(elementType)), writer.integer32(type.getRank()),
                           writer.integer32(flags), writer.integer32(0)});
}

static llvm::Constant *valueDescs(DescriptorWriter &writer, ArrayAttr values) {
  SmallVector<llvm::Constant *> descs;
  for (auto value : values.getAsRange<DictionaryAttr>())
    descs.push_back(valueDesc(writer, value));
  return descs.empty() ? writer.null() : writer.array(descs.front()->getType(), descs);
}

void secateur::codegen::addDescriptor(llvm::Module &llvmModule, ModuleOp module,
                                      const TargetInfo &target, const CodeGenOptions &options) {
  DescriptorWriter writer(llvmModule);
  auto inputs = module->getAttrOfType<ArrayAttr>("secateur.inputs");
  auto outputs = module->getAttrOfType<ArrayAttr>("secateur.outputs");
  auto buffers = module->getAttrOfType<ArrayAttr>("secateur.buffer_ranges");
  SmallVector<llvm::Constant *> ranges;
  for (auto range : buffers.getAsRange<DenseI32ArrayAttr>())
    ranges.push_back(writer.structure({writer.integer32(range[0]), writer.integer32(range[1])}));

  SmallVector<llvm::Constant *> messages;
  if (auto texts = module->getAttrOfType<ArrayAttr>("secateur.messages"))
    for (auto text : texts.getAsRange<StringAttr>())
      messages.push_back(writer.string(text.getValue()));

  SmallVector<llvm::Constant *> steps;
  if (auto names = module->getAttrOfType<ArrayAttr>("secateur.steps"))
    for (auto name : names.getAsRange<StringAttr>())
      steps.push_back(writer.string(name.getValue()));

  llvm::Constant *descriptor = writer.structure(
      {writer.integer32(SECATEUR_DESCRIPTOR_VERSION),
       writer.integer32(sizeof(SecateurModelDescriptor)),
       writer.string("0.1.0"),
       writer.string(options.modelName),
       writer.string(target.triple),
       writer.string(target.cpu),
       writer.string(options.mathMode),
       writer.integer64(static_cast<int64_t>(target.cpuFeatures)),
       writer.integer32(inputs.size()),
       writer.integer32(outputs.size()),
       valueDescs(writer, inputs),
       valueDescs(writer, outputs),
       writer.integer32(ranges.size()),
       writer.integer32(messages.size()),
       ranges.empty() ? writer.null() : writer.array(ranges.front()->getType(), ranges),
       messages.empty() ? writer.null() : writer.array(writer.pointer, messages),
       writer.integer32(steps.size()),
       writer.integer32(0),
       steps.empty() ? writer.null() : writer.array(writer.pointer, steps),
       llvmModule.getFunction("secateur_sizes"),
       llvmModule.getFunction("secateur_run")});
  auto *variable = new llvm::GlobalVariable(llvmModule, descriptor->getType(), /*isConstant=*/true,
                                            llvm::GlobalValue::ExternalLinkage, descriptor,
                                            "secateur_model_descriptor");
  variable->setVisibility(llvm::GlobalValue::HiddenVisibility);
}
