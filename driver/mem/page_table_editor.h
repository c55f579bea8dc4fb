// Writes a session's page table in the format of vdev/page_table.h.
#ifndef VNPU_DRIVER_MEM_PAGE_TABLE_EDITOR_H_
#define VNPU_DRIVER_MEM_PAGE_TABLE_EDITOR_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <vector>

#include "vdev/page_table.h"

namespace vnpu::driver {

// One page as the table has it.
struct TableLeaf {
  uint64_t va = 0;
  uint64_t pa = 0;
  uint64_t size = 0;   // vdev::kPageSize or vdev::kHugePageSize
  uint64_t flags = 0;  // kPteRead, kPteWrite, kPteExec, kPteHost
};

// The only writer of one table. Readers walk it at the same time, so every entry is one store and
// a node is complete before an entry points to it. Addresses and sizes are whole pages in the
// lower 2^48 bytes. Not thread-safe.
class PageTableEditor {
 public:
  // `table`: vdev::kTableBytes of zeros that outlive the editor. At most `max_nodes` are used.
  explicit PageTableEditor(std::byte* table, uint64_t max_nodes = vdev::kTableMaxNodes);

  // Maps [va, va + size), which must be unmapped, to physical addresses from `pa` on; 2 MiB pages
  // where both addresses and the size allow. -ENOMEM, and nothing mapped: no node is left.
  int Map(uint64_t va, uint64_t size, uint64_t pa, uint64_t flags);

  // Takes away what is mapped in the range and reports each page taken. Huge pages that lie partly
  // in the range are split first; -ENOMEM, and nothing changed, when there is no node for that.
  // Nodes that became empty are set aside until Reclaim.
  int Unmap(uint64_t va, uint64_t size, const std::function<void(const TableLeaf&)>& removed);

  // Gives the pages mapped in the range the rights `rights` (kPteRead | kPteWrite | kPteExec).
  // -ENOMEM as for Unmap.
  int Protect(uint64_t va, uint64_t size, uint64_t rights);

  // Makes the nodes that Unmap emptied usable again; to be called when no reader can be inside
  // of them any more.
  void Reclaim();

  std::optional<TableLeaf> Find(uint64_t va) const;
  bool AllMapped(uint64_t va, uint64_t size) const;
  bool AnyMapped(uint64_t va, uint64_t size) const;

  // Nodes in use, those set aside included.
  uint64_t nodes() const { return nodes_; }
  uint64_t generation() const;

 private:
  // Nodes on the way to an address, by level; 0: none.
  struct Path {
    uint32_t node[vdev::kTableLevels] = {};
  };

  std::atomic<uint64_t>& Entry(const Path& path, int level, uint64_t va) const;
  bool Walk(uint64_t va, int to_level, Path* path) const;
  bool WalkCreate(uint64_t va, int to_level, Path* path);
  uint32_t AllocateNode();
  void Set(const Path& path, int level, uint64_t va, uint64_t entry);
  void Clear(const Path& path, int level, uint64_t va);
  void PruneEmpty(const Path& path, uint64_t va);
  bool Split(uint64_t va);
  bool SplitEnds(uint64_t va, uint64_t end);
  bool MapRegion(uint64_t va, uint64_t end, uint64_t pa, uint64_t flags);
  void Bump();

  template <typename Visit>
  void ForEachLeaf(uint64_t va, uint64_t end, Visit visit) const;

  std::byte* table_;
  uint64_t max_nodes_;
  uint64_t nodes_ = 1;                // the root
  uint32_t next_fresh_;               // nodes from here on were never used
  std::vector<uint32_t> free_nodes_;  // zeroed
  std::vector<uint32_t> set_aside_;
  std::vector<uint16_t> live_;  // present entries of each node
};

}  // namespace vnpu::driver

#endif  // VNPU_DRIVER_MEM_PAGE_TABLE_EDITOR_H_
