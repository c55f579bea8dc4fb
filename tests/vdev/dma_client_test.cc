// Copies from and to pageable memory of a client; this process is its own client.
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstring>
#include <thread>

#include "tests/support/table_builder.h"
#include "tests/vdev/device_code.h"
#include "vdev/dma.h"

namespace vnpu::vdev::test {
namespace {

constexpr size_t kClientBytes = 16 * kPageSize;

class DmaClient : public testing::Test {
 protected:
  DmaClient() {
    InstallHandlersOnce();
    table_.MapRange(device_.data(), kClientBytes, kReadWrite);
    for (size_t i = 0; i < kClientBytes; ++i) {
      host_.data()[i] = static_cast<unsigned char>(i * 7 + i / 256);
    }
  }
  static vnpu_sqe_copy Task(uint64_t dst, uint64_t src, uint64_t size, uint32_t flags) {
    vnpu_sqe_copy copy{};
    copy.dst = dst;
    copy.src = src;
    copy.size = size;
    copy.copy_flags = flags;
    return copy;
  }
  CoreResult FromHost(uint64_t dst, uint64_t src, uint64_t size) {
    return dma_.Copy(Task(dst, src, size, VNPU_COPY_SRC_PAGEABLE));
  }
  CoreResult ToHost(uint64_t dst, uint64_t src, uint64_t size) {
    return dma_.Copy(Task(dst, src, size, VNPU_COPY_DST_PAGEABLE));
  }
  CoreResult HostToHost(uint64_t dst, uint64_t src, uint64_t size) {
    return dma_.Copy(Task(dst, src, size, VNPU_COPY_SRC_PAGEABLE | VNPU_COPY_DST_PAGEABLE));
  }

