// The transforms of F(2x2, 3x3), Winograd's minimal filtering, of bf16 maps with the channels last; the products between
// them are torch's. Lavin and Gray, "Fast algorithms for convolutional neural networks", arXiv:1509.09308, section 4.1.
//
// A map is covered by tiles of 4x4 pixels that overlap by two; each gives 2x2 pixels of the output. A transformed map has
// 16 planes, one for each place in the tile, of (tiles, channels).

#ifdef __AVX512BF16__

#include <cstdint>
#include <vector>

#include <immintrin.h>
#include <omp.h>

namespace {

using bf16 = uint16_t;
using Lanes = __m512;
constexpr long LANES = 16;
// The planes of a filter turned by 180 degrees are those of the filter in this order, in both directions.
constexpr long TURNED[4] = {3, 1, 2, 0};

inline Lanes load(const bf16* from) {
  const __m256i half = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(from));
  return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(half), 16));
}

inline void store(Lanes value, bf16* to) {
  const __m256bh half = _mm512_cvtneps_pbh(value);
  _mm256_storeu_si256(reinterpret_cast<__m256i*>(to), reinterpret_cast<const __m256i&>(half));
}

struct Maps {
  long pictures, height, width, channels;

  long down() const { return (height + 1) / 2; }
  long across() const { return (width + 1) / 2; }
  long plane() const { return pictures * down() * across() * channels; }

  // Calls `use(picture, y, x, offset of the tile in a plane)` for every tile, y and x being those of its output.
  template <class Use>
  void for_tiles(int threads, Use use) const {
    const long rows = pictures * down();
#pragma omp parallel for num_threads(threads) schedule(static)
    for (long row = 0; row < rows; ++row)
      for (long column = 0; column < across(); ++column)
        use(row / down(), row % down() * 2, column * 2, (row * across() + column) * channels);
  }

  // The pixel's first channel; `outside` for a pixel that is not there.
  template <class T>
  T* pixel(T* maps, long picture, long y, long x, T* outside) const {
    const bool inside = y >= 0 && y < height && x >= 0 && x < width;
    return inside ? maps + ((picture * height + y) * width + x) * channels : outside;
  }
};

inline long slot(long i, long j, bool turned) { return turned ? TURNED[i] * 4 + TURNED[j] : i * 4 + j; }

// B^T d B
void transform_maps(const bf16* maps, bf16* planes, Maps of, bool turned, int threads) {
  const std::vector<bf16> zeros(of.channels);
  const long plane = of.plane();
  of.for_tiles(threads, [&](long picture, long y, long x, long tile) {
    const bf16* at[4][4];
    for (long i = 0; i < 4; ++i)
      for (long j = 0; j < 4; ++j) at[i][j] = of.pixel(maps, picture, y - 1 + i, x - 1 + j, zeros.data());
    for (long c = 0; c < of.channels; c += LANES) {
      Lanes t[4][4];
      for (long j = 0; j < 4; ++j) {
        const Lanes a = load(at[0][j] + c), b = load(at[1][j] + c), d = load(at[2][j] + c), e = load(at[3][j] + c);
        t[0][j] = a - d, t[1][j] = b + d, t[2][j] = d - b, t[3][j] = b - e;
      }
      for (long i = 0; i < 4; ++i) {
        bf16* const to = planes + tile + c;
        store(t[i][0] - t[i][2], to + slot(i, 0, turned) * plane);
        store(t[i][1] + t[i][2], to + slot(i, 1, turned) * plane);
        store(t[i][2] - t[i][1], to + slot(i, 2, turned) * plane);
        store(t[i][1] - t[i][3], to + slot(i, 3, turned) * plane);
      }
    }
  });
}

// A^T m A, and a bias if there is one
void transform_back(const bf16* planes, const float* bias, bf16* maps, Maps of, bool turned, int threads) {
  std::vector<bf16> nowhere(of.channels * threads);
  const long plane = of.plane();
  of.for_tiles(threads, [&](long picture, long y, long x, long tile) {
    bf16* at[2][2];
    bf16* const outside = nowhere.data() + omp_get_thread_num() * of.channels;
    for (long i = 0; i < 2; ++i)
      for (long j = 0; j < 2; ++j) at[i][j] = of.pixel(maps, picture, y + i, x + j, outside);
    for (long c = 0; c < of.channels; c += LANES) {
      const bf16* const from = planes + tile + c;
      Lanes s[2][4];
      for (long j = 0; j < 4; ++j) {
        const Lanes a = load(from + slot(0, j, turned) * plane), b = load(from + slot(1, j, turned) * plane);
        const Lanes d = load(from + slot(2, j, turned) * plane), e = load(from + slot(3, j, turned) * plane);
        s[0][j] = a + b + d, s[1][j] = b - d - e;
      }
      const Lanes b = bias ? _mm512_loadu_ps(bias + c) : _mm512_setzero_ps();
      for (long i = 0; i < 2; ++i) {
        store(s[i][0] + s[i][1] + s[i][2] + b, at[i][0] + c);
        store(s[i][1] - s[i][2] - s[i][3] + b, at[i][1] + c);
      }
    }
  });
}

