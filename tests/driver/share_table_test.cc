#include "driver/core/share_table.h"

#include <gtest/gtest.h>

#include <cerrno>
#include <vector>

namespace vnpu::driver {
namespace {

constexpr pid_t kOwner = 100;
constexpr pid_t kOther = 200;

SharedPart Part() {
  auto memory = std::make_shared<PhysicalMemory>();
  memory->size = 8192;
  return {std::move(memory), 4096, 4096, std::make_shared<char>()};
}

TEST(ShareTable, TheOwnerMayAndOthersWhenNamed) {
  ShareTable table;
  ShareKey key;
  ASSERT_EQ(table.Add(Part(), kOwner, false, false, &key), 0);
  SharedPart part;
  EXPECT_EQ(table.Find(key, kOwner, &part), 0);
  EXPECT_EQ(part.offset, 4096u);
  EXPECT_EQ(table.Find(key, kOther, &part), -EACCES);
  const int32_t named[] = {kOther};
  ASSERT_EQ(table.Allow(key, named), 0);
  EXPECT_EQ(table.Find(key, kOther, &part), 0);
}

TEST(ShareTable, AnyProcessThatKnowsTheKey) {
  ShareTable table;
  ShareKey key;
  ASSERT_EQ(table.Add(Part(), kOwner, true, true, &key), 0);
  SharedPart part;
  EXPECT_EQ(table.Find(key, kOther, &part), 0);
  key[3] = 1;
  EXPECT_EQ(table.Find(key, kOther, &part), -ENOENT);
}

TEST(ShareTable, TooManyNamesChangeNothing) {
  ShareTable table;
  ShareKey key;
  ASSERT_EQ(table.Add(Part(), kOwner, false, false, &key), 0);
  std::vector<int32_t> many;
  for (int32_t pid = 1000; pid < 1000 + static_cast<int32_t>(VNPU_MAX_SHARE_PIDS); ++pid) {
    many.push_back(pid);
  }
  EXPECT_EQ(table.Allow(key, many), -ENOSPC);
  SharedPart part;
  EXPECT_EQ(table.Find(key, 1000, &part), -EACCES);
}

TEST(ShareTable, KeysEndWithTheirHolder) {
  ShareTable table;
  ShareKey key;
  SharedPart part = Part();
  const std::weak_ptr<const PhysicalMemory> memory = part.memory;
  ASSERT_EQ(table.Add(std::move(part), kOwner, false, false, &key), 0);
  {
    HeldKey held(&table, key);
    HeldKey moved = std::move(held);
    held = {};
    EXPECT_EQ(table.Find(key, kOwner, &part), 0);
    part = {};
    EXPECT_FALSE(memory.expired());
  }
  EXPECT_EQ(table.Find(key, kOwner, &part), -ENOENT);
  EXPECT_TRUE(memory.expired());
}

}  // namespace
}  // namespace vnpu::driver
