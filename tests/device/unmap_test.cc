// Memory that goes away while tasks use it.
#include "tests/device/device_fixture.h"

namespace vnpu::test {
namespace {

class UnmapWhile : public DeviceTest {
 protected:
  static constexpr uint64_t kOffset = 0x30'0000'0000;
  static constexpr uint64_t kSize = 64u << 20;

  void SetUp() override {
    DeviceTest::SetUp();
    queue_ = &device_.CreateQueue(0);
  }
  // Runs `sqe` and takes the memory away when its first byte has changed. How it ended.
  uint32_t RunAndUnmap(const DeviceMemory& memory, vnpu_sqe sqe) {
    sqe.flags |= VNPU_SQE_CQE;
    EXPECT_TRUE(device_.Publish(*queue_, sqe));
    EXPECT_TRUE(WaitForWord(memory, 0));
    EXPECT_EQ(device_.Unmap(memory.va, memory.size), 0);
    EXPECT_TRUE(device_.Wait(*queue_));
    const auto cqe = queue_->Consume();
    return cqe ? cqe->status : UINT32_MAX;
  }

  QueueClient* queue_ = nullptr;
};

TEST_F(UnmapWhile, KernelWrites) {
  const uint32_t kernel = Function("write_forever");
  for (int i = 0; i < 5; ++i) {
    const DeviceMemory memory = device_.Map(kOffset, kSize);
    EXPECT_EQ(RunAndUnmap(memory, Kernel(kernel, 1, Args2{memory.va, kSize / 8})), VNPU_E_ADDRESS);
    EXPECT_GE(LastException().address, memory.va);
    EXPECT_LT(LastException().address, memory.va + kSize);
    EXPECT_EQ(LastException().is_write, 1u);
  }
}

TEST_F(UnmapWhile, FillRuns) {
  for (int i = 0; i < 10; ++i) {
    const DeviceMemory memory = device_.Map(kOffset, kSize);
    const uint32_t status = RunAndUnmap(memory, Memset(memory.va, kSize, 1, 4));
    EXPECT_TRUE(status == VNPU_E_DMA_ADDRESS || status == VNPU_OK) << status;
  }
}

TEST_F(UnmapWhile, CopyFromTheHostRuns) {
  const std::vector<char> host(kSize, 1);
  for (int i = 0; i < 10; ++i) {
    const DeviceMemory memory = device_.Map(kOffset, kSize);
    const uint32_t status = RunAndUnmap(
        memory,
        Copy(memory.va, reinterpret_cast<uint64_t>(host.data()), kSize, VNPU_COPY_SRC_PAGEABLE));
    EXPECT_TRUE(status == VNPU_E_DMA_ADDRESS || status == VNPU_OK) << status;
  }
}

// Mapping and unmapping go on beside copies that use the memory or not.
TEST_F(UnmapWhile, ManyTimes) {
  constexpr uint64_t kSmall = 1u << 20;
  std::atomic<bool> stop{false};
  uint64_t fine = 0;
  uint64_t faults = 0;
  uint64_t other = 0;
  std::thread thread([&] {
    while (!stop.load()) {
      const uint64_t va = DeviceClient::kWindow + kOffset;
      const uint32_t status = device_.Run(*queue_, Copy(va, data_.va, kSmall));
      ++(status == VNPU_OK ? fine : status == VNPU_E_DMA_ADDRESS ? faults : other);
    }
  });
  for (int i = 0; i < 200; ++i) {
    const DeviceMemory memory = device_.Map(kOffset, kSmall);
    for (int pause = 0; pause < i * 200; ++pause) {
      __builtin_ia32_pause();
    }
    EXPECT_EQ(device_.Unmap(memory.va, memory.size), 0);
  }
  stop.store(true);
  thread.join();
  EXPECT_EQ(other, 0u);
  EXPECT_GT(fine + faults, 0u);
  ExpectHealthy();
}

}  // namespace
}  // namespace vnpu::test
