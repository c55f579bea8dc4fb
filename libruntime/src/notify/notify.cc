#include "libruntime/src/notify/notify.h"

#include <algorithm>
#include <utility>

#include "libruntime/src/base/error.h"
#include "libruntime/src/base/guard.h"
#include "libruntime/src/device/session.h"

namespace vnpu::runtime {
namespace {

constexpr size_t kMaxHandles = 65536;
constinit Slab<Notify, kMaxHandles> notifies;

const char* TypeName(NotifyType type) {
  return type == NotifyType::kSignal ? "notify" : "counting notify";
}

aclError Publish(NotifyType type, bool imported, NotifySeat seat, Notify** notify) {
  Notify* fresh = notifies.Allocate();
  if (fresh == nullptr) {
    LeaveSeat(std::move(seat));
    return Fail(ACL_ERROR_RT_NO_NOTIFY_RESOURCE,
                "too many notifies ({}); destroy those that are not needed", kMaxHandles);
  }
  fresh->type = type;
  fresh->imported = imported;
  fresh->any_process = fresh->exported = false;
  fresh->home = std::move(seat);
  fresh->guests.clear();
  notifies.Publish(fresh);
  *notify = fresh;
  return ACL_SUCCESS;
}

aclError FailReset(const Notify& notify) {
  return Fail(ACL_ERROR_RT_INVALID_HANDLE,
              "the {} went when its device {} was reset or lost; create it again",
              TypeName(notify.type), notify.home.session->index());
}

// With the mutex held: the notify in the session of `stream`.
aclError SeatFor(Notify& notify, const Stream& stream, NotifySeat** seat) {
  if (!notify.home.session->usable()) {
    return FailReset(notify);
  }
  if (notify.home.session == stream.session) {
    *seat = &notify.home;
    return ACL_SUCCESS;
  }
  std::erase_if(notify.guests, [](const NotifySeat& guest) { return !guest.session->usable(); });
  const auto known = std::ranges::find(notify.guests, stream.session, &NotifySeat::session);
  if (known != notify.guests.end()) {
    *seat = &*known;
    return ACL_SUCCESS;
  }
  if (notify.imported) {
    return Fail(ACL_ERROR_RT_PARAM_INVALID,
                "it was imported on device {}, the stream is of device {}; import it there too",
                notify.home.session->index(), stream.session->index());
  }
  NotifyKey key;
  VNPU_RETURN_IF_ERROR(ShareSeat(notify.home, VNPU_NOTIFY_SIGNAL, notify.any_process, &key));
  NotifySeat guest;
  VNPU_RETURN_IF_ERROR(OpenSeat(stream.session, key, VNPU_NOTIFY_SIGNAL, &guest));
  notify.guests.push_back(std::move(guest));
  *seat = &notify.guests.back();
  return ACL_SUCCESS;
}

}  // namespace

aclError NewNotify(NotifyType type, Notify** notify) {
  std::shared_ptr<Session> session;
  VNPU_RETURN_IF_ERROR(CurrentSession(&session));
  NotifySeat seat;
  VNPU_RETURN_IF_ERROR(MakeSeat(std::move(session), &seat));
  return Publish(type, /*imported=*/false, std::move(seat), notify);
}

aclError ImportNotify(const NotifyKey& key, Notify** notify) {
  std::shared_ptr<Session> session;
  VNPU_RETURN_IF_ERROR(CurrentSession(&session));
  NotifySeat seat;
  VNPU_RETURN_IF_ERROR(OpenSeat(std::move(session), key, VNPU_NOTIFY_SIGNAL, &seat));
  return Publish(NotifyType::kSignal, /*imported=*/true, std::move(seat), notify);
}

aclError DestroyNotify(Notify* notify) {
  const std::lock_guard lock(notify->mutex);
  if (!notifies.Retire(notify)) {
    return Fail(ACL_ERROR_RT_INVALID_HANDLE, "the {} is being destroyed by another thread",
                TypeName(notify->type));
  }
  for (NotifySeat& guest : notify->guests) {
    LeaveSeat(std::move(guest));
  }
  notify->guests.clear();
  LeaveSeat(std::exchange(notify->home, {}));
  notifies.Free(notify);
  return ACL_SUCCESS;
}

aclError ResolveNotify(void* handle, NotifyType type, Notify** notify) {
  VNPU_REQUIRE_NOT_NULL(handle);
  *notify = notifies.Resolve(handle);
  if (*notify == nullptr || (*notify)->type != type) {
    return Fail(ACL_ERROR_RT_INVALID_HANDLE, "{} is not a {}, or it was destroyed", handle,
                TypeName(type));
  }
  return ACL_SUCCESS;
}

namespace {

// After a wait without the mutex.
aclError CheckAlive(const Notify& notify) {
  return notify.alive() ? ACL_SUCCESS
                        : Fail(ACL_ERROR_RT_INVALID_HANDLE,
                               "the {} was destroyed by another thread", TypeName(notify.type));
}

// The following are attempts of SubmitWhenRoom.
aclError TryRecord(Notify* notify, Stream* stream, uint32_t mode, uint64_t value) {
  const std::lock_guard lock(notify->mutex);
  VNPU_RETURN_IF_ERROR(CheckAlive(*notify));
  NotifySeat* seat = nullptr;
  VNPU_RETURN_IF_ERROR(SeatFor(*notify, *stream, &seat));
  return SubmitRecord(seat, stream, mode, value);
}

aclError TryWait(Notify* notify, Stream* stream, uint32_t mode, uint64_t value, bool clear,
                 uint32_t timeout_us) {
  const std::lock_guard lock(notify->mutex);
  VNPU_RETURN_IF_ERROR(CheckAlive(*notify));
  if (notify->imported) {
    return Fail(ACL_ERROR_RT_PARAM_INVALID,
                "an imported notify can only be recorded; the process that made it waits");
  }
  if (!notify->home.session->usable()) {
    return FailReset(*notify);
  }
  if (notify->home.session != stream->session) {
    return Fail(ACL_ERROR_RT_PARAM_INVALID,
                "the {} was made on device {}, whose streams can wait for it; the stream is of "
                "device {}",
                TypeName(notify->type), notify->home.session->index(), stream->session->index());
  }
  return SubmitWait(&notify->home, stream, mode, value, clear ? VNPU_NOTIFY_CLEAR : 0, timeout_us);
}

}  // namespace

aclError RecordNotify(Notify* notify, Stream* stream, uint32_t mode, uint64_t value) {
  return SubmitWhenRoom(stream, [&] { return TryRecord(notify, stream, mode, value); });
}

aclError WaitNotify(Notify* notify, Stream* stream, uint32_t mode, uint64_t value, bool clear,
                    uint32_t timeout_us) {
  return SubmitWhenRoom(stream,
                        [&] { return TryWait(notify, stream, mode, value, clear, timeout_us); });
}

aclError ResetNotify(Notify* notify) {
  const std::lock_guard lock(notify->mutex);
  if (notify->imported) {
    return Fail(ACL_ERROR_RT_PARAM_INVALID,
                "an imported notify can only be recorded; the process that made it resets it");
  }
  if (!notify->home.session->usable()) {
    return FailReset(*notify);
  }
  vnpu_ioc_notify_reset request{};
  request.count = 1;
  request.notify_id[0] = notify->home.id;
  const int result = notify->home.session->Call(VNPU_IOC_NOTIFY_RESET, request);
  return result < 0 ? FailErrno(-result, "the driver cannot reset the notify") : ACL_SUCCESS;
}

aclError NotifyId(Notify* notify, uint32_t* id) {
  const std::lock_guard lock(notify->mutex);
  *id = notify->home.id;
  return ACL_SUCCESS;
}

aclError ExportNotify(Notify* notify, bool any_process, NotifyKey* key) {
  const std::lock_guard lock(notify->mutex);
  if (notify->imported) {
    return Fail(ACL_ERROR_RT_PARAM_INVALID,
                "the notify was imported; the process that made it exports it");
  }
  if (!notify->home.session->usable()) {
    return FailReset(*notify);
  }
  VNPU_RETURN_IF_ERROR(ShareSeat(notify->home, VNPU_NOTIFY_SIGNAL, any_process, key));
  notify->any_process = any_process;
  notify->exported = true;
  return ACL_SUCCESS;
}

aclError AllowImport(Notify* notify, std::span<const int32_t> pids) {
  const std::lock_guard lock(notify->mutex);
  if (!notify->exported) {
    return Fail(ACL_ERROR_RT_PARAM_INVALID,
                "the notify has not been exported; call aclrtNotifyGetExportKey first");
  }
  const auto bad = std::ranges::find_if(pids, [](int32_t pid) { return pid <= 0; });
  if (bad != pids.end()) {
    return Fail(ACL_ERROR_RT_PARAM_INVALID, "{} is not a process id", *bad);
  }
  while (!pids.empty()) {
    const auto part = pids.first(std::min<size_t>(pids.size(), VNPU_NOTIFY_BATCH));
    vnpu_ioc_notify_allow request{};
    request.notify_id = notify->home.id;
    request.count = static_cast<uint32_t>(part.size());
    std::ranges::copy(part, request.pid);
    if (const int result = notify->home.session->Call(VNPU_IOC_NOTIFY_ALLOW, request); result < 0) {
      return FailErrno(-result, "the driver cannot take the processes into its list");
    }
    pids = pids.subspan(part.size());
  }
  return ACL_SUCCESS;
}

}  // namespace vnpu::runtime
