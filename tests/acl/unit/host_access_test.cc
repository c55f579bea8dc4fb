#include "libruntime/src/memory/host_access.h"

#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

namespace vnpu::runtime {
namespace {

constexpr size_t kPage = 4096;

class HostAccessTest : public ::testing::Test {
 protected:
  // Four pages.
  void SetUp() override {
    void* const pages =
        mmap(nullptr, 4 * kPage, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    ASSERT_NE(pages, MAP_FAILED);
    begin_ = reinterpret_cast<uint64_t>(pages);
    if (!access_.MayTouch(begin_, 1, false)) {
      GTEST_SKIP() << "this system does not tell (Linux 6.11)";
    }
  }
  void TearDown() override { munmap(Page(0), 4 * kPage); }

  void* Page(uint64_t i) const { return reinterpret_cast<void*>(begin_ + i * kPage); }

  const HostAccess access_;
  uint64_t begin_ = 0;
};

TEST_F(HostAccessTest, KnowsRights) {
  ASSERT_EQ(mprotect(Page(1), kPage, PROT_READ), 0);
  ASSERT_EQ(mprotect(Page(3), kPage, PROT_NONE), 0);
  EXPECT_TRUE(access_.MayTouch(begin_, 3 * kPage, false)) << "of three mappings";
  EXPECT_TRUE(access_.MayTouch(begin_, kPage, true));
  EXPECT_FALSE(access_.MayTouch(begin_, kPage + 1, true));
  EXPECT_TRUE(access_.MayTouch(begin_ + 2 * kPage, kPage, true));
  EXPECT_FALSE(access_.MayTouch(begin_ + 2 * kPage, kPage + 1, false));
}

TEST_F(HostAccessTest, KnowsHoles) {
  ASSERT_EQ(munmap(Page(1), kPage), 0);
  EXPECT_TRUE(access_.MayTouch(begin_, kPage, false));
  EXPECT_FALSE(access_.MayTouch(begin_, 4 * kPage, false));
  EXPECT_FALSE(access_.MayTouch(begin_ + kPage, 1, false));
  EXPECT_FALSE(access_.MayTouch(0, 1, false));
  EXPECT_FALSE(access_.MayTouch(UINT64_MAX - 1, 4, false)) << "past the end of all addresses";
}

TEST_F(HostAccessTest, TakesNoFiles) {
  const int file = memfd_create("file", MFD_CLOEXEC);
  ASSERT_EQ(ftruncate(file, kPage), 0);
  ASSERT_NE(mmap(Page(2), kPage, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, file, 0),
            MAP_FAILED);
  EXPECT_TRUE(access_.MayTouch(begin_, 2 * kPage, true));
  EXPECT_FALSE(access_.MayTouch(begin_, 3 * kPage, true));
  close(file);
}

}  // namespace
}  // namespace vnpu::runtime
