// Enough of CUDA to compile kernels.cu with a C++ compiler and to run every thread in turn.
#include <math.h>
#include <stddef.h>
#include <utility>
#define __global__
#define __device__
struct float4 { float x, y, z, w; };
static inline float4 make_float4(float x, float y, float z, float w) { return {x, y, z, w}; }
struct dim3 { unsigned x, y, z; };
static thread_local dim3 threadIdx, blockIdx, blockDim, gridDim;

template <class... A, size_t... I>
static void run(void (*kernel)(A...), const unsigned *size, void **given, std::index_sequence<I...>) {
  gridDim = {size[0], size[1], size[2]};
  blockDim = {size[3], size[4], size[5]};
  for (blockIdx.z = 0; blockIdx.z < gridDim.z; ++blockIdx.z)
    for (blockIdx.y = 0; blockIdx.y < gridDim.y; ++blockIdx.y)
      for (blockIdx.x = 0; blockIdx.x < gridDim.x; ++blockIdx.x)
        for (threadIdx.z = 0; threadIdx.z < blockDim.z; ++threadIdx.z)
          for (threadIdx.y = 0; threadIdx.y < blockDim.y; ++threadIdx.y)
            for (threadIdx.x = 0; threadIdx.x < blockDim.x; ++threadIdx.x)
              kernel(*(std::remove_reference_t<A> *)given[I]...);
}
template <class... A>
static void launch(void (*kernel)(A...), const unsigned *size, void **given) {
  run(kernel, size, given, std::index_sequence_for<A...>());
}
#define HOST(name) \
  extern "C" void host_##name(const unsigned *size, void **given) { launch(name, size, given); }
