// Memory commands: rules and refusals. The transport makes no difference to them.
#include <fcntl.h>

#include <cerrno>
#include <vector>

#include "tests/driver/harness.h"

namespace vnpu::driver {
namespace {

constexpr uint64_t kPage = 4096;
constexpr uint64_t kHuge = 2u << 20;
constexpr uint32_t kReadWrite = VNPU_PROT_READ | VNPU_PROT_WRITE;

class MemoryTest : public testing::Test {
 protected:
  MemoryTest()
      : driver_(StartDriver(Transport::kEmbedded, {"--hbm-size", "64M", "--pin-limit", "8M"})),
        session_(driver_.get()) {
    EXPECT_EQ(session_.result(), 0);
  }

  int Ioctl(unsigned long command, void* arg) { return session_.file().Ioctl(command, arg); }
  int Reserve(uint64_t size, uint64_t* va) {
    vnpu_ioc_reserve arg{0, size, 0, 0};
    const int error = Ioctl(VNPU_IOC_RESERVE, &arg);
    *va = arg.va;
    return error;
  }
  int Release(uint64_t va) {
    vnpu_ioc_release arg{va, 0};
    return Ioctl(VNPU_IOC_RELEASE, &arg);
  }
  int Alloc(uint64_t size, uint32_t* id, uint32_t flags = 0) {
    vnpu_ioc_pmem_alloc arg{size, flags, 0, 0, 0};
    const int error = Ioctl(VNPU_IOC_PMEM_ALLOC, &arg);
    *id = arg.pmem_id;
    return error;
  }
  int Free(uint32_t id) {
    vnpu_ioc_pmem_free arg{id, 0};
    return Ioctl(VNPU_IOC_PMEM_FREE, &arg);
  }
  int Map(uint64_t va, uint64_t size, uint64_t offset, uint32_t id, uint32_t prot = kReadWrite) {
    vnpu_ioc_map arg{va, size, offset, id, prot};
    return Ioctl(VNPU_IOC_MAP, &arg);
  }
  int Unmap(uint64_t va, uint64_t size) {
    vnpu_ioc_unmap arg{va, size};
    return Ioctl(VNPU_IOC_UNMAP, &arg);
  }
  int Protect(uint64_t va, uint64_t size, uint32_t prot) {
    vnpu_ioc_protect arg{va, size, prot, 0};
    return Ioctl(VNPU_IOC_PROTECT, &arg);
  }
  vnpu_ioc_mem_query Query(uint64_t va) {
    vnpu_ioc_mem_query arg{};
    arg.va = va;
    EXPECT_EQ(Ioctl(VNPU_IOC_MEM_QUERY, &arg), 0);
    return arg;
  }

