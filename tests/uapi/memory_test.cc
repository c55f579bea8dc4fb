// Reservations and physical memory objects.
#include <functional>

#include "tests/uapi/support/fixture.h"

namespace vnpu::raw {
namespace {

class MemoryTest : public RawTest {
 protected:
  std::vector<std::string> Options() const override { return {"--hbm-size", "256M"}; }
};

int Reserve(Session& session, vnpu_ioc_reserve arg, uint64_t* va = nullptr) {
  const int result = session.Ioctl(VNPU_IOC_RESERVE, &arg);
  if (va != nullptr) {
    *va = arg.va;
  }
  return result;
}

int Release(Session& session, uint64_t va) {
  vnpu_ioc_release arg{va, 0};
  return session.Ioctl(VNPU_IOC_RELEASE, &arg);
}

TEST_P(MemoryTest, ReserveFieldsOutOfRange) {
  Session session(vnpud());
  for (const vnpu_ioc_reserve bad : {vnpu_ioc_reserve{0, 0, 0, 0},
                                     {0, 1, 0, 0},
                                     {0, kPage + 1, 0, 0},
                                     {0, UINT64_MAX, 0, 0},
                                     {0, kPage, 1, 0},
                                     {0, kPage, kPage / 2, 0},
                                     {0, kPage, 3 * kPage, 0},
                                     {0, kPage, kPage, 1},
                                     {0, kPage, kPage, uint64_t{1} << 63},
                                     {1, kPage, 0, 0},
                                     {session.window() + kPage, kHuge, kHuge, 0}}) {
    EXPECT_ERRNO(EINVAL, Reserve(session, bad))
        << std::hex << bad.va << ' ' << bad.size << ' ' << bad.align << ' ' << bad.flags;
  }
  for (const uint64_t size :
       {uint64_t{VNPU_WINDOW_SIZE + kPage}, uint64_t{1} << 63, ~uint64_t{0} & ~(kPage - 1)}) {
    EXPECT_ERRNO(ENOMEM, Reserve(session, {0, size, 0, 0})) << std::hex << size;
  }
  for (const uint64_t align : {uint64_t{1} << 41, uint64_t{1} << 63}) {
    const int result = Reserve(session, {0, kPage, align, 0});
    EXPECT_TRUE(result == 0 || result == -ENOMEM) << ErrorName(result);
  }
}

TEST_P(MemoryTest, ReserveGivesAlignedDistinctRangesOfTheWindow) {
  Session session(vnpud());
  std::vector<std::pair<uint64_t, uint64_t>> ranges;
  for (const auto& [size, align, wanted] : {std::tuple{kPage, uint64_t{0}, kPage},
                                            {kHuge, uint64_t{0}, kHuge},
                                            {kHuge + kPage, uint64_t{0}, kHuge},
                                            {kPage, kHuge, kHuge},
                                            {kPage, uint64_t{1} << 30, uint64_t{1} << 30},
                                            {uint64_t{1} << 36, kPage, kPage}}) {
    uint64_t va = 0;
    ASSERT_OK(Reserve(session, {0, size, align, 0}, &va));
    EXPECT_EQ(va % wanted, 0u);
    EXPECT_GE(va, session.window());
    EXPECT_LE(va + size, session.window() + VNPU_WINDOW_SIZE);
    for (const auto& [other, other_size] : ranges) {
      EXPECT_TRUE(va + size <= other || other + other_size <= va);
    }
    ranges.emplace_back(va, size);
  }
  EXPECT_EQ(Counters().reservations, ranges.size());
}

TEST_P(MemoryTest, WantedAddresses) {
  Session session(vnpud());
  const uint64_t first = session.window();
  const uint64_t last = session.window() + VNPU_WINDOW_SIZE - kPage;
  uint64_t va = 0;
  for (const uint64_t wanted : {first, last, first + (uint64_t{1} << 39)}) {
    ASSERT_OK(Reserve(session, {wanted, kPage, 0, 0}, &va));
    EXPECT_EQ(va, wanted);
    EXPECT_ERRNO(EEXIST, Reserve(session, {wanted, kPage, 0, 0}));
  }
  EXPECT_ERRNO(EEXIST, Reserve(session, {last - kPage, 2 * kPage, 0, 0}));
  EXPECT_LT(Reserve(session, {last, 2 * kPage, 0, 0}), 0) << "beyond the window";
  for (const uint64_t outside : {first - kPage, last + kPage, kPage, ~uint64_t{0} & ~(kPage - 1)}) {
    EXPECT_ERRNO(EINVAL, Reserve(session, {outside, kPage, 0, 0})) << std::hex << outside;
  }
  EXPECT_OK(Release(session, first));
  EXPECT_OK(Reserve(session, {first, kPage, 0, 0}));
}

TEST_P(MemoryTest, WholeWindowAndBackAgain) {
  Session session(vnpud());
  uint64_t va = 0;
  ASSERT_OK(Reserve(session, {0, VNPU_WINDOW_SIZE, kPage, 0}, &va));
  EXPECT_EQ(va, session.window());
  EXPECT_ERRNO(ENOMEM, Reserve(session, {0, kPage, 0, 0}));
  EXPECT_ERRNO(ENOENT, Release(session, va + kPage)) << "not the start";
  EXPECT_OK(Release(session, va));
  EXPECT_ERRNO(ENOENT, Release(session, va));
  vnpu_ioc_release reserved{va, 1};
  EXPECT_ERRNO(EINVAL, session.Ioctl(VNPU_IOC_RELEASE, &reserved));
}

TEST_P(MemoryTest, ReleaseWhileMappedIsBusy) {
  Session session(vnpud());
  const Buffer buffer = session.Allocate(2 * kPage);
  EXPECT_ERRNO(EBUSY, Release(session, buffer.va));
  session.Free(buffer);
  EXPECT_EQ(session.Query(buffer.va).kind, VNPU_MEM_NONE);
}

int Allocate(Session& session, vnpu_ioc_pmem_alloc arg) {
  return session.Ioctl(VNPU_IOC_PMEM_ALLOC, &arg);
}

int FreePmem(Session& session, uint32_t pmem_id, uint32_t reserved = 0) {
  vnpu_ioc_pmem_free arg{pmem_id, reserved};
  return session.Ioctl(VNPU_IOC_PMEM_FREE, &arg);
}

TEST_P(MemoryTest, AllocateFieldsOutOfRange) {
  Session session(vnpud());
  for (const vnpu_ioc_pmem_alloc bad : {vnpu_ioc_pmem_alloc{0, 0, 0, 0, 0},
                                        {1, 0, 0, 0, 0},
                                        {kPage - 1, 0, 0, 0, 0},
                                        {kPage, VNPU_PMEM_HUGE, 0, 0, 0},
                                        {kHuge + kPage, VNPU_PMEM_HUGE, 0, 0, 0},
                                        {kPage, 2, 0, 0, 0},
                                        {kPage, 1u << 31, 0, 0, 0},
                                        {kPage, 0, 0, 0, 1},
                                        {UINT64_MAX, 0, 0, 0, 0}}) {
    EXPECT_ERRNO(EINVAL, Allocate(session, bad))
        << std::hex << bad.size << ' ' << bad.flags << ' ' << bad.reserved;
  }
  for (const uint64_t huge :
       {uint64_t{258} << 20, uint64_t{1} << 40, uint64_t{1} << 63, ~uint64_t{0} & ~(kHuge - 1)}) {
    EXPECT_ERRNO(ENOMEM, Allocate(session, {huge, 0, 0, 0, 0})) << std::hex << huge;
    EXPECT_ERRNO(ENOMEM, Allocate(session, {huge & ~(kHuge - 1), VNPU_PMEM_HUGE, 0, 0, 0}));
  }
  EXPECT_EQ(Counters().hbm_pages, 0u);
}

TEST_P(MemoryTest, FreeOfWhatIsNotMine) {
  Session owner(vnpud());
  Session other(vnpud());
  std::vector<uint32_t> ids;
  for (int i = 0; i < 16; ++i) {
    ids.push_back(owner.AllocatePmem(kPage));
  }
  for (const uint32_t id : ids) {
    EXPECT_ERRNO(ENOENT, FreePmem(other, id)) << id;
  }
  EXPECT_ERRNO(ENOENT, FreePmem(owner, UINT32_MAX));
  EXPECT_ERRNO(ENOENT, FreePmem(owner, 1u << 31));
  EXPECT_ERRNO(EINVAL, FreePmem(owner, ids[0], 1));
  for (const uint32_t id : ids) {
    EXPECT_OK(FreePmem(owner, id));
    EXPECT_ERRNO(ENOENT, FreePmem(owner, id)) << "the second time";
  }
}

TEST_P(MemoryTest, FreeWhileMappedIsBusy) {
  Session session(vnpud());
  const Buffer buffer = session.Allocate(2 * kPage);
  const uint64_t again = session.Reserve(kPage);
  session.Map(again, kPage, buffer.pmem_id, kPage);
  EXPECT_ERRNO(EBUSY, FreePmem(session, buffer.pmem_id));
  vnpu_ioc_unmap unmap{buffer.va, buffer.size};
  EXPECT_OK(session.Ioctl(VNPU_IOC_UNMAP, &unmap));
  EXPECT_ERRNO(EBUSY, FreePmem(session, buffer.pmem_id)) << "the second mapping is still there";
  unmap = {again, kPage};
  EXPECT_OK(session.Ioctl(VNPU_IOC_UNMAP, &unmap));
  EXPECT_OK(FreePmem(session, buffer.pmem_id));
}

TEST_P(MemoryTest, ObjectsAreZeroAndKeepTheirContent) {
  Session session(vnpud());
  std::vector<uint64_t> data(kHuge / sizeof(uint64_t), 0x1122334455667788);
  for (int round = 0; round < 4; ++round) {
    const Buffer buffer = session.Allocate(kHuge, round % 2 == 0 ? 0 : VNPU_PMEM_HUGE);
    std::vector<uint64_t> seen(data.size(), 1);
    ASSERT_TRUE(session.Load(seen.data(), buffer.va, kHuge));
    EXPECT_EQ(seen, std::vector<uint64_t>(data.size(), 0));
    ASSERT_TRUE(session.Store(buffer.va, data.data(), kHuge));
    ASSERT_TRUE(session.Load(seen.data(), buffer.va, kHuge));
    EXPECT_EQ(seen, data);
    session.Free(buffer);
  }
}

// One object at two places shows one content.
TEST_P(MemoryTest, Aliases) {
  Session session(vnpud());
  const uint32_t pmem = session.AllocatePmem(4 * kPage);
  const uint64_t a = session.Reserve(4 * kPage);
  const uint64_t b = session.Reserve(2 * kPage);
  session.Map(a, 4 * kPage, pmem);
  session.Map(b, 2 * kPage, pmem, kPage);
  const std::vector<char> text(2 * kPage, 'x');
  std::vector<char> seen(2 * kPage);
  ASSERT_TRUE(session.Store(b, text.data(), text.size()));
  ASSERT_TRUE(session.Load(seen.data(), a + kPage, seen.size()));
  EXPECT_EQ(seen, text);
  EXPECT_EQ(session.Query(b).pa, session.Query(a + kPage).pa);
}

RAW_TEST_SUITE(MemoryTest);

}  // namespace
}  // namespace vnpu::raw
