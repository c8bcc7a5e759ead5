//===- NNBase.td - The nn dialect and the base of its operators -*- tablegen -*-===//
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//

#ifndef SECATEUR_DIALECTS_NN_IR_NNBASE
#define SECATEUR_DIALECTS_NN_IR_NNBASE

include "dialects/NN/IR/NNInterfaces.td"
include "mlir/IR/AttrTypeBase.td"
include "mlir/IR/BuiltinAttributes.td"
include "mlir/IR/OpBase.td"
include "mlir/Interfaces/SideEffectInterfaces.td"

def NN_Dialect : Dialect {
  let name = "nn";
  let cppNamespace = "::secateur::nn";
  let summary = "An ONNX model as a graph of tensors";
  let description = [{
    One operation per ONNX operator that Secateur understands, with the operands,
    attributes and meaning of the newest opset, so that import and export are one
    table and users recognise their model. Older opsets are upgraded at import.

    A model is one `func.func`. Its arguments and results carry `nn.name` (the name
    in the file) and, for arguments, `nn.dims` (one string per dimension: the symbol
    of a dynamic one, empty where it has none). The location of an operation is its
    node: a `NameLoc` with the node's name, fused with an array attribute of the
    names of its outputs: `fused<["y"]>["conv1"]`.

    The dialect is value-semantic and has no layout: activations are as ONNX has
    them (NCHW). It does not say how anything is computed; that is for `kern` and
    `linalg`, which the Lowering stage produces.

    Integers are signless except uint8..uint64 (`ui8`..); bool is `i1`. Strings are
    `!nn.string`. Values that are not tensors have type `!nn.opaque<"...">`.
  }];
  let useDefaultTypePrinterParser = 1;
  let hasConstantMaterializer = 1;
  let extraClassDeclaration = [{
    /// Argument and result attribute: the name in the ONNX file.
    static constexpr llvm::StringLiteral kNameAttr = "nn.name";
    /// On a norm that was recognised in what an exporter spelled out: an ONNX file gets
    /// it back that way.
    static constexpr llvm::StringLiteral kSpelledOutAttr = "nn.spelled_out";
    /// Argument attribute: symbols of the dynamic dimensions, one per dimension.
    static constexpr llvm::StringLiteral kDimsAttr = "nn.dims";
  }];
}

class NN_Type<string name, string typeMnemonic> : TypeDef<NN_Dialect, name> {
  let mnemonic = typeMnemonic;
}

def NN_StringType : NN_Type<"String", "string"> {
  let summary = "The element type of a tensor of strings";
  let description = "A tensor's element: ONNX's STRING.";
  // Lets `tensor<?x!nn.string>` be formed.
  let extraClassDeclaration = "";
}

def NN_OpaqueType : NN_Type<"Opaque", "opaque"> {
  let summary = "A value that is not a tensor: a sequence, an optional or a map";
  let parameters = (ins StringRefParameter<"the serialised onnx.TypeProto, as hexadecimal">:$encoding);
  let assemblyFormat = "`<` $encoding `>`";
}

/// What flows along an edge of the graph.
def NN_Value : AnyTypeOf<[AnyTensor, NN_OpaqueType]>;

/// Attributes have values that ONNX knows, element types are as the operator
/// wants them, subgraphs fit it, and the static shapes of the operands do not
/// contradict each other. See NNVerifiers.cpp.
def NN_VerifiedNode : NativeOpTrait<"VerifiedNode"> {
  let cppNamespace = "::secateur::nn";
}

/// An operator of ONNX.
///   onnxName  the operator's name
///   since     the opset whose meaning the operation has
///   inputs    one letter per formal input, in order: r required, o optional, v variadic
///   outputs   likewise
class NN_Op<string mnemonic, string onnxName, int since, string inputs, string outputs,
            list<Trait> traits = []>
    : Op<NN_Dialect, mnemonic,
         !listconcat(traits, [DeclareOpInterfaceMethods<OnnxOpInterface>, NN_VerifiedNode])> {
  string domain = "";
  let extraClassDefinition = [{
    ::llvm::StringRef $cppClass::getOnnxName() { return "}] # onnxName # [{"; }
    ::llvm::StringRef $cppClass::getOnnxDomain() { return "}] # domain # [{"; }
    int64_t $cppClass::getSinceVersion() { return }] # !cast<string>(since) # [{; }
    ::llvm::StringRef $cppClass::getInputKinds() { return "}] # inputs # [{"; }
    ::llvm::StringRef $cppClass::getOutputKinds() { return "}] # outputs # [{"; }
  }];
}

/// How many positions the statistics divide by, where that is not the number that
/// is there: what has been erased counts as zeros. ONNX has no such attribute; the
/// Export stage spells it out.
def NN_Count : OptionalAttr<ConfinedAttr<I64Attr, [IntPositive]>>;
#endif // SECATEUR_DIALECTS_NN_IR_NNBASE
