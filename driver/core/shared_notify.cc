#include "driver/core/shared_notify.h"

#include <fcntl.h>
#include <sys/random.h>

#include <algorithm>
#include <cerrno>

namespace vnpu::driver {

void SharedNotify::SetAnyProcess(bool any) {
  const std::lock_guard lock(mutex_);
  any_process_ = any;
}

int SharedNotify::Allow(std::span<const uint32_t> pids) {
  const std::lock_guard lock(mutex_);
  std::set<pid_t> allowed = allowed_;
  for (const uint32_t pid : pids) {
    allowed.insert(static_cast<pid_t>(pid));
  }
  if (allowed.size() > VNPU_MAX_NOTIFY_PIDS) {
    return -ENOSPC;
  }
  allowed_.swap(allowed);
  return 0;
}

int SharedNotify::Open(pid_t pid, UniqueFd* page) {
  const std::lock_guard lock(mutex_);
  if (page_fd_ < 0) {
    return -ENOENT;
  }
  if (!any_process_ && pid != creator_ && !allowed_.contains(pid)) {
    return -EACCES;
  }
  page->reset(fcntl(page_fd_, F_DUPFD_CLOEXEC, 0));
  return page->valid() ? 0 : -errno;
}

void SharedNotify::Close() {
  const std::lock_guard lock(mutex_);
  page_fd_ = -1;
}

void SharedNotify::AddUser(uint32_t session_id, int kick_fd) {
  const std::lock_guard lock(mutex_);
  users_.push_back({session_id, kick_fd});
}

void SharedNotify::RemoveUser(uint32_t session_id) {
  const std::lock_guard lock(mutex_);
  const auto user = std::ranges::find(users_, session_id, &User::session_id);
  if (user != users_.end()) {
    users_.erase(user);
  }
}

void SharedNotify::KickOthers(uint32_t session_id, EventSignal& signal) {
  const std::lock_guard lock(mutex_);
  for (const User& user : users_) {
    if (user.session_id != session_id) {
      signal.Signal(user.kick_fd);
    }
  }
}

uint64_t SharedNotify::NextSeq() {
  const std::lock_guard lock(mutex_);
  return ++last_seq_;
}

uint64_t SharedNotify::LastSeq() const {
  const std::lock_guard lock(mutex_);
  return last_seq_;
}

int SharedNotifyTable::Create(uint32_t kind, pid_t creator, int page_fd,
                              std::shared_ptr<SharedNotify>* notify) {
  NotifyKey key;
  if (getrandom(key.data(), key.size(), 0) != static_cast<ssize_t>(key.size())) {
    return -errno;
  }
  auto made = std::make_shared<SharedNotify>(key, kind, creator, page_fd);
  const std::lock_guard lock(mutex_);
  notifies_.emplace(key, made);
  *notify = std::move(made);
  return 0;
}

std::shared_ptr<SharedNotify> SharedNotifyTable::Find(const NotifyKey& key, uint32_t kind) {
  const std::lock_guard lock(mutex_);
  const auto found = notifies_.find(key);
  return found != notifies_.end() && found->second->kind() == kind ? found->second : nullptr;
}

void SharedNotifyTable::Remove(SharedNotify* notify) {
  notify->Close();
  const std::lock_guard lock(mutex_);
  notifies_.erase(notify->key());
}

}  // namespace vnpu::driver
