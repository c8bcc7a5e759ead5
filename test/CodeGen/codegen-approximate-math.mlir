// RUN: secateur-opt %s -codegen-approximate-math | FileCheck %s

// CHECK-LABEL: func @polynomial(
func.func @polynomial(%x: vector<16xf32>) -> vector<16xf32> {
  // CHECK-NOT: math.exp
  // CHECK: math.fma
  // CHECK: return
  %y = math.exp %x : vector<16xf32>
  return %y : vector<16xf32>
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
