//===- NNElementwise.td - Elementwise operators of the nn dialect -*- tablegen -*-===//
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//
// Operands, attributes and defaults are those of the ONNX schema at the opset
// that each summary names; `NN_Op` in NNBase.td explains the parameters.

#ifndef SECATEUR_DIALECTS_NN_IR_NNELEMENTWISE
#define SECATEUR_DIALECTS_NN_IR_NNELEMENTWISE

include "dialects/NN/IR/NNBase.td"

def NN_AbsOp : NN_Op<"abs", "Abs", 13, "r", "r", [Pure]> {
  let summary = "ONNX Abs, in the form of opset 13";
  let arguments = (ins NN_Value:$X);
  let results = (outs NN_Value:$Y);
  let assemblyFormat = [{
    $X attr-dict `:` functional-type(operands, results)
  }];
}

def NN_AcosOp : NN_Op<"acos", "Acos", 22, "r", "r", [Pure]> {
  let summary = "ONNX Acos, in the form of opset 22";
  let arguments = (ins NN_Value:$input);
  let results = (outs NN_Value:$output);
  let assemblyFormat = [{
    $input attr-dict `:` functional-type(operands, results)
  }];
}

def NN_AcoshOp : NN_Op<"acosh", "Acosh", 22, "r", "r", [Pure]> {
  let summary = "ONNX Acosh, in the form of opset 22";
  let arguments = (ins NN_Value:$input);
  let results = (outs NN_Value:$output);
  let assemblyFormat = [{
    $input attr-dict `:` functional-type(operands, results)
  }];
}

def NN_AddOp : NN_Op<"add", "Add", 14, "rr", "r", [Pure]> {
  let summary = "ONNX Add, in the form of opset 14";
  let arguments = (ins NN_Value:$A, NN_Value:$B);
  let results = (outs NN_Value:$C);
  let assemblyFormat = [{
    $A `,` $B attr-dict `:` functional-type(operands, results)
  }];
}

def NN_AndOp : NN_Op<"and", "And", 7, "rr", "r", [Pure]> {
  let summary = "ONNX And, in the form of opset 7";
  let arguments = (ins NN_Value:$A, NN_Value:$B);
  let results = (outs NN_Value:$C);
  let assemblyFormat = [{
    $A `,` $B attr-dict `:` functional-type(operands, results)
  }];
}

def NN_AsinOp : NN_Op<"asin", "Asin", 22, "r", "r", [Pure]> {
  let summary = "ONNX Asin, in the form of opset 22";
  let arguments = (ins NN_Value:$input);
  let results = (outs NN_Value:$output);
  let assemblyFormat = [{
    $input attr-dict `:` functional-type(operands, results)
  }];
}

def NN_AsinhOp : NN_Op<"asinh", "Asinh", 22, "r", "r", [Pure]> {
  let summary = "ONNX Asinh, in the form of opset 22";
  let arguments = (ins NN_Value:$input);
  let results = (outs NN_Value:$output);
  let assemblyFormat = [{
    $input attr-dict `:` functional-type(operands, results)
  }];
}

def NN_AtanOp : NN_Op<"atan", "Atan", 22, "r", "r", [Pure]> {
  let summary = "ONNX Atan, in the form of opset 22";
  let arguments = (ins NN_Value:$input);
  let results = (outs NN_Value:$output);
  let assemblyFormat = [{
    $input attr-dict `:` functional-type(operands, results)
  }];
}

def NN_AtanhOp : NN_Op<"atanh", "Atanh", 22, "r", "r", [Pure]> {
  let summary = "ONNX Atanh, in the form of opset 22";
  let arguments = (ins NN_Value:$input);
  let results = (outs NN_Value:$output);
  let assemblyFormat = [{
    $input attr-dict `:` functional-type(operands, results)
  }];
}

def NN_BitShiftOp : NN_Op<"bit_shift", "BitShift", 28, "rr", "r", [Pure]> {
  let summary = "ONNX BitShift, in the form of opset 28";
  let arguments = (ins NN_Value:$X, NN_Value:$Y, StrAttr:$direction);
  let results = (outs NN_Value:$Z);
  let assemblyFormat = [{
    $X `,` $Y attr-dict `:` functional-type(operands, results)
  }];
}

