// Convolutions by F(2x2, 3x3), Winograd's minimal filtering, of bf16 maps with the channels last. Lavin and Gray, "Fast
// algorithms for convolutional neural networks", arXiv:1509.09308, section 4.1.
//
// A map is covered by tiles of 4x4 pixels that overlap by two; each gives 2x2 pixels of the output. A transformed tile or
// filter has 16 planes, one for each place in the tile, and plane by plane the tiles are multiplied with the filters.

#ifdef __AVX512BF16__

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <vector>

#include <immintrin.h>
#include <omp.h>

namespace {

using bf16 = uint16_t;
using Lanes = __m512;
constexpr long LANES = 16, PLANES = 16;
constexpr long ROWS = 6, UNITS = 4;          // tiles and 16s of filters whose products are summed in registers
constexpr long MOST_TILES = 96;              // that a thread transforms before it multiplies
constexpr long TRANSFORMED_BYTES = 3 << 17;  // of them: what leaves room for filters in a core's own cache of 1 MiB
static_assert(MOST_TILES % ROWS == 0);
constexpr long APART = 32;  // numbers between planes: at multiples of 4 KiB all would share a cache set
// The planes of a filter turned by 180 degrees are those of the filter in this order, in both directions.
constexpr long TURNED[4] = {3, 1, 2, 0};

inline Lanes load(const bf16* from) {
  const __m256i half = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(from));
  return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(half), 16));
}

inline __m256i narrow(Lanes value) {
  const __m256bh half = _mm512_cvtneps_pbh(value);
  return reinterpret_cast<const __m256i&>(half);
}

inline void store(Lanes value, bf16* to) { _mm256_storeu_si256(reinterpret_cast<__m256i*>(to), narrow(value)); }

// A buffer of the thread that stays for its next call, on a cache line's boundary.
template <class T>
T* scratch(std::vector<T>& memory, long count) {
  memory.resize(std::max<long>(memory.size(), count + 64));
  const auto address = reinterpret_cast<uintptr_t>(memory.data());
  return reinterpret_cast<T*>((address + 63) / 64 * 64);
}

struct Maps {
  long pictures, height, width, channels;

  long down() const { return (height + 1) / 2; }
  long across() const { return (width + 1) / 2; }
  long tiles() const { return pictures * down() * across(); }

  // The pixel's first channel, counted from the upper left one of a tile's output; `outside` where there is none.
  template <class T>
  T* pixel(T* maps, long tile, long i, long j, T* outside) const {
    const long row = tile / across(), y = row % down() * 2 + i, x = tile % across() * 2 + j;
    const bool inside = y >= 0 && y < height && x >= 0 && x < width;
    return inside ? maps + ((row / down() * height + y) * width + x) * channels : outside;
  }
};

// B^T d B of a tile, its planes `plane` numbers apart
void transform_tile(const bf16* maps, const Maps& of, long tile, const bf16* zeros, bf16* planes, long plane) {
  const bf16* at[4][4];
  for (long i = 0; i < 4; ++i)
    for (long j = 0; j < 4; ++j) at[i][j] = of.pixel(maps, tile, i - 1, j - 1, zeros);
  for (long c = 0; c < of.channels; c += LANES) {
    Lanes t[4][4];
    for (long j = 0; j < 4; ++j) {
      const Lanes a = load(at[0][j] + c), b = load(at[1][j] + c), d = load(at[2][j] + c), e = load(at[3][j] + c);
      t[0][j] = a - d, t[1][j] = b + d, t[2][j] = d - b, t[3][j] = b - e;
    }
    for (long i = 0; i < 4; ++i) {
      bf16* const to = planes + c + i * 4 * plane;
      store(t[i][0] - t[i][2], to);
      store(t[i][1] + t[i][2], to + plane);
      store(t[i][2] - t[i][1], to + 2 * plane);
      store(t[i][1] - t[i][3], to + 3 * plane);
    }
  }
}

// A^T m A of a tile and `units` 16s of filters, plus a bias if there is one, rounded into the output from filter `k` on
void transform_back(const float* planes, long plane, const float* bias, bf16* out, const Maps& of, long tile, long k,
                    long units, bf16* nowhere) {
  bf16* at[2][2];
  for (long i = 0; i < 2; ++i)
    for (long j = 0; j < 2; ++j) at[i][j] = of.pixel(out, tile, i, j, nowhere) + k;
  for (long c = 0; c < units * LANES; c += LANES) {
    Lanes s[2][4];
    for (long j = 0; j < 4; ++j) {
      const float* const from = planes + c + j * plane;
      const Lanes a = _mm512_loadu_ps(from), b = _mm512_loadu_ps(from + 4 * plane);
      const Lanes d = _mm512_loadu_ps(from + 8 * plane), e = _mm512_loadu_ps(from + 12 * plane);
      s[0][j] = a + b + d, s[1][j] = b - d - e;
    }
    const Lanes b = bias ? _mm512_loadu_ps(bias + k + c) : _mm512_setzero_ps();
    for (long i = 0; i < 2; ++i) {
      store(s[i][0] + s[i][1] + s[i][2] + b, at[i][0] + c);
      store(s[i][1] - s[i][2] - s[i][3] + b, at[i][1] + c);
    }
  }
}

