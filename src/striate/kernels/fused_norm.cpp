// Batch norm in training and the ReLU behind it as one pass over the data each for statistics and for values, forward and
// backward, of maps with the channels last: `rows` pixels of `channels` numbers, bf16 or float. Sums are of differences
// to the first pixel, in float over blocks of rows and in double over blocks.
//
// Few channels would make short inner loops, so `k` pixels count as one row of k * channels; their sums are folded at the end.

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>
#include <vector>

#include <omp.h>

namespace {

using bf16 = uint16_t;
constexpr long LONG_ENOUGH = 128, BLOCK = 256, AHEAD_BYTES = 2048, CACHE_LINE = 64;

inline float widen(float value) { return value; }

inline float widen(bf16 value) {
  const uint32_t bits = uint32_t(value) << 16;
  float wide;
  std::memcpy(&wide, &bits, sizeof wide);
  return wide;
}

inline void narrow(float value, float& out) { out = value; }

inline void narrow(float value, bf16& out) {  // to nearest, ties to even; a NaN stays one
  uint32_t bits;
  std::memcpy(&bits, &value, sizeof bits);
  const uint32_t rounded = (bits + 0x7fff + ((bits >> 16) & 1)) >> 16;
  out = bf16((bits & 0x7fffffff) > 0x7f800000 ? 0x7fc0 : rounded);
}

// Has the memory send what lies some way on. Backward reads two maps at once, which processors alone do not foresee well:
// on large maps this takes it less than half of the time. What lies beyond the end is not read.
template <class T>
inline void ask_ahead(const T* row, long width) {
  const char* from = reinterpret_cast<const char*>(row) + AHEAD_BYTES;
  for (long byte = 0; byte < width * long(sizeof(T)); byte += CACHE_LINE) __builtin_prefetch(from + byte);
}

struct Layout {
  long channels, width, rows;

