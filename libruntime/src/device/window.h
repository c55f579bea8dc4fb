// The window of virtual addresses that a session's device memory lives in.
#ifndef VNPU_LIBRUNTIME_SRC_DEVICE_WINDOW_H_
#define VNPU_LIBRUNTIME_SRC_DEVICE_WINDOW_H_

#include <vnpu/abi.h>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <span>

namespace vnpu::runtime {

// Reserves [base, base + VNPU_WINDOW_SIZE) without access; given back on destruction. Pinned host
// memory is mapped into it, so the range must suit whatever instruments this process.
class Window {
 public:
  Window() = default;
  Window(Window&& other) noexcept;
  Window& operator=(Window&& other) noexcept;
  Window(const Window&) = delete;
  Window& operator=(const Window&) = delete;
  ~Window();

  // False when something is mapped in the range (errno EEXIST) or the range cannot be had.
  bool Reserve(uint64_t base);

  uint64_t base() const { return base_.load(std::memory_order_relaxed); }
  // Also while another thread gives the window back.
  bool Contains(uint64_t address) const {
    const uint64_t begin = base();
    return begin != 0 && address - begin < VNPU_WINDOW_SIZE;
  }

  // Maps a memfd at `address`, inside the window. False with errno set.
  bool MapShared(uint64_t address, size_t bytes, int fd) const;
  // Takes the mapping away again; the range stays reserved.
  void Unmap(uint64_t address, size_t bytes) const;

  // Bases to try, in order, for a device.
  static std::span<const uint64_t> Candidates(uint32_t device);

 private:
  std::atomic<uint64_t> base_{0};
};

}  // namespace vnpu::runtime

#endif  // VNPU_LIBRUNTIME_SRC_DEVICE_WINDOW_H_
