// Events between processes (ACL_EVENT_IPC): a shared notify whose counter says up to which record
// everything is done. Records take numbers that the driver gives out, one row for all processes, so
// a wait stands for the last record before it, whichever process made it.
#ifndef VNPU_LIBRUNTIME_SRC_EVENT_IPC_EVENT_H_
#define VNPU_LIBRUNTIME_SRC_EVENT_IPC_EVENT_H_

#include <cstdint>

#include "libruntime/src/notify/notify_seat.h"

namespace vnpu::runtime {

// Used by one thread at a time: the event's mutex is held.
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
  const Submitted& last_record(uint64_t* seq) const {
    *seq = own_seq_;
    return own_record_;
  }

 private:
  IpcEvent(NotifySeat seat, bool creator) : seat_(std::move(seat)), creator_(creator) {}

  aclError CheckStream(const Stream& stream) const;
  // VNPU_IOC_NOTIFY_SEQ.
  aclError CallSeq(uint32_t flags, uint64_t seq, vnpu_ioc_notify_seq* answer) const;

  NotifySeat seat_;
  bool creator_;
  uint64_t own_seq_ = 0;
  Submitted own_record_;
};

}  // namespace vnpu::runtime

#endif  // VNPU_LIBRUNTIME_SRC_EVENT_IPC_EVENT_H_
