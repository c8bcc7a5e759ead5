// RUN: not secateur-opt %s -prune-score=criterion=luck 2>&1 | FileCheck %s

// CHECK: there is no criterion named 'luck'; known: magnitude
func.func @f() {
  return
}
