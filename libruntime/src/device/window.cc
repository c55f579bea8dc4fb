#include "libruntime/src/device/window.h"

#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cerrno>

namespace vnpu::runtime {
namespace {

// By bare system call: ThreadSanitizer's mmap would write the shadow of the whole range.
void* RawMmap(uint64_t address, size_t bytes, int prot, int flags, int fd) {
  return reinterpret_cast<void*>(
      syscall(SYS_mmap, address, bytes, prot, flags, fd, static_cast<off_t>(0)));
}

constexpr int kReserveFlags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE;

}  // namespace

Window::Window(Window&& other) noexcept : base_(other.base_.exchange(0)) {}

Window& Window::operator=(Window&& other) noexcept {
  other.base_ = base_.exchange(other.base_);
  return *this;
}

Window::~Window() {
  if (base() != 0) {
    syscall(SYS_munmap, base(), VNPU_WINDOW_SIZE);
  }
}

bool Window::Reserve(uint64_t base) {
  void* got = RawMmap(base, VNPU_WINDOW_SIZE, PROT_NONE, kReserveFlags | MAP_FIXED_NOREPLACE, -1);
  if (got == MAP_FAILED) {
    return false;
  }
  if (reinterpret_cast<uint64_t>(got) != base) {  // a kernel that takes the flag for a hint
    syscall(SYS_munmap, got, VNPU_WINDOW_SIZE);
    errno = EEXIST;
    return false;
  }
  base_ = base;
  return true;
}

bool Window::MapShared(uint64_t address, size_t bytes, int fd) const {
  return RawMmap(address, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, fd) != MAP_FAILED;
}

void Window::Unmap(uint64_t address, size_t bytes) const {
  RawMmap(address, bytes, PROT_NONE, kReserveFlags | MAP_FIXED, -1);
}

std::span<const uint64_t> Window::Candidates(uint32_t device) {
#ifdef __SANITIZE_THREAD__
  // ThreadSanitizer lets a program touch memory below 512 GiB, where a window does not fit, around
  // its executable, and from here to the top, where libraries and stacks take the last gigabytes:
  // room for one window.
  static constexpr std::array<uint64_t, 1> kBases{0x7e80'0000'0000};
  return device == 0 ? std::span<const uint64_t>(kBases) : std::span<const uint64_t>();
#else
  // Below what the kernel hands out by itself and above AddressSanitizer's shadow: a place for
  // each device, and the place of the device half the table away.
  constexpr uint64_t kFirst = 0x1200'0000'0000;
  struct Table {
    std::array<std::array<uint64_t, 2>, VNPU_MAX_DEVICES> bases;
  };
  static constexpr Table kTable = [] {
    Table table{};
    for (uint64_t d = 0; d < VNPU_MAX_DEVICES; ++d) {
      const uint64_t other = (d + VNPU_MAX_DEVICES / 2) % VNPU_MAX_DEVICES;
      table.bases[d] = {kFirst + d * VNPU_WINDOW_SIZE, kFirst + other * VNPU_WINDOW_SIZE};
    }
    return table;
  }();
  return kTable.bases[device % VNPU_MAX_DEVICES];
#endif
}

}  // namespace vnpu::runtime
