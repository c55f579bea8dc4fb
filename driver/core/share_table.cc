#include "driver/core/share_table.h"

#include <sys/random.h>

#include <cerrno>

namespace vnpu::driver {

int ShareTable::Add(SharedPart part, pid_t owner, bool any_process, bool short_key, ShareKey* key) {
  const std::lock_guard lock(mutex_);
  do {
    *key = {};
    const size_t bytes = short_key ? sizeof((*key)[0]) : sizeof(*key);
    if (getrandom(key->data(), bytes, 0) != static_cast<ssize_t>(bytes)) {
      return -EAGAIN;
    }
  } while (*key == ShareKey{} || shares_.contains(*key));
  shares_.emplace(*key, Share{std::move(part), any_process, {owner}});
  return 0;
}

int ShareTable::Allow(const ShareKey& key, std::span<const int32_t> pids) {
  const std::lock_guard lock(mutex_);
  const auto share = shares_.find(key);
  if (share == shares_.end()) {
    return -ENOENT;
  }
  std::set<pid_t> allowed = share->second.allowed;
  allowed.insert(pids.begin(), pids.end());
  if (allowed.size() > VNPU_MAX_SHARE_PIDS) {
    return -ENOSPC;
  }
  share->second.allowed = std::move(allowed);
  return 0;
}

int ShareTable::Find(const ShareKey& key, pid_t client, SharedPart* part) const {
  const std::lock_guard lock(mutex_);
  const auto share = shares_.find(key);
  if (share == shares_.end()) {
    return -ENOENT;
  }
  if (!share->second.any_process && !share->second.allowed.contains(client)) {
    return -EACCES;
  }
  *part = share->second.part;
  return 0;
}

void ShareTable::Remove(const ShareKey& key) {
  Share last;  // destroyed without the lock
  const std::lock_guard lock(mutex_);
  if (const auto share = shares_.find(key); share != shares_.end()) {
    last = std::move(share->second);
    shares_.erase(share);
  }
}

}  // namespace vnpu::driver
