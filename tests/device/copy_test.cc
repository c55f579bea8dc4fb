// DMA tasks through the whole device process.
#include <cstring>
#include <random>

#include "tests/device/device_fixture.h"

namespace vnpu::test {
namespace {

class CopyTask : public DeviceTest {
 protected:
  void SetUp() override {
    DeviceTest::SetUp();
    queue_ = &device_.CreateQueue(1);
  }
  static uint64_t Address(const void* data) { return reinterpret_cast<uint64_t>(data); }

  QueueClient* queue_ = nullptr;
};

TEST_F(CopyTask, DeviceToDevice) {
  std::mt19937 random(1);
  for (uint64_t i = 0; i < 1 << 20; ++i) {
    data_.host[i] = static_cast<std::byte>(random());
  }
  ASSERT_EQ(device_.Run(*queue_, Copy(data_.va + (2 << 20) + 5, data_.va, 1 << 20)), VNPU_OK);
  EXPECT_EQ(std::memcmp(data_.host, data_.host + (2 << 20) + 5, 1 << 20), 0);
}

TEST_F(CopyTask, PageableMemoryThereAndBack) {
  std::vector<unsigned char> from(300'000);
  std::mt19937 random(2);
  for (unsigned char& byte : from) {
    byte = static_cast<unsigned char>(random());
  }
  std::vector<unsigned char> to(from.size());
  ASSERT_EQ(device_.Run(*queue_, Copy(data_.va + 3, Address(from.data()), from.size(),
                                      VNPU_COPY_SRC_PAGEABLE)),
            VNPU_OK);
  EXPECT_EQ(std::memcmp(data_.host + 3, from.data(), from.size()), 0);
  ASSERT_EQ(device_.Run(*queue_,
                        Copy(Address(to.data()), data_.va + 3, to.size(), VNPU_COPY_DST_PAGEABLE)),
            VNPU_OK);
  EXPECT_EQ(to, from);
  std::fill(to.begin(), to.end(), 0);
  ASSERT_EQ(device_.Run(*queue_, Copy(Address(to.data()), Address(from.data()), to.size(),
                                      VNPU_COPY_SRC_PAGEABLE | VNPU_COPY_DST_PAGEABLE)),
            VNPU_OK);
  EXPECT_EQ(to, from);
}

TEST_F(CopyTask, Memset) {
  ASSERT_EQ(device_.Run(*queue_, Memset(data_.va + 4, 4096, 0x01020304, 4)), VNPU_OK);
  EXPECT_EQ(*data_.As<uint32_t>(0), 0u);
  EXPECT_EQ(*data_.As<uint32_t>(4), 0x01020304u);
  EXPECT_EQ(*data_.As<uint32_t>(4096), 0x01020304u);
  EXPECT_EQ(*data_.As<uint32_t>(4100), 0u);
}

TEST_F(CopyTask, InOrderWithinAQueue) {
  for (uint64_t i = 1; i <= 1000; ++i) {
    ASSERT_TRUE(device_.Publish(*queue_, Memset(data_.va, 8, static_cast<uint32_t>(i), 4)));
    ASSERT_TRUE(device_.Publish(*queue_, Copy(data_.va + 8 * i, data_.va, 4)));
  }
  ASSERT_TRUE(device_.Wait(*queue_));
  for (uint64_t i = 1; i <= 1000; ++i) {
    ASSERT_EQ(*data_.As<uint32_t>(8 * i), i);
  }
  EXPECT_FALSE(queue_->Consume()) << "no task failed";
}

TEST_F(CopyTask, AddressesThatAreNotMapped) {
  EXPECT_EQ(device_.Run(*queue_, Copy(data_.va, data_.va + data_.size - 8, 16)),
            VNPU_E_DMA_ADDRESS);
  EXPECT_EQ(LastException().address, data_.va + data_.size);
  EXPECT_EQ(LastException().is_write, 0u);
  EXPECT_EQ(device_.Run(*queue_, Memset(data_.va - 1, 2, 1)), VNPU_E_DMA_ADDRESS);
  EXPECT_EQ(LastException().address, data_.va - 1);
  EXPECT_EQ(LastException().is_write, 1u);
  EXPECT_EQ(LastException().unit, VNPU_UNIT_DMA);
  // Memory of the device process itself, and of the client, by a device address.
  EXPECT_EQ(device_.Run(*queue_, Copy(data_.va, Address(this), 8)), VNPU_E_DMA_ADDRESS);
  EXPECT_EQ(device_.Run(*queue_, Copy(data_.va, 0x40'0000, 8)), VNPU_E_DMA_ADDRESS);
  EXPECT_EQ(device_.Run(*queue_, Copy(Address(nullptr), data_.va, 8, VNPU_COPY_DST_PAGEABLE)),
            VNPU_E_DMA_HOST);
  EXPECT_EQ(device_.Run(*queue_, Nop()), VNPU_OK);
}

TEST_F(CopyTask, RightsCount) {
  const DeviceMemory fixed = device_.Map(0, VNPU_PAGE_SIZE, VNPU_PROT_READ);
  EXPECT_EQ(device_.Run(*queue_, Copy(data_.va, fixed.va, 8)), VNPU_OK);
  EXPECT_EQ(device_.Run(*queue_, Memset(fixed.va, 8, 1)), VNPU_E_DMA_ADDRESS);
  ASSERT_EQ(device_.Protect(fixed.va, fixed.size, VNPU_PROT_READ | VNPU_PROT_WRITE), 0);
  EXPECT_EQ(device_.Run(*queue_, Memset(fixed.va, 8, 1)), VNPU_OK);
  ASSERT_EQ(device_.Protect(fixed.va, fixed.size, 0), 0);
  EXPECT_EQ(device_.Run(*queue_, Copy(data_.va, fixed.va, 8)), VNPU_E_DMA_ADDRESS);
}

}  // namespace
}  // namespace vnpu::test