def NN_BitwiseAndOp : NN_Op<"bitwise_and", "BitwiseAnd", 18, "rr", "r", [Pure]> {
  let summary = "ONNX BitwiseAnd, in the form of opset 18";
  let arguments = (ins NN_Value:$A, NN_Value:$B);
  let results = (outs NN_Value:$C);
  let assemblyFormat = [{
    $A `,` $B attr-dict `:` functional-type(operands, results)
  }];
}

def NN_BitwiseNotOp : NN_Op<"bitwise_not", "BitwiseNot", 18, "r", "r", [Pure]> {
  let summary = "ONNX BitwiseNot, in the form of opset 18";
  let arguments = (ins NN_Value:$X);
  let results = (outs NN_Value:$Y);
  let assemblyFormat = [{
    $X attr-dict `:` functional-type(operands, results)
  }];
}

def NN_BitwiseOrOp : NN_Op<"bitwise_or", "BitwiseOr", 18, "rr", "r", [Pure]> {
  let summary = "ONNX BitwiseOr, in the form of opset 18";
  let arguments = (ins NN_Value:$A, NN_Value:$B);
  let results = (outs NN_Value:$C);
  let assemblyFormat = [{
    $A `,` $B attr-dict `:` functional-type(operands, results)
  }];
}

def NN_BitwiseXorOp : NN_Op<"bitwise_xor", "BitwiseXor", 18, "rr", "r", [Pure]> {
  let summary = "ONNX BitwiseXor, in the form of opset 18";
  let arguments = (ins NN_Value:$A, NN_Value:$B);
  let results = (outs NN_Value:$C);
  let assemblyFormat = [{
    $A `,` $B attr-dict `:` functional-type(operands, results)
  }];
}

def NN_CastOp : NN_Op<"cast", "Cast", 28, "r", "r", [Pure]> {
  let summary = "ONNX Cast, in the form of opset 28";
  let arguments = (ins NN_Value:$input,
                       DefaultValuedOptionalAttr<StrAttr, "\"up\"">:$round_mode,
                       DefaultValuedOptionalAttr<I64Attr, "1">:$saturate, I64Attr:$to);
  let results = (outs NN_Value:$output);
  let assemblyFormat = [{
    $input attr-dict `:` functional-type(operands, results)
  }];
}

def NN_CastLikeOp : NN_Op<"cast_like", "CastLike", 25, "rr", "r", [Pure]> {
  let summary = "ONNX CastLike, in the form of opset 25";
  let arguments = (ins NN_Value:$input, NN_Value:$target_type,
                       DefaultValuedOptionalAttr<StrAttr, "\"up\"">:$round_mode,
                       DefaultValuedOptionalAttr<I64Attr, "1">:$saturate);
  let results = (outs NN_Value:$output);
  let assemblyFormat = [{
    $input `,` $target_type attr-dict `:` functional-type(operands, results)
  }];
}

def NN_CeilOp : NN_Op<"ceil", "Ceil", 13, "r", "r", [Pure]> {
  let summary = "ONNX Ceil, in the form of opset 13";
  let arguments = (ins NN_Value:$X);
  let results = (outs NN_Value:$Y);
  let assemblyFormat = [{
    $X attr-dict `:` functional-type(operands, results)
  }];
}

def NN_CeluOp : NN_Op<"celu", "Celu", 28, "r", "r", [Pure]> {
  let summary = "ONNX Celu, in the form of opset 28";
  let arguments = (ins NN_Value:$X, DefaultValuedOptionalAttr<F32Attr, "1.0f">:$alpha);
  let results = (outs NN_Value:$Y);
  let assemblyFormat = [{
    $X attr-dict `:` functional-type(operands, results)
  }];
}

def NN_ClipOp : NN_Op<"clip", "Clip", 13, "roo", "r", [Pure, AttrSizedOperandSegments]> {
  let summary = "ONNX Clip, in the form of opset 13";
  let arguments = (ins NN_Value:$input, Optional<NN_Value>:$min, Optional<NN_Value>:$max);
  let results = (outs NN_Value:$output);
  let assemblyFormat = [{
    $input (`min` `(` $min^ `)`)? (`max` `(` $max^ `)`)? attr-dict `:` functional-type(operands,
    results)
  }];
}

