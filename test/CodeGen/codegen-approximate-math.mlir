// RUN: secateur-opt %s -codegen-approximate-math | FileCheck %s

// 2^n with n in the low bits of a float; a bound is what compares as beyond, so that NaN stays.
// CHECK-LABEL: func @polynomial(
// CHECK-SAME: %[[X:.*]]: vector<16xf32>)
func.func @polynomial(%x: vector<16xf32>) -> vector<16xf32> {
  // CHECK-DAG: %[[LOW:.*]] = arith.constant dense<-8.800000e+01>
  // CHECK-DAG: %[[BIAS:.*]] = arith.constant dense<1065353216> : vector<16xi32>
  // CHECK: %[[BELOW:.*]] = arith.cmpf ogt, %[[LOW]], %[[X]]
  // CHECK: arith.select %[[BELOW]], %[[LOW]], %[[X]]
  // CHECK-NOT: math.exp
  // CHECK-COUNT-9: math.fma
  // CHECK: arith.shli
  // CHECK: arith.addi {{.*}}, %[[BIAS]]
  // CHECK: return
  %y = math.exp %x : vector<16xf32>
  return %y : vector<16xf32>
}

// CHECK-LABEL: func @scalar(
func.func @scalar(%x: f32) -> f32 {
  // CHECK-NOT: math.exp
  // CHECK: arith.shli {{.*}} : i32
  %y = math.exp %x : f32
  return %y : f32
}

// CHECK-LABEL: func @divide_at_once(
// CHECK-SAME: %[[X:.*]]: f32, %[[Y:.*]]: f32)
func.func @divide_at_once(%x: f32, %y: f32) -> f32 {
  // CHECK: %[[Z:.*]] = arith.divf %[[X]], %[[Y]]
  // CHECK: return %[[Z]]
  %one = arith.constant 1.0 : f32
  %r = arith.divf %one, %y : f32
  %z = arith.mulf %r, %x : f32
  return %z : f32
}

// The reciprocal is needed anyway, or it is none.
// CHECK-LABEL: func @keep_product(
func.func @keep_product(%x: f32, %y: f32) -> (f32, f32, f32) {
  // CHECK-COUNT-2: arith.mulf
  // CHECK: return
  %one = arith.constant 1.0 : f32
  %two = arith.constant 2.0 : f32
  %r = arith.divf %one, %y : f32
  %z = arith.mulf %r, %x : f32
  %s = arith.divf %two, %y : f32
  %w = arith.mulf %s, %x : f32
  return %z, %r, %w : f32, f32, f32
}

// Polynomials are for single precision.
// CHECK-LABEL: func @keep_double(
func.func @keep_double(%x: vector<8xf64>) -> vector<8xf64> {
  // CHECK: math.exp %{{.*}} : vector<8xf64>
  %y = math.exp %x : vector<8xf64>
  return %y : vector<8xf64>
}

// MLIR's polynomial is off by many units in the last place here.
// CHECK-LABEL: func @keep_inaccurate(
func.func @keep_inaccurate(%x: vector<16xf32>) -> vector<16xf32> {
  // CHECK: math.atan %{{.*}} : vector<16xf32>
  %y = math.atan %x : vector<16xf32>
  return %y : vector<16xf32>
}

// One instruction, which keeps a NaN of %x: the bound is compared first.
// CHECK-LABEL: func @clamp(
// CHECK-SAME: %[[X:.*]]: vector<16xf32>)
func.func @clamp(%x: vector<16xf32>) -> vector<16xf32> {
  // CHECK: %[[ZERO:.*]] = arith.constant dense<0.0
  // CHECK: %[[ABOVE:.*]] = arith.cmpf ogt, %[[ZERO]], %[[X]]
  // CHECK: arith.select %[[ABOVE]], %[[ZERO]], %[[X]]
  %zero = arith.constant dense<0.0> : vector<16xf32>
  %y = arith.maximumf %x, %zero : vector<16xf32>
  return %y : vector<16xf32>
}

// Either operand may be NaN: both have to be looked at.
// CHECK-LABEL: func @keep_maximum(
func.func @keep_maximum(%x: vector<16xf32>, %y: vector<16xf32>) -> vector<16xf32> {
  // CHECK: arith.maximumf
  %z = arith.maximumf %x, %y : vector<16xf32>
  return %z : vector<16xf32>
}
