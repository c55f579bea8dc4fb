// Handles: objects in type-stable memory that is never unmapped. A handle is checked by range,
// alignment and liveness, so a stale or wild one is told from a good one without a lock and
// without touching foreign memory. Slots are reused as late as possible (first in, first out).
#ifndef VNPU_LIBRUNTIME_SRC_BASE_SLAB_H_
#define VNPU_LIBRUNTIME_SRC_BASE_SLAB_H_

#ifdef __SANITIZE_ADDRESS__
#include <sanitizer/lsan_interface.h>
#endif
#include <sys/mman.h>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <new>

namespace vnpu::runtime {

// Base of everything that lives in a slab.
class SlabObject {
 public:
  bool alive() const { return alive_.load(std::memory_order_acquire); }
  // Grows each time the slot is given out.
  uint32_t generation() const { return generation_; }

 private:
  template <class T, size_t kCapacity>
  friend class Slab;

  std::atomic<bool> alive_{false};
  uint32_t generation_ = 0;
  uint32_t next_free_ = 0;
};

// T is default-constructed when its slot is used for the first time and never destroyed; whoever
// frees a slot leaves the object as it wants to find it.
template <class T, size_t kCapacity>
class Slab {
 public:
  constexpr Slab() = default;

  // A slot that is not alive yet; null when all are taken.
  T* Allocate() {
    const std::lock_guard lock(mutex_);
    T* const base = Base();
    constexpr uint32_t kMinRest = 1024;  // slots that rest before the first is used again
    T* object = nullptr;
    if (base != nullptr && fresh_ < kCapacity && free_count_ < kMinRest) {
      object = new (base + fresh_++) T;
    } else if (free_count_ > 0) {
      object = base + first_free_;
      first_free_ = object->next_free_;
      --free_count_;
    } else {
      return nullptr;
    }
    ++object->generation_;
    return object;
  }

  // From here on Resolve finds the object.
  void Publish(T* object) { object->alive_.store(true, std::memory_order_release); }

  // From here on Resolve does not. True for the one caller that ended its life.
  bool Retire(T* object) { return object->alive_.exchange(false); }

  // Gives the slot of a retired or never published object back.
  void Free(T* object) {
    const std::lock_guard lock(mutex_);
    T* const base = base_.load(std::memory_order_relaxed);
    const auto index = static_cast<uint32_t>(object - base);
    if (free_count_++ == 0) {
      first_free_ = index;
    } else {
      base[last_free_].next_free_ = index;
    }
    last_free_ = index;
  }

  // The live object of a handle, or null.
  T* Resolve(const void* handle) const {
    const auto base = reinterpret_cast<uintptr_t>(base_.load(std::memory_order_acquire));
    const uintptr_t offset = reinterpret_cast<uintptr_t>(handle) - base;
    if (base == 0 || offset >= kCapacity * sizeof(T) || offset % sizeof(T) != 0) {
      return nullptr;
    }
    // A slot never given out is zero pages: not alive.
    T* object = reinterpret_cast<T*>(base + offset);
    return object->alive() ? object : nullptr;
  }

 private:
  T* Base() {
    T* base = base_.load(std::memory_order_relaxed);
    if (base == nullptr) {
      void* memory = mmap(nullptr, kCapacity * sizeof(T), PROT_READ | PROT_WRITE,
                          MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
      if (memory == MAP_FAILED) {
        return nullptr;
      }
#ifdef __SANITIZE_ADDRESS__
      __lsan_register_root_region(memory, kCapacity * sizeof(T));
#endif
      base = static_cast<T*>(memory);
      base_.store(base, std::memory_order_release);
    }
    return base;
  }

  std::atomic<T*> base_{nullptr};
  std::mutex mutex_;
  uint32_t fresh_ = 0;  // slots from here on were never used
  uint32_t free_count_ = 0;
  uint32_t first_free_ = 0;
  uint32_t last_free_ = 0;
};

}  // namespace vnpu::runtime

#endif  // VNPU_LIBRUNTIME_SRC_BASE_SLAB_H_