def NN_CosOp : NN_Op<"cos", "Cos", 22, "r", "r", [Pure]> {
  let summary = "ONNX Cos, in the form of opset 22";
  let arguments = (ins NN_Value:$input);
  let results = (outs NN_Value:$output);
  let assemblyFormat = [{
    $input attr-dict `:` functional-type(operands, results)
  }];
}

def NN_CoshOp : NN_Op<"cosh", "Cosh", 22, "r", "r", [Pure]> {
  let summary = "ONNX Cosh, in the form of opset 22";
  let arguments = (ins NN_Value:$input);
  let results = (outs NN_Value:$output);
  let assemblyFormat = [{
    $input attr-dict `:` functional-type(operands, results)
  }];
}

def NN_DivOp : NN_Op<"div", "Div", 14, "rr", "r", [Pure]> {
  let summary = "ONNX Div, in the form of opset 14";
  let arguments = (ins NN_Value:$A, NN_Value:$B);
  let results = (outs NN_Value:$C);
  let assemblyFormat = [{
    $A `,` $B attr-dict `:` functional-type(operands, results)
  }];
}

def NN_DropoutOp : NN_Op<"dropout", "Dropout", 22, "roo", "ro",
    [Pure, AttrSizedOperandSegments]> {
  let summary = "ONNX Dropout, in the form of opset 22";
  let arguments = (ins NN_Value:$data, Optional<NN_Value>:$ratio,
                       Optional<NN_Value>:$training_mode, OptionalAttr<I64Attr>:$seed);
  let results = (outs NN_Value:$output, Optional<NN_Value>:$mask);
  let assemblyFormat = [{
    $data (`ratio` `(` $ratio^ `)`)? (`training_mode` `(` $training_mode^ `)`)? attr-dict `:`
    functional-type(operands, results)
  }];
}

def NN_EluOp : NN_Op<"elu", "Elu", 22, "r", "r", [Pure]> {
  let summary = "ONNX Elu, in the form of opset 22";
  let arguments = (ins NN_Value:$X, DefaultValuedOptionalAttr<F32Attr, "1.0f">:$alpha);
  let results = (outs NN_Value:$Y);
  let assemblyFormat = [{
    $X attr-dict `:` functional-type(operands, results)
  }];
}

def NN_EqualOp : NN_Op<"equal", "Equal", 19, "rr", "r", [Pure]> {
  let summary = "ONNX Equal, in the form of opset 19";
  let arguments = (ins NN_Value:$A, NN_Value:$B);
  let results = (outs NN_Value:$C);
  let assemblyFormat = [{
    $A `,` $B attr-dict `:` functional-type(operands, results)
  }];
}

def NN_ErfOp : NN_Op<"erf", "Erf", 13, "r", "r", [Pure]> {
  let summary = "ONNX Erf, in the form of opset 13";
  let arguments = (ins NN_Value:$input);
  let results = (outs NN_Value:$output);
  let assemblyFormat = [{
    $input attr-dict `:` functional-type(operands, results)
  }];
}

def NN_ExpOp : NN_Op<"exp", "Exp", 13, "r", "r", [Pure]> {
  let summary = "ONNX Exp, in the form of opset 13";
  let arguments = (ins NN_Value:$input);
  let results = (outs NN_Value:$output);
  let assemblyFormat = [{
    $input attr-dict `:` functional-type(operands, results)
  }];
}

def NN_FloorOp : NN_Op<"floor", "Floor", 13, "r", "r", [Pure]> {
  let summary = "ONNX Floor, in the form of opset 13";
  let arguments = (ins NN_Value:$X);
  let results = (outs NN_Value:$Y);
  let assemblyFormat = [{
    $X attr-dict `:` functional-type(operands, results)
  }];
}

def NN_GeluOp : NN_Op<"gelu", "Gelu", 20, "r", "r", [Pure]> {
  let summary = "ONNX Gelu, in the form of opset 20";
  let arguments = (ins NN_Value:$X, DefaultValuedOptionalAttr<StrAttr, "\"none\"">:$approximate);
  let results = (outs NN_Value:$Y);
  let assemblyFormat = [{
    $X attr-dict `:` functional-type(operands, results)
  }];
}

