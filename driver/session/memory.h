// Device memory of one session: reservations, physical objects, page table, pinned memory.
#ifndef VNPU_DRIVER_SESSION_MEMORY_H_
#define VNPU_DRIVER_SESSION_MEMORY_H_

#include <vnpu/ioctl.h>

#include <cstdint>
#include <map>
#include <memory>
#include <vector>

#include "driver/base/id_table.h"
#include "driver/mem/hbm.h"
#include "driver/mem/mapped_ranges.h"
#include "driver/mem/page_table_editor.h"
#include "driver/mem/va_space.h"
#include "driver/session/context.h"

namespace vnpu::driver {

// A physical memory object: device memory, or an imported part of another session's.
struct Pmem {
  std::shared_ptr<const PhysicalMemory> memory;
  uint64_t offset = 0;  // of the part
  uint64_t size = 0;
  uint64_t mapped = 0;              // bytes, each mapping counted
  std::shared_ptr<const void> use;  // of an export; nullptr: not imported
  HeldFd account;                   // for the memory's file
  HeldMap lock;                     // keeps host memory locked
  Charge pages;
  Charge object;
};

// A part of an object that others may import.
struct Export {
  uint32_t pmem_id = 0;
  HeldKey key;
  std::shared_ptr<const void> use;  // the imported objects hold it, too
};

// Pinned host memory.
struct Pin {
  uint64_t size = 0;
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
  int AddHostObject(vnpu_ioc_pmem_host* arg, UniqueFd fd);
  int ExportObject(vnpu_ioc_export* arg);
  int Allow(const vnpu_ioc_share_allow& arg);
  int Unexport(const vnpu_ioc_unexport& arg);
  int Import(vnpu_ioc_import* arg);
  int AddWindow(const vnpu_ioc_window_add& arg);

  // For modules: a range of its own, backed by a new object and mapped read-write.
  int MapModule(uint64_t span, uint64_t* va, Pmem* pmem);
  // Sets the rights (vdev::kPte*) of part of a module's range, in the page table alone.
  int SetModuleRights(uint64_t va, uint64_t size, uint64_t rights);
  // `device_has_it`: the device process has mapped it too.
  int UnmapModule(uint64_t va, Pmem* pmem, bool device_has_it);

 private:
  int CheckRoom() const;
  // The part of the window addresses that `va` lies in, or nullptr.
  VaSpace* SpaceOf(uint64_t va);
  VaRange* FindRange(uint64_t va, uint64_t size = 1);
  int AllocPmem(uint64_t size, bool huge, Pmem* pmem);
  int WriteTable(const Pmem& pmem, uint64_t va, uint64_t offset, uint64_t size, uint64_t rights);
  int MapObject(const Pmem& pmem, VaRange* range, uint64_t va, uint64_t offset, uint64_t size,
                uint32_t prot);
  int UnmapRange(VaRange* range, uint64_t va, uint64_t size, bool device_has_it);
  void UndoTable(uint64_t va, uint64_t size);
  void EndExportsOf(uint32_t pmem_id);
  int CheckHostMemory(int fd, uint64_t size) const;
  // False, and nothing held, when the pages cannot be locked.
  bool LockPages(int fd, uint64_t size, HeldMap* lock) const;
  void CountTable();

  SessionContext* context_;
  VaSpace space_;
  std::vector<std::unique_ptr<VaSpace>> further_spaces_;
  HeldFd table_file_;
  HeldMap table_map_;
  std::unique_ptr<PageTableEditor> table_;
  Charge table_pages_;
  IdTable<Pmem> pmems_;
  MappedRanges mapped_;  // of `pmems_`
  IdTable<Export> exports_;
  std::map<uint64_t, Pin> pins_;             // by va
  std::map<uint64_t, Charge> reservations_;  // of the client, by va
  uint64_t pinned_bytes_ = 0;                // of pins and host objects
  uint64_t next_host_address_ = kHostObjectBase;
};

// User addresses of a process with four-level page tables.
inline constexpr uint64_t kUserAddresses = uint64_t{1} << 47;

constexpr bool ValidWindow(uint64_t base) {
  return base != 0 && base % VNPU_WINDOW_ALIGN == 0 && base <= kUserAddresses - VNPU_WINDOW_SIZE;
}

// True when [offset, offset + size) is whole pages inside `total`, not empty; overflow-safe.
constexpr bool WholePagesInside(uint64_t offset, uint64_t size, uint64_t total) {
  return size != 0 && offset % VNPU_PAGE_SIZE == 0 && size % VNPU_PAGE_SIZE == 0 &&
         offset <= total && size <= total - offset;
}

}  // namespace vnpu::driver

#endif  // VNPU_DRIVER_SESSION_MEMORY_H_
