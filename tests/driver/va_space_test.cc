#include "driver/mem/va_space.h"

#include <gtest/gtest.h>

#include <cerrno>
#include <map>
#include <random>

namespace vnpu::driver {
namespace {

constexpr uint64_t kBase = uint64_t{1} << 40;
constexpr uint64_t kSize = uint64_t{1} << 30;
constexpr uint64_t kPage = 4096;

TEST(VaSpace, ReservesAlignedAndInside) {
  VaSpace space(kBase, kSize, 100);
  for (const uint64_t align : {kPage, uint64_t{2} << 20, uint64_t{256} << 20}) {
    uint64_t va = 0;
    ASSERT_EQ(space.Reserve(3 * kPage, align, RangeKind::kClient, &va), 0);
    EXPECT_EQ(va % align, 0u);
    EXPECT_NE(space.Find(va, 3 * kPage), nullptr);
    EXPECT_EQ(space.Find(va, 4 * kPage), nullptr);
  }
}

TEST(VaSpace, WantedAddress) {
  VaSpace space(kBase, kSize, 100);
  EXPECT_EQ(space.ReserveAt(kBase + kPage, kPage, RangeKind::kClient), 0);
  EXPECT_EQ(space.ReserveAt(kBase, 2 * kPage, RangeKind::kClient), -EEXIST);
  EXPECT_EQ(space.ReserveAt(kBase + kPage, kPage, RangeKind::kClient), -EEXIST);
  EXPECT_EQ(space.ReserveAt(kBase, kPage, RangeKind::kClient), 0);
  EXPECT_EQ(space.ReserveAt(kBase - kPage, kPage, RangeKind::kClient), -EINVAL);
  EXPECT_EQ(space.ReserveAt(kBase + kSize - kPage, 2 * kPage, RangeKind::kClient), -EINVAL);
  EXPECT_EQ(space.ReserveAt(kBase + kPage, UINT64_MAX - kPage + 1, RangeKind::kClient), -EINVAL);
}

TEST(VaSpace, HugeSizesAndAlignmentsDoNotOverflow) {
  VaSpace space(kBase, kSize, 100);
  uint64_t va = 0;
  EXPECT_EQ(space.Reserve(UINT64_MAX & ~(kPage - 1), kPage, RangeKind::kClient, &va), -ENOMEM);
  EXPECT_EQ(space.Reserve(kPage, uint64_t{1} << 63, RangeKind::kClient, &va), -ENOMEM);
  EXPECT_EQ(space.Reserve(kSize, kPage, RangeKind::kClient, &va), 0);
  EXPECT_EQ(space.Reserve(kPage, kPage, RangeKind::kClient, &va), -ENOMEM);
  EXPECT_EQ(space.Find(UINT64_MAX), nullptr);
  EXPECT_EQ(space.Find(kBase + kPage, UINT64_MAX), nullptr);
}

TEST(VaSpace, ReleaseNeedsTheStartAndNothingMapped) {
  VaSpace space(kBase, kSize, 100);
  uint64_t va = 0;
  ASSERT_EQ(space.Reserve(2 * kPage, kPage, RangeKind::kClient, &va), 0);
  EXPECT_EQ(space.Release(va + kPage), -ENOENT);
  space.Find(va)->mapped = kPage;
  EXPECT_EQ(space.Release(va), -EBUSY);
  space.Find(va)->mapped = 0;
  EXPECT_EQ(space.Release(va), 0);
  EXPECT_EQ(space.Release(va), -ENOENT);
}

TEST(VaSpace, CountIsBounded) {
  VaSpace space(kBase, kSize, 2);
  uint64_t va = 0;
  EXPECT_EQ(space.Reserve(kPage, kPage, RangeKind::kClient, &va), 0);
  EXPECT_EQ(space.Reserve(kPage, kPage, RangeKind::kClient, &va), 0);
  EXPECT_EQ(space.Reserve(kPage, kPage, RangeKind::kClient, &va), -ENOSPC);
  EXPECT_EQ(space.ReserveAt(kBase + kSize / 2, kPage, RangeKind::kClient), -ENOSPC);
}

TEST(VaSpace, RandomUseLeavesOneGap) {
  VaSpace space(kBase, kSize, 10'000);
  std::mt19937 random(3);
  std::map<uint64_t, uint64_t> held;
  for (int step = 0; step < 20'000; ++step) {
    if (random() % 2 == 0 || held.empty()) {
      const uint64_t size = (1 + random() % 2000) * kPage;
      const uint64_t align = kPage << random() % 10;
      uint64_t va = 0;
      const int error = space.Reserve(size, align, RangeKind::kClient, &va);
      if (error == -ENOMEM) {
        continue;
      }
      ASSERT_EQ(error, 0);
      ASSERT_EQ(va % align, 0u);
      ASSERT_TRUE(va >= kBase && va + size <= kBase + kSize);
      const auto next = held.lower_bound(va);
      ASSERT_TRUE(next == held.end() || va + size <= next->first);
      ASSERT_TRUE(next == held.begin() || std::prev(next)->first + std::prev(next)->second <= va);
      held.emplace(va, size);
    } else {
      auto it = std::next(held.begin(), static_cast<long>(random() % held.size()));
      ASSERT_EQ(space.Release(it->first), 0);
      held.erase(it);
    }
  }
  for (const auto& [va, size] : held) {
    ASSERT_EQ(space.Release(va), 0);
  }
  uint64_t va = 0;
  EXPECT_EQ(space.Reserve(kSize, kPage, RangeKind::kClient, &va), 0);
}

}  // namespace
}  // namespace vnpu::driver
