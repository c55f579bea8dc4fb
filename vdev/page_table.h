// Page-table format of the virtual device: four levels of 512 entries, 4 KiB and 2 MiB pages.
//
// A session's table lies in one memfd. The driver writes it; the device maps it read-only and
// walks it. Page 0 of the memfd is the header; page n > 0 is a table node; page 1 is the root.
#ifndef VNPU_VDEV_PAGE_TABLE_H_
#define VNPU_VDEV_PAGE_TABLE_H_

#include <atomic>
#include <cstddef>
#include <cstdint>

namespace vnpu::vdev {

inline constexpr uint64_t kPageSize = 4096;
inline constexpr uint64_t kHugePageSize = 2u << 20;
inline constexpr int kTableLevels = 4;  // level 3 is the root, level 0 holds 4 KiB pages
inline constexpr size_t kTableEntries = 512;
inline constexpr uint32_t kRootNode = 1;
inline constexpr uint64_t kTableMaxNodes = 16384;  // nodes of one session's table
inline constexpr uint64_t kTableBytes = kTableMaxNodes * kPageSize;

// Entry: low bits are flags, bits 12..51 the page number of what it points to (a node of the
// table, or physical memory). An entry that is not present is 0.
inline constexpr uint64_t kPtePresent = 1u << 0;
inline constexpr uint64_t kPteRead = 1u << 1;
inline constexpr uint64_t kPteWrite = 1u << 2;
inline constexpr uint64_t kPteExec = 1u << 3;
inline constexpr uint64_t kPteHuge = 1u << 7;  // level 1: a 2 MiB page
inline constexpr uint64_t kPteHost = 1u << 8;  // pinned host memory, not HBM
inline constexpr uint64_t kPteAddressMask = 0x000f'ffff'ffff'f000;

struct TableNode {
  std::atomic<uint64_t> entries[kTableEntries];
};
static_assert(sizeof(TableNode) == kPageSize);

struct TableHeader {
  // Grows with every change that takes a right away; a TLB entry is good for its generation only.
  std::atomic<uint64_t> generation;
};

// Index of `va` in a node of `level`.
constexpr size_t TableIndex(uint64_t va, int level) {
  return (va >> (12 + 9 * level)) & (kTableEntries - 1);
}

}  // namespace vnpu::vdev

#endif  // VNPU_VDEV_PAGE_TABLE_H_