  std::unique_ptr<TestDriver> driver_;
  TestSession session_;
};

TEST_F(MemoryTest, ReserveRefusals) {
  const uint64_t window = session_.info().window_base;
  const auto reserve = [&](uint64_t va, uint64_t size, uint64_t align, uint64_t flags) {
    vnpu_ioc_reserve arg{va, size, align, flags};
    return Ioctl(VNPU_IOC_RESERVE, &arg);
  };
  EXPECT_EQ(reserve(0, 0, 0, 0), -EINVAL);
  EXPECT_EQ(reserve(0, 100, 0, 0), -EINVAL);
  EXPECT_EQ(reserve(0, kPage, 3 * kPage, 0), -EINVAL);
  EXPECT_EQ(reserve(0, kPage, 512, 0), -EINVAL);
  EXPECT_EQ(reserve(0, kPage, 0, 1), -EINVAL);
  EXPECT_EQ(reserve(window + 1, kPage, 0, 0), -EINVAL);
  EXPECT_EQ(reserve(kPage, kPage, 0, 0), -EINVAL);
  EXPECT_EQ(reserve(0, VNPU_WINDOW_SIZE + kPage, 0, 0), -ENOMEM);
  EXPECT_EQ(reserve(window, kPage, 0, 0), 0);
  EXPECT_EQ(reserve(window, kPage, 0, 0), -EEXIST);
}

TEST_F(MemoryTest, LargeReservationsAreAlignedToHugePages) {
  uint64_t va = 0;
  ASSERT_EQ(Reserve(kPage, &va), 0);
  ASSERT_EQ(Reserve(kHuge + kPage, &va), 0);
  EXPECT_EQ(va % kHuge, 0u);
}

TEST_F(MemoryTest, AllocRefusals) {
  uint32_t id = 0;
  EXPECT_EQ(Alloc(0, &id), -EINVAL);
  EXPECT_EQ(Alloc(kPage + 1, &id), -EINVAL);
  EXPECT_EQ(Alloc(kPage, &id, VNPU_PMEM_HUGE), -EINVAL);
  EXPECT_EQ(Alloc(kPage, &id, 2), -EINVAL);
  EXPECT_EQ(Alloc(uint64_t{128} << 20, &id), -ENOMEM);
  EXPECT_EQ(Alloc(UINT64_MAX - kPage + 1, &id), -ENOMEM);
  EXPECT_EQ(Free(77), -ENOENT);
}

TEST_F(MemoryTest, HbmRunsOutAndComesBack) {
  std::vector<uint32_t> ids(16);
  for (uint32_t& id : ids) {
    ASSERT_EQ(Alloc(4u << 20, &id, VNPU_PMEM_HUGE), 0);
  }
  uint32_t more = 0;
  EXPECT_EQ(Alloc(kPage, &more), -ENOMEM);
  EXPECT_EQ(CountersOf(driver_.get()).hbm_pages, (64u << 20) / kPage);
  for (const uint32_t id : ids) {
    EXPECT_EQ(Free(id), 0);
  }
  EXPECT_EQ(Alloc(64u << 20, &more), 0);
}

TEST_F(MemoryTest, MapUnmapAndQuery) {
  uint64_t va = 0;
  uint32_t id = 0;
  ASSERT_EQ(Reserve(2 * kHuge, &va), 0);
  ASSERT_EQ(Alloc(2 * kHuge, &id, VNPU_PMEM_HUGE), 0);
  EXPECT_EQ(Query(va).kind, static_cast<uint32_t>(VNPU_MEM_RESERVED));
  ASSERT_EQ(Map(va, 2 * kHuge, 0, id), 0);
  vnpu_ioc_mem_query found = Query(va + kHuge + 123);
  EXPECT_EQ(found.kind, static_cast<uint32_t>(VNPU_MEM_DEVICE));
  EXPECT_EQ(found.base, va);
  EXPECT_EQ(found.size, 2 * kHuge);
  EXPECT_EQ(found.page_size, kHuge);
  EXPECT_EQ(found.pmem_id, id);
  EXPECT_EQ(found.prot, kReadWrite);
  EXPECT_EQ(found.pa % kHuge, 123u);
  ASSERT_EQ(Unmap(va + kPage, kPage), 0);
  EXPECT_EQ(Query(va + kPage).kind, static_cast<uint32_t>(VNPU_MEM_RESERVED));
  EXPECT_EQ(Query(va).page_size, kPage);
  EXPECT_EQ(Query(va + 2 * kHuge).kind, static_cast<uint32_t>(VNPU_MEM_NONE));
}

TEST_F(MemoryTest, MapRefusals) {
  uint64_t va = 0;
  uint32_t id = 0;
  ASSERT_EQ(Reserve(4 * kPage, &va), 0);
  ASSERT_EQ(Alloc(2 * kPage, &id), 0);
  EXPECT_EQ(Map(va, kPage, 0, id + 1), -ENOENT);
  EXPECT_EQ(Map(va, 3 * kPage, 0, id), -EINVAL);
  EXPECT_EQ(Map(va, kPage, 2 * kPage, id), -EINVAL);
  EXPECT_EQ(Map(va, kPage, UINT64_MAX - kPage + 1, id), -EINVAL);
  EXPECT_EQ(Map(va, 0, 0, id), -EINVAL);
  EXPECT_EQ(Map(va + 1, kPage, 0, id), -EINVAL);
  EXPECT_EQ(Map(va, kPage, 0, id, 4), -EINVAL);
  EXPECT_EQ(Map(va + 3 * kPage, 2 * kPage, 0, id), -ENOENT);
  EXPECT_EQ(Map(va + kPage, kPage, 0, id), 0);
  EXPECT_EQ(Map(va, 2 * kPage, 0, id), -EEXIST);
}

TEST_F(MemoryTest, UnmapAndProtectNeedEveryPage) {
  uint64_t va = 0;
  uint32_t id = 0;
  ASSERT_EQ(Reserve(4 * kPage, &va), 0);
  ASSERT_EQ(Alloc(2 * kPage, &id), 0);
  ASSERT_EQ(Map(va + kPage, 2 * kPage, 0, id), 0);
  EXPECT_EQ(Unmap(va, 2 * kPage), -ENOENT);
  EXPECT_EQ(Protect(va + 2 * kPage, 2 * kPage, 0), -ENOENT);
  EXPECT_EQ(Protect(va + kPage, 2 * kPage, VNPU_PROT_READ), 0);
  EXPECT_EQ(Query(va + kPage).prot, VNPU_PROT_READ);
  EXPECT_EQ(Unmap(va + kPage, 2 * kPage), 0);
  EXPECT_EQ(Unmap(va + kPage, kPage), -ENOENT);
}

TEST_F(MemoryTest, BusyWhileMapped) {
  uint64_t va = 0;
  uint32_t id = 0;
  ASSERT_EQ(session_.Allocate(2 * kPage, &va, &id), 0);
  EXPECT_EQ(Free(id), -EBUSY);
  EXPECT_EQ(Release(va), -EBUSY);
  ASSERT_EQ(Unmap(va, kPage), 0);
  EXPECT_EQ(Free(id), -EBUSY);
  ASSERT_EQ(Unmap(va + kPage, kPage), 0);
  EXPECT_EQ(Release(va + kPage), -ENOENT);
  EXPECT_EQ(Free(id), 0);
  EXPECT_EQ(Release(va), 0);
}

TEST_F(MemoryTest, OneObjectAtTwoAddresses) {
  uint64_t first = 0;
  uint64_t second = 0;
  uint32_t id = 0;
  ASSERT_EQ(session_.Allocate(kPage, &first, &id), 0);
  ASSERT_EQ(Reserve(kPage, &second), 0);
  ASSERT_EQ(Map(second, kPage, 0, id, VNPU_PROT_READ), 0);
  EXPECT_EQ(Query(first).pa, Query(second).pa);
  ASSERT_EQ(Unmap(first, kPage), 0);
  EXPECT_EQ(Free(id), -EBUSY);
  ASSERT_EQ(Unmap(second, kPage), 0);
  EXPECT_EQ(Free(id), 0);
}

TEST_F(MemoryTest, Pinning) {
  const UniqueFd memory = MakeMemfd(4u << 20, F_SEAL_SHRINK);
  vnpu_ioc_pin pin{};
  pin.size = 4u << 20;
  pin.fd = memory.get();
  ASSERT_EQ(Ioctl(VNPU_IOC_PIN, &pin), 0);
  const vnpu_ioc_mem_query found = Query(pin.va);
  EXPECT_EQ(found.kind, static_cast<uint32_t>(VNPU_MEM_PINNED));
  EXPECT_EQ(CountersOf(driver_.get()).pinned_pages, 1024u);
  EXPECT_EQ(CountersOf(driver_.get()).hbm_pages, 0u);
  // What the driver mapped is not for the memory commands.
  EXPECT_EQ(Unmap(pin.va, pin.size), -EACCES);
  EXPECT_EQ(Protect(pin.va, pin.size, 0), -EACCES);
  EXPECT_EQ(Release(pin.va), -ENOENT);
  vnpu_ioc_unpin unpin{pin.va, 0};
  EXPECT_EQ(Ioctl(VNPU_IOC_UNPIN, &unpin), 0);
  EXPECT_EQ(Ioctl(VNPU_IOC_UNPIN, &unpin), -ENOENT);
  EXPECT_EQ(CountersOf(driver_.get()).pinned_pages, 0u);
}

TEST_F(MemoryTest, PinRefusals) {
  const auto pin = [&](const UniqueFd& memory, uint64_t size, uint32_t flags = 0) {
    vnpu_ioc_pin arg{};
    arg.size = size;
    arg.fd = memory.get();
    arg.flags = flags;
    return Ioctl(VNPU_IOC_PIN, &arg);
  };
  const UniqueFd large = MakeMemfd(16u << 20, F_SEAL_SHRINK);
  EXPECT_EQ(pin(large, 0), -EINVAL);
  EXPECT_EQ(pin(large, 100), -EINVAL);
  EXPECT_EQ(pin(large, kPage, 1), -EINVAL);
  EXPECT_EQ(pin(large, 16u << 20), -ENOMEM);  // over the limit of the session
  EXPECT_EQ(pin(large, 32u << 20), -EINVAL);  // longer than the file
  EXPECT_EQ(pin(MakeMemfd(kPage, F_SEAL_GROW), kPage), -EBADF);
  EXPECT_EQ(pin(large, 5u << 20), 0);
  EXPECT_EQ(pin(large, 5u << 20), -ENOMEM);
  EXPECT_EQ(CountersOf(driver_.get()).pinned_pages, (5u << 20) / kPage);
}

TEST_F(MemoryTest, ReservedFieldsMustBeZero) {
  vnpu_ioc_release release{0, 1};
  vnpu_ioc_pmem_free free_arg{1, 1};
  vnpu_ioc_protect protect{kPage, kPage, 0, 1};
  vnpu_ioc_unpin unpin{0, 1};
  EXPECT_EQ(Ioctl(VNPU_IOC_RELEASE, &release), -EINVAL);
  EXPECT_EQ(Ioctl(VNPU_IOC_PMEM_FREE, &free_arg), -EINVAL);
  EXPECT_EQ(Ioctl(VNPU_IOC_PROTECT, &protect), -EINVAL);
  EXPECT_EQ(Ioctl(VNPU_IOC_UNPIN, &unpin), -EINVAL);
}

TEST_F(MemoryTest, OtherSessionsObjectsAreUnknown) {
  uint64_t va = 0;
  uint32_t id = 0;
  ASSERT_EQ(session_.Allocate(kPage, &va, &id), 0);
  TestSession other(driver_.get());
  ASSERT_EQ(other.result(), 0);
  vnpu_ioc_map map{va, kPage, 0, id, kReadWrite};
  EXPECT_EQ(other.file().Ioctl(VNPU_IOC_MAP, &map), -ENOENT);
}

}  // namespace
}  // namespace vnpu::driver
