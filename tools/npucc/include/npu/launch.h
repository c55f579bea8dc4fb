/* Launches of kernels. npucc turns kernel<<<blockDim, l2ctrl, stream>>>(arguments) into
 * ::npu::Launch<kernel>(blockDim, l2ctrl, stream)(arguments) and includes this header. */
#ifndef NPU_LAUNCH_H_
#define NPU_LAUNCH_H_

#include <vnpu/host_image.h>
#include <vnpu/vnpu.h>

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

/* Handle of a kernel on one device, good for one use of the device (vnpuGetDeviceUse). */
struct KernelHandle {
  std::atomic<std::uint64_t> use;
  std::atomic<aclrtFuncHandle> function;
};

/* By device. Zero-initialized, so launches need no guard. */
using KernelHandles = KernelHandle[VNPU_MAX_DEVICES];

/* The kernel's handle on the current device; the image is loaded at need. The images are those that
 * this code sees: a library that was opened for itself alone has a list of its own. */
inline aclError Load(const void* kernel, aclrtFuncHandle* function) {
  if (&vnpu_host_images == nullptr) return ACL_ERROR_RT_INVALID_DEVICE_FUNCTION;
  vnpu_host_image* image = __atomic_load_n(&vnpu_host_images, __ATOMIC_ACQUIRE);
  for (; image != nullptr; image = image->next) {
    for (std::uint64_t i = 0; i < image->kernel_count; ++i) {
      if (image->kernels[i].host == kernel) {
        return vnpuGetHostKernel(image, image->kernels[i].name, function);
      }
    }
  }
  return ACL_ERROR_RT_INVALID_DEVICE_FUNCTION;
}

/* Finds the handle and keeps it. */
inline aclError Find(const void* kernel, std::uint64_t use, KernelHandle& handle,
                     aclrtFuncHandle* function) {
  static std::mutex mutex;
  const aclError error = Load(kernel, function);
  if (error != 0) return error;
  const std::lock_guard<std::mutex> lock(mutex);
  /* Uses are numbered upwards: who was late does not put back what a reset has voided. */
  if (handle.use.load(std::memory_order_relaxed) < use) {
    handle.function.store(*function, std::memory_order_relaxed);
    handle.use.store(use, std::memory_order_release);
  }
  return 0;
}

/* One launch: no lock and no allocation once the kernel has a handle on the device. */
inline aclError LaunchBytes(const void* kernel, KernelHandles& handles, uint32_t block_dim,
                            aclrtStream stream, void* args, std::size_t size) {
  std::int32_t device = 0;
  std::uint64_t use = 0;
  aclError error = vnpuGetDeviceUse(&device, &use);
  if (error != 0) return error;
  if (device < 0 || device >= static_cast<std::int32_t>(VNPU_MAX_DEVICES)) {
    return ACL_ERROR_RT_INVALID_DEVICEID;
  }
  KernelHandle& handle = handles[device];
  aclrtFuncHandle function = nullptr;
  if (handle.use.load(std::memory_order_acquire) == use) {
    function = handle.function.load(std::memory_order_relaxed);
  } else {
    error = Find(kernel, use, handle, &function);
    if (error != 0) return error;
  }
  return aclrtLaunchKernelWithHostArgs(function, block_dim, stream, nullptr, args, size, nullptr,
                                       0);
}

template <auto K>
struct HandlesOf {
  static inline KernelHandles value{};
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
    return detail::LaunchBytes(reinterpret_cast<const void*>(K), detail::HandlesOf<K>::value,
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
