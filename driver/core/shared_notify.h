// Notifies that sessions share: who may open one, who uses it, and its row of sequence numbers. The
// counter itself lies in a page that the device processes of all users map (notify_page.h).
#ifndef VNPU_DRIVER_CORE_SHARED_NOTIFY_H_
#define VNPU_DRIVER_CORE_SHARED_NOTIFY_H_

#include <sys/types.h>
#include <vnpu/ioctl.h>

#include <array>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <span>
#include <vector>

#include "driver/base/event_signal.h"
#include "driver/base/unique_fd.h"

namespace vnpu::driver {

using NotifyKey = std::array<uint8_t, VNPU_NOTIFY_KEY_BYTES>;

// Thread-safe.
class SharedNotify {
 public:
  // `page_fd` is the creator's; it stays open until Close().
  SharedNotify(const NotifyKey& key, uint32_t kind, pid_t creator, int page_fd)
      : key_(key), kind_(kind), creator_(creator), page_fd_(page_fd) {}

  const NotifyKey& key() const { return key_; }
  uint32_t kind() const { return kind_; }

  void SetAnyProcess(bool any);
  // Adds to the processes that may open it; -ENOSPC.
  int Allow(std::span<const uint32_t> pids);
  // A descriptor of the page for a session of process `pid`; -EACCES, -ENOENT after Close().
  int Open(pid_t pid, UniqueFd* page);
  // The creator is gone: nobody opens it any more.
  void Close();

  // Sessions whose devices are kicked by KickOthers(); `kick_fd` stays open until RemoveUser(). A
  // session that opens it twice is two users.
  void AddUser(uint32_t session_id, int kick_fd);
  void RemoveUser(uint32_t session_id);
  void KickOthers(uint32_t session_id, EventSignal& signal);

  uint64_t NextSeq();
  uint64_t LastSeq() const;

 private:
  struct User {
    uint32_t session_id;
    int kick_fd;
  };

  const NotifyKey key_;
  const uint32_t kind_;
  const pid_t creator_;
  mutable std::mutex mutex_;
  int page_fd_;
  bool any_process_ = false;
  std::set<pid_t> allowed_;
  std::vector<User> users_;
  uint64_t last_seq_ = 0;
};

// By key, of all sessions of the driver. Thread-safe.
class SharedNotifyTable {
 public:
  // With a new key; 0 or -errno.
  int Create(uint32_t kind, pid_t creator, int page_fd, std::shared_ptr<SharedNotify>* notify);
  // nullptr: none of that key and kind.
  std::shared_ptr<SharedNotify> Find(const NotifyKey& key, uint32_t kind);
  // Closes it.
  void Remove(SharedNotify* notify);

 private:
  std::mutex mutex_;
  std::map<NotifyKey, std::shared_ptr<SharedNotify>> notifies_;
};

}  // namespace vnpu::driver

#endif  // VNPU_DRIVER_CORE_SHARED_NOTIFY_H_
