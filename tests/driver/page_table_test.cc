// The editor against a plain map of pages, seen through the device's own walk.
#include <gtest/gtest.h>

#include <cerrno>
#include <cstdlib>
#include <map>
#include <memory>
#include <random>

#include "driver/mem/page_table_editor.h"
#include "vdev/mmu.h"

namespace vnpu::driver {
namespace {

constexpr uint64_t kPage = vdev::kPageSize;
constexpr uint64_t kHuge = vdev::kHugePageSize;
constexpr uint64_t kBase = uint64_t{1} << 42;
constexpr uint64_t kReadWrite = vdev::kPteRead | vdev::kPteWrite;

class PageTableTest : public testing::Test {
 protected:
  static constexpr uint64_t kNodes = 64;
  struct Free {
    void operator()(void* memory) const { std::free(memory); }
  };

  PageTableTest()
      : table_(static_cast<std::byte*>(std::aligned_alloc(kPage, kNodes * kPage))),
        editor_((std::fill_n(table_.get(), kNodes * kPage, std::byte{0}), table_.get()), kNodes) {}

  std::optional<vdev::Translation> Walk(uint64_t va) const { return vdev::Walk(table_.get(), va); }
  int Unmap(uint64_t va, uint64_t size) {
    const int error = editor_.Unmap(va, size, [](const TableLeaf&) {});
    editor_.Reclaim();
    return error;
  }

