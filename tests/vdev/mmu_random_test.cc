// Random tables against a plain map of pages.
#include <gtest/gtest.h>

#include <map>
#include <random>
#include <vector>

#include "tests/support/table_builder.h"
#include "vdev/mmu.h"

namespace vnpu::vdev::test {
namespace {

constexpr uint64_t kPages = 4 * 512;  // four huge pages of address space

class Reference {
 public:
  explicit Reference(uint64_t base) : base_(base), rights_(kPages) {}

  void Set(uint64_t page, uint64_t count, uint64_t rights) {
    for (uint64_t i = 0; i < count; ++i) {
      rights_[page + i] = rights | kPtePresent;
    }
  }
  void Clear(uint64_t page, uint64_t count) {
    for (uint64_t i = 0; i < count; ++i) {
      rights_[page + i] = 0;
    }
  }
  bool Check(uint64_t va, uint64_t size, uint64_t rights, uint64_t* fault) const {
    for (uint64_t at = va; at < va + size; at = (at | (kPageSize - 1)) + 1) {
      const uint64_t page = (at - base_) / kPageSize;
      const bool inside = at >= base_ && page < kPages;
      if (!inside || (rights_[page] & (rights | kPtePresent)) != (rights | kPtePresent)) {
        *fault = at;
        return false;
      }
    }
    return true;
  }

 private:
  uint64_t base_;
  std::vector<uint64_t> rights_;
};

class MmuRandom : public testing::TestWithParam<uint64_t> {};

TEST_P(MmuRandom, AgreesWithAMapOfPages) {
  std::mt19937_64 random(GetParam());
  const uint64_t base = (random() >> 17) & ~(kHugePageSize - 1);
  TableBuilder table;
  Mmu mmu(table.data());
  Reference reference(base);
  const auto change = [&] {
    const uint64_t region = random() % (kPages / 512);
    const uint64_t rights = random() & kReadWrite;
    const uint64_t va = base + region * kHugePageSize;
    const bool huge = (table.Entry(va, 1).load() & kPteHuge) != 0;
    if (random() % 4 == 0) {
      // Whole region: huge page, or nothing.
      reference.Clear(region * 512, 512);
      table.Entry(va, 1).store(0);
      if (random() % 2 == 0) {
        table.MapHuge(va, random() & (kPteAddressMask - kHugePageSize + 1), rights);
        reference.Set(region * 512, 512, rights);
      }
    } else if (!huge) {
      const uint64_t first = random() % 512;
      const uint64_t count = 1 + random() % (512 - first);
      for (uint64_t i = first; i < first + count; ++i) {
        table.MapPage(va + i * kPageSize, random() & kPteAddressMask, rights);
      }
      reference.Set(region * 512 + first, count, rights);
    }
    table.NewGeneration();
  };
  int yes = 0;
  for (int i = 0; i < 20'000; ++i) {
    if (i % 50 == 0) {
      change();
    }
    const uint64_t va = base + random() % (kPages * kPageSize);
    const uint64_t size = random() % (1ull << (random() % 23));
    const uint64_t rights = random() & kReadWrite;
    uint64_t fault = 0;
    uint64_t expected_fault = va;
    const bool expected = reference.Check(va, size, rights, &expected_fault);
    ASSERT_EQ(mmu.Check(va, size, rights, &fault), expected) << std::hex << va << ' ' << size;
    if (!expected) {
      ASSERT_EQ(fault, expected_fault);
    }
    yes += expected ? 1 : 0;
  }
  EXPECT_GT(yes, 100);
}

INSTANTIATE_TEST_SUITE_P(Seeds, MmuRandom, testing::Range<uint64_t>(1, 9));

}  // namespace
}  // namespace vnpu::vdev::test