def NN_GreaterOp : NN_Op<"greater", "Greater", 13, "rr", "r", [Pure]> {
  let summary = "ONNX Greater, in the form of opset 13";
  let arguments = (ins NN_Value:$A, NN_Value:$B);
  let results = (outs NN_Value:$C);
  let assemblyFormat = [{
    $A `,` $B attr-dict `:` functional-type(operands, results)
  }];
}

def NN_GreaterOrEqualOp : NN_Op<"greater_or_equal", "GreaterOrEqual", 16, "rr", "r", [Pure]> {
  let summary = "ONNX GreaterOrEqual, in the form of opset 16";
  let arguments = (ins NN_Value:$A, NN_Value:$B);
  let results = (outs NN_Value:$C);
  let assemblyFormat = [{
    $A `,` $B attr-dict `:` functional-type(operands, results)
  }];
}

def NN_HardSigmoidOp : NN_Op<"hard_sigmoid", "HardSigmoid", 22, "r", "r", [Pure]> {
  let summary = "ONNX HardSigmoid, in the form of opset 22";
  let arguments = (ins NN_Value:$X, DefaultValuedOptionalAttr<F32Attr, "0.2f">:$alpha,
                       DefaultValuedOptionalAttr<F32Attr, "0.5f">:$beta);
  let results = (outs NN_Value:$Y);
  let assemblyFormat = [{
    $X attr-dict `:` functional-type(operands, results)
  }];
}

def NN_HardSwishOp : NN_Op<"hard_swish", "HardSwish", 22, "r", "r", [Pure]> {
  let summary = "ONNX HardSwish, in the form of opset 22";
  let arguments = (ins NN_Value:$X);
  let results = (outs NN_Value:$Y);
  let assemblyFormat = [{
    $X attr-dict `:` functional-type(operands, results)
  }];
}

def NN_IdentityOp : NN_Op<"identity", "Identity", 25, "r", "r", [Pure]> {
  let summary = "ONNX Identity, in the form of opset 25";
  let arguments = (ins NN_Value:$input);
  let results = (outs NN_Value:$output);
  let assemblyFormat = [{
    $input attr-dict `:` functional-type(operands, results)
  }];
}

def NN_IsinfOp : NN_Op<"isinf", "IsInf", 20, "r", "r", [Pure]> {
  let summary = "ONNX IsInf, in the form of opset 20";
  let arguments = (ins NN_Value:$X, DefaultValuedOptionalAttr<I64Attr, "1">:$detect_negative,
                       DefaultValuedOptionalAttr<I64Attr, "1">:$detect_positive);
  let results = (outs NN_Value:$Y);
  let assemblyFormat = [{
    $X attr-dict `:` functional-type(operands, results)
  }];
}

def NN_IsnanOp : NN_Op<"isnan", "IsNaN", 20, "r", "r", [Pure]> {
  let summary = "ONNX IsNaN, in the form of opset 20";
  let arguments = (ins NN_Value:$X);
  let results = (outs NN_Value:$Y);
  let assemblyFormat = [{
    $X attr-dict `:` functional-type(operands, results)
  }];
}

def NN_LeakyReluOp : NN_Op<"leaky_relu", "LeakyRelu", 16, "r", "r", [Pure]> {
  let summary = "ONNX LeakyRelu, in the form of opset 16";
  let arguments = (ins NN_Value:$X, DefaultValuedOptionalAttr<F32Attr, "0.01f">:$alpha);
  let results = (outs NN_Value:$Y);
  let assemblyFormat = [{
    $X attr-dict `:` functional-type(operands, results)
  }];
}

def NN_LessOp : NN_Op<"less", "Less", 13, "rr", "r", [Pure]> {
  let summary = "ONNX Less, in the form of opset 13";
  let arguments = (ins NN_Value:$A, NN_Value:$B);
  let results = (outs NN_Value:$C);
  let assemblyFormat = [{
    $A `,` $B attr-dict `:` functional-type(operands, results)
  }];
}

def NN_LessOrEqualOp : NN_Op<"less_or_equal", "LessOrEqual", 16, "rr", "r", [Pure]> {
  let summary = "ONNX LessOrEqual, in the form of opset 16";
  let arguments = (ins NN_Value:$A, NN_Value:$B);
  let results = (outs NN_Value:$C);
  let assemblyFormat = [{
    $A `,` $B attr-dict `:` functional-type(operands, results)
  }];
}

