#include "libruntime/src/memory/block_pool.h"

#include <bit>

namespace vnpu::runtime {

// Sizes count in units of kAlign: below kSecond units each size has a bin of its own, above, each
// power of two is split evenly.
BlockPool::Bin BlockPool::BinFor(uint64_t units) {
  if (units < kSecond) {
    return {.first = 0, .second = static_cast<uint32_t>(units)};
  }
  const int top = static_cast<int>(std::bit_width(units)) - 1;
  return {.first = static_cast<uint32_t>(top - kSecondBits + 1),
          .second = static_cast<uint32_t>((units >> (top - kSecondBits)) & (kSecond - 1))};
}

void BlockPool::AddRegion(uint64_t base, uint64_t size) {
  Block* block = NewBlock();
  *block = {.address = base, .size = size, .region = base, .free = true};
  Link(block);
  regions_[base] = size;
  first_blocks_[base] = block;
  free_bytes_ += size;
}

void BlockPool::RemoveRegion(uint64_t base) {
  Block* block = first_blocks_.at(base);
  Unlink(block);
  free_bytes_ -= block->size;
  DeleteBlock(block);
  first_blocks_.erase(base);
  regions_.erase(base);
}

uint64_t BlockPool::Allocate(uint64_t size) {
  const uint64_t units = (size + kAlign - 1) / kAlign;
  Block* block = TakeFit(units);
  if (block == nullptr) {
    return 0;
  }
  const uint64_t bytes = units * kAlign;
  if (block->size > bytes) {
    Block* rest = NewBlock();
    *rest = {.address = block->address + bytes,
             .size = block->size - bytes,
             .region = block->region,
             .before = block,
             .after = block->after,
             .free = true};
    if (rest->after != nullptr) {
      rest->after->before = rest;
    }
    block->after = rest;
    block->size = bytes;
    Link(rest);
  }
  block->free = false;
  free_bytes_ -= block->size;
  used_.emplace(block->address, block);
  return block->address;
}

BlockPool::Block* BlockPool::TakeFit(uint64_t units) {
  // Round up to the next bin, whose blocks all fit.
  uint64_t rounded = units;
  if (units >= kSecond) {
    rounded += (uint64_t{1} << (std::bit_width(units) - 1 - kSecondBits)) - 1;
  }
  Bin bin = BinFor(rounded);
  uint32_t seconds = 0;
  if (bin.first < kFirst) {
    seconds = second_map_[bin.first] & (~0u << bin.second);
  }
  if (seconds == 0) {
    const uint64_t firsts =
        bin.first + 1 < kFirst ? first_map_ & (~uint64_t{0} << (bin.first + 1)) : 0;
    if (firsts != 0) {
      bin.first = static_cast<uint32_t>(std::countr_zero(firsts));
      seconds = second_map_[bin.first];
    }
  }
  Block* block = nullptr;
  if (seconds != 0) {
    block = bins_[bin.first][std::countr_zero(seconds)];
  } else {
    // The bin that the size itself falls into may hold one that is just large enough.
    bin = BinFor(units);
    if (bin.first < kFirst) {
      for (block = bins_[bin.first][bin.second]; block != nullptr; block = block->next) {
        if (block->size >= units * kAlign) {
          break;
        }
      }
    }
  }
  if (block != nullptr) {
    Unlink(block);
  }
  return block;
}

std::optional<BlockPool::Freed> BlockPool::Free(uint64_t address) {
  const auto found = used_.find(address);
  if (found == used_.end()) {
    return std::nullopt;
  }
  Block* block = found->second;
  used_.erase(found);
  const uint64_t size = block->size;
  free_bytes_ += size;
  block->free = true;
  if (block->after != nullptr && block->after->free) {
    Unlink(block->after);
    Absorb(block);
  }
  if (block->before != nullptr && block->before->free) {
    block = block->before;
    Unlink(block);
    Absorb(block);
  }
  Link(block);
  return Freed{.size = size,
               .region = block->region,
               .region_empty = block->before == nullptr && block->after == nullptr};
}

std::optional<BlockPool::Range> BlockPool::Find(uint64_t address) const {
  const auto found = used_.find(address);
  if (found == used_.end()) {
    return std::nullopt;
  }
  return Range{.base = address, .size = found->second->size};
}

std::vector<uint64_t> BlockPool::EmptyRegions() const {
  std::vector<uint64_t> empty;
  for (const auto& [base, block] : first_blocks_) {
    if (block->free && block->after == nullptr) {
      empty.push_back(base);
    }
  }
  return empty;
}

std::optional<BlockPool::Range> BlockPool::FindAround(uint64_t address) const {
  if (const std::optional<Range> exact = Find(address)) {
    return exact;
  }
  for (const auto& [base, size] : regions_) {
    if (address - base >= size) {
      continue;
    }
    const Block* block = first_blocks_.at(base);
    while (address - block->address >= block->size) {
      block = block->after;
    }
    return block->free ? std::nullopt : std::optional(Range{block->address, block->size});
  }
  return std::nullopt;
}

void BlockPool::Absorb(Block* left) {
  Block* right = left->after;
  left->size += right->size;
  left->after = right->after;
  if (left->after != nullptr) {
    left->after->before = left;
  }
  DeleteBlock(right);
}

void BlockPool::Link(Block* block) {
  const Bin bin = BinFor(block->size / kAlign);
  Block*& head = bins_[bin.first][bin.second];
  block->prev = nullptr;
  block->next = head;
  if (head != nullptr) {
    head->prev = block;
  }
  head = block;
  second_map_[bin.first] = static_cast<uint8_t>(second_map_[bin.first] | (1u << bin.second));
  first_map_ |= uint64_t{1} << bin.first;
}

void BlockPool::Unlink(Block* block) {
  const Bin bin = BinFor(block->size / kAlign);
  Block*& head = bins_[bin.first][bin.second];
  (block->prev != nullptr ? block->prev->next : head) = block->next;
  if (block->next != nullptr) {
    block->next->prev = block->prev;
  }
  block->prev = block->next = nullptr;
  if (head == nullptr) {
    second_map_[bin.first] = static_cast<uint8_t>(second_map_[bin.first] & ~(1u << bin.second));
    if (second_map_[bin.first] == 0) {
      first_map_ &= ~(uint64_t{1} << bin.first);
    }
  }
}

BlockPool::Block* BlockPool::NewBlock() {
  if (spare_.empty()) {
    return &storage_.emplace_back();
  }
  Block* block = spare_.back();
  spare_.pop_back();
  return block;
}

}  // namespace vnpu::runtime
