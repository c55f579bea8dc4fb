#include "driver/session/memory.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <bit>
#include <cerrno>

#include "driver/base/memfd.h"
#include "driver/core/limits.h"

namespace vnpu::driver {
namespace {

using firmware::ControlOp;
using firmware::ControlRequest;

constexpr uint64_t PteRights(uint32_t prot) {
  return ((prot & VNPU_PROT_READ) != 0 ? vdev::kPteRead : 0) |
         ((prot & VNPU_PROT_WRITE) != 0 ? vdev::kPteWrite : 0);
}

constexpr uint32_t ProtOf(uint64_t flags) {
  return ((flags & vdev::kPteRead) != 0 ? VNPU_PROT_READ : 0) |
         ((flags & vdev::kPteWrite) != 0 ? VNPU_PROT_WRITE : 0);
}

constexpr bool ValidProt(uint32_t prot) {
  return (prot & ~(VNPU_PROT_READ | VNPU_PROT_WRITE)) == 0;
}

constexpr uint64_t DefaultAlign(uint64_t size) {
  return size >= VNPU_HUGE_PAGE_SIZE ? VNPU_HUGE_PAGE_SIZE : VNPU_PAGE_SIZE;
}

// Page-aligned range whose end does not overflow.
constexpr bool WholePages(uint64_t va, uint64_t size) {
  return WholePagesInside(va, size, UINT64_MAX & ~uint64_t{VNPU_PAGE_SIZE - 1});
}

ControlRequest RangeRequest(ControlOp op, uint64_t va, uint64_t size, uint64_t offset,
                            uint32_t prot) {
  ControlRequest request{};
  request.op = op;
  request.map = {va, size, offset, prot, 0};
  return request;
}

}  // namespace

SessionMemory::SessionMemory(SessionContext* context, uint64_t window_base)
    : context_(context),
      space_(window_base, VNPU_WINDOW_SIZE, kMaxReservations),
      pmems_(1, VNPU_MAX_PMEMS),
      exports_(1, VNPU_MAX_SHARES) {}

int SessionMemory::Create() {
  UniqueFd fd;
  if (const int error = CreateMemfd("vnpu-table", vdev::kTableBytes, &fd); error != 0) {
    return error;
  }
  if (const int error = context_->Hold(std::move(fd), &table_file_); error != 0) {
    return error;
  }
  if (const int error = context_->HoldMap(table_file_.get(), vdev::kTableBytes,
                                          PROT_READ | PROT_WRITE, &table_map_);
      error != 0) {
    return error;
  }
  // This mapping stays writable; no later one can be.
  if (fcntl(table_file_.get(), F_ADD_SEALS, F_SEAL_FUTURE_WRITE | F_SEAL_SEAL) != 0) {
    return -errno;
  }
  table_ = std::make_unique<PageTableEditor>(table_map_->at<>());
  table_pages_ = Charge(context_->tally(), Counted::kTablePages, table_->nodes());
  return 0;
}

int SessionMemory::TableReadOnly(UniqueFd* fd) const {
  const std::string path = fmt::format("/proc/self/fd/{}", table_file_.get());
  fd->reset(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  return fd->valid() ? 0 : -errno;
}

void SessionMemory::CountTable() { table_pages_.Set(table_->nodes()); }

// Reservations -------------------------------------------------------------------------------

int SessionMemory::Reserve(vnpu_ioc_reserve* arg) {
  const uint64_t align = arg->align != 0 ? arg->align : DefaultAlign(arg->size);
  if (arg->flags != 0 || arg->size == 0 || arg->size % VNPU_PAGE_SIZE != 0 ||
      !std::has_single_bit(align) || align < VNPU_PAGE_SIZE) {
    return -EINVAL;
  }
  if (reservations_.size() >= kMaxReservations) {
    return -ENOSPC;
  }
  int error = 0;
  if (arg->va != 0) {
    VaSpace* space = SpaceOf(arg->va);
    error = space != nullptr && arg->va % align == 0
                ? space->ReserveAt(arg->va, arg->size, RangeKind::kClient)
                : -EINVAL;
  } else {
    error = space_.Reserve(arg->size, align, RangeKind::kClient, &arg->va);
  }
  if (error == 0) {
    reservations_.emplace(arg->va, Charge(context_->tally(), Counted::kReservations));
  }
  return error;
}

int SessionMemory::Release(const vnpu_ioc_release& arg) {
  if (arg.reserved != 0) {
    return -EINVAL;
  }
  const auto it = reservations_.find(arg.va);
  if (it == reservations_.end()) {
    return -ENOENT;
  }
  const int error = SpaceOf(arg.va)->Release(arg.va);
  if (error == 0) {
    reservations_.erase(it);
  }
  return error;
}

// Physical objects ---------------------------------------------------------------------------

int SessionMemory::AllocPmem(uint64_t size, bool huge, Pmem* pmem) {
  if (context_->device.faults().hbm_alloc.Hit()) {
    return -ENOMEM;
  }
  auto memory = std::make_shared<PhysicalMemory>();
  memory->device = context_->device.index();
  memory->size = size;
  memory->huge = huge;
  if (const int error = context_->device.hbm().Allocate(size, huge, &memory->blocks, &memory->file);
      error != 0) {
    return error;
  }
  pmem->memory = std::move(memory);
  pmem->size = size;
  pmem->pages = Charge(context_->tally(), Counted::kHbmPages, size / VNPU_PAGE_SIZE);
  return context_->Hold(&pmem->account);
}

int SessionMemory::CheckRoom() const {
  return pmems_.size() + pins_.size() < VNPU_MAX_PMEMS ? 0 : -ENOSPC;
}

int SessionMemory::Alloc(vnpu_ioc_pmem_alloc* arg) {
  const bool huge = (arg->flags & VNPU_PMEM_HUGE) != 0;
  const uint64_t page = huge ? VNPU_HUGE_PAGE_SIZE : VNPU_PAGE_SIZE;
  if ((arg->flags & ~VNPU_PMEM_HUGE) != 0 || arg->reserved != 0 || arg->size == 0 ||
      arg->size % page != 0) {
    return -EINVAL;
  }
  if (arg->size > kMaxPmemBytes) {
    return -ENOMEM;
  }
  if (const int error = CheckRoom(); error != 0) {
    return error;
  }
  Pmem pmem;
  if (const int error = AllocPmem(arg->size, huge, &pmem); error != 0) {
    return error;
  }
  pmem.object = Charge(context_->tally(), Counted::kPmems);
  arg->pa = pmem.memory->Address(pmem.memory->blocks.blocks().front());
  const std::optional<uint32_t> id = pmems_.Insert(std::move(pmem));
  if (!id) {
    return -ENOSPC;
  }
  arg->pmem_id = *id;
  return 0;
}

int SessionMemory::Free(const vnpu_ioc_pmem_free& arg) {
  if (arg.reserved != 0) {
    return -EINVAL;
  }
  const Pmem* pmem = pmems_.Find(arg.pmem_id);
  if (pmem == nullptr) {
    return -ENOENT;
  }
  if (pmem->mapped != 0) {
    return -EBUSY;
  }
  EndExportsOf(arg.pmem_id);
  if (pmem->memory->host_address != 0) {
    pinned_bytes_ -= pmem->size;
  }
  pmems_.Erase(arg.pmem_id);
  return 0;
}

// Mapping ------------------------------------------------------------------------------------

void SessionMemory::UndoTable(uint64_t va, uint64_t size) {
  // Whole mappings are taken back, so no huge page has to be split and nothing can fail.
  table_->Unmap(va, size, [](const TableLeaf&) {});
  table_->Reclaim();
  CountTable();
}

// Writes the entries for [offset, offset + size) of an object, block by block.
int SessionMemory::WriteTable(const Pmem& pmem, uint64_t va, uint64_t offset, uint64_t size,
                              uint64_t rights) {
  if (pmem.memory->host_address != 0) {
    const int error =
        table_->Map(va, size, pmem.memory->host_address + offset, rights | vdev::kPteHost);
    CountTable();
    return error;
  }
  uint64_t done = 0;
  uint64_t block_start = 0;  // offset of the block in the memory
  for (const Block& block : pmem.memory->blocks.blocks()) {
    const uint64_t block_bytes = block.pages() * VNPU_PAGE_SIZE;
    const uint64_t at = pmem.offset + offset + done;
    if (done < size && at < block_start + block_bytes) {
      const uint64_t skip = at - block_start;
      const uint64_t part = std::min(size - done, block_bytes - skip);
      if (table_->Map(va + done, part, pmem.memory->Address(block) + skip, rights) != 0) {
        UndoTable(va, done);
        return -ENOMEM;
      }
      done += part;
    }
    block_start += block_bytes;
  }
  CountTable();
  return 0;
}

int SessionMemory::MapObject(const Pmem& pmem, VaRange* range, uint64_t va, uint64_t offset,
                             uint64_t size, uint32_t prot) {
  if (const int error = WriteTable(pmem, va, offset, size, PteRights(prot)); error != 0) {
    return error;
  }
  const int fd = pmem.memory->file.get();
  const ControlRequest request =
      RangeRequest(ControlOp::kMap, va, size, pmem.offset + offset, prot);
  const int error = context_->Call(request, std::span(&fd, 1));
  if (error != 0) {
    UndoTable(va, size);
    return error;
  }
  range->mapped += size;
  return 0;
}

int SessionMemory::Map(const vnpu_ioc_map& arg) {
  if (!ValidProt(arg.prot) || !WholePages(arg.va, arg.size)) {
    return -EINVAL;
  }
  Pmem* pmem = pmems_.Find(arg.pmem_id);
  if (pmem == nullptr) {
    return -ENOENT;
  }
  if (!WholePagesInside(arg.offset, arg.size, pmem->size)) {
    return -EINVAL;
  }
  VaRange* range = FindRange(arg.va, arg.size);
  if (range == nullptr) {
    return -ENOENT;
  }
  if (range->kind != RangeKind::kClient) {
    return -EACCES;
  }
  if (table_->AnyMapped(arg.va, arg.size)) {
    return -EEXIST;
  }
  const int error = MapObject(*pmem, range, arg.va, arg.offset, arg.size, arg.prot);
  if (error == 0) {
    pmem->mapped += arg.size;
    mapped_.Add({arg.va, arg.size, arg.pmem_id, arg.offset});
  }
  return error;
}

// Entries first, then the device: between the two a new translation fails and an old one is stale
// by its generation.
int SessionMemory::UnmapRange(VaRange* range, uint64_t va, uint64_t size, bool device_has_it) {
  if (const int split = table_->Unmap(va, size, [](const TableLeaf&) {}); split != 0) {
    return split;
  }
  mapped_.Remove(va, size, [this](const MappedRanges::Part& part) {
    pmems_.Find(part.object)->mapped -= part.size;
  });
  range->mapped -= size;
  int error = 0;
  if (device_has_it) {
    error = context_->Call(RangeRequest(ControlOp::kUnmap, va, size, 0, 0));
    if (error != 0 && !context_->process->dead()) {
      context_->process->Kill("cannot unmap memory");
      error = -EIO;
    }
  }
  table_->Reclaim();
  CountTable();
  return error;
}

int SessionMemory::Unmap(const vnpu_ioc_unmap& arg) {
  if (!WholePages(arg.va, arg.size)) {
    return -EINVAL;
  }
  VaRange* range = FindRange(arg.va, arg.size);
  if (range == nullptr || range->mapped < arg.size) {
    return -ENOENT;
  }
  if (range->kind != RangeKind::kClient) {
    return -EACCES;
  }
  if (!table_->AllMapped(arg.va, arg.size)) {
    return -ENOENT;
  }
  return UnmapRange(range, arg.va, arg.size, true);
}

int SessionMemory::Protect(const vnpu_ioc_protect& arg) {
  if (arg.reserved != 0 || !ValidProt(arg.prot) || !WholePages(arg.va, arg.size)) {
    return -EINVAL;
  }
  const VaRange* range = FindRange(arg.va, arg.size);
  if (range == nullptr || range->mapped < arg.size) {
    return -ENOENT;
  }
  if (range->kind != RangeKind::kClient) {
    return -EACCES;
  }
  if (!table_->AllMapped(arg.va, arg.size)) {
    return -ENOENT;
  }
  if (const int error = table_->Protect(arg.va, arg.size, PteRights(arg.prot)); error != 0) {
    return error;
  }
  CountTable();
  const int error =
      context_->Call(RangeRequest(ControlOp::kProtect, arg.va, arg.size, 0, arg.prot));
  if (error != 0 && !context_->process->dead()) {
    context_->process->Kill("cannot protect memory");
    return -EIO;
  }
  return error;
}

int SessionMemory::Query(vnpu_ioc_mem_query* arg) {
  const uint64_t va = arg->va;
  *arg = {};
  arg->va = va;
  const VaRange* range = FindRange(va);
  if (range == nullptr) {
    return 0;
  }
  arg->base = range->va;
  arg->size = range->size;
  arg->kind = VNPU_MEM_RESERVED;
  const std::optional<TableLeaf> leaf = table_->Find(va);
  if (!leaf) {
    return 0;
  }
  arg->kind = (leaf->flags & vdev::kPteHost) != 0 ? VNPU_MEM_PINNED
              : range->kind == RangeKind::kClient ? VNPU_MEM_DEVICE
                                                  : VNPU_MEM_MODULE;
  arg->pa = leaf->pa + (va - leaf->va);
  arg->prot = ProtOf(leaf->flags);
  arg->page_size = static_cast<uint32_t>(leaf->size);
  const std::optional<MappedRanges::Part> part = mapped_.Find(va);
  arg->pmem_id = part ? part->object : 0;
  return 0;
}

// Modules ------------------------------------------------------------------------------------

int SessionMemory::MapModule(uint64_t span, uint64_t* va, Pmem* pmem) {
  if (const int error = AllocPmem(span, false, pmem); error != 0) {
    return error;
  }
  if (const int error = space_.Reserve(span, DefaultAlign(span), RangeKind::kModule, va);
      error != 0) {
    return error;
  }
  const int error =
      MapObject(*pmem, space_.Find(*va), *va, 0, span, VNPU_PROT_READ | VNPU_PROT_WRITE);
  if (error != 0) {
    space_.Release(*va);
    return error;
  }
  pmem->mapped = span;
  return 0;
}

int SessionMemory::SetModuleRights(uint64_t va, uint64_t size, uint64_t rights) {
  const int error = table_->Protect(va, size, rights);
  CountTable();
  return error;
}

int SessionMemory::UnmapModule(uint64_t va, Pmem* pmem, bool device_has_it) {
  VaRange* range = space_.Find(va);
  const int error = UnmapRange(range, va, range->size, device_has_it);
  pmem->mapped = 0;
  space_.Release(va);
  return error;
}

}  // namespace vnpu::driver
