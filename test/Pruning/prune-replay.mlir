// RUN: split-file %s %t
// RUN: secateur-opt %t/model.mlir -prune-replay=plan=%t/plan.json | FileCheck %s
// RUN: secateur-opt %t/model.mlir -prune-replay=plan=%t/plan.json -prune-apply=plan=%t/again.json -o %t/pruned.mlir
// RUN: diff %t/plan.json %t/again.json
// RUN: not secateur-opt %t/model.mlir -prune-replay=plan=%t/misfit.json 2>&1 | FileCheck %s --check-prefix=MISFIT
// RUN: not secateur-opt %t/model.mlir -prune-replay=plan=%t/broken.json 2>&1 | FileCheck %s --check-prefix=BROKEN
// RUN: not secateur-opt %t/model.mlir -prune-replay=plan=%t/absent.json 2>&1 | FileCheck %s --check-prefix=ABSENT
// RUN: not secateur-opt %t/model.mlir -prune-replay=plan=%t/everything.json 2>&1 | FileCheck %s --check-prefix=EVERYTHING

// CHECK: prune.group "w:1" units(3) {{.*}} {prune.removed = array<i64: 0, 2>}
// The group has another name in the plan; what it cuts decides.
// CHECK: prune.group "v:1" units(2) {{.*}} {prune.removed = array<i64: 1>}

// MISFIT: the plan does not fit this model
// MISFIT: step 0: the model has no tensor 'weight'
// MISFIT: step 1: 'w' has no axis 2
// MISFIT: step 2: 'w' has 3 positions on axis 1, the plan cuts position 3
// MISFIT: step 3: what it cuts (group 'w:1', unit 0) is no unit of this model
// MISFIT: step 5 erases unit 1 of group 'w:1' again

// BROKEN: the plan is malformed: {{.*}}plan.steps[0].slices[0].indices
// ABSENT: the plan cannot be read
// EVERYTHING: group 'w:1' would keep 0 units and needs 1

//--- model.mlir
func.func @main(%x: tensor<1x2xf32> {nn.name = "x"}) -> (tensor<1x2xf32> {nn.name = "z"}) {
  %w = nn.constant dense<[[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]> : tensor<2x3xf32> initializer loc(fused<["w"]>["w"])
  %v = nn.constant dense<[[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]]> : tensor<3x2xf32> initializer loc(fused<["v"]>["v"])
  %u = nn.constant dense<[[1.0, 2.0], [3.0, 4.0]]> : tensor<2x2xf32> initializer loc(fused<["u"]>["u"])
  %a = nn.matmul %x, %w : (tensor<1x2xf32>, tensor<2x3xf32>) -> tensor<1x3xf32>
  %b = nn.matmul %a, %v : (tensor<1x3xf32>, tensor<3x2xf32>) -> tensor<1x2xf32>
  %c = nn.matmul %b, %u : (tensor<1x2xf32>, tensor<2x2xf32>) -> tensor<1x2xf32>
  prune.group "w:1" units(3) (%w[1: 0 by 1], %v[0: 0 by 1], %a[1: 0 by 1]) : tensor<2x3xf32>, tensor<3x2xf32>, tensor<1x3xf32>
  prune.group "v:1" units(2) (%v[1: 0 by 1], %u[0: 0 by 1], %b[1: 0 by 1]) : tensor<3x2xf32>, tensor<2x2xf32>, tensor<1x2xf32>
  return %c : tensor<1x2xf32>
}
//--- plan.json
{"version": 1,
 "steps": [
  {"kind":"erase","group":"w:1","unit":0,"slices":[{"initializer":"w","axis":1,"indices":[0],"fill":0},{"initializer":"v","axis":0,"indices":[0],"fill":0}]},
  {"kind":"erase","group":"w:1","unit":2,"slices":[{"initializer":"w","axis":1,"indices":[2],"fill":0},{"initializer":"v","axis":0,"indices":[2],"fill":0}]},
  {"kind":"erase","group":"v:1","unit":1,"slices":[{"initializer":"v","axis":1,"indices":[1],"fill":0},{"initializer":"u","axis":0,"indices":[1],"fill":0}]}],
 "copies": [],
 "rewritten": [],
 "interface": []}
//--- misfit.json
{"version": 1, "steps": [
  {"kind": "erase", "group": "w:1", "unit": 0, "slices": [{"initializer": "weight", "axis": 1, "indices": [0]}]},
  {"kind": "erase", "group": "w:1", "unit": 0, "slices": [{"initializer": "w", "axis": 2, "indices": [0]}]},
  {"kind": "erase", "group": "w:1", "unit": 0, "slices": [{"initializer": "w", "axis": 1, "indices": [3]}]},
  {"kind": "erase", "group": "w:1", "unit": 0, "slices": [{"initializer": "w", "axis": 1, "indices": [0]}]},
  {"kind": "erase", "group": "w:1", "unit": 1, "slices": [{"initializer": "w", "box": {"1": [1]}}, {"initializer": "v", "axis": 0, "indices": [1]}]},
  {"kind": "erase", "group": "w:1", "unit": 1, "slices": [{"initializer": "v", "axis": 0, "indices": [1]}, {"initializer": "w", "axis": 1, "indices": [1]}]}]}
//--- broken.json
{"version": 1, "steps": [{"kind": "erase", "group": "w:1", "unit": 0, "slices": [{"initializer": "w", "axis": 1, "indices": [-1]}]}]}
//--- everything.json
{"version": 1, "steps": [
  {"kind": "erase", "group": "x", "unit": 0, "slices": [{"initializer": "w", "axis": 1, "indices": [0]}, {"initializer": "v", "axis": 0, "indices": [0]}]},
  {"kind": "erase", "group": "x", "unit": 1, "slices": [{"initializer": "w", "axis": 1, "indices": [1]}, {"initializer": "v", "axis": 0, "indices": [1]}]},
  {"kind": "erase", "group": "x", "unit": 2, "slices": [{"initializer": "w", "axis": 1, "indices": [2]}, {"initializer": "v", "axis": 0, "indices": [2]}]}]}
