// Copies between mapped memory.
#include <gtest/gtest.h>

#include <cstring>
#include <random>
#include <vector>

#include "tests/support/table_builder.h"
#include "tests/vdev/device_code.h"
#include "vdev/dma.h"

namespace vnpu::vdev::test {
namespace {

constexpr size_t kCopyBytes = 64 * kPageSize;

class DmaCopy : public testing::Test {
 protected:
  DmaCopy() {
    InstallHandlersOnce();
    table_.MapRange(source_.data(), kCopyBytes, kPteRead);
    table_.MapRange(target_.data(), kCopyBytes, kReadWrite);
    std::mt19937 random(7);
    for (size_t i = 0; i < kCopyBytes; ++i) {
      source_.data()[i] = static_cast<unsigned char>(random());
    }
  }
  CoreResult Copy(uint64_t dst, uint64_t src, uint64_t size) {
    vnpu_sqe_copy copy{};
    copy.dst = dst;
    copy.src = src;
    copy.size = size;
    return dma_.Copy(copy);
  }

  Pages source_{kCopyBytes};
  Pages target_{kCopyBytes};
  TableBuilder table_;
  Core core_;
  Mmu mmu_{table_.data()};
  DmaChannel dma_{-1, &core_, &mmu_};
};

TEST_F(DmaCopy, CopiesExactlyTheRange) {
  std::mt19937 random(11);
  std::vector<unsigned char> expected(kCopyBytes, 0xee);
  std::memset(target_.data(), 0xee, kCopyBytes);
  for (int i = 0; i < 500; ++i) {
    const size_t size = random() % (1u << (random() % 18));
    const size_t from = random() % (kCopyBytes - size + 1);
    const size_t to = random() % (kCopyBytes - size + 1);
    ASSERT_EQ(Copy(target_.va(to), source_.va(from), size).status, VNPU_OK);
    std::memcpy(expected.data() + to, source_.data() + from, size);
    ASSERT_EQ(std::memcmp(target_.data(), expected.data(), kCopyBytes), 0);
  }
}

TEST_F(DmaCopy, RangesThatOverlap) {
  std::vector<unsigned char> expected(source_.data(), source_.data() + kCopyBytes);
  std::memcpy(target_.data(), source_.data(), kCopyBytes);
  ASSERT_EQ(Copy(target_.va(3), target_.va(), 20'000).status, VNPU_OK);
  std::memmove(expected.data() + 3, expected.data(), 20'000);
  ASSERT_EQ(Copy(target_.va(), target_.va(100), 20'000).status, VNPU_OK);
  std::memmove(expected.data(), expected.data() + 100, 20'000);
  EXPECT_EQ(std::memcmp(target_.data(), expected.data(), kCopyBytes), 0);
}

TEST_F(DmaCopy, NothingToCopyNeedsNoMapping) { EXPECT_EQ(Copy(1, 2, 0).status, VNPU_OK); }

TEST_F(DmaCopy, SourceThatIsNotMapped) {
  table_.UnmapRange(source_.data() + 2 * kPageSize, kPageSize);
  std::memset(target_.data(), 0, kCopyBytes);
  const CoreResult result = Copy(target_.va(), source_.va(10), 3 * kPageSize);
  EXPECT_EQ(result.status, VNPU_E_DMA_ADDRESS);
  EXPECT_EQ(result.address, source_.va(2 * kPageSize));
  EXPECT_FALSE(result.is_write);
  EXPECT_EQ(target_.data()[0], 0) << "nothing is copied unless all can be";
}

TEST_F(DmaCopy, TargetThatIsReadOnly) {
  const CoreResult result = Copy(source_.va(5), target_.va(), 10);
  EXPECT_EQ(result.status, VNPU_E_DMA_ADDRESS);
  EXPECT_EQ(result.address, source_.va(5));
  EXPECT_TRUE(result.is_write);
}

TEST_F(DmaCopy, SizeThatWrapsAround) {
  EXPECT_EQ(Copy(target_.va(), source_.va(), UINT64_MAX).status, VNPU_E_DMA_ADDRESS);
  EXPECT_EQ(Copy(target_.va(), UINT64_MAX - 3, 8).status, VNPU_E_DMA_ADDRESS);
}

// Unmapped between the walk and the access.
TEST_F(DmaCopy, MappingThatWentAway) {
  source_.Protect(kPageSize, kPageSize, PROT_NONE);
  CoreResult result = Copy(target_.va(), source_.va(), 2 * kPageSize);
  EXPECT_EQ(result.status, VNPU_E_DMA_ADDRESS);
  EXPECT_GE(result.address, source_.va(kPageSize));
  EXPECT_LT(result.address, source_.va(2 * kPageSize));
  EXPECT_FALSE(result.is_write);
  target_.Protect(0, kPageSize, PROT_READ);
  result = Copy(target_.va(), source_.va(), kPageSize);
  EXPECT_EQ(result.status, VNPU_E_DMA_ADDRESS);
  EXPECT_TRUE(result.is_write);
}

TEST_F(DmaCopy, ThousandsOfFaults) {
  for (int i = 0; i < 5'000; ++i) {
    ASSERT_EQ(Copy(target_.va(), 4096, 100).status, VNPU_E_DMA_ADDRESS);
  }
  EXPECT_EQ(Copy(target_.va(), source_.va(), 100).status, VNPU_OK);
}

}  // namespace
}  // namespace vnpu::vdev::test