// A g A^T
void transform_gradient(const bf16* gradient, bf16* planes, Maps of, int threads) {
  const std::vector<bf16> zeros(of.channels);
  const long plane = of.plane();
  of.for_tiles(threads, [&](long picture, long y, long x, long tile) {
    const bf16* at[2][2];
    for (long i = 0; i < 2; ++i)
      for (long j = 0; j < 2; ++j) at[i][j] = of.pixel(gradient, picture, y + i, x + j, zeros.data());
    for (long c = 0; c < of.channels; c += LANES) {
      Lanes t[4][2];
      for (long j = 0; j < 2; ++j) {
        const Lanes a = load(at[0][j] + c), b = load(at[1][j] + c);
        t[0][j] = a, t[1][j] = a + b, t[2][j] = a - b, t[3][j] = -b;
      }
      for (long i = 0; i < 4; ++i) {
        bf16* const to = planes + tile + c + i * 4 * plane;
        store(t[i][0], to);
        store(t[i][0] + t[i][1], to + plane);
        store(t[i][0] - t[i][1], to + 2 * plane);
        store(-t[i][1], to + 3 * plane);
      }
    }
  });
}

// G g G^T of filters (filters, 3, 3, channels) to 16 planes of (filters, channels)
void transform_filters(const float* filters, bf16* planes, long count, long channels, int threads) {
  const long plane = count * channels;
#pragma omp parallel for num_threads(threads) schedule(static)
  for (long k = 0; k < count; ++k)
    for (long c = 0; c < channels; c += LANES) {
      const float* const from = filters + k * 9 * channels + c;
      Lanes t[4][3];
      for (long j = 0; j < 3; ++j) {
        const Lanes a = _mm512_loadu_ps(from + j * channels), b = _mm512_loadu_ps(from + (3 + j) * channels);
        const Lanes d = _mm512_loadu_ps(from + (6 + j) * channels);
        t[0][j] = a, t[1][j] = (a + b + d) * 0.5f, t[2][j] = (a - b + d) * 0.5f, t[3][j] = d;
      }
      for (long i = 0; i < 4; ++i) {
        bf16* const to = planes + i * 4 * plane + k * channels + c;
        store(t[i][0], to);
        store((t[i][0] + t[i][1] + t[i][2]) * 0.5f, to + plane);
        store((t[i][0] - t[i][1] + t[i][2]) * 0.5f, to + 2 * plane);
        store(t[i][2], to + 3 * plane);
      }
    }
}

// G^T p G, the filters' gradient
void transform_filters_back(const bf16* planes, float* filters, long count, long channels, int threads) {
  const long plane = count * channels;
#pragma omp parallel for num_threads(threads) schedule(static)
  for (long k = 0; k < count; ++k)
    for (long c = 0; c < channels; c += LANES) {
      const bf16* const from = planes + k * channels + c;
      Lanes t[3][4];
      for (long j = 0; j < 4; ++j) {
        const Lanes a = load(from + j * plane), b = load(from + (4 + j) * plane) * 0.5f;
        const Lanes d = load(from + (8 + j) * plane) * 0.5f, e = load(from + (12 + j) * plane);
        t[0][j] = a + b + d, t[1][j] = b - d, t[2][j] = b + d + e;
      }
      for (long i = 0; i < 3; ++i) {
        float* const to = filters + (k * 9 + i * 3) * channels + c;
        const Lanes b = t[i][1] * 0.5f, d = t[i][2] * 0.5f;
        _mm512_storeu_ps(to, t[i][0] + b + d);
        _mm512_storeu_ps(to + channels, b - d);
        _mm512_storeu_ps(to + 2 * channels, b + d + t[i][3]);
      }
    }
}

}  // namespace

extern "C" {

void winograd_maps(const bf16* maps, bf16* planes, long pictures, long height, long width, long channels, int turned,
                   int threads) {
  transform_maps(maps, planes, {pictures, height, width, channels}, turned, threads);
}

void winograd_back(const bf16* planes, const float* bias, bf16* maps, long pictures, long height, long width,
                   long channels, int turned, int threads) {
  transform_back(planes, bias, maps, {pictures, height, width, channels}, turned, threads);
}

void winograd_gradient(const bf16* gradient, bf16* planes, long pictures, long height, long width, long channels,
                       int threads) {
  transform_gradient(gradient, planes, {pictures, height, width, channels}, threads);
}

void winograd_filters(const float* filters, bf16* planes, long count, long channels, int threads) {
  transform_filters(filters, planes, count, channels, threads);
}

void winograd_filters_back(const bf16* planes, float* filters, long count, long channels, int threads) {
  transform_filters_back(planes, filters, count, channels, threads);
}
}

#endif
