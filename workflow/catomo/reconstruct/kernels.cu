// The kernels of backend `cuda`: projection, back projection, total variation and sums.
//
// Slices of the volume are the fastest axis: images are [z][x][n] and sinograms
// [tilt][detector][n], so neighbouring threads load neighbouring slices and all threads of a ray
// take the same path. Where values are float4, a thread computes four slices. Every output is
// gathered by one thread in a fixed order: there are no atomics, and a run repeats to the byte.
//
// Geometry of catomo.projection.shear: pixel (z, x) lands on the detector at
// centre + (x - cx) cos - (z - cz) sin. Rays are Joseph's (1982): one sample per row, or per
// column where the tilt is beyond 45 degrees, between the two nearest pixels. `spread` applies
// the same weights, max(0, c - distance) / c² with c the larger of |cos| and |sin|, so it is the
// exact adjoint of `project`.
//
// Data below zero stand for pixels that were not measured: they have no weight in anything here.
//
// Comparisons are written so that NaN passes: the check for finite values finds it later.

struct Tilt { float cosine, sine, larger, share, step, slope, steep; };  // share is 1 / larger²

__device__ inline float4 add(float4 a, float w, float4 b) {
  return make_float4(a.x + w * b.x, a.y + w * b.y, a.z + w * b.z, a.w + w * b.w);
}

enum Comparison { PROJECTION = 0, RATIO = 1, DIFFERENCE = 2 };
enum Correction { SPREAD = 0, TIMES = 1, PLUS = 2 };

__device__ inline float compared(
    int rule, float projected, float measured, float least, float weight) {
  if (rule == RATIO)
    return measured < 0.0f ? 1.0f : measured / (projected < least ? least : projected);
  if (rule == DIFFERENCE) return measured < 0.0f ? 0.0f : weight * (measured - projected);
  return projected;
}

__device__ inline float corrected(int rule, float sum, float image, float gain) {
  if (rule == TIMES) {
    float value = image * (sum * gain);
    return value < 1e-20f ? 0.0f : value;
  }
  if (rule == PLUS) {
    float value = image + sum * gain;
    return value < 0.0f || gain == 0.0f ? 0.0f : value;
  }
  return sum;
}

// Project images along the tilts first, first + every, ... and compare with what was measured.
extern "C" __global__ void project(
    const float4 *images, const Tilt *tilts, const float4 *measured, const float4 *floors,
    const float *weights, float4 *sinograms, int vectors, int depth, int width, int detector,
    float centre, int first, int every, int rule) {
  int n = blockIdx.x * blockDim.x + threadIdx.x;
  int s = blockIdx.y * blockDim.y + threadIdx.y;
  int t = first + blockIdx.z * every;
  if (n >= vectors || s >= detector) return;
  Tilt tilt = tilts[t];
  bool steep = tilt.steep != 0.0f;
  int along = steep ? width : depth, across = steep ? depth : width;
  size_t next_line = steep ? (size_t)vectors : (size_t)width * vectors;
  size_t next_pixel = steep ? (size_t)width * vectors : (size_t)vectors;
  float slope = tilt.slope;
  float start = 0.5f * (across - 1) + (s - centre) * tilt.step - 0.5f * (along - 1) * slope;
  // The lines on which the ray lies between the first and the last pixel, and some around them.
  int line = 0, stop = along;
  if (fabsf(slope) > 1e-6f) {
    float one = (-1.0f - start) / slope, other = (across - start) / slope;
    line = (int)fmaxf(0.0f, fminf(fminf(one, other) - 1.0f, (float)along));
    stop = (int)fminf((float)along, fmaxf(fmaxf(one, other) + 2.0f, 0.0f));
  }
  float4 sum = make_float4(0.0f, 0.0f, 0.0f, 0.0f);
  for (; line < stop; ++line) {
    float place = start + line * slope;
    float whole = floorf(place), far = place - whole;
    int pixel = (int)whole;
    const float4 *value = images + line * next_line + pixel * (long long)next_pixel + n;
    if (pixel >= 0 && pixel < across) sum = add(sum, 1.0f - far, value[0]);
    if (pixel >= -1 && pixel < across - 1) sum = add(sum, far, value[next_pixel]);
  }
  float path = 1.0f / tilt.larger;
  size_t source = ((size_t)t * detector + s) * vectors + n;
  size_t target = ((size_t)blockIdx.z * detector + s) * vectors + n;
  float4 y = rule == PROJECTION ? sum : measured[source];
  float4 least = rule == RATIO ? floors[n] : sum;
  float weight = rule == DIFFERENCE ? weights[(size_t)t * detector + s] : 1.0f;
  sinograms[target] = make_float4(
      compared(rule, path * sum.x, y.x, least.x, weight),
      compared(rule, path * sum.y, y.y, least.y, weight),
      compared(rule, path * sum.z, y.z, least.z, weight),
      compared(rule, path * sum.w, y.w, least.w, weight));
}

