// A page table for tests, written entry by entry.
#ifndef VNPU_TESTS_SUPPORT_TABLE_BUILDER_H_
#define VNPU_TESTS_SUPPORT_TABLE_BUILDER_H_

#include <sys/mman.h>

#include <cstdlib>

#include "vdev/page_table.h"

namespace vnpu::vdev::test {

inline constexpr uint64_t kReadWrite = kPteRead | kPteWrite;

// Writes a table in memory of the caller: kTableBytes of zeros. A walker may read it meanwhile.
class TableWriter {
 public:
  explicit TableWriter(std::byte* table) : table_(table) {}

  const std::byte* data() const { return table_; }

  // Any entry: the one of `va` at `level`. Nodes above it are created.
  std::atomic<uint64_t>& Entry(uint64_t va, int level) {
    uint64_t node = kRootNode;
    for (int above = kTableLevels - 1; above > level; --above) {
      std::atomic<uint64_t>& entry = Node(node).entries[TableIndex(va, above)];
      if (entry.load() == 0) {
        entry.store(++last_node_ * kPageSize | kPtePresent);
      }
      node = (entry.load() & kPteAddressMask) / kPageSize;
    }
    return Node(node).entries[TableIndex(va, level)];
  }

  void MapPage(uint64_t va, uint64_t pa, uint64_t rights) {
    Entry(va, 0).store(pa | rights | kPtePresent);
  }
  void MapHuge(uint64_t va, uint64_t pa, uint64_t rights) {
    Entry(va, 1).store(pa | rights | kPtePresent | kPteHuge);
  }
  // Whole small pages; physical addresses do not matter.
  void MapRange(uint64_t va, uint64_t size, uint64_t rights) {
    for (uint64_t at = 0; at < size; at += kPageSize) {
      MapPage(va + at, va + at, rights);
    }
  }
  void UnmapRange(uint64_t va, uint64_t size) {
    for (uint64_t at = 0; at < size; at += kPageSize) {
      Entry(va + at, 0).store(0);
    }
    NewGeneration();
  }
  void NewGeneration() { reinterpret_cast<TableHeader*>(table_)->generation.fetch_add(1); }

 private:
  TableNode& Node(uint64_t node) {
    return *reinterpret_cast<TableNode*>(table_ + node * kPageSize);
  }

  std::byte* table_;
  uint64_t last_node_ = kRootNode;
};

// A table with memory of its own.
class TableBuilder : public TableWriter {
 public:
  TableBuilder() : TableWriter(Allocate()) {}
  ~TableBuilder() { munmap(const_cast<std::byte*>(data()), kTableBytes); }
  TableBuilder(const TableBuilder&) = delete;
  TableBuilder& operator=(const TableBuilder&) = delete;

  // Memory of this process, at its own address.
  void MapRange(const void* start, uint64_t size, uint64_t rights) {
    TableWriter::MapRange(reinterpret_cast<uint64_t>(start), size, rights);
  }
  void UnmapRange(const void* start, uint64_t size) {
    TableWriter::UnmapRange(reinterpret_cast<uint64_t>(start), size);
  }

 private:
  static std::byte* Allocate() {
    void* memory = mmap(nullptr, kTableBytes, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (memory == MAP_FAILED) {
      std::abort();
    }
    return static_cast<std::byte*>(memory);
  }
};

}  // namespace vnpu::vdev::test

#endif  // VNPU_TESTS_SUPPORT_TABLE_BUILDER_H_
