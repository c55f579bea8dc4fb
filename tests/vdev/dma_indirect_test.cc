// Copies whose ends stand in memory, and reductions: what is translated before it is touched.
#include <gtest/gtest.h>

#include <cstring>

#include "tests/support/table_builder.h"
#include "tests/vdev/device_code.h"
#include "vdev/dma.h"

namespace vnpu::vdev::test {
namespace {

class DmaIndirect : public testing::Test {
 protected:
  DmaIndirect() {
    InstallHandlersOnce();
    table_.MapRange(read_only_.data(), kPageSize, kPteRead);
    table_.MapRange(memory_.data(), 4 * kPageSize, kReadWrite);
    std::memset(read_only_.data(), 7, kPageSize);
  }
  // Puts a value where the engine can read it; gives its address.
  template <class T>
  uint64_t Put(size_t offset, const T& value) {
    std::memcpy(memory_.data() + offset, &value, sizeof(value));
    return memory_.va(offset);
  }

  Pages read_only_{kPageSize};
  Pages memory_{4 * kPageSize};
  Pages stranger_{kPageSize};  // of this process, not of the device
  TableBuilder table_;
  Core core_;
  Mmu mmu_{table_.data()};
  DmaChannel dma_{-1, &core_, &mmu_};
};

TEST_F(DmaIndirect, DescriptorSaysEverything) {
  vnpu_sqe_copy copy{};
  copy.copy_flags = VNPU_COPY_DESC;
  copy.src = Put(0, vnpu_copy_desc{memory_.va(1000), read_only_.va(), 100, 0});
  EXPECT_EQ(dma_.Copy(copy).status, VNPU_OK);
  EXPECT_EQ(memory_.data()[1000], 7);
  EXPECT_EQ(memory_.data()[1099], 7);
  EXPECT_EQ(memory_.data()[1100], 0);
}

TEST_F(DmaIndirect, DescriptorElsewhereIsAFault) {
  vnpu_sqe_copy copy{};
  copy.copy_flags = VNPU_COPY_DESC;
  copy.src = stranger_.va();
  const CoreResult result = dma_.Copy(copy);
  EXPECT_EQ(result.status, VNPU_E_DMA_ADDRESS);
  EXPECT_EQ(result.address, stranger_.va());
}

TEST_F(DmaIndirect, DescribedEndsAreTranslatedToo) {
  vnpu_sqe_copy copy{};
  copy.copy_flags = VNPU_COPY_DESC;
  for (const uint64_t bad : {stranger_.va(), read_only_.va()}) {
    copy.src = Put(0, vnpu_copy_desc{bad, memory_.va(64), 8, 0});
    const CoreResult result = dma_.Copy(copy);
    EXPECT_EQ(result.status, VNPU_E_DMA_ADDRESS);
    EXPECT_EQ(result.address, bad);
    EXPECT_TRUE(result.is_write);
  }
}

TEST_F(DmaIndirect, OffsetsAreAddedToPointersInMemory) {
  vnpu_sqe_copy copy{};
  copy.copy_flags = VNPU_COPY_DST_INDIRECT | VNPU_COPY_SRC_INDIRECT;
  copy.dst = Put(0, memory_.va(2000));
  copy.src = Put(8, read_only_.va());
  copy.dst_offset = 48;
  copy.src_offset = 16;
  copy.size = 4;
  EXPECT_EQ(dma_.Copy(copy).status, VNPU_OK);
  EXPECT_EQ(memory_.data()[2047], 0);
  EXPECT_EQ(memory_.data()[2048], 7);
  EXPECT_EQ(memory_.data()[2051], 7);
  EXPECT_EQ(memory_.data()[2052], 0);
  copy.src_offset = kPageSize - 2;  // beyond the end
  EXPECT_EQ(dma_.Copy(copy).status, VNPU_E_DMA_ADDRESS);
}

TEST_F(DmaIndirect, ReductionNeedsBothRights) {
  vnpu_sqe_reduce reduce{};
  reduce.dst = read_only_.va();
  reduce.src = memory_.va();
  reduce.size = 8;
  reduce.type = VNPU_TYPE_INT32;
  CoreResult result = dma_.Reduce(reduce);
  EXPECT_EQ(result.status, VNPU_E_DMA_ADDRESS);
  EXPECT_TRUE(result.is_write);
  reduce.dst = memory_.va();
  reduce.src = stranger_.va();
  result = dma_.Reduce(reduce);
  EXPECT_EQ(result.status, VNPU_E_DMA_ADDRESS);
  EXPECT_FALSE(result.is_write);
  reduce.src = read_only_.va();
  EXPECT_EQ(dma_.Reduce(reduce).status, VNPU_OK);
  EXPECT_EQ(memory_.data()[7], 7);
}

TEST_F(DmaIndirect, RandomNumbersCheckWhatTheyPointTo) {
  vnpu_random random{};
  random.distribution = VNPU_RANDOM_UNIFORM;
  random.type = VNPU_TYPE_UINT32;
  random.result = memory_.va(1024);
  random.counter = memory_.va(512);
  random.count.bits = 16;
  random.second.bits = 1000;
  vnpu_sqe_random task{};
  const auto run = [&](const vnpu_random& params) {
    task.params = Put(0, params);
    return dma_.Random(task).status;
  };
  EXPECT_EQ(run(random), VNPU_OK);
  vnpu_random bad = random;
  bad.counter = stranger_.va();
  EXPECT_EQ(run(bad), VNPU_E_DMA_ADDRESS);
  bad = random;
  bad.result = read_only_.va();
  EXPECT_EQ(run(bad), VNPU_E_DMA_ADDRESS);
  bad = random;
  bad.count.bits = UINT64_MAX;
  EXPECT_EQ(run(bad), VNPU_E_DMA_ADDRESS);
  bad = random;
  bad.seed = {.bits = stranger_.va(), .in_memory = 1, .reserved = 0};
  EXPECT_EQ(run(bad), VNPU_E_DMA_ADDRESS);
  bad = random;
  bad.distribution = VNPU_RANDOM_COUNT;
  EXPECT_EQ(run(bad), VNPU_E_INVALID_SQE);
  bad = random;
  bad.distribution = VNPU_RANDOM_NORMAL;  // of integers
  EXPECT_EQ(run(bad), VNPU_E_INVALID_SQE);
  bad = random;
  bad.first.reserved = 1;
  EXPECT_EQ(run(bad), VNPU_E_INVALID_SQE);
  task.params = stranger_.va();
  EXPECT_EQ(dma_.Random(task).status, VNPU_E_DMA_ADDRESS);
}

}  // namespace
}  // namespace vnpu::vdev::test