// ROWS rows of bf16 times units of packed filters, to rows of UNITS * LANES floats
template <long units>
void multiply(const bf16* rows, long channels, const bf16* packed, float* products) {
  Lanes sum[ROWS][units];
  for (long r = 0; r < ROWS; ++r)
    for (long u = 0; u < units; ++u) sum[r][u] = _mm512_setzero_ps();
  for (long c = 0; c < channels; c += 2) {
    __m512i filters[units];
    for (long u = 0; u < units; ++u) filters[u] = _mm512_loadu_si512(packed + (u * channels + c) * LANES);
    for (long r = 0; r < ROWS; ++r) {
      int pair;
      std::memcpy(&pair, rows + r * channels + c, sizeof pair);
      const __m512i both = _mm512_set1_epi32(pair);
      for (long u = 0; u < units; ++u) sum[r][u] = _mm512_dpbf16_ps(sum[r][u], (__m512bh)both, (__m512bh)filters[u]);
    }
  }
  for (long r = 0; r < ROWS; ++r)
    for (long u = 0; u < units; ++u) _mm512_storeu_ps(products + (r * UNITS + u) * LANES, sum[r][u]);
}

// packed: 16 planes of (filters / 16, channels / 2, 16, 2). A thread does a part of the tiles from beginning to end.
void convolve(const bf16* maps, const bf16* packed, const float* bias, bf16* out, Maps in, long filters, int threads) {
  const Maps made{in.pictures, in.height, in.width, filters};
  const long fitting = TRANSFORMED_BYTES / (PLANES * 2 * in.channels) / ROWS * ROWS;
  const long block = std::clamp(fitting, ROWS, MOST_TILES), groups = (in.tiles() + ROWS - 1) / ROWS;
  const long plane = block * in.channels + APART, product = block * UNITS * LANES + APART;
#pragma omp parallel num_threads(threads)
  {
    static thread_local std::vector<bf16> transformed_memory, edge_memory;
    static thread_local std::vector<float> product_memory;
    bf16* const transformed = scratch(transformed_memory, PLANES * plane);
    float* const products = scratch(product_memory, PLANES * product);
    bf16* const zeros = scratch(edge_memory, in.channels + filters);
    bf16* const nowhere = zeros + in.channels;
    std::fill(zeros, nowhere, 0);
    const long thread = omp_get_thread_num(), team = omp_get_num_threads();
    const long end = std::min(in.tiles(), groups * (thread + 1) / team * ROWS);
    for (long first = groups * thread / team * ROWS; first < end; first += block) {
      const long count = std::min(block, end - first);
      for (long t = 0; t < count; ++t)
        transform_tile(maps, in, first + t, zeros, transformed + t * in.channels, plane);
      for (long k = 0; k < filters; k += UNITS * LANES) {
        const long units = std::min(UNITS, (filters - k) / LANES);
        const auto product_of = units == 4 ? multiply<4> : units == 3 ? multiply<3> : units == 2 ? multiply<2> : multiply<1>;
        for (long p = 0; p < PLANES; ++p)
          for (long t = 0; t < count; t += ROWS)  // the last rows may be of an earlier block; nobody reads their products
            product_of(transformed + p * plane + t * in.channels, in.channels,
                       packed + (p * filters + k) * in.channels, products + p * product + t * UNITS * LANES);
        for (long t = 0; t < count; ++t)
          transform_back(products + t * UNITS * LANES, product, bias, out, made, first + t, k, units, nowhere);
      }
    }
  }
}

// G g G^T of 16 channels of a filter, (3, 3, channels)
inline void transform_filter(const float* filter, long channels, Lanes (&planes)[4][4]) {
  Lanes t[4][3];
  for (long j = 0; j < 3; ++j) {
    const Lanes a = _mm512_loadu_ps(filter + j * channels), b = _mm512_loadu_ps(filter + (3 + j) * channels);
    const Lanes d = _mm512_loadu_ps(filter + (6 + j) * channels);
    t[0][j] = a, t[1][j] = (a + b + d) * 0.5f, t[2][j] = (a - b + d) * 0.5f, t[3][j] = d;
  }
  for (long i = 0; i < 4; ++i) {
    planes[i][0] = t[i][0];
    planes[i][1] = (t[i][0] + t[i][1] + t[i][2]) * 0.5f;
    planes[i][2] = (t[i][0] - t[i][1] + t[i][2]) * 0.5f;
    planes[i][3] = t[i][2];
  }
}

