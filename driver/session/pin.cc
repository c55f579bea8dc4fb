// Pinned host memory of a session.
#include <spdlog/spdlog.h>
#include <sys/mman.h>

#include <atomic>
#include <cerrno>
#include <cstring>

#include "driver/base/memfd.h"
#include "driver/session/memory.h"

namespace vnpu::driver {
namespace {

using firmware::ControlOp;
using firmware::ControlRequest;

// Locking reads pages in; in steps, so that the process's other mappings can change in between and
// the end of the session is noticed.
constexpr size_t kLockStep = 32u << 20;

bool LockInSteps(const SessionContext& context, std::byte* data, size_t size) {
  for (size_t done = 0; done < size; done += kLockStep) {
    const size_t step = std::min(kLockStep, size - done);
    if (context.Aborted()) {
      return false;
    }
    if (mlock(data + done, step) != 0) {
      static std::atomic<bool> reported{false};
      if (!reported.exchange(true)) {
        spdlog::warn(
            "cannot lock pinned host memory ({}): it stays pageable; raise RLIMIT_MEMLOCK or run "
            "vnpud as root",
            std::strerror(errno));
      }
      return false;
    }
  }
  return true;
}

}  // namespace

bool SessionMemory::LockPages(int fd, uint64_t size, HeldMap* lock) const {
  HeldMap map;
  if (context_->HoldMap(fd, size, PROT_READ | PROT_WRITE, &map) != 0 ||
      !LockInSteps(*context_, map->at<>(), size)) {
    return false;
  }
  *lock = std::move(map);
  return true;
}

int SessionMemory::CheckHostMemory(int fd, uint64_t size) const {
  if (size == 0 || size % VNPU_PAGE_SIZE != 0) {
    return -EINVAL;
  }
  if (const int error = CheckMemfd(fd, size); error != 0) {
    return error;
  }
  if (const int error = CheckRoom(); error != 0) {
    return error;
  }
  return size > context_->pin_limit || pinned_bytes_ > context_->pin_limit - size ? -ENOMEM : 0;
}

int SessionMemory::PinMemory(vnpu_ioc_pin* arg, UniqueFd fd) {
  if (arg->flags != 0 || arg->reserved != 0) {
    return -EINVAL;
  }
  if (const int error = CheckHostMemory(fd.get(), arg->size); error != 0) {
    return error;
  }
  Pin pin;
  pin.size = arg->size;
  if (const int error = context_->Hold(std::move(fd), &pin.file); error != 0) {
    return error;
  }
  uint64_t va = 0;
  const uint64_t align = arg->size >= VNPU_HUGE_PAGE_SIZE ? VNPU_HUGE_PAGE_SIZE : VNPU_PAGE_SIZE;
  if (const int error = space_.Reserve(arg->size, align, RangeKind::kPinned, &va); error != 0) {
    return error;
  }
  LockPages(pin.file.get(), pin.size, &pin.lock);
  int error = table_->Map(va, arg->size, kHostBase + (va - space_.base()),
                          vdev::kPteRead | vdev::kPteWrite | vdev::kPteHost);
  if (error == 0) {
    ControlRequest request{};
    request.op = ControlOp::kMap;
    request.map = {va, arg->size, 0, VNPU_PROT_READ | VNPU_PROT_WRITE, 0};
    const int file = pin.file.get();
    error = context_->Call(request, std::span(&file, 1));
    if (error != 0) {
      UndoTable(va, arg->size);
    }
  }
  CountTable();
  if (error != 0) {
    space_.Release(va);
    return error;
  }
  space_.Find(va)->mapped = arg->size;
  pin.pages = Charge(context_->tally(), Counted::kPinnedPages, arg->size / VNPU_PAGE_SIZE);
  pinned_bytes_ += arg->size;
  arg->va = va;
  arg->locked = pin.lock.valid() ? 1 : 0;
  pins_.emplace(va, std::move(pin));
  return 0;
}

int SessionMemory::AddHostObject(vnpu_ioc_pmem_host* arg, UniqueFd fd) {
  if (arg->flags != 0 || arg->locked != 0) {
    return -EINVAL;
  }
  if (const int error = CheckHostMemory(fd.get(), arg->size); error != 0) {
    return error;
  }
  if (arg->size > kHostObjectEnd - next_host_address_) {
    next_host_address_ = kHostObjectBase;
  }
  auto memory = std::make_shared<PhysicalMemory>();
  memory->device = context_->device.index();
  memory->host_address = next_host_address_;
  memory->size = arg->size;
  memory->file = std::move(fd);
  Pmem pmem;
  if (const int error = context_->Hold(&pmem.account); error != 0) {
    return error;
  }
  LockPages(memory->file.get(), arg->size, &pmem.lock);
  arg->locked = pmem.lock.valid() ? 1 : 0;
  pmem.size = arg->size;
  pmem.memory = std::move(memory);
  pmem.object = Charge(context_->tally(), Counted::kPmems);
  pmem.pages = Charge(context_->tally(), Counted::kPinnedPages, arg->size / VNPU_PAGE_SIZE);
  const std::optional<uint32_t> id = pmems_.Insert(std::move(pmem));
  if (!id) {
    return -ENOSPC;
  }
  next_host_address_ += (arg->size + VNPU_HUGE_PAGE_SIZE - 1) & ~uint64_t{VNPU_HUGE_PAGE_SIZE - 1};
  pinned_bytes_ += arg->size;
  arg->pmem_id = *id;
  return 0;
}

int SessionMemory::Unpin(const vnpu_ioc_unpin& arg) {
  if (arg.reserved != 0) {
    return -EINVAL;
  }
  const auto it = pins_.find(arg.va);
  if (it == pins_.end()) {
    return -ENOENT;
  }
  VaRange* range = space_.Find(arg.va);
  const int error = UnmapRange(range, arg.va, range->size, true);
  space_.Release(arg.va);
  pinned_bytes_ -= it->second.size;
  pins_.erase(it);
  return error;
}

}  // namespace vnpu::driver
