/* Launches of kernels. npucc turns kernel<<<blockDim, l2ctrl, stream>>>(arguments) into
 * ::npu::Launch<kernel>(blockDim, l2ctrl, stream)(arguments) and includes this header. */
#ifndef NPU_LAUNCH_H_
#define NPU_LAUNCH_H_

#include <vnpu/host_image.h>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <mutex>
#include <type_traits>

#include "acl/acl_rt.h"
#include "npu/args.h"

namespace npu {
namespace detail {

/* Handles of one kernel, by device. Zero-initialized, so launches need no guard. */
using FunctionHandles = std::atomic<aclrtFuncHandle>[VNPU_MAX_DEVICES];

inline std::mutex& LoadMutex() {
  static std::mutex mutex;
  return mutex;
}

/* The image that has a kernel, and the kernel's name in it. */
struct FoundKernel {
  vnpu_host_image* image = nullptr;
  const char* name = nullptr;
};

inline FoundKernel FindKernel(const void* kernel) {
  if (&vnpu_host_images == nullptr) return {};
  vnpu_host_image* image = __atomic_load_n(&vnpu_host_images, __ATOMIC_ACQUIRE);
  for (; image != nullptr; image = image->next) {
    for (std::uint64_t i = 0; i < image->kernel_count; ++i) {
      if (image->kernels[i].host == kernel) return {image, image->kernels[i].name};
    }
  }
  return {};
}

/* Loads an image on the current device, without regard to an older load. */
inline aclError Load(const FoundKernel& found, int32_t device, aclrtFuncHandle* handle) {
  aclrtBinHandle binary = nullptr;
  aclError error =
      aclrtBinaryLoadFromData(found.image->image, found.image->image_size, nullptr, &binary);
  if (error != 0) return error;
  error = aclrtBinaryGetFunction(binary, found.name, handle);
  if (error != 0) {
    aclrtBinaryUnLoad(binary);
    return error;
  }
  found.image->binaries[device] = binary;
  return 0;
}

/* The handle of a kernel on the current device. `stale` is one that a launch has just refused, or
 * null. A reset of the device voids its handles; then the image is loaded anew. When it turns out
 * that the refused handle is good, the answer is the same handle. */
inline aclError Resolve(const void* kernel, int32_t device, aclrtFuncHandle stale,
                        std::atomic<aclrtFuncHandle>* slot, aclrtFuncHandle* handle) {
  const std::lock_guard<std::mutex> lock(LoadMutex());
  *handle = slot->load(std::memory_order_relaxed);
  if (*handle != stale) return 0; /* another thread has been here */
  const FoundKernel found = FindKernel(kernel);
  if (found.image == nullptr) return ACL_ERROR_RT_INVALID_DEVICE_FUNCTION;
  /* Another kernel of the image may have loaded it already. */
  void* const binary = found.image->binaries[device];
  if (binary == nullptr || aclrtBinaryGetFunction(binary, found.name, handle) != 0) {
    const aclError error = Load(found, device, handle);
    if (error != 0) return error;
  }
  slot->store(*handle, std::memory_order_release);
  return 0;
}

/* Errors by which a runtime refuses a handle that it does not know (any more). */
inline bool MayBeStaleHandle(aclError error) {
  return error == ACL_ERROR_RT_PARAM_INVALID || error == ACL_ERROR_RT_INVALID_HANDLE ||
         error == ACL_ERROR_INVALID_PARAM || error == ACL_ERROR_INVALID_RESOURCE_HANDLE;
}

/* One launch: no lock and no allocation once the kernel has a handle on the device. */
inline aclError LaunchBytes(const void* kernel, FunctionHandles& handles, uint32_t block_dim,
                            aclrtStream stream, void* args, std::size_t size) {
  int32_t device = 0;
  aclError error = aclrtGetDevice(&device);
  if (error != 0) return error;
  if (device < 0 || device >= static_cast<int32_t>(VNPU_MAX_DEVICES)) {
    return ACL_ERROR_RT_INVALID_DEVICEID;
  }
  std::atomic<aclrtFuncHandle>& slot = handles[device];
  aclrtFuncHandle handle = slot.load(std::memory_order_acquire);
  if (handle == nullptr) {
    error = Resolve(kernel, device, nullptr, &slot, &handle);
    if (error != 0) return error;
  }
  error = aclrtLaunchKernelWithHostArgs(handle, block_dim, stream, nullptr, args, size, nullptr, 0);
  if (!MayBeStaleHandle(error)) return error;
  aclrtFuncHandle fresh = nullptr;
  if (Resolve(kernel, device, handle, &slot, &fresh) != 0 || fresh == handle) return error;
  return aclrtLaunchKernelWithHostArgs(fresh, block_dim, stream, nullptr, args, size, nullptr, 0);
}

template <auto K>
struct KernelHandles {
  static inline FunctionHandles value{};
};

}  // namespace detail

/* A configured launch; calling it with the kernel's arguments launches. */
template <auto K, typename F = std::remove_pointer_t<decltype(K)>>
class Launcher {
  static_assert(std::is_function_v<F>, "<<<...>>> launches kernels: functions marked __global__");
};

template <auto K, typename R, typename... P>
class Launcher<K, R(P...)> {
 public:
  Launcher(uint32_t block_dim, aclrtStream stream) : block_dim_(block_dim), stream_(stream) {}

  /* The error code of the launch; the kernel itself runs later. Thread safe. */
  aclError operator()(P... args) const {
    static_assert(
        (detail::kIsArgument<P> && ...),
        "parameters of a kernel are copied to the device as bytes: they must be trivially "
        "copyable, and no references");
    constexpr detail::ArgumentLayout<P...> kLayout{};
    alignas(16) unsigned char buffer[kLayout.bytes != 0 ? kLayout.bytes : 1];
    if constexpr (kLayout.used != kLayout.bytes) std::memset(buffer, 0, sizeof(buffer));
    [[maybe_unused]] std::size_t i = 0;
    ((std::memcpy(buffer + kLayout.offset[i], &args, sizeof(P)), ++i), ...);
    return detail::LaunchBytes(reinterpret_cast<const void*>(K), detail::KernelHandles<K>::value,
                               block_dim_, stream_, buffer, kLayout.bytes);
  }

 private:
  uint32_t block_dim_;
  aclrtStream stream_;
};

template <auto K, typename R, typename... P>
class Launcher<K, R(P...) noexcept> : public Launcher<K, R(P...)> {
 public:
  using Launcher<K, R(P...)>::Launcher;
};

/* blockDim: how many blocks, 1 or more. l2ctrl: null. The stream belongs to the current device. */
template <auto K>
inline Launcher<K> Launch(uint32_t block_dim, [[maybe_unused]] void* l2ctrl, aclrtStream stream) {
  return Launcher<K>(block_dim, stream);
}

}  // namespace npu

#endif /* NPU_LAUNCH_H_ */
