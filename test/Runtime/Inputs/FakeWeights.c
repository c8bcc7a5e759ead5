/*===- FakeWeights.c - Embedded weights of the model written by hand --------===//
 * SPDX-License-Identifier: Apache-2.0
 *===----------------------------------------------------------------------===*/

#include "secateur/Runtime/ModelDescriptor.h"

__attribute__((aligned(64), visibility("hidden"))) const struct {
  SecateurWeightsHeader header;
  __attribute__((aligned(64))) float values[20];
} secateur_weights_header_data __asm__("secateur_weights_header") = {
    {SECATEUR_WEIGHTS_VERSION, 1, 80, 320, "0", ""},
    {1, 2, 3, 4, [16] = 0.5f, -0.5f, 1, 0},
};