  Layout(long pixels, long channels) : channels(channels) {
    long k = 1;
    while (channels * k < LONG_ENOUGH && pixels % (2 * k) == 0) k *= 2;
    width = channels * k;
    rows = pixels / k;
  }
};

// Sums two quantities per channel: add(row, first, second) adds those of one row to float sums.
template <class Add>
void sum_rows(const Layout& of, long begin, long end, double* first, double* second, Add add) {
  std::vector<float> block(2 * of.width);
  float* a = block.data();
  float* b = a + of.width;
  for (long row = begin; row < end; row += BLOCK) {
    std::fill(block.begin(), block.end(), 0.f);
    for (long r = row; r < std::min(end, row + BLOCK); ++r) add(r, a, b);
    for (long c = 0; c < of.width; ++c) {
      first[c % of.channels] += a[c];
      second[c % of.channels] += b[c];
    }
  }
}

template <class T>
void forward(const T* x, T* y, long pixels, long channels, const float* weight, const float* bias, float* running_mean,
             float* running_var, float* mean, float* inverse, float momentum, float epsilon, int relu, int threads) {
  const Layout of(pixels, channels);
  const float floor = relu ? 0.f : -std::numeric_limits<float>::infinity();
  std::vector<double> sums(2 * channels * threads);
  std::vector<float> pivot(of.width), scale(of.width), shift(of.width);
  for (long c = 0; c < of.width; ++c) pivot[c] = widen(x[c % channels]);
#pragma omp parallel num_threads(threads)
  {
    const long thread = omp_get_thread_num(), team = omp_get_num_threads();
    const long begin = of.rows * thread / team, end = of.rows * (thread + 1) / team;
    double* own = &sums[2 * channels * thread];
    const float* __restrict from = pivot.data();
    sum_rows(of, begin, end, own, own + channels, [&](long r, float* __restrict a, float* __restrict b) {
      const T* __restrict in = x + r * of.width;
      for (long c = 0; c < of.width; ++c) {
        const float value = widen(in[c]) - from[c];
        a[c] += value;
        b[c] += value * value;
      }
    });
#pragma omp barrier
#pragma omp single
    for (long c = 0; c < channels; ++c) {
      double sum = 0, squares = 0;
      for (long t = 0; t < team; ++t) {
        sum += sums[2 * channels * t + c];
        squares += sums[2 * channels * t + channels + c];
      }
      const double off = sum / pixels, variance = std::max(0.0, squares / pixels - off * off);
      mean[c] = float(pivot[c] + off);
      inverse[c] = float(1 / std::sqrt(variance + epsilon));
      running_mean[c] += momentum * (mean[c] - running_mean[c]);
      running_var[c] += momentum * (float(variance * pixels / (pixels - 1)) - running_var[c]);
      for (long j = c; j < of.width; j += channels) {
        scale[j] = weight[c] * inverse[c];
        shift[j] = bias[c] - mean[c] * scale[j];
      }
    }
    const float* __restrict by = scale.data();
    const float* __restrict plus = shift.data();
    for (long r = begin; r < end; ++r) {
      const T* __restrict in = x + r * of.width;
      T* __restrict out = y + r * of.width;
      for (long c = 0; c < of.width; ++c) {
        const float value = widen(in[c]) * by[c] + plus[c];
        narrow(value < floor ? floor : value, out[c]);
      }
    }
  }
}

template <class T>
void backward(const T* gradient, const T* x, T* gradient_x, long pixels, long channels, const float* weight,
              const float* bias, const float* mean, const float* inverse, float* gradient_weight, float* gradient_bias,
              int relu, int threads) {
  const Layout of(pixels, channels);
  const float floor = relu ? 0.f : -std::numeric_limits<float>::infinity();
  std::vector<double> sums(2 * channels * threads);
  std::vector<float> centre(of.width), scale(of.width), shift(of.width), slope(of.width), offset(of.width);
  for (long j = 0; j < of.width; ++j) {
    const long c = j % channels;
    centre[j] = mean[c];
    scale[j] = weight[c] * inverse[c];
    shift[j] = bias[c] - mean[c] * scale[j];
  }
#pragma omp parallel num_threads(threads)
  {
    const long thread = omp_get_thread_num(), team = omp_get_num_threads();
    const long begin = of.rows * thread / team, end = of.rows * (thread + 1) / team;
    double* own = &sums[2 * channels * thread];
    const float* __restrict from = centre.data();
    const float* __restrict by = scale.data();
    const float* __restrict plus = shift.data();
    sum_rows(of, begin, end, own, own + channels, [&](long r, float* __restrict a, float* __restrict b) {
      const T* __restrict in = x + r * of.width;
      const T* __restrict up = gradient + r * of.width;
      ask_ahead(in, of.width);
      ask_ahead(up, of.width);
      for (long c = 0; c < of.width; ++c) {
        const float value = widen(in[c]);
        const float g = value * by[c] + plus[c] > floor ? widen(up[c]) : 0.f;
        a[c] += g;
        b[c] += g * (value - from[c]);
      }
    });
#pragma omp barrier
#pragma omp single
    for (long c = 0; c < channels; ++c) {
      double sum = 0, product = 0;
      for (long t = 0; t < team; ++t) {
        sum += sums[2 * channels * t + c];
        product += sums[2 * channels * t + channels + c];
      }
      gradient_bias[c] = float(sum);
      gradient_weight[c] = float(product * inverse[c]);
      // d loss / d x = scale * (g - mean(g) - (x - mean) * inverse^2 * mean(g * (x - mean))), as slope * x + offset.
      for (long j = c; j < of.width; j += channels) {
        slope[j] = float(-scale[j] * product / pixels * inverse[c] * inverse[c]);
        offset[j] = float(-scale[j] * sum / pixels);
      }
    }
    const float* __restrict a = slope.data();
    const float* __restrict b = offset.data();
    for (long r = begin; r < end; ++r) {
      const T* __restrict in = x + r * of.width;
      const T* __restrict up = gradient + r * of.width;
      ask_ahead(in, of.width);
      ask_ahead(up, of.width);
      T* __restrict out = gradient_x + r * of.width;
      for (long c = 0; c < of.width; ++c) {
        const float value = widen(in[c]);
        const float g = value * by[c] + plus[c] > floor ? widen(up[c]) : 0.f;
        narrow(g * by[c] + (value - from[c]) * a[c] + b[c], out[c]);
      }
    }
  }
}

}  // namespace

#define EXPORT(NAME, T)                                                                                                 \
  extern "C" void forward_##NAME(const T* x, T* y, long pixels, long channels, const float* weight, const float* bias,  \
                                 float* running_mean, float* running_var, float* mean, float* inverse, float momentum,  \
                                 float epsilon, int relu, int threads) {                                                \
    forward(x, y, pixels, channels, weight, bias, running_mean, running_var, mean, inverse, momentum, epsilon, relu,    \
            threads);                                                                                                   \
  }                                                                                                                     \
  extern "C" void backward_##NAME(const T* gradient, const T* x, T* gradient_x, long pixels, long channels,             \
                                  const float* weight, const float* bias, const float* mean, const float* inverse,      \
                                  float* gradient_weight, float* gradient_bias, int relu, int threads) {                \
    backward(gradient, x, gradient_x, pixels, channels, weight, bias, mean, inverse, gradient_weight, gradient_bias,    \
             relu, threads);                                                                                            \
  }

EXPORT(bf16, bf16)
EXPORT(fp32, float)
