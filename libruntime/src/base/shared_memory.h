// Memory that is shared with the driver and the device: memfds, their mappings, and access to
// fields that another process writes.
#ifndef VNPU_LIBRUNTIME_SRC_BASE_SHARED_MEMORY_H_
#define VNPU_LIBRUNTIME_SRC_BASE_SHARED_MEMORY_H_

#include <atomic>
#include <cstddef>
#include <utility>

#include "libruntime/src/base/unique_fd.h"

namespace vnpu::runtime {

template <class T>
T LoadShared(const T& field, std::memory_order order = std::memory_order_acquire) {
  return std::atomic_ref<T>(const_cast<T&>(field)).load(order);
}

template <class T>
void StoreShared(T& field, std::type_identity_t<T> value,
                 std::memory_order order = std::memory_order_release) {
  std::atomic_ref<T>(field).store(value, order);
}

template <class T>
T ExchangeShared(T& field, std::type_identity_t<T> value) {
  return std::atomic_ref<T>(field).exchange(value);
}

// Copies bytes that another thread may write meanwhile, with plain stores. The caller then finds by
// a number that the writer changed before, and throws the copy away.
void CopyUnguarded(void* to, const void* from, size_t bytes);

// A memfd that cannot shrink (nor, if `frozen` is called, change), as the driver demands.
// Returns an invalid descriptor with errno set on failure.
UniqueFd MakeMemfd(const char* name, size_t bytes);

// Forbids writing to the memfd from now on; no writable mapping may exist. False with errno set.
bool FreezeMemfd(int fd);

// A mapping; unmapped on destruction.
class Mapping {
 public:
  Mapping() = default;
  Mapping(Mapping&& other) noexcept
      : data_(std::exchange(other.data_, nullptr)), bytes_(std::exchange(other.bytes_, 0)) {}
  Mapping& operator=(Mapping&& other) noexcept {
    std::swap(data_, other.data_);
    std::swap(bytes_, other.bytes_);
    return *this;
  }
  Mapping(const Mapping&) = delete;
  Mapping& operator=(const Mapping&) = delete;
  ~Mapping();

  // Maps the start of `fd` shared, readable and writable. An empty mapping with errno set on
  // failure.
  static Mapping Shared(int fd, size_t bytes);

  std::byte* data() const { return data_; }
  size_t bytes() const { return bytes_; }
  explicit operator bool() const { return data_ != nullptr; }

 private:
  Mapping(std::byte* data, size_t bytes) : data_(data), bytes_(bytes) {}

  std::byte* data_ = nullptr;
  size_t bytes_ = 0;
};

}  // namespace vnpu::runtime

#endif  // VNPU_LIBRUNTIME_SRC_BASE_SHARED_MEMORY_H_
