// Memory that a session shares with others, and the addresses for that.
#include <algorithm>
#include <cerrno>

#include "driver/core/limits.h"
#include "driver/session/memory.h"

namespace vnpu::driver {
namespace {

using firmware::ControlOp;
using firmware::ControlRequest;

bool WholeHugePages(const SharedPart& part) {
  return part.memory->huge && part.offset % VNPU_HUGE_PAGE_SIZE == 0 &&
         part.size % VNPU_HUGE_PAGE_SIZE == 0;
}

ShareKey KeyOf(const vnpu_ioc_import& arg) {
  ShareKey key;
  std::ranges::copy(arg.key, key.begin());
  return key;
}

}  // namespace

int SessionMemory::ExportObject(vnpu_ioc_export* arg) {
  constexpr uint32_t kFlags = VNPU_EXPORT_ANY_PROCESS | VNPU_EXPORT_SHORT_KEY;
  if ((arg->flags & ~kFlags) != 0 || arg->reserved != 0) {
    return -EINVAL;
  }
  const Pmem* pmem = pmems_.Find(arg->pmem_id);
  if (pmem == nullptr) {
    return -ENOENT;
  }
  if (!WholePagesInside(arg->offset, arg->size, pmem->size)) {
    return -EINVAL;
  }
  // Who may have it is for the session to say that allocated it.
  if (pmem->use != nullptr || pmem->memory->host_address != 0) {
    return -EACCES;
  }
  Export made;
  made.pmem_id = arg->pmem_id;
  made.use = std::make_shared<char>();
  const std::optional<uint32_t> id = exports_.Insert(std::move(made));
  if (!id) {
    return -ENOSPC;
  }
  Export& entry = *exports_.Find(*id);
  ShareKey key;
  const int error = context_->shares.Add(
      {pmem->memory, arg->offset, arg->size, entry.use}, context_->entry.pid,
      (arg->flags & VNPU_EXPORT_ANY_PROCESS) != 0, (arg->flags & VNPU_EXPORT_SHORT_KEY) != 0, &key);
  if (error != 0) {
    exports_.Erase(*id);
    return error;
  }
  entry.key = HeldKey(&context_->shares, key);
  arg->share_id = *id;
  std::ranges::copy(key, arg->key);
  return 0;
}

int SessionMemory::Allow(const vnpu_ioc_share_allow& arg) {
  if (arg.count == 0 || arg.count > VNPU_SHARE_ALLOW_BATCH) {
    return -EINVAL;
  }
  const std::span pids(arg.pids, arg.count);
  if (std::ranges::any_of(pids, [](int32_t pid) { return pid <= 0; })) {
    return -EINVAL;
  }
  const Export* entry = exports_.Find(arg.share_id);
  return entry != nullptr ? context_->shares.Allow(entry->key.key(), pids) : -ENOENT;
}

int SessionMemory::Unexport(const vnpu_ioc_unexport& arg) {
  if ((arg.flags & ~VNPU_UNEXPORT_IF_UNUSED) != 0) {
    return -EINVAL;
  }
  Export* entry = exports_.Find(arg.share_id);
  if (entry == nullptr) {
    return -ENOENT;
  }
  entry->key = {};
  // With the key gone, nobody can become a further holder.
  if ((arg.flags & VNPU_UNEXPORT_IF_UNUSED) != 0 && entry->use.use_count() > 1) {
    return -EBUSY;
  }
  exports_.Erase(arg.share_id);
  return 0;
}

void SessionMemory::EndExportsOf(uint32_t pmem_id) {
  std::vector<uint32_t> ended;
  for (const auto& [id, entry] : exports_) {
    if (entry.pmem_id == pmem_id) {
      ended.push_back(id);
    }
  }
  for (const uint32_t id : ended) {
    exports_.Erase(id);
  }
}

int SessionMemory::Import(vnpu_ioc_import* arg) {
  if (arg->flags != 0) {
    return -EINVAL;
  }
  SharedPart part;
  if (const int error = context_->shares.Find(KeyOf(*arg), context_->entry.pid, &part);
      error != 0) {
    return error;
  }
  if (const int error = CheckRoom(); error != 0) {
    return error;
  }
  arg->size = part.size;
  arg->device = part.memory->device;
  arg->pmem_flags = WholeHugePages(part) ? VNPU_PMEM_HUGE : 0;
  Pmem pmem;
  if (const int error = context_->Hold(&pmem.account); error != 0) {
    return error;
  }
  pmem.object = Charge(context_->tally(), Counted::kPmems);
  if (part.memory->device == context_->device.index()) {
    pmem.pages = Charge(context_->tally(), Counted::kHbmPages, part.size / VNPU_PAGE_SIZE);
  }
  pmem.memory = std::move(part.memory);
  pmem.offset = part.offset;
  pmem.size = part.size;
  pmem.use = std::move(part.use);
  const std::optional<uint32_t> id = pmems_.Insert(std::move(pmem));
  arg->pmem_id = id.value_or(0);
  return id ? 0 : -ENOSPC;
}

VaSpace* SessionMemory::SpaceOf(uint64_t va) {
  const auto holds = [va](const VaSpace& space) { return va - space.base() < space.size(); };
  if (holds(space_)) {
    return &space_;
  }
  for (const std::unique_ptr<VaSpace>& space : further_spaces_) {
    if (holds(*space)) {
      return space.get();
    }
  }
  return nullptr;
}

VaRange* SessionMemory::FindRange(uint64_t va, uint64_t size) {
  VaSpace* space = SpaceOf(va);
  return space != nullptr ? space->Find(va, size) : nullptr;
}

int SessionMemory::AddWindow(const vnpu_ioc_window_add& arg) {
  if (arg.flags != 0 || !ValidWindow(arg.base)) {
    return -EINVAL;
  }
  const auto overlaps = [&](const VaSpace& space) {
    return arg.base < space.base() + space.size() && space.base() < arg.base + VNPU_WINDOW_SIZE;
  };
  if (overlaps(space_) ||
      std::ranges::any_of(further_spaces_, [&](const auto& space) { return overlaps(*space); })) {
    return -EEXIST;
  }
  if (further_spaces_.size() + 1 >= VNPU_MAX_DEVICES) {
    return -ENOSPC;
  }
  ControlRequest request{};
  request.op = ControlOp::kWindowAdd;
  request.map.va = arg.base;
  request.map.size = VNPU_WINDOW_SIZE;
  if (const int error = context_->Call(request); error != 0) {
    return error;
  }
  further_spaces_.push_back(
      std::make_unique<VaSpace>(arg.base, VNPU_WINDOW_SIZE, kMaxReservations));
  return 0;
}

}  // namespace vnpu::driver
