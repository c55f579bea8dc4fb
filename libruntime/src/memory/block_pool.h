// Sub-allocation of address ranges: two-level segregated free lists with immediate merging.
// Keeps its records beside the memory, which may not be touchable. Not thread-safe.
#ifndef VNPU_LIBRUNTIME_SRC_MEMORY_BLOCK_POOL_H_
#define VNPU_LIBRUNTIME_SRC_MEMORY_BLOCK_POOL_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <unordered_map>
#include <vector>

namespace vnpu::runtime {

class BlockPool {
 public:
  static constexpr uint64_t kAlign = 512;  // of addresses and sizes

  struct Range {
    uint64_t base = 0;
    uint64_t size = 0;
  };

  // Adds memory; base and size are multiples of kAlign and overlap nothing.
  void AddRegion(uint64_t base, uint64_t size);
  // Takes a region back whose blocks are all free.
  void RemoveRegion(uint64_t base);

  // A block of at least `size` bytes (> 0), or 0 when no region has room.
  uint64_t Allocate(uint64_t size);

  struct Freed {
    uint64_t size = 0;    // of the block
    uint64_t region = 0;  // base of the block's region
    bool region_empty = false;
  };
  // Gives back the block that starts at `address`; nothing if there is none.
  std::optional<Freed> Free(uint64_t address);

  // The block in use that starts at `address`.
  std::optional<Range> Find(uint64_t address) const;
  // The block in use that holds `address`. Takes time with the number of blocks unless it starts
  // there.
  std::optional<Range> FindAround(uint64_t address) const;

  // Bases of the regions whose blocks are all free.
  std::vector<uint64_t> EmptyRegions() const;

  uint64_t free_bytes() const { return free_bytes_; }
  size_t regions() const { return regions_.size(); }
  uint64_t region_size(uint64_t base) const { return regions_.at(base); }
  bool has_region(uint64_t base) const { return regions_.contains(base); }

 private:
  struct Block {
    uint64_t address = 0;
    uint64_t size = 0;
    uint64_t region = 0;
    Block* before = nullptr;  // neighbours in the region
    Block* after = nullptr;
    Block* prev = nullptr;  // in the free list
    Block* next = nullptr;
    bool free = false;
  };

  static constexpr int kSecondBits = 3;  // sizes of one power of two are split in eight
  static constexpr int kSecond = 1 << kSecondBits;
  static constexpr uint32_t kFirst = 40;

  struct Bin {
    uint32_t first;
    uint32_t second;
  };
  static Bin BinFor(uint64_t units);
  Block* TakeFit(uint64_t units);
  void Link(Block* block);
  void Unlink(Block* block);
  Block* NewBlock();
  void DeleteBlock(Block* block) { spare_.push_back(block); }
  // Makes `left` cover its right neighbour as well, which then is no more.
  void Absorb(Block* left);

  std::array<std::array<Block*, kSecond>, kFirst> bins_{};
  std::array<uint8_t, kFirst> second_map_{};
  uint64_t first_map_ = 0;
  std::unordered_map<uint64_t, Block*> used_;  // by address
  std::unordered_map<uint64_t, uint64_t> regions_;
  std::unordered_map<uint64_t, Block*> first_blocks_;  // of the regions
  std::deque<Block> storage_;
  std::deque<Block*> spare_;
  uint64_t free_bytes_ = 0;
};

}  // namespace vnpu::runtime

#endif  // VNPU_LIBRUNTIME_SRC_MEMORY_BLOCK_POOL_H_
