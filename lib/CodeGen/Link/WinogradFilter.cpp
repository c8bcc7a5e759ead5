//===- WinogradFilter.cpp - Filters in Winograd's form ----------------------===//
// SPDX-License-Identifier: Apache-2.0
//===----------------------------------------------------------------------===//
// Computed in double precision and rounded once. The filter's windows of one panel are
// transformed together, then written in the order in which the kernel reads them.
//===----------------------------------------------------------------------===//

#include "WinogradFilter.h"

#include <cstring>
#include <vector>

using namespace mlir;
using namespace secateur;
using namespace secateur::codegen;

static constexpr double tile2[4][3] = {{1, 0, 0}, {0.5, 0.5, 0.5}, {0.5, -0.5, 0.5}, {0, 0, 1}};
static constexpr double tile4[6][3] = {{1. / 4, 0, 0},
                                       {-1. / 6, -1. / 6, -1. / 6},
                                       {-1. / 6, 1. / 6, -1. / 6},
                                       {1. / 24, 1. / 12, 1. / 6},
                                       {1. / 24, -1. / 12, 1. / 6},
                                       {0, 0, 1}};

/// out[points][points] = G window G^T.
static void transformWindow(const double (*g)[3], int64_t points, const float window[9],
                            double *out) {
  double half[6][3];
  for (int64_t i = 0; i < points; ++i)
    for (int64_t x = 0; x < 3; ++x)
      half[i][x] = g[i][0] * window[x] + g[i][1] * window[3 + x] + g[i][2] * window[6 + x];
  for (int64_t i = 0; i < points; ++i)
    for (int64_t j = 0; j < points; ++j)
      out[i * points + j] = half[i][0] * g[j][0] + half[i][1] * g[j][1] + half[i][2] * g[j][2];
}

void codegen::writeWinogradFilter(const PackedWeight &weight, StringRef bytes, raw_ostream &os) {
  SmallVector<int64_t, 8> packed = packedShape(weight);
  int64_t panels = packed[0], places = packed[1], channels = packed[2], width = packed[3];
  ArrayRef<int64_t> shape = weight.shape;
  if (shape.empty())
    shape = weight.value.getShapedType().getShape();
  int64_t outputs = shape[0], points = weight.winograd + 2;
  const double (*g)[3] = weight.winograd == 4 ? tile4 : tile2;
  bool isSplat = weight.value.isSplat();
  std::vector<float> panel(places * channels * width);
  for (int64_t p = 0; p < panels; ++p) {
    std::fill(panel.begin(), panel.end(), 0.0f);
    for (int64_t lane = 0; lane < width && p * width + lane < outputs; ++lane)
      for (int64_t c = 0; c < channels; ++c) {
        float window[9];
        double transformed[36];
        for (int64_t tap = 0; tap < 9; ++tap) {
          int64_t at = ((p * width + lane) * channels + c) * 9 + tap;
          std::memcpy(&window[tap], bytes.data() + (isSplat ? 0 : at) * sizeof(float),
                      sizeof(float));
        }
        transformWindow(g, points, window, transformed);
        for (int64_t place = 0; place < places; ++place)
          panel[(place * channels + c) * width + lane] = static_cast<float>(transformed[place]);
      }
    os.write(reinterpret_cast<const char *>(panel.data()), panel.size() * sizeof(float));
  }
}
