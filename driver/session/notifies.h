// Notifies of one session: its own, and those of others that it has opened.
#ifndef VNPU_DRIVER_SESSION_NOTIFIES_H_
#define VNPU_DRIVER_SESSION_NOTIFIES_H_

#include <vnpu/ioctl.h>

#include <memory>

#include "driver/base/id_table.h"
#include "driver/core/shared_notify.h"
#include "driver/session/context.h"

namespace vnpu::firmware {
struct NotifyPage;
}

namespace vnpu::driver {

// As uapi/vnpu/ioctl.h describes the commands. Used by one thread at a time.
class SessionNotifies {
 public:
  // Both must outlive the object.
  SessionNotifies(SessionContext* context, SharedNotifyTable* table)
      : context_(context), table_(table), notifies_(0, VNPU_MAX_NOTIFIES) {}
  ~SessionNotifies();
  SessionNotifies(const SessionNotifies&) = delete;
  SessionNotifies& operator=(const SessionNotifies&) = delete;

  int Alloc(vnpu_ioc_notify_alloc* arg);
  int Free(const vnpu_ioc_notify_free& arg);
  int Reset(const vnpu_ioc_notify_reset& arg);
  int Share(vnpu_ioc_notify_share* arg);
  int Allow(const vnpu_ioc_notify_allow& arg);
  int Open(vnpu_ioc_notify_open* arg);
  int Seq(vnpu_ioc_notify_seq* arg);

  // Kicks the devices of other sessions that sleep while they wait for what this one has changed.
  void WakePeers();
  // The device will record nothing any more: records all numbers taken, so that no other session
  // waits for them.
  void Abandon();

 private:
  struct Notify {
    std::shared_ptr<SharedNotify> shared;  // nullptr: this session's alone
    bool creator = false;
    HeldFd page_fd;  // the creator's
    HeldMap page_map;
    uint64_t last_taken = 0;  // sequence number
    Charge charge;

    firmware::NotifyPage& page() const;
  };

  int MakePage(Notify* notify, uint32_t kind);
  int Bind(uint32_t id, bool carry, int page_fd);
  void Record(Notify& notify, uint64_t seq);
  void Leave(Notify& notify);

  SessionContext* context_;
  SharedNotifyTable* table_;
  IdTable<Notify> notifies_;
  uint32_t shared_ = 0;  // how many of them are
};

}  // namespace vnpu::driver

#endif  // VNPU_DRIVER_SESSION_NOTIFIES_H_
