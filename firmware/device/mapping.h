// Memory mappings of the device process: owned ones, and the session's window.
#ifndef VNPU_FIRMWARE_DEVICE_MAPPING_H_
#define VNPU_FIRMWARE_DEVICE_MAPPING_H_

#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

namespace vnpu::firmware {

// A shared mapping of a descriptor, unmapped in the end.
class Mapping {
 public:
  Mapping() = default;
  // data() is nullptr and errno says why when it cannot be mapped. `prot`: PROT_*.
  Mapping(int fd, uint64_t offset, size_t size, int prot);
  Mapping(Mapping&& other) noexcept
      : data_(std::exchange(other.data_, nullptr)), size_(std::exchange(other.size_, 0)) {}
  Mapping& operator=(Mapping&& other) noexcept {
    std::swap(data_, other.data_);
    std::swap(size_, other.size_);
    return *this;
  }
  ~Mapping();

  std::byte* data() const { return data_; }
  size_t size() const { return size_; }

 private:
  std::byte* data_ = nullptr;
  size_t size_ = 0;
};

// The session's device addresses in this process, one window or more: what the page table maps is
// mapped at the same address, the rest faults. 0 or -errno.
class Window {
 public:
  // Adds [base, base + VNPU_WINDOW_SIZE).
  int Reserve(uint64_t base);
  int Map(uint64_t va, uint64_t size, uint32_t prot, int fd, uint64_t offset) const;
  int Unmap(uint64_t va, uint64_t size) const;
  // `prot`: PROT_*, PROT_EXEC included for modules.
  int Protect(uint64_t va, uint64_t size, int prot) const;

 private:
  bool Contains(uint64_t va, uint64_t size) const;

  std::vector<uint64_t> bases_;
};

// PROT_* of VNPU_PROT_*.
int HostProt(uint32_t prot);

}  // namespace vnpu::firmware

#endif  // VNPU_FIRMWARE_DEVICE_MAPPING_H_