// Spread sinograms of the tilts first, first + every, ... over images, and correct these.
extern "C" __global__ void spread(
    const float4 *sinograms, const Tilt *tilts, const float4 *images, const float *gain,
    float4 *corrections, int vectors, int depth, int width, int detector, float centre, int first,
    int every, int count, int rule) {
  int n = blockIdx.x * blockDim.x + threadIdx.x;
  int x = blockIdx.y * blockDim.y + threadIdx.y;
  int z = blockIdx.z;
  if (n >= vectors || x >= width) return;
  float across = x - 0.5f * (width - 1), down = z - 0.5f * (depth - 1);
  float4 sum = make_float4(0.0f, 0.0f, 0.0f, 0.0f);
  for (int t = 0; t < count; ++t) {
    Tilt tilt = tilts[first + t * every];
    float place = centre + across * tilt.cosine - down * tilt.sine;
    float whole = floorf(place), far = place - whole, c = tilt.larger;
    int pixel = (int)whole;
    const float4 *value = sinograms + ((long long)t * detector + pixel) * vectors + n;
    if (pixel >= 0 && pixel < detector) sum = add(sum, tilt.share * fmaxf(0.0f, c - far), value[0]);
    if (pixel >= -1 && pixel < detector - 1)
      sum = add(sum, tilt.share * fmaxf(0.0f, c - (1.0f - far)), value[vectors]);
  }
  size_t place = (size_t)z * width + x, target = place * vectors + n;
  float4 u = rule == SPREAD ? sum : images[target];
  float g = rule == SPREAD ? 1.0f : gain[place];
  corrections[target] = make_float4(
      corrected(rule, sum.x, u.x, g), corrected(rule, sum.y, u.y, g),
      corrected(rule, sum.z, u.z, g), corrected(rule, sum.w, u.w, g));
}

// A stack (n, z, x) of images: the steps in memory along its axes, and how many slices count.
struct Stack {
  const float *values;
  int slices, depth, width;
  long long next_slice, next_row, next_pixel;
};

__device__ inline float value(const Stack &u, int n, int z, int x) {
  n = n < u.slices ? n : u.slices - 1;
  z = z < u.depth ? z : u.depth - 1;
  x = x < u.width ? x : u.width - 1;
  return u.values[n * u.next_slice + z * u.next_row + x * u.next_pixel];
}

// 1 / |gradient| at a pixel, rounded by a constant that is larger where the pixel is bright.
__device__ inline float inverse(const Stack &u, int n, int z, int x, int across, float strength) {
  float here = value(u, n, z, x);
  float dz = value(u, n, z + 1, x) - here, dx = value(u, n, z, x + 1) - here;
  float dn = across ? value(u, n + 1, z, x) - here : 0.0f;
  float kink = 0.05f + (across ? 6.0f : 4.0f) * strength * here;
  return 1.0f / sqrtf(kink * kink + dz * dz + dx * dx + dn * dn);
}

// Divide `corrections` by 1 + strength · d(TV)/du, as catomo.projection.total_variation does.
// The threads' x runs over slices where those are the fastest axis, over pixels where not.
extern "C" __global__ void smooth(
    const float *images, float *corrections, int slices, int depth, int width,
    long long next_slice, long long next_row, long long next_pixel, int across, float strength) {
  int fast = blockIdx.x * blockDim.x + threadIdx.x;
  int slow = blockIdx.y * blockDim.y + threadIdx.y;
  int n = next_slice == 1 ? fast : slow, x = next_slice == 1 ? slow : fast, z = blockIdx.z;
  if (n >= slices || x >= width) return;
  Stack u = {images, slices, depth, width, next_slice, next_row, next_pixel};
  float here = value(u, n, z, x), own = inverse(u, n, z, x, across, strength);
  float slope = -own * (value(u, n, z + 1, x) - here) - own * (value(u, n, z, x + 1) - here);
  if (z > 0) slope += (here - value(u, n, z - 1, x)) * inverse(u, n, z - 1, x, across, strength);
  if (x > 0) slope += (here - value(u, n, z, x - 1)) * inverse(u, n, z, x - 1, across, strength);
  if (across) slope -= own * (value(u, n + 1, z, x) - here);
  if (across && n > 0)
    slope += (here - value(u, n - 1, z, x)) * inverse(u, n - 1, z, x, across, strength);
  float divisor = 1.0f + strength * slope;
  corrections[n * next_slice + z * next_row + x * next_pixel] /= divisor > 0.5f ? divisor : 0.5f;
}

