#include "libruntime/src/notify/notify_seat.h"

#include <algorithm>
#include <cerrno>
#include <mutex>
#include <utility>

#include "libruntime/src/base/error.h"
#include "libruntime/src/base/guard.h"
#include "libruntime/src/device/session.h"

namespace vnpu::runtime {
namespace {

// A notify to be freed when the tasks that name it are done. The session's end frees it as well,
// and is not to be put off by it.
struct Leaving {
  std::weak_ptr<Session> session;
  uint32_t id;
  std::vector<TaskPoint> tasks;
};

struct LeavingList {
  std::mutex mutex;
  std::vector<Leaving> seats;
};

LeavingList& GetLeaving() {
  static auto* const leaving = new LeavingList;
  return *leaving;
}

// True when nothing is left to do.
bool TryFree(const Leaving& leaving) {
  const std::shared_ptr<Session> session = leaving.session.lock();
  if (session == nullptr || !session->usable()) {
    return true;
  }
  if (!std::ranges::all_of(leaving.tasks, &TaskPoint::done)) {
    return false;
  }
  vnpu_ioc_notify_free request{};
  request.notify_id = leaving.id;
  return session->Call(VNPU_IOC_NOTIFY_FREE, request) != -EBUSY;
}

void FreeLeaving() {
  LeavingList& leaving = GetLeaving();
  const std::lock_guard lock(leaving.mutex);
  std::erase_if(leaving.seats, TryFree);
}

void NoteTask(NotifySeat* seat, const Submitted& task) {
  const auto known = std::ranges::find(seat->tasks, task.queue, &TaskPoint::queue);
  if (known != seat->tasks.end()) {
    known->task = task.task;
    return;
  }
  std::erase_if(seat->tasks, [](const TaskPoint& point) { return point.done(); });
  seat->tasks.push_back({.queue = task.queue, .task = task.task});
}

aclError FailNone() {
  return Fail(ACL_ERROR_RT_NO_NOTIFY_RESOURCE,
              "all {} notifies of the device are in use; destroy those that are not needed",
              VNPU_MAX_NOTIFIES);
}

}  // namespace

aclError MakeSeat(std::shared_ptr<Session> session, NotifySeat* seat) {
  FreeLeaving();
  vnpu_ioc_notify_alloc request{};
  const int result = session->Call(VNPU_IOC_NOTIFY_ALLOC, request);
  if (result == -ENOSPC) {
    return FailNone();
  }
  if (result < 0) {
    return FailErrno(-result, "the driver gives no notify");
  }
  *seat = {.session = std::move(session), .id = request.notify_id, .tasks = {}};
  return ACL_SUCCESS;
}

aclError OpenSeat(std::shared_ptr<Session> session, const NotifyKey& key, uint32_t kind,
                  NotifySeat* seat) {
  FreeLeaving();
  vnpu_ioc_notify_open request{};
  request.kind = kind;
  std::ranges::copy(key, request.key);
  const int result = session->Call(VNPU_IOC_NOTIFY_OPEN, request);
  switch (result) {
    case 0:
      *seat = {.session = std::move(session), .id = request.notify_id, .tasks = {}};
      return ACL_SUCCESS;
    case -ENOENT:
      return Fail(ACL_ERROR_RT_PARAM_INVALID,
                  "nothing is shared under this key: whoever shared it has destroyed it, or uses "
                  "another driver (embedded drivers are each process's own: use the device node)");
    case -EACCES:
      return Fail(ACL_ERROR_RT_NO_PERMISSION,
                  "this process is not in the list of those that may open it; the exporting "
                  "process has to call aclrtNotifySetImportPid");
    case -ENOSPC:
      return FailNone();
    default:
      return FailErrno(-result, "the driver does not open what is shared under this key");
  }
}

void LeaveSeat(NotifySeat seat) {
  FreeLeaving();
  Leaving leaving{.session = seat.session, .id = seat.id, .tasks = std::move(seat.tasks)};
  if (!TryFree(leaving)) {
    LeavingList& list = GetLeaving();
    const std::lock_guard lock(list.mutex);
    list.seats.push_back(std::move(leaving));
  }
}

aclError ShareSeat(const NotifySeat& seat, uint32_t kind, bool any_process, NotifyKey* key) {
  vnpu_ioc_notify_share request{};
  request.notify_id = seat.id;
  request.flags = any_process ? VNPU_NOTIFY_ANY_PROCESS : 0;
  request.kind = kind;
  if (const int result = seat.session->Call(VNPU_IOC_NOTIFY_SHARE, request); result < 0) {
    return FailErrno(-result, "the driver cannot share it");
  }
  std::ranges::copy(request.key, key->begin());
  return ACL_SUCCESS;
}

aclError SubmitRecord(NotifySeat* seat, Stream* stream, uint32_t mode, uint64_t value,
                      Submitted* submitted) {
  Submitted task;
  VNPU_RETURN_IF_ERROR(Submit<false>(
      stream, 0, 0,
      [&](Slot& slot) {
        slot.sqe->opcode = VNPU_OP_NOTIFY_RECORD;
        slot.sqe->notify.notify_id = seat->id;
        slot.sqe->notify.mode = mode;
        slot.sqe->notify.value = value;
      },
      &task));
  NoteTask(seat, task);
  if (submitted != nullptr) {
    *submitted = task;
  }
  return ACL_SUCCESS;
}

aclError SubmitWait(NotifySeat* seat, Stream* stream, uint32_t mode, uint64_t value, uint32_t flags,
                    uint32_t timeout_us) {
  Submitted task;
  VNPU_RETURN_IF_ERROR(Submit<false>(
      stream, 0, 0,
      [&](Slot& slot) {
        slot.sqe->opcode = VNPU_OP_NOTIFY_WAIT;
        slot.sqe->timeout_us = timeout_us;
        slot.sqe->notify.notify_id = seat->id;
        slot.sqe->notify.mode = mode;
        slot.sqe->notify.value = value;
        slot.sqe->notify.flags = flags;
      },
      &task));
  NoteTask(seat, task);
  return ACL_SUCCESS;
}

}  // namespace vnpu::runtime
