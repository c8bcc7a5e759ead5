// RUN: secateur-opt %s -split-input-file -verify-diagnostics -prune-score

func.func @not_a_number() {
  // expected-error @unknown {{tensor 'w' holds a NaN or an infinity, so that its units cannot be scored; repair the model, or exclude the tensor with --keep}}
  %w = nn.constant dense<[1.0, 0x7FC00000]> : tensor<2xf32> initializer loc(fused<["w"]>["w"])
  prune.group "w:0" units(2) (%w[0: 0 by 1]) : tensor<2xf32>
  return
}

// -----

// NaNs of tensors that nobody scores are the user's business.
func.func @elsewhere() {
  %w = nn.constant dense<[1.0, 2.0]> : tensor<2xf32> initializer
  %n = nn.constant dense<[1.0, 0x7FC00000]> : tensor<2xf32> initializer
  prune.group "w:0" units(2) (%w[0: 0 by 1]) : tensor<2xf32>
  return
}
