#include "driver/mem/mapped_ranges.h"

#include <gtest/gtest.h>

#include <map>
#include <random>
#include <vector>

namespace vnpu::driver {
namespace {

using Part = MappedRanges::Part;

std::vector<Part> Removed(MappedRanges* ranges, uint64_t va, uint64_t size) {
  std::vector<Part> parts;
  ranges->Remove(va, size, [&](const Part& part) { parts.push_back(part); });
  return parts;
}

TEST(MappedRanges, FindsTheEntryOfAnAddress) {
  MappedRanges ranges;
  ranges.Add({100, 50, 1, 0});
  EXPECT_FALSE(ranges.Find(99));
  ASSERT_TRUE(ranges.Find(100));
  EXPECT_EQ(ranges.Find(149)->object, 1u);
  EXPECT_FALSE(ranges.Find(150));
}

TEST(MappedRanges, NeighboursThatContinueOneAnotherAreOne) {
  MappedRanges ranges;
  ranges.Add({100, 10, 1, 0});
  ranges.Add({120, 10, 1, 20});
  EXPECT_EQ(ranges.count(), 2u);
  ranges.Add({110, 10, 1, 10});
  EXPECT_EQ(ranges.count(), 1u);
  EXPECT_EQ(ranges.Find(125)->size, 30u);
  ranges.Add({130, 10, 2, 30});
  ranges.Add({140, 10, 2, 50});
  EXPECT_EQ(ranges.count(), 3u) << "another object, and another place of it";
}

TEST(MappedRanges, RemovalSplitsEntries) {
  MappedRanges ranges;
  ranges.Add({100, 100, 1, 1000});
  const std::vector<Part> middle = Removed(&ranges, 140, 20);
  ASSERT_EQ(middle.size(), 1u);
  EXPECT_EQ(middle[0].va, 140u);
  EXPECT_EQ(middle[0].size, 20u);
  EXPECT_EQ(middle[0].offset, 1040u);
  EXPECT_EQ(ranges.count(), 2u);
  EXPECT_EQ(ranges.Find(160)->offset, 1060u);
  EXPECT_FALSE(ranges.Find(150));
  EXPECT_EQ(Removed(&ranges, 0, 1000).size(), 2u);
  EXPECT_EQ(ranges.count(), 0u);
}

TEST(MappedRanges, AgreesWithAMapOfPages) {
  constexpr uint64_t kPages = 64;
  MappedRanges ranges;
  std::map<uint64_t, std::pair<uint32_t, uint64_t>> pages;
  std::mt19937 random(1);
  for (int round = 0; round < 5000; ++round) {
    const uint64_t va = random() % kPages;
    const uint64_t size = 1 + random() % (kPages - va);
    const auto first = pages.lower_bound(va);
    if (first == pages.end() || first->first >= va + size) {
      const Part part{va, size, static_cast<uint32_t>(1 + random() % 2), va + random() % 2};
      ranges.Add(part);
      for (uint64_t i = 0; i < size; ++i) {
        pages[va + i] = {part.object, part.offset + i};
      }
    } else {
      uint64_t removed = 0;
      for (const Part& part : Removed(&ranges, va, size)) {
        for (uint64_t i = 0; i < part.size; ++i) {
          EXPECT_EQ(pages[part.va + i], std::pair(part.object, part.offset + i));
        }
        removed += part.size;
      }
      const size_t before = pages.size();
      pages.erase(pages.lower_bound(va), pages.lower_bound(va + size));
      ASSERT_EQ(removed, before - pages.size());
    }
    for (uint64_t page = 0; page < kPages; ++page) {
      ASSERT_EQ(ranges.Find(page).has_value(), pages.contains(page)) << page;
    }
  }
}

}  // namespace
}  // namespace vnpu::driver