def NN_LogOp : NN_Op<"log", "Log", 13, "r", "r", [Pure]> {
  let summary = "ONNX Log, in the form of opset 13";
  let arguments = (ins NN_Value:$input);
  let results = (outs NN_Value:$output);
  let assemblyFormat = [{
    $input attr-dict `:` functional-type(operands, results)
  }];
}

def NN_MaxOp : NN_Op<"max", "Max", 13, "v", "r", [Pure]> {
  let summary = "ONNX Max, in the form of opset 13";
  let arguments = (ins Variadic<NN_Value>:$data_0);
  let results = (outs NN_Value:$max);
  let assemblyFormat = [{
    $data_0 attr-dict `:` functional-type(operands, results)
  }];
}

def NN_MeanOp : NN_Op<"mean", "Mean", 13, "v", "r", [Pure]> {
  let summary = "ONNX Mean, in the form of opset 13";
  let arguments = (ins Variadic<NN_Value>:$data_0);
  let results = (outs NN_Value:$mean);
  let assemblyFormat = [{
    $data_0 attr-dict `:` functional-type(operands, results)
  }];
}

def NN_MinOp : NN_Op<"min", "Min", 13, "v", "r", [Pure]> {
  let summary = "ONNX Min, in the form of opset 13";
  let arguments = (ins Variadic<NN_Value>:$data_0);
  let results = (outs NN_Value:$min);
  let assemblyFormat = [{
    $data_0 attr-dict `:` functional-type(operands, results)
  }];
}

def NN_MishOp : NN_Op<"mish", "Mish", 22, "r", "r", [Pure]> {
  let summary = "ONNX Mish, in the form of opset 22";
  let arguments = (ins NN_Value:$X);
  let results = (outs NN_Value:$Y);
  let assemblyFormat = [{
    $X attr-dict `:` functional-type(operands, results)
  }];
}

def NN_ModOp : NN_Op<"mod", "Mod", 28, "rr", "r", [Pure]> {
  let summary = "ONNX Mod, in the form of opset 28";
  let arguments = (ins NN_Value:$A, NN_Value:$B, DefaultValuedOptionalAttr<I64Attr, "0">:$fmod);
  let results = (outs NN_Value:$C);
  let assemblyFormat = [{
    $A `,` $B attr-dict `:` functional-type(operands, results)
  }];
}

def NN_MulOp : NN_Op<"mul", "Mul", 14, "rr", "r", [Pure]> {
  let summary = "ONNX Mul, in the form of opset 14";
  let arguments = (ins NN_Value:$A, NN_Value:$B);
  let results = (outs NN_Value:$C);
  let assemblyFormat = [{
    $A `,` $B attr-dict `:` functional-type(operands, results)
  }];
}

def NN_NegOp : NN_Op<"neg", "Neg", 13, "r", "r", [Pure]> {
  let summary = "ONNX Neg, in the form of opset 13";
  let arguments = (ins NN_Value:$X);
  let results = (outs NN_Value:$Y);
  let assemblyFormat = [{
    $X attr-dict `:` functional-type(operands, results)
  }];
}

def NN_NotOp : NN_Op<"not", "Not", 1, "r", "r", [Pure]> {
  let summary = "ONNX Not, in the form of opset 1";
  let arguments = (ins NN_Value:$X);
  let results = (outs NN_Value:$Y);
  let assemblyFormat = [{
    $X attr-dict `:` functional-type(operands, results)
  }];
}

def NN_OrOp : NN_Op<"or", "Or", 7, "rr", "r", [Pure]> {
  let summary = "ONNX Or, in the form of opset 7";
  let arguments = (ins NN_Value:$A, NN_Value:$B);
  let results = (outs NN_Value:$C);
  let assemblyFormat = [{
    $A `,` $B attr-dict `:` functional-type(operands, results)
  }];
}

def NN_PreluOp : NN_Op<"prelu", "PRelu", 16, "rr", "r", [Pure]> {
  let summary = "ONNX PRelu, in the form of opset 16";
  let arguments = (ins NN_Value:$X, NN_Value:$slope);
  let results = (outs NN_Value:$Y);
  let assemblyFormat = [{
    $X `,` $slope attr-dict `:` functional-type(operands, results)
  }];
}

