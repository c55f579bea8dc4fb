#include "driver/session/notifies.h"

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "driver/base/memfd.h"
#include "firmware/device/notify_page.h"

namespace vnpu::driver {
namespace {

using firmware::ControlOp;
using firmware::ControlRequest;
using firmware::kNotifyPageBytes;
using firmware::NotifyPage;

// Never below what stands there: others record at the same time.
void RaiseTo(std::atomic<uint64_t>& count, uint64_t value) {
  uint64_t current = count.load();
  constexpr int kMaxTries = 100;  // users of the page may write anything at any time
  for (int i = 0; i < kMaxTries && current < value; ++i) {
    if (count.compare_exchange_weak(current, value)) {
      return;
    }
  }
}

}  // namespace

NotifyPage& SessionNotifies::Notify::page() const { return *page_map->at<NotifyPage>(); }

SessionNotifies::~SessionNotifies() {
  for (auto& [id, notify] : notifies_) {
    Leave(notify);
  }
}

void SessionNotifies::Leave(Notify& notify) {
  if (notify.shared == nullptr) {
    return;
  }
  if (notify.last_taken != 0) {
    Record(notify, notify.last_taken);
  }
  notify.shared->RemoveUser(context_->entry.id);
  if (notify.creator) {
    table_->Remove(notify.shared.get());
  }
  notify.shared.reset();
  --shared_;
}

void SessionNotifies::Record(Notify& notify, uint64_t seq) {
  RaiseTo(notify.page().count, seq);
  notify.shared->KickOthers(context_->entry.id, context_->signal);
}

int SessionNotifies::Alloc(vnpu_ioc_notify_alloc* arg) {
  if (arg->flags != 0) {
    return -EINVAL;
  }
  Notify notify;
  notify.charge = Charge(context_->tally(), Counted::kEvents);
  const std::optional<uint32_t> id = notifies_.Insert(std::move(notify));
  if (!id) {
    return -ENOSPC;
  }
  arg->notify_id = *id;
  return 0;
}

int SessionNotifies::Free(const vnpu_ioc_notify_free& arg) {
  if (arg.reserved != 0) {
    return -EINVAL;
  }
  Notify* notify = notifies_.Find(arg.notify_id);
  if (notify == nullptr) {
    return -ENOENT;
  }
  ControlRequest request{};
  request.op = ControlOp::kNotifyFree;
  request.notify.notify_id = arg.notify_id;
  const int error = context_->Call(request);
  if (error == 0) {
    Leave(*notify);
    notifies_.Erase(arg.notify_id);
  }
  return error;
}

int SessionNotifies::Reset(const vnpu_ioc_notify_reset& arg) {
  if (arg.flags != 0 || arg.count == 0 || arg.count > VNPU_NOTIFY_BATCH) {
    return -EINVAL;
  }
  const std::span ids(arg.notify_id, arg.count);
  if (std::ranges::any_of(ids, [this](uint32_t id) { return notifies_.Find(id) == nullptr; })) {
    return -ENOENT;
  }
  for (const uint32_t id : ids) {
    ControlRequest request{};
    request.op = ControlOp::kNotifyReset;
    request.notify.notify_id = id;
    if (const int error = context_->Call(request); error != 0) {
      return error;
    }
  }
  return 0;
}

int SessionNotifies::MakePage(Notify* notify, uint32_t kind) {
  UniqueFd file;
  if (const int error = CreateMemfd("vnpu-notify", kNotifyPageBytes, &file); error != 0) {
    return error;
  }
  if (const int error = context_->HoldMap(file.get(), kNotifyPageBytes, PROT_READ | PROT_WRITE,
                                          &notify->page_map);
      error != 0) {
    return error;
  }
  if (const int error = context_->Hold(std::move(file), &notify->page_fd); error != 0) {
    return error;
  }
  return table_->Create(kind, context_->entry.pid, notify->page_fd.get(), &notify->shared);
}

int SessionNotifies::Bind(uint32_t id, bool carry, int page_fd) {
  ControlRequest request{};
  request.op = ControlOp::kNotifyBind;
  request.notify = {id, carry ? 1u : 0u};
  return context_->Call(request, std::span(&page_fd, 1));
}

int SessionNotifies::Share(vnpu_ioc_notify_share* arg) {
  if ((arg->flags & ~VNPU_NOTIFY_ANY_PROCESS) != 0 || arg->kind >= VNPU_NOTIFY_KIND_COUNT ||
      arg->reserved != 0) {
    return -EINVAL;
  }
  Notify* notify = notifies_.Find(arg->notify_id);
  if (notify == nullptr) {
    return -ENOENT;
  }
  if (notify->shared == nullptr) {
    Notify made;
    int error = MakePage(&made, arg->kind);
    if (error == 0) {
      error = Bind(arg->notify_id, /*carry=*/true, made.page_fd.get());
    }
    if (error != 0) {
      if (made.shared != nullptr) {
        table_->Remove(made.shared.get());
      }
      return error;
    }
    made.creator = true;
    made.charge = std::move(notify->charge);
    made.shared->AddUser(context_->entry.id, context_->kick_fd);
    *notify = std::move(made);
    ++shared_;
  } else if (!notify->creator || notify->shared->kind() != arg->kind) {
    return -EINVAL;
  }
  notify->shared->SetAnyProcess((arg->flags & VNPU_NOTIFY_ANY_PROCESS) != 0);
  std::memcpy(arg->key, notify->shared->key().data(), sizeof(arg->key));
  return 0;
}

int SessionNotifies::Allow(const vnpu_ioc_notify_allow& arg) {
  if (arg.count == 0 || arg.count > VNPU_NOTIFY_BATCH) {
    return -EINVAL;
  }
  const std::span pids(arg.pid, arg.count);
  if (std::ranges::any_of(pids, [](uint32_t pid) { return static_cast<int32_t>(pid) <= 0; })) {
    return -EINVAL;
  }
  const Notify* notify = notifies_.Find(arg.notify_id);
  if (notify == nullptr) {
    return -ENOENT;
  }
  return notify->creator ? notify->shared->Allow(pids) : -EINVAL;
}

int SessionNotifies::Open(vnpu_ioc_notify_open* arg) {
  if (arg->reserved != 0 || arg->kind >= VNPU_NOTIFY_KIND_COUNT) {
    return -EINVAL;
  }
  NotifyKey key;
  std::memcpy(key.data(), arg->key, key.size());
  Notify notify;
  const std::shared_ptr<SharedNotify> shared = table_->Find(key, arg->kind);
  if (shared == nullptr) {
    return -ENOENT;
  }
  UniqueFd page_fd;
  if (const int error = shared->Open(context_->entry.pid, &page_fd); error != 0) {
    return error;
  }
  if (const int error = context_->HoldMap(page_fd.get(), kNotifyPageBytes, PROT_READ | PROT_WRITE,
                                          &notify.page_map);
      error != 0) {
    return error;
  }
  notify.charge = Charge(context_->tally(), Counted::kEvents);
  const std::optional<uint32_t> id = notifies_.Insert(std::move(notify));
  if (!id) {
    return -ENOSPC;
  }
  if (const int error = Bind(*id, /*carry=*/false, page_fd.get()); error != 0) {
    notifies_.Erase(*id);
    return error;
  }
  Notify& opened = *notifies_.Find(*id);
  opened.shared = shared;
  ++shared_;
  shared->AddUser(context_->entry.id, context_->kick_fd);
  arg->notify_id = *id;
  return 0;
}

int SessionNotifies::Seq(vnpu_ioc_notify_seq* arg) {
  const bool next = arg->flags == VNPU_NOTIFY_SEQ_NEXT;
  const bool done = arg->flags == VNPU_NOTIFY_SEQ_DONE;
  if ((arg->flags != 0 && !next && !done) || (!done && arg->seq != 0)) {
    return -EINVAL;
  }
  Notify* notify = notifies_.Find(arg->notify_id);
  if (notify == nullptr) {
    return -ENOENT;
  }
  if (notify->shared == nullptr) {
    return -EINVAL;
  }
  if (next) {
    notify->last_taken = notify->shared->NextSeq();
  } else if (done) {
    if (arg->seq == 0 || arg->seq > notify->shared->LastSeq()) {
      return -EINVAL;
    }
    Record(*notify, arg->seq);
  }
  arg->seq = next ? notify->last_taken : notify->shared->LastSeq();
  arg->count = notify->page().count.load();
  return 0;
}

void SessionNotifies::WakePeers() {
  if (shared_ == 0) {
    return;
  }
  for (auto& [id, notify] : notifies_) {
    if (notify.shared != nullptr && notify.page().sleepers.load() != 0 &&
        notify.page().sleepers.exchange(0) != 0) {
      notify.shared->KickOthers(context_->entry.id, context_->signal);
    }
  }
}

void SessionNotifies::Abandon() {
  for (auto& [id, notify] : notifies_) {
    if (notify.shared != nullptr && notify.last_taken != 0) {
      Record(notify, notify.last_taken);
    }
  }
}

}  // namespace vnpu::driver
