// Events between processes (ACL_EVENT_IPC): a shared notify whose counter says up to which record
// everything is done. Records take numbers that the driver gives out, one row for all processes, so
// a wait stands for the last record before it, whichever process made it.
#ifndef VNPU_LIBRUNTIME_SRC_EVENT_IPC_EVENT_H_
#define VNPU_LIBRUNTIME_SRC_EVENT_IPC_EVENT_H_

#include <cstdint>
#include <mutex>

#include "libruntime/src/notify/notify_seat.h"

namespace vnpu::runtime {

// Any thread.
class IpcEvent {
 public:
  // A new one of the session, shared from the start.
  static aclError Make(std::shared_ptr<Session> session, std::unique_ptr<IpcEvent>* event);
  static aclError Open(std::shared_ptr<Session> session, const NotifyKey& key,
                       std::unique_ptr<IpcEvent>* event);
  IpcEvent(const IpcEvent&) = delete;
  IpcEvent& operator=(const IpcEvent&) = delete;
  ~IpcEvent();

  aclError Export(NotifyKey* key) const;
  aclError Record(Stream* stream);
  aclError Wait(Stream* stream, uint32_t timeout_us);

  // How far records have come.
  struct Progress {
    uint64_t recorded = 0;  // the last record submitted by anyone; 0: none
    uint64_t done = 0;
  };
  aclError Query(Progress* progress) const;

  const std::shared_ptr<Session>& session() const { return seat_.session; }
  // The last record of this process, which has the number `*seq`; 0: none.
  Submitted last_record(uint64_t* seq) const {
    const std::lock_guard lock(own_mutex_);
    *seq = own_seq_;
    return own_record_;
  }

 private:
  IpcEvent(NotifySeat seat, bool creator) : seat_(std::move(seat)), creator_(creator) {}

  aclError CheckStream(const Stream& stream) const;
  // An attempt of SubmitWhenRoom.
  aclError TryWait(Stream* stream, uint32_t timeout_us);
  // VNPU_IOC_NOTIFY_SEQ.
  aclError CallSeq(uint32_t flags, uint64_t seq, vnpu_ioc_notify_seq* answer) const;

  NotifySeat seat_;  // its tasks: guarded by order_mutex_
  bool creator_;
  // A record, from its number to its entry: no wait for the number may come before it in its
  // stream.
  std::mutex order_mutex_;
  mutable std::mutex own_mutex_;  // guards what follows; taken last
  uint64_t own_seq_ = 0;
  Submitted own_record_;
};

}  // namespace vnpu::runtime

#endif  // VNPU_LIBRUNTIME_SRC_EVENT_IPC_EVENT_H_
