// RUN: secateur-opt %s -split-input-file -verify-diagnostics

func.func @beyond_the_axis(%w: tensor<8xf32>) {
  // expected-error @below {{member 0: positions up to 12 on axis 0, which has 8}}
  prune.group "w" units(4) (%w[0: 0 by 3]) : tensor<8xf32>
  return
}

// -----

func.func @no_such_axis(%w: tensor<8xf32>) {
  // expected-error @below {{member 0 has no axis 1}}
  prune.group "w" units(4) (%w[1: 0 by 1]) : tensor<8xf32>
  return
}

// -----

func.func @missing_list(%w: tensor<8xf32>) {
  // expected-error @below {{expected a list of positions for each unit in member 0}}
  prune.group "w" units(4) (%w[0: {[0], [1]}]) : tensor<8xf32>
  return
}

// -----

func.func @uneven_slots(%w: tensor<8xf32>) {
  // expected-error @below {{expected the units to divide into balanced slots}}
  prune.group "w" units(4) balanced(3) (%w[0: 0 by 1]) : tensor<8xf32>
  return
}

// -----

func.func @bad_code(%w: tensor<8xf32>) {
  // expected-error @below {{expected the layout of member 0 to be an encoded layout}}
  "prune.group"(%w) <{name = "w", units = 4 : i64, layouts = [array<i64: 0, 5>], min_keep = 1 : i64, multiple_of = 1 : i64, balanced = 1 : i64}> : (tensor<8xf32>) -> ()
  return
}
