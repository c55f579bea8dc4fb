// The end of device memory.
#include "tests/uapi/support/fixture.h"

namespace vnpu::raw {
namespace {

constexpr uint64_t kMegabyte = 1u << 20;
constexpr uint64_t kTotal = 64 * kMegabyte;

class HbmTest : public RawTest {
 protected:
  std::vector<std::string> Options() const override { return {"--hbm-size", "64M"}; }

  uint64_t Free() {
    vnpu_device_info info{};
    EXPECT_OK(manager().Ioctl(VNPU_IOC_DEVICE_QUERY, &info));
    return info.hbm_free;
  }
};

int Allocate(Session& session, uint64_t size, uint32_t flags, std::vector<uint32_t>* ids) {
  vnpu_ioc_pmem_alloc arg{size, flags, 0, 0, 0};
  const int result = session.Ioctl(VNPU_IOC_PMEM_ALLOC, &arg);
  if (result == 0) {
    ids->push_back(arg.pmem_id);
  }
  return result;
}

void FreeAll(Session& session, std::vector<uint32_t>* ids) {
  for (const uint32_t id : *ids) {
    vnpu_ioc_pmem_free arg{id, 0};
    EXPECT_OK(session.Ioctl(VNPU_IOC_PMEM_FREE, &arg));
  }
  ids->clear();
}

TEST_P(HbmTest, ExhaustionAndEverythingComesBack) {
  Session session(vnpud());
  std::vector<uint32_t> ids;
  for (int round = 0; round < 3; ++round) {
    int result = 0;
    while ((result = Allocate(session, kMegabyte, 0, &ids)) == 0) {
    }
    EXPECT_EQ(result, -ENOMEM) << ErrorName(result);
    EXPECT_EQ(ids.size(), kTotal / kMegabyte);
    EXPECT_EQ(Free(), 0u);
    EXPECT_EQ(Counters().hbm_pages, kTotal / VNPU_PAGE_SIZE);
    EXPECT_ERRNO(ENOMEM, Allocate(session, VNPU_PAGE_SIZE, 0, &ids));
    FreeAll(session, &ids);
    EXPECT_EQ(Free(), kTotal);
  }
  // No fragment has stayed behind: the whole of it is there in one piece.
  EXPECT_OK(Allocate(session, kTotal, VNPU_PMEM_HUGE, &ids));
  EXPECT_ERRNO(ENOMEM, Allocate(session, VNPU_PAGE_SIZE, 0, &ids));
}

TEST_P(HbmTest, WhatOneSessionHoldsAnotherCannotHave) {
  auto greedy = std::make_unique<Session>(vnpud());
  Session other(vnpud());
  std::vector<uint32_t> ids;
  EXPECT_OK(Allocate(*greedy, kTotal - kMegabyte, 0, &ids));
  EXPECT_ERRNO(ENOMEM, Allocate(other, 2 * kMegabyte, 0, &ids));
  EXPECT_OK(Allocate(other, kMegabyte, 0, &ids));
  greedy.reset();
  EXPECT_TRUE(Eventually(kPatience, [&] { return Free() == kTotal - kMegabyte; }));
  EXPECT_OK(Allocate(other, kTotal - kMegabyte, 0, &ids));
}

// Every second page taken: all of the rest is free, but nothing of it is a huge page.
TEST_P(HbmTest, FragmentedMemoryHasNoHugePages) {
  Session session(vnpud());
  std::vector<uint32_t> ids;
  std::vector<uint32_t> kept;
  constexpr uint64_t kPiece = kMegabyte / 2;
  while (Allocate(session, kPiece, 0, &ids) == 0) {
  }
  ASSERT_EQ(ids.size(), kTotal / kPiece);
  for (size_t i = 1; i < ids.size(); i += 2) {
    kept.push_back(ids[i]);
    ids[i / 2] = ids[i - 1];
  }
  ids.resize(ids.size() / 2);
  FreeAll(session, &ids);
  EXPECT_EQ(Free(), kTotal / 2);
  EXPECT_ERRNO(ENOMEM, Allocate(session, VNPU_HUGE_PAGE_SIZE, VNPU_PMEM_HUGE, &ids));
  // Small pages are good enough for a large object.
  EXPECT_OK(Allocate(session, kTotal / 4, 0, &ids));
  const uint64_t va = session.Reserve(kTotal / 4);
  session.Map(va, kTotal / 4, ids[0]);
  const std::vector<char> text(kTotal / 4, 'f');
  std::vector<char> seen(text.size());
  EXPECT_TRUE(session.Store(va, text.data(), text.size()));
  EXPECT_TRUE(session.Load(seen.data(), va, seen.size()));
  EXPECT_EQ(seen, text);
  FreeAll(session, &kept);
}

RAW_TEST_SUITE(HbmTest);

}  // namespace
}  // namespace vnpu::raw
