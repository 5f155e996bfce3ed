// The largest of every 2x2 window of maps with the channels last, bf16 or float, and which of the four it was: torch keeps
// that as 8 bytes for every place, clears the gradient and scatters into it. Here it is one byte, and every place of the
// gradient is written once. Of equal ones the first counts, and a NaN is larger than all, as torch has it.
//
// Maps are `pictures` x `height` x `width` x `channels`; an odd last row or column is in no window.

#include <cstdint>
#include <cstring>

#include <omp.h>

namespace {

using bf16 = uint16_t;

inline float widen(float value) { return value; }

inline float widen(bf16 value) {
  const uint32_t bits = uint32_t(value) << 16;
  float wide;
  std::memcpy(&wide, &bits, sizeof wide);
  return wide;
}

template <class T>
void forward(const T* x, T* y, uint8_t* which, long pictures, long height, long width, long channels, int threads) {
  const long rows = height / 2, columns = width / 2;
#pragma omp parallel for num_threads(threads) schedule(static)
  for (long line = 0; line < pictures * rows; ++line) {
    const T* upper = x + ((line / rows) * height + line % rows * 2) * width * channels;
    for (long column = 0; column < columns; ++column) {
      const T* __restrict a = upper + 2 * column * channels;
      const T* __restrict c = a + width * channels;
      T* __restrict out = y + (line * columns + column) * channels;
      uint8_t* __restrict place = which + (line * columns + column) * channels;
      for (long i = 0; i < channels; ++i) {
        T most = a[i];
        uint8_t at = 0;
        const T others[3] = {a[channels + i], c[i], c[channels + i]};
        for (uint8_t k = 0; k < 3; ++k) {
          const float value = widen(others[k]);
          const bool more = value > widen(most) || value != value;
          most = more ? others[k] : most;
          at = more ? uint8_t(k + 1) : at;
        }
        out[i] = most;
        place[i] = at;
      }
    }
  }
}

template <class T>
void backward(const T* gradient, const uint8_t* which, T* gradient_x, long pictures, long height, long width,
              long channels, int threads) {
  const long rows = height / 2, columns = width / 2, row = width * channels;
#pragma omp parallel for num_threads(threads) schedule(static)
  for (long line = 0; line < pictures * rows; ++line) {
    T* upper = gradient_x + ((line / rows) * height + line % rows * 2) * row;
    for (long column = 0; column < columns; ++column) {
      const T* __restrict up = gradient + (line * columns + column) * channels;
      const uint8_t* __restrict place = which + (line * columns + column) * channels;
      for (long k = 0; k < 4; ++k) {
        T* __restrict out = upper + (k / 2) * row + (2 * column + k % 2) * channels;
        for (long i = 0; i < channels; ++i) out[i] = place[i] == k ? up[i] : T(0);
      }
    }
    if (width % 2) {
      std::memset(upper + (width - 1) * channels, 0, channels * sizeof(T));
      std::memset(upper + row + (width - 1) * channels, 0, channels * sizeof(T));
    }
    if (height % 2 && line % rows == rows - 1) std::memset(upper + 2 * row, 0, row * sizeof(T));
  }
}

}  // namespace

#define EXPORT(NAME, T)                                                                                                 \
  extern "C" void pool_forward_##NAME(const T* x, T* y, uint8_t* which, long pictures, long height, long width,         \
                                      long channels, int threads) {                                                     \
    forward(x, y, which, pictures, height, width, channels, threads);                                                   \
  }                                                                                                                     \
  extern "C" void pool_backward_##NAME(const T* gradient, const uint8_t* which, T* gradient_x, long pictures,           \
                                       long height, long width, long channels, int threads) {                           \
    backward(gradient, which, gradient_x, pictures, height, width, channels, threads);                                  \
  }

EXPORT(bf16, bf16)
EXPORT(fp32, float)