// Filters (filters, 3, 3, channels) as `convolve` takes them, in pairs of channels
void pack(const float* weight, bf16* packed, long filters, long channels, int threads) {
#pragma omp parallel for num_threads(threads) schedule(static)
  for (long k = 0; k < filters; k += LANES)
    for (long c = 0; c < channels; c += LANES) {
      uint32_t pairs[PLANES][LANES][LANES / 2];
      for (long lane = 0; lane < LANES; ++lane) {
        Lanes planes[4][4];
        transform_filter(weight + (k + lane) * 9 * channels + c, channels, planes);
        for (long p = 0; p < PLANES; ++p) store(planes[p / 4][p % 4], reinterpret_cast<bf16*>(pairs[p][lane]));
      }
      for (long p = 0; p < PLANES; ++p) {
        auto* const to = reinterpret_cast<uint32_t*>(packed + (p * filters + k) * channels + c * LANES);
        for (long pair = 0; pair < LANES / 2; ++pair)
          for (long lane = 0; lane < LANES; ++lane) to[pair * LANES + lane] = pairs[p][lane][pair];
      }
    }
}

// The same filters turned by 180 degrees and with channels and filters exchanged, which takes gradients back to maps
void pack_turned(const float* weight, bf16* packed, long filters, long channels, int threads) {
#pragma omp parallel for num_threads(threads) schedule(static)
  for (long c = 0; c < channels; c += LANES)
    for (long k = 0; k < filters; k += 2) {
      Lanes one[4][4], other[4][4];
      transform_filter(weight + k * 9 * channels + c, channels, one);
      transform_filter(weight + (k + 1) * 9 * channels + c, channels, other);
      for (long i = 0; i < 4; ++i)
        for (long j = 0; j < 4; ++j) {
          const __m512i low = _mm512_cvtepu16_epi32(narrow(one[i][j]));
          const __m512i high = _mm512_slli_epi32(_mm512_cvtepu16_epi32(narrow(other[i][j])), 16);
          const long p = TURNED[i] * 4 + TURNED[j];
          _mm512_storeu_si512(packed + (p * channels + c) * filters + k * LANES, _mm512_or_si512(low, high));
        }
    }
}

// The planes of maps, (16, tiles, channels)
void transform_maps(const bf16* maps, bf16* planes, Maps of, int threads) {
  const std::vector<bf16> zeros(of.channels);
#pragma omp parallel for num_threads(threads) schedule(static)
  for (long tile = 0; tile < of.tiles(); ++tile)
    transform_tile(maps, of, tile, zeros.data(), planes + tile * of.channels, of.tiles() * of.channels);
}

// A g A^T of the gradient of a result, as planes like those of maps
void transform_gradient(const bf16* gradient, bf16* planes, Maps of, int threads) {
  const std::vector<bf16> zeros(of.channels);
  const long plane = of.tiles() * of.channels;
#pragma omp parallel for num_threads(threads) schedule(static)
  for (long tile = 0; tile < of.tiles(); ++tile) {
    const bf16* at[2][2];
    for (long i = 0; i < 2; ++i)
      for (long j = 0; j < 2; ++j) at[i][j] = of.pixel(gradient, tile, i, j, zeros.data());
    for (long c = 0; c < of.channels; c += LANES) {
      Lanes t[4][2];
      for (long j = 0; j < 2; ++j) {
        const Lanes a = load(at[0][j] + c), b = load(at[1][j] + c);
        t[0][j] = a, t[1][j] = a + b, t[2][j] = a - b, t[3][j] = -b;
      }
      for (long i = 0; i < 4; ++i) {
        bf16* const to = planes + tile * of.channels + c + i * 4 * plane;
        store(t[i][0], to);
        store(t[i][0] + t[i][1], to + plane);
        store(t[i][0] - t[i][1], to + 2 * plane);
        store(-t[i][1], to + 3 * plane);
      }
    }
  }
}

// G^T p G, from planes (16, filters, channels) the gradient of filters (filters, 3, 3, channels)
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

void winograd_pack(const float* weight, bf16* packed, long filters, long channels, int turned, int threads) {
  (turned ? pack_turned : pack)(weight, packed, filters, channels, threads);
}

void winograd_convolve(const bf16* maps, const bf16* packed, const float* bias, bf16* out, long pictures, long height,
                       long width, long channels, long filters, int threads) {
  convolve(maps, packed, bias, out, {pictures, height, width, channels}, filters, threads);
}

void winograd_maps(const bf16* maps, bf16* planes, long pictures, long height, long width, long channels, int threads) {
  transform_maps(maps, planes, {pictures, height, width, channels}, threads);
}

void winograd_gradient(const bf16* gradient, bf16* planes, long pictures, long height, long width, long channels,
                       int threads) {
  transform_gradient(gradient, planes, {pictures, height, width, channels}, threads);
}

void winograd_filters_back(const bf16* planes, float* filters, long count, long channels, int threads) {
  transform_filters_back(planes, filters, count, channels, threads);
}
}

#endif
