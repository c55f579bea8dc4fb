// Device memory of one session: reservations, physical objects, page table, pinned memory.
#ifndef VNPU_DRIVER_SESSION_MEMORY_H_
#define VNPU_DRIVER_SESSION_MEMORY_H_

#include <vnpu/ioctl.h>

#include <cstdint>
#include <map>
#include <memory>

#include "driver/base/id_table.h"
#include "driver/mem/hbm.h"
#include "driver/mem/page_table_editor.h"
#include "driver/mem/va_space.h"
#include "driver/session/context.h"

namespace vnpu::driver {

// A physical memory object: HBM pages and the memory file behind them.
struct Pmem {
  uint64_t size = 0;
  uint64_t mapped = 0;  // bytes, each mapping counted
  HbmBlocks blocks;
  HeldFd file;
  Charge pages;
  Charge object;
};

// Pinned host memory.
struct Pin {
  uint64_t size = 0;
  bool locked = false;
  HeldFd file;
  HeldMap lock;  // keeps the pages locked
  Charge pages;
};

// Every handler answers 0 or -errno, as uapi/vnpu/ioctl.h describes the command. Used by one
// thread at a time.
class SessionMemory {
 public:
  SessionMemory(SessionContext* context, uint64_t window_base);

  // Makes the page table; its descriptor for the device process is read-only.
  int Create();
  int TableReadOnly(UniqueFd* fd) const;

  int Reserve(vnpu_ioc_reserve* arg);
  int Release(const vnpu_ioc_release& arg);
  int Alloc(vnpu_ioc_pmem_alloc* arg);
  int Free(const vnpu_ioc_pmem_free& arg);
  int Map(const vnpu_ioc_map& arg);
  int Unmap(const vnpu_ioc_unmap& arg);
  int Protect(const vnpu_ioc_protect& arg);
  int Query(vnpu_ioc_mem_query* arg);
  int PinMemory(vnpu_ioc_pin* arg, UniqueFd fd);
  int Unpin(const vnpu_ioc_unpin& arg);

  // For modules: a range of its own, backed by a new object and mapped read-write.
  int MapModule(uint64_t span, uint64_t* va, Pmem* pmem);
  // Sets the rights (vdev::kPte*) of part of a module's range, in the page table alone.
  int SetModuleRights(uint64_t va, uint64_t size, uint64_t rights);
  // `device_has_it`: the device process has mapped it too.
  int UnmapModule(uint64_t va, Pmem* pmem, bool device_has_it);

 private:
  // The object that a block of HBM belongs to.
  struct Owner {
    uint64_t bytes = 0;
    Pmem* pmem = nullptr;
    uint32_t id = 0;  // 0: of a module
  };

  int AllocPmem(uint64_t size, bool huge, Pmem* pmem);
  int WriteTable(const Pmem& pmem, uint64_t va, uint64_t offset, uint64_t size, uint64_t rights);
  int MapObject(const Pmem& pmem, VaRange* range, uint64_t va, uint64_t offset, uint64_t size,
                uint32_t prot);
  int UnmapRange(VaRange* range, uint64_t va, uint64_t size, bool device_has_it);
  void UndoTable(uint64_t va, uint64_t size);
  void AddBlocks(Pmem* pmem, uint32_t id);
  void RemoveBlocks(const Pmem& pmem);
  const Owner* FindByAddress(uint64_t pa) const;
  void LockPages(Pin* pin) const;
  void CountTable();

  SessionContext* context_;
  VaSpace space_;
  HeldFd table_file_;
  HeldMap table_map_;
  std::unique_ptr<PageTableEditor> table_;
  Charge table_pages_;
  IdTable<Pmem> pmems_;
  std::map<uint64_t, Owner> by_address_;     // by physical address of the block
  std::map<uint64_t, Pin> pins_;             // by va
  std::map<uint64_t, Charge> reservations_;  // of the client, by va
  uint64_t pinned_bytes_ = 0;
};

// True when [offset, offset + size) is whole pages inside `total`, not empty; overflow-safe.
constexpr bool WholePagesInside(uint64_t offset, uint64_t size, uint64_t total) {
  return size != 0 && offset % VNPU_PAGE_SIZE == 0 && size % VNPU_PAGE_SIZE == 0 &&
         offset <= total && size <= total - offset;
}

}  // namespace vnpu::driver

#endif  // VNPU_DRIVER_SESSION_MEMORY_H_
