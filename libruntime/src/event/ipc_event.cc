#include "libruntime/src/event/ipc_event.h"

#include <utility>

#include "libruntime/src/base/error.h"
#include "libruntime/src/base/guard.h"
#include "libruntime/src/device/session.h"

namespace vnpu::runtime {

aclError IpcEvent::Make(std::shared_ptr<Session> session, std::unique_ptr<IpcEvent>* event) {
  NotifySeat seat;
  VNPU_RETURN_IF_ERROR(MakeSeat(std::move(session), &seat));
  std::unique_ptr<IpcEvent> made(new IpcEvent(std::move(seat), /*creator=*/true));
  NotifyKey key;
  VNPU_RETURN_IF_ERROR(made->Export(&key));
  *event = std::move(made);
  return ACL_SUCCESS;
}

aclError IpcEvent::Open(std::shared_ptr<Session> session, const NotifyKey& key,
                        std::unique_ptr<IpcEvent>* event) {
  NotifySeat seat;
  VNPU_RETURN_IF_ERROR(OpenSeat(std::move(session), key, VNPU_NOTIFY_EVENT, &seat));
  event->reset(new IpcEvent(std::move(seat), /*creator=*/false));
  return ACL_SUCCESS;
}

IpcEvent::~IpcEvent() { LeaveSeat(std::move(seat_)); }

aclError IpcEvent::Export(NotifyKey* key) const {
  if (!creator_) {
    return Fail(ACL_ERROR_RT_PARAM_INVALID,
                "the event was opened by its handle; the process that made it gives out handles");
  }
  return ShareSeat(seat_, VNPU_NOTIFY_EVENT, /*any_process=*/true, key);
}

aclError IpcEvent::CheckStream(const Stream& stream) const {
  if (!seat_.session->usable()) {
    return FailDeviceLost(seat_.session->index());
  }
  if (stream.session != seat_.session) {
    return Fail(ACL_ERROR_RT_PARAM_INVALID,
                "the event belongs to device {}, the stream to device {}; open the event's handle "
                "there",
                seat_.session->index(), stream.session->index());
  }
  return ACL_SUCCESS;
}

aclError IpcEvent::CallSeq(uint32_t flags, uint64_t seq, vnpu_ioc_notify_seq* answer) const {
  *answer = {.notify_id = seat_.id, .flags = flags, .seq = seq, .count = 0};
  const int result = seat_.session->Call(VNPU_IOC_NOTIFY_SEQ, *answer);
  return result < 0 ? FailErrno(-result, "the driver does not answer for the event") : ACL_SUCCESS;
}

aclError IpcEvent::Record(Stream* stream) {
  VNPU_RETURN_IF_ERROR(CheckStream(*stream));
  const std::lock_guard order(order_mutex_);
  vnpu_ioc_notify_seq next;
  VNPU_RETURN_IF_ERROR(CallSeq(VNPU_NOTIFY_SEQ_NEXT, 0, &next));
  // The counter tells how far the records have come, not which of them are done: one that overtook
  // an earlier one of another stream or process would end the waits for that, too.
  const uint64_t before = next.seq - 1;
  uint64_t own = 0;
  const Submitted last = last_record(&own);
  const bool in_order = own == before && last.queue == stream->queue;
  aclError error = ACL_SUCCESS;
  if (next.count < before && !in_order) {
    error = SubmitWhenRoom(stream, [&] {
      return SubmitWait(&seat_, stream, VNPU_NOTIFY_NOT_LESS, before, /*flags=*/0,
                        /*timeout_us=*/0);
    });
  }
  Submitted submitted;
  if (error == ACL_SUCCESS) {
    error = SubmitWhenRoom(stream, [&] {
      return SubmitRecord(&seat_, stream, VNPU_NOTIFY_MAX, next.seq, &submitted);
    });
  }
  if (error != ACL_SUCCESS) {
    // Others may wait for the number already.
    vnpu_ioc_notify_seq done = {
        .notify_id = seat_.id, .flags = VNPU_NOTIFY_SEQ_DONE, .seq = next.seq, .count = 0};
    seat_.session->Call(VNPU_IOC_NOTIFY_SEQ, done);
    return error;
  }
  const std::lock_guard lock(own_mutex_);
  own_seq_ = next.seq;
  own_record_ = submitted;
  return ACL_SUCCESS;
}

aclError IpcEvent::Wait(Stream* stream, uint32_t timeout_us) {
  VNPU_RETURN_IF_ERROR(CheckStream(*stream));
  return SubmitWhenRoom(stream, [&] { return TryWait(stream, timeout_us); });
}

aclError IpcEvent::TryWait(Stream* stream, uint32_t timeout_us) {
  const std::lock_guard order(order_mutex_);
  Progress progress;
  VNPU_RETURN_IF_ERROR(Query(&progress));
  if (progress.done >= progress.recorded) {
    return ACL_SUCCESS;  // it has captured no task, or they are done
  }
  return SubmitWait(&seat_, stream, VNPU_NOTIFY_NOT_LESS, progress.recorded, /*flags=*/0,
                    timeout_us);
}

aclError IpcEvent::Query(Progress* progress) const {
  if (!seat_.session->usable()) {
    return FailDeviceLost(seat_.session->index());
  }
  vnpu_ioc_notify_seq answer;
  VNPU_RETURN_IF_ERROR(CallSeq(0, 0, &answer));
  *progress = {.recorded = answer.seq, .done = answer.count};
  return ACL_SUCCESS;
}

}  // namespace vnpu::runtime