  std::unique_ptr<std::byte, Free> table_;
  PageTableEditor editor_;
};

TEST_F(PageTableTest, SmallPages) {
  ASSERT_EQ(editor_.Map(kBase, 3 * kPage, 0x1000, kReadWrite), 0);
  const auto found = Walk(kBase + 2 * kPage + 17);
  ASSERT_TRUE(found);
  EXPECT_EQ(found->pa, 0x3000u);
  EXPECT_EQ(found->size, kPage);
  EXPECT_EQ(found->flags, kReadWrite);
  EXPECT_FALSE(Walk(kBase + 3 * kPage));
}

TEST_F(PageTableTest, HugePagesWhereBothAddressesAllow) {
  ASSERT_EQ(editor_.Map(kBase, 2 * kHuge + kPage, 4 * kHuge, kReadWrite), 0);
  EXPECT_EQ(Walk(kBase)->size, kHuge);
  EXPECT_EQ(Walk(kBase + 2 * kHuge)->size, kPage);
  ASSERT_EQ(editor_.Map(kBase + 4 * kHuge, kHuge, 8 * kHuge + kPage, kReadWrite), 0);
  EXPECT_EQ(Walk(kBase + 4 * kHuge)->size, kPage);
}

TEST_F(PageTableTest, PartialUnmapSplitsAHugePage) {
  ASSERT_EQ(editor_.Map(kBase, kHuge, kHuge, kReadWrite), 0);
  ASSERT_EQ(Unmap(kBase + 5 * kPage, kPage), 0);
  EXPECT_FALSE(Walk(kBase + 5 * kPage));
  EXPECT_EQ(Walk(kBase + 4 * kPage)->pa, kHuge + 4 * kPage);
  EXPECT_EQ(Walk(kBase + 6 * kPage)->pa, kHuge + 6 * kPage);
  EXPECT_EQ(Walk(kBase + 6 * kPage)->size, kPage);
}

TEST_F(PageTableTest, PartialProtectSplitsAHugePage) {
  ASSERT_EQ(editor_.Map(kBase, kHuge, kHuge, kReadWrite), 0);
  ASSERT_EQ(editor_.Protect(kBase, kPage, vdev::kPteRead), 0);
  EXPECT_EQ(Walk(kBase)->flags, vdev::kPteRead);
  EXPECT_EQ(Walk(kBase + kPage)->flags, kReadWrite);
}

TEST_F(PageTableTest, GenerationGrowsWhenARightIsTaken) {
  ASSERT_EQ(editor_.Map(kBase, kPage, kPage, vdev::kPteRead), 0);
  const uint64_t first = editor_.generation();
  ASSERT_EQ(editor_.Protect(kBase, kPage, kReadWrite), 0);
  EXPECT_EQ(editor_.generation(), first);
  ASSERT_EQ(editor_.Protect(kBase, kPage, 0), 0);
  EXPECT_GT(editor_.generation(), first);
  const uint64_t second = editor_.generation();
  ASSERT_EQ(Unmap(kBase, kPage), 0);
  EXPECT_GT(editor_.generation(), second);
}

TEST_F(PageTableTest, NoAccessIsStillMapped) {
  ASSERT_EQ(editor_.Map(kBase, kPage, kPage, 0), 0);
  EXPECT_TRUE(editor_.AllMapped(kBase, kPage));
  EXPECT_EQ(Walk(kBase)->flags, 0u);
}

TEST_F(PageTableTest, EmptyNodesComeBack) {
  EXPECT_EQ(editor_.nodes(), 1u);
  for (int i = 0; i < 1000; ++i) {
    ASSERT_EQ(
        editor_.Map(kBase + static_cast<uint64_t>(i) * (kHuge << 9), kPage, kPage, kReadWrite), 0);
    ASSERT_EQ(Unmap(kBase + static_cast<uint64_t>(i) * (kHuge << 9), kPage), 0);
  }
  EXPECT_EQ(editor_.nodes(), 1u);
}

TEST_F(PageTableTest, EmptiedNodesStayUntouchedUntilReclaimed) {
  ASSERT_EQ(editor_.Map(kBase, kPage, kPage, kReadWrite), 0);
  const uint64_t before = editor_.nodes();
  ASSERT_EQ(editor_.Unmap(kBase, kPage, [](const TableLeaf&) {}), 0);
  EXPECT_EQ(editor_.nodes(), before);
  editor_.Reclaim();
  EXPECT_EQ(editor_.nodes(), 1u);
}

TEST_F(PageTableTest, RunningOutOfNodesChangesNothing) {
  // Each of these needs two nodes of its own below the third level.
  uint64_t va = kBase;
  while (editor_.Map(va, kPage, kPage, kReadWrite) == 0) {
    va += kHuge << 9;
  }
  EXPECT_FALSE(Walk(va));
  editor_.Reclaim();
  const uint64_t full = editor_.nodes();
  EXPECT_GE(full, kNodes - 3);
  EXPECT_EQ(editor_.Map(va, 4 * kHuge, kPage, kReadWrite), -ENOMEM);
  editor_.Reclaim();
  EXPECT_EQ(editor_.nodes(), full);
  EXPECT_FALSE(editor_.AnyMapped(va, 4 * kHuge));
}

TEST_F(PageTableTest, SplitWithoutANodeChangesNothing) {
  ASSERT_EQ(editor_.Map(kBase, kHuge, kHuge, kReadWrite), 0);
  uint64_t va = kBase + kHuge;
  while (editor_.Map(va, kPage, kPage, kReadWrite) == 0) {
    va += kHuge;
  }
  const uint64_t generation = editor_.generation();
  EXPECT_EQ(editor_.Unmap(kBase + kPage, kPage, [](const TableLeaf&) {}), -ENOMEM);
  EXPECT_EQ(Walk(kBase + kPage)->size, kHuge);
  EXPECT_EQ(editor_.generation(), generation);
}

// Random edits; every page of the area is compared with the map after each.
TEST_F(PageTableTest, RandomEdits) {
  constexpr uint64_t kArea = 3 * kHuge;
  std::mt19937 random(7);
  std::map<uint64_t, std::pair<uint64_t, uint64_t>> pages;  // va -> pa, flags
  for (int step = 0; step < 300; ++step) {
    const uint64_t va = kBase + random() % (kArea / kPage) * kPage;
    const uint64_t whole = va / kHuge * kHuge;
    const bool huge = random() % 4 == 0;
    const uint64_t start = huge ? whole : va;
    const uint64_t room = kBase + kArea - start;
    const uint64_t size = huge ? kHuge : std::min(room, (1 + random() % 700) * kPage);
    const uint64_t flags = random() % 2 == 0 ? kReadWrite : vdev::kPteRead;
    switch (random() % 3) {
      case 0:
        if (!editor_.AnyMapped(start, size)) {
          const uint64_t pa =
              huge ? kHuge * (1 + random() % 100) : kPage * (1 + random() % 100'000);
          ASSERT_EQ(editor_.Map(start, size, pa, flags), 0);
          for (uint64_t at = 0; at < size; at += kPage) {
            pages[start + at] = {pa + at, flags};
          }
        }
        break;
      case 1: {
        uint64_t removed = 0;
        ASSERT_EQ(editor_.Unmap(start, size, [&](const TableLeaf& leaf) { removed += leaf.size; }),
                  0);
        editor_.Reclaim();
        const auto first = pages.lower_bound(start);
        const auto last = pages.lower_bound(start + size);
        ASSERT_EQ(removed, static_cast<uint64_t>(std::distance(first, last)) * kPage);
        pages.erase(first, last);
        break;
      }
      default:
        ASSERT_EQ(editor_.Protect(start, size, flags), 0);
        for (auto it = pages.lower_bound(start); it != pages.lower_bound(start + size); ++it) {
          it->second.second = flags;
        }
    }
    for (uint64_t at = kBase; at < kBase + kArea; at += kPage) {
      const auto found = Walk(at);
      const auto want = pages.find(at);
      ASSERT_EQ(found.has_value(), want != pages.end());
      if (found) {
        ASSERT_EQ(found->pa + (at - found->va), want->second.first);
        ASSERT_EQ(found->flags, want->second.second);
      }
    }
  }
}

}  // namespace
}  // namespace vnpu::driver