  Pages host_{kClientBytes};
  Pages other_{kClientBytes};
  Pages device_{kClientBytes};
  TableBuilder table_;
  Core core_;
  Mmu mmu_{table_.data()};
  DmaChannel dma_{getpid(), &core_, &mmu_};
};

TEST_F(DmaClient, ThereAndBack) {
  constexpr size_t kSize = 5 * kPageSize + 123;
  ASSERT_EQ(FromHost(device_.va(11), host_.va(3), kSize).status, VNPU_OK);
  EXPECT_EQ(std::memcmp(device_.data() + 11, host_.data() + 3, kSize), 0);
  EXPECT_EQ(device_.data()[10], 0);
  EXPECT_EQ(device_.data()[11 + kSize], 0);
  ASSERT_EQ(ToHost(other_.va(1), device_.va(11), kSize).status, VNPU_OK);
  EXPECT_EQ(std::memcmp(other_.data() + 1, host_.data() + 3, kSize), 0);
  EXPECT_EQ(other_.data()[1 + kSize], 0);
}

TEST_F(DmaClient, HostToHost) {
  constexpr size_t kSize = 40'001;
  ASSERT_EQ(HostToHost(other_.va(1), host_.va(), kSize).status, VNPU_OK);
  EXPECT_EQ(std::memcmp(other_.data() + 1, host_.data(), kSize), 0);
  EXPECT_EQ(other_.data()[1 + kSize], 0);
}

TEST_F(DmaClient, DeviceAddressIsCheckedFirst) {
  CoreResult result = FromHost(device_.va(kClientBytes - 10), host_.va(), 11);
  EXPECT_EQ(result.status, VNPU_E_DMA_ADDRESS);
  EXPECT_EQ(result.address, device_.va(kClientBytes));
  EXPECT_TRUE(result.is_write);
  result = ToHost(other_.va(), device_.va(kClientBytes), 1);
  EXPECT_EQ(result.status, VNPU_E_DMA_ADDRESS);
  EXPECT_FALSE(result.is_write);
  EXPECT_EQ(other_.data()[0], 0);
}

TEST_F(DmaClient, HostMemoryThatCannotBeRead) {
  host_.Protect(2 * kPageSize, kPageSize, PROT_NONE);
  CoreResult result = FromHost(device_.va(), host_.va(100), 3 * kPageSize);
  EXPECT_EQ(result.status, VNPU_E_DMA_HOST);
  EXPECT_EQ(result.address, host_.va(2 * kPageSize));
  EXPECT_FALSE(result.is_write);
  result = HostToHost(other_.va(), host_.va(100), 3 * kPageSize);
  EXPECT_EQ(result.status, VNPU_E_DMA_HOST);
  EXPECT_EQ(result.address, host_.va(2 * kPageSize));
  EXPECT_EQ(FromHost(device_.va(), 0, 1).status, VNPU_E_DMA_HOST);
  EXPECT_EQ(FromHost(device_.va(), UINT64_MAX - 8, 4).status, VNPU_E_DMA_HOST);
}

TEST_F(DmaClient, HostMemoryThatCannotBeWritten) {
  other_.Protect(kPageSize, kPageSize, PROT_READ);
  CoreResult result = ToHost(other_.va(), device_.va(), 2 * kPageSize);
  EXPECT_EQ(result.status, VNPU_E_DMA_HOST);
  EXPECT_EQ(result.address, other_.va(kPageSize));
  EXPECT_TRUE(result.is_write);
  result = HostToHost(other_.va(kPageSize), host_.va(), 10);
  EXPECT_EQ(result.status, VNPU_E_DMA_HOST);
  EXPECT_EQ(result.address, other_.va(kPageSize));
  EXPECT_TRUE(result.is_write);
}

TEST_F(DmaClient, ClientThatIsGone) {
  const pid_t child = fork();
  if (child == 0) {
    _exit(0);
  }
  ASSERT_GT(child, 0);
  ASSERT_EQ(waitpid(child, nullptr, 0), child);
  DmaChannel dma(child, &core_, &mmu_);
  EXPECT_EQ(dma.Copy(Task(device_.va(), host_.va(), 10, VNPU_COPY_SRC_PAGEABLE)).status,
            VNPU_E_DMA_HOST);
}

// Not seen by thread checkers: memory that the engine writes meanwhile.
VNPU_DEVICE_CODE bool Untouched(const volatile unsigned char* byte) { return *byte == 0; }

// Work on a large buffer while another thread does something to it. The thread acts as soon as the
// first byte has arrived, long before the last one.
class DmaClientLarge : public DmaClient {
 protected:
  static constexpr size_t kLarge = 192u << 20;

  DmaClientLarge() { table_.MapRange(large_.data(), kLarge, kReadWrite); }
  template <typename Action>
  CoreResult FillWhile(Action action) {
    std::memset(large_host_.data(), 1, kLarge);
    std::thread thread([&] {
      while (Untouched(large_.data())) {
        std::this_thread::yield();
      }
      action();
    });
    const CoreResult result = FromHost(large_.va(), large_host_.va(), kLarge);
    thread.join();
    return result;
  }

  Pages large_host_{kLarge};
  Pages large_{kLarge};
};

TEST_F(DmaClientLarge, UnmappedMeanwhile) {
  const CoreResult result = FillWhile([&] {
    constexpr size_t kLast = kLarge - kHugePageSize;
    table_.UnmapRange(large_.data() + kLast, kHugePageSize);
    large_.Protect(kLast, kHugePageSize, PROT_NONE);
  });
  EXPECT_EQ(result.status, VNPU_E_DMA_ADDRESS) << "the client's memory was fine";
  EXPECT_TRUE(result.is_write);
  EXPECT_EQ(result.address, large_.va(kLarge - kHugePageSize));
}

TEST_F(DmaClientLarge, StoppedMeanwhile) {
  core_.SetToken(3);
  const CoreResult result = FillWhile([&] { core_.Stop(3, VNPU_E_ABORTED); });
  EXPECT_EQ(result.status, VNPU_E_ABORTED);
  EXPECT_EQ(large_.data()[kLarge - 1], 0) << "it was stopped before its end";
}

}  // namespace
}  // namespace vnpu::vdev::test