def NN_PowOp : NN_Op<"pow", "Pow", 15, "rr", "r", [Pure]> {
  let summary = "ONNX Pow, in the form of opset 15";
  let arguments = (ins NN_Value:$X, NN_Value:$Y);
  let results = (outs NN_Value:$Z);
  let assemblyFormat = [{
    $X `,` $Y attr-dict `:` functional-type(operands, results)
  }];
}

def NN_ReciprocalOp : NN_Op<"reciprocal", "Reciprocal", 13, "r", "r", [Pure]> {
  let summary = "ONNX Reciprocal, in the form of opset 13";
  let arguments = (ins NN_Value:$X);
  let results = (outs NN_Value:$Y);
  let assemblyFormat = [{
    $X attr-dict `:` functional-type(operands, results)
  }];
}

def NN_ReluOp : NN_Op<"relu", "Relu", 14, "r", "r", [Pure]> {
  let summary = "ONNX Relu, in the form of opset 14";
  let arguments = (ins NN_Value:$X);
  let results = (outs NN_Value:$Y);
  let assemblyFormat = [{
    $X attr-dict `:` functional-type(operands, results)
  }];
}

def NN_RoundOp : NN_Op<"round", "Round", 22, "r", "r", [Pure]> {
  let summary = "ONNX Round, in the form of opset 22";
  let arguments = (ins NN_Value:$X);
  let results = (outs NN_Value:$Y);
  let assemblyFormat = [{
    $X attr-dict `:` functional-type(operands, results)
  }];
}

def NN_SeluOp : NN_Op<"selu", "Selu", 22, "r", "r", [Pure]> {
  let summary = "ONNX Selu, in the form of opset 22";
  let arguments = (ins NN_Value:$X, DefaultValuedOptionalAttr<F32Attr, "1.6732632f">:$alpha,
                       DefaultValuedOptionalAttr<F32Attr, "1.050701f">:$gamma);
  let results = (outs NN_Value:$Y);
  let assemblyFormat = [{
    $X attr-dict `:` functional-type(operands, results)
  }];
}

def NN_ShrinkOp : NN_Op<"shrink", "Shrink", 9, "r", "r", [Pure]> {
  let summary = "ONNX Shrink, in the form of opset 9";
  let arguments = (ins NN_Value:$input, DefaultValuedOptionalAttr<F32Attr, "0.0f">:$bias,
                       DefaultValuedOptionalAttr<F32Attr, "0.5f">:$lambd);
  let results = (outs NN_Value:$output);
  let assemblyFormat = [{
    $input attr-dict `:` functional-type(operands, results)
  }];
}

def NN_SigmoidOp : NN_Op<"sigmoid", "Sigmoid", 13, "r", "r", [Pure]> {
  let summary = "ONNX Sigmoid, in the form of opset 13";
  let arguments = (ins NN_Value:$X);
  let results = (outs NN_Value:$Y);
  let assemblyFormat = [{
    $X attr-dict `:` functional-type(operands, results)
  }];
}

def NN_SignOp : NN_Op<"sign", "Sign", 13, "r", "r", [Pure]> {
  let summary = "ONNX Sign, in the form of opset 13";
  let arguments = (ins NN_Value:$input);
  let results = (outs NN_Value:$output);
  let assemblyFormat = [{
    $input attr-dict `:` functional-type(operands, results)
  }];
}

def NN_SinOp : NN_Op<"sin", "Sin", 22, "r", "r", [Pure]> {
  let summary = "ONNX Sin, in the form of opset 22";
  let arguments = (ins NN_Value:$input);
  let results = (outs NN_Value:$output);
  let assemblyFormat = [{
    $input attr-dict `:` functional-type(operands, results)
  }];
}

def NN_SinhOp : NN_Op<"sinh", "Sinh", 22, "r", "r", [Pure]> {
  let summary = "ONNX Sinh, in the form of opset 22";
  let arguments = (ins NN_Value:$input);
  let results = (outs NN_Value:$output);
  let assemblyFormat = [{
    $input attr-dict `:` functional-type(operands, results)
  }];
}

def NN_SoftplusOp : NN_Op<"softplus", "Softplus", 22, "r", "r", [Pure]> {
  let summary = "ONNX Softplus, in the form of opset 22";
  let arguments = (ins NN_Value:$X);
  let results = (outs NN_Value:$Y);
  let assemblyFormat = [{
    $X attr-dict `:` functional-type(operands, results)
  }];
}

