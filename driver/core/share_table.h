// Memory that sessions have exported, by key.
#ifndef VNPU_DRIVER_CORE_SHARE_TABLE_H_
#define VNPU_DRIVER_CORE_SHARE_TABLE_H_

#include <sys/types.h>
#include <vnpu/ioctl.h>

#include <array>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <span>
#include <utility>

#include "driver/mem/hbm.h"

namespace vnpu::driver {

using ShareKey = std::array<uint64_t, VNPU_SHARE_KEY_WORDS>;

// Part of an object, as it goes to whoever imports it.
struct SharedPart {
  std::shared_ptr<const PhysicalMemory> memory;
  uint64_t offset = 0;
  uint64_t size = 0;
  // Held by the exporter and, a copy each, by every imported object.
  std::shared_ptr<const void> use;
};

// The keys of one driver. Thread-safe.
class ShareTable {
 public:
  // A random key for the part; its process `owner` may always have it. -errno: no randomness.
  int Add(SharedPart part, pid_t owner, bool any_process, bool short_key, ShareKey* key);
  // Names processes that may have it. -ENOENT, -ENOSPC.
  int Allow(const ShareKey& key, std::span<const int32_t> pids);
  // -ENOENT: no such key; -EACCES: not for process `client`.
  int Find(const ShareKey& key, pid_t client, SharedPart* part) const;
  void Remove(const ShareKey& key);

 private:
  struct Share {
    SharedPart part;
    bool any_process = false;
    std::set<pid_t> allowed;
  };

  mutable std::mutex mutex_;
  std::map<ShareKey, Share> shares_;
};

// A key of the table; ended on destruction.
class HeldKey {
 public:
  HeldKey() = default;
  HeldKey(ShareTable* table, const ShareKey& key) : table_(table), key_(key) {}
  HeldKey(HeldKey&& other) noexcept
      : table_(std::exchange(other.table_, nullptr)), key_(other.key_) {}
  HeldKey& operator=(HeldKey&& other) noexcept {
    std::swap(table_, other.table_);
    std::swap(key_, other.key_);
    return *this;
  }
  ~HeldKey() {
    if (table_ != nullptr) {
      table_->Remove(key_);
    }
  }

  const ShareKey& key() const { return key_; }

 private:
  ShareTable* table_ = nullptr;
  ShareKey key_{};
};

}  // namespace vnpu::driver

#endif  // VNPU_DRIVER_CORE_SHARE_TABLE_H_
