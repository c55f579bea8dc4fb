#include <gtest/gtest.h>

#include <cstring>
#include <vector>

#include "tests/support/table_builder.h"
#include "tests/vdev/device_code.h"
#include "vdev/dma.h"

namespace vnpu::vdev::test {
namespace {

constexpr size_t kFillBytes = 8 * kPageSize;

class DmaFill : public testing::Test {
 protected:
  DmaFill() {
    InstallHandlersOnce();
    table_.MapRange(target_.data(), kFillBytes, kReadWrite);
  }
  CoreResult Fill(uint64_t dst, uint64_t size, uint32_t value, uint32_t width) {
    vnpu_sqe_memset fill{};
    fill.dst = dst;
    fill.size = size;
    fill.value = value;
    fill.width = width;
    return dma_.Fill(fill);
  }

  Pages target_{kFillBytes};
  TableBuilder table_;
  Core core_;
  Mmu mmu_{table_.data()};
  DmaChannel dma_{-1, &core_, &mmu_};
};

TEST_F(DmaFill, RepeatsTheLowBytes) {
  constexpr uint32_t kValue = 0xa1b2c3d4;
  for (const uint32_t width : {1u, 2u, 4u}) {
    for (const size_t size : {size_t{4}, size_t{12}, size_t{4096}, size_t{20'000}}) {
      std::memset(target_.data(), 0x55, kFillBytes);
      ASSERT_EQ(Fill(target_.va(8), size, kValue, width).status, VNPU_OK);
      for (size_t i = 0; i < kFillBytes; ++i) {
        const bool inside = i >= 8 && i < 8 + size;
        const auto byte = static_cast<unsigned char>(kValue >> (8 * ((i - 8) % width)));
        ASSERT_EQ(target_.data()[i], inside ? byte : 0x55) << i << " width " << width;
      }
    }
  }
}

TEST_F(DmaFill, NothingToFillNeedsNoMapping) { EXPECT_EQ(Fill(64, 0, 1, 4).status, VNPU_OK); }

TEST_F(DmaFill, TargetThatIsNotMapped) {
  table_.UnmapRange(target_.data() + kPageSize, kPageSize);
  const CoreResult result = Fill(target_.va(), 3 * kPageSize, 1, 1);
  EXPECT_EQ(result.status, VNPU_E_DMA_ADDRESS);
  EXPECT_EQ(result.address, target_.va(kPageSize));
  EXPECT_TRUE(result.is_write);
}

TEST_F(DmaFill, MappingThatWentAway) {
  target_.Protect(kPageSize, kPageSize, PROT_READ);
  for (const uint32_t width : {1u, 2u, 4u}) {
    const CoreResult result = Fill(target_.va(), 2 * kPageSize, 1, width);
    EXPECT_EQ(result.status, VNPU_E_DMA_ADDRESS);
    EXPECT_TRUE(result.is_write);
    EXPECT_GE(result.address, target_.va(kPageSize));
    EXPECT_LT(result.address, target_.va(2 * kPageSize));
  }
}

}  // namespace
}  // namespace vnpu::vdev::test