def NN_SoftsignOp : NN_Op<"softsign", "Softsign", 22, "r", "r", [Pure]> {
  let summary = "ONNX Softsign, in the form of opset 22";
  let arguments = (ins NN_Value:$input);
  let results = (outs NN_Value:$output);
  let assemblyFormat = [{
    $input attr-dict `:` functional-type(operands, results)
  }];
}

def NN_SqrtOp : NN_Op<"sqrt", "Sqrt", 13, "r", "r", [Pure]> {
  let summary = "ONNX Sqrt, in the form of opset 13";
  let arguments = (ins NN_Value:$X);
  let results = (outs NN_Value:$Y);
  let assemblyFormat = [{
    $X attr-dict `:` functional-type(operands, results)
  }];
}

def NN_SubOp : NN_Op<"sub", "Sub", 14, "rr", "r", [Pure]> {
  let summary = "ONNX Sub, in the form of opset 14";
  let arguments = (ins NN_Value:$A, NN_Value:$B);
  let results = (outs NN_Value:$C);
  let assemblyFormat = [{
    $A `,` $B attr-dict `:` functional-type(operands, results)
  }];
}

def NN_SumOp : NN_Op<"sum", "Sum", 13, "v", "r", [Pure]> {
  let summary = "ONNX Sum, in the form of opset 13";
  let arguments = (ins Variadic<NN_Value>:$data_0);
  let results = (outs NN_Value:$sum);
  let assemblyFormat = [{
    $data_0 attr-dict `:` functional-type(operands, results)
  }];
}

def NN_SwishOp : NN_Op<"swish", "Swish", 24, "r", "r", [Pure]> {
  let summary = "ONNX Swish, in the form of opset 24";
  let arguments = (ins NN_Value:$X, DefaultValuedOptionalAttr<F32Attr, "1.0f">:$alpha);
  let results = (outs NN_Value:$Y);
  let assemblyFormat = [{
    $X attr-dict `:` functional-type(operands, results)
  }];
}

def NN_TanOp : NN_Op<"tan", "Tan", 22, "r", "r", [Pure]> {
  let summary = "ONNX Tan, in the form of opset 22";
  let arguments = (ins NN_Value:$input);
  let results = (outs NN_Value:$output);
  let assemblyFormat = [{
    $input attr-dict `:` functional-type(operands, results)
  }];
}

def NN_TanhOp : NN_Op<"tanh", "Tanh", 13, "r", "r", [Pure]> {
  let summary = "ONNX Tanh, in the form of opset 13";
  let arguments = (ins NN_Value:$input);
  let results = (outs NN_Value:$output);
  let assemblyFormat = [{
    $input attr-dict `:` functional-type(operands, results)
  }];
}

def NN_ThresholdedReluOp : NN_Op<"thresholded_relu", "ThresholdedRelu", 22, "r", "r", [Pure]> {
  let summary = "ONNX ThresholdedRelu, in the form of opset 22";
  let arguments = (ins NN_Value:$X, DefaultValuedOptionalAttr<F32Attr, "1.0f">:$alpha);
  let results = (outs NN_Value:$Y);
  let assemblyFormat = [{
    $X attr-dict `:` functional-type(operands, results)
  }];
}

def NN_WhereOp : NN_Op<"where", "Where", 16, "rrr", "r", [Pure]> {
  let summary = "ONNX Where, in the form of opset 16";
  let arguments = (ins NN_Value:$condition, NN_Value:$X, NN_Value:$Y);
  let results = (outs NN_Value:$output);
  let assemblyFormat = [{
    $condition `,` $X `,` $Y attr-dict `:` functional-type(operands, results)
  }];
}

def NN_XorOp : NN_Op<"xor", "Xor", 7, "rr", "r", [Pure]> {
  let summary = "ONNX Xor, in the form of opset 7";
  let arguments = (ins NN_Value:$A, NN_Value:$B);
  let results = (outs NN_Value:$C);
  let assemblyFormat = [{
    $A `,` $B attr-dict `:` functional-type(operands, results)
  }];
}

#endif // SECATEUR_DIALECTS_NN_IR_NNELEMENTWISE