// Bring (n, row, column) into [row][column][n]; slices beyond the last become zero.
extern "C" __global__ void fold(
    const float *source, float *target, int slices, int padded, int rows, int columns) {
  int column = blockIdx.x * blockDim.x + threadIdx.x, n = blockIdx.y * blockDim.y + threadIdx.y;
  int row = blockIdx.z;
  if (n >= padded || column >= columns) return;
  size_t place = (size_t)row * columns + column;
  target[place * padded + n] = n < slices ? source[(size_t)n * rows * columns + place] : 0.0f;
}

// Bring [row][column][n] into (n, row, column), each slice times its scale.
extern "C" __global__ void unfold(
    const float *source, const float *scales, float *target, int slices, int padded, int rows,
    int columns) {
  int column = blockIdx.x * blockDim.x + threadIdx.x, n = blockIdx.y * blockDim.y + threadIdx.y;
  int row = blockIdx.z;
  if (n >= slices || column >= columns) return;
  size_t place = (size_t)row * columns + column;
  target[(size_t)n * rows * columns + place] = source[place * padded + n] * scales[n];
}

// Sums along lines in double precision, [sum][line][n]: of `one`, of the squares of its
// difference from `other`, and of its squares, where `other` is not negative.
extern "C" __global__ void line_sums(
    const float *one, const float *other, double *sums, int padded, int lines, int length) {
  int n = blockIdx.x * blockDim.x + threadIdx.x, line = blockIdx.y * blockDim.y + threadIdx.y;
  if (n >= padded || line >= lines) return;
  double sum = 0.0, left = 0.0, squares = 0.0;
  for (int i = 0; i < length; ++i) {
    size_t place = ((size_t)line * length + i) * padded + n;
    if (other[place] < 0.0f) continue;
    double a = one[place], d = a - other[place];
    sum += a;
    left += d * d;
    squares += a * a;
  }
  size_t place = (size_t)line * padded + n, all = (size_t)lines * padded;
  sums[place] = sum;
  sums[all + place] = left;
  sums[2 * all + place] = squares;
}

// Sums along sinogram lines of Poisson data, [sum][tilt][n], where `counts` (n) turns values into
// expected counts: log-likelihood; χ² where at least one count is expected; how often that is.
extern "C" __global__ void poisson_sums(
    const float *projected, const float *measured, const double *floors, const double *counts,
    double variance, double *sums, int padded, int lines, int length) {
  int n = blockIdx.x * blockDim.x + threadIdx.x, line = blockIdx.y * blockDim.y + threadIdx.y;
  if (n >= padded || line >= lines) return;
  double likelihood = 0.0, chi2 = 0.0, count = 0.0;
  for (int i = 0; i < length; ++i) {
    size_t place = ((size_t)line * length + i) * padded + n;
    if (measured[place] < 0.0f) continue;
    double p = projected[place], y = measured[place], left = counts[n] * (p - y);
    likelihood += y * log(p < floors[n] ? floors[n] : p) - p;
    if (counts[n] * p >= 1.0) {
      chi2 += left * left / (counts[n] * p + variance);
      count += 1.0;
    }
  }
  size_t place = (size_t)line * padded + n, all = (size_t)lines * padded;
  sums[place] = likelihood;
  sums[all + place] = chi2;
  sums[2 * all + place] = count;
}

// Set every pixel of a slice to the value of that slice, [pixel][n].
extern "C" __global__ void set(
    const float *values, float *images, int padded, int rows, int columns) {
  int n = blockIdx.x * blockDim.x + threadIdx.x, column = blockIdx.y * blockDim.y + threadIdx.y;
  int row = blockIdx.z;
  if (n >= padded || column >= columns) return;
  images[((size_t)row * columns + column) * padded + n] = values[n];
}
