// Map, unmap, protect and the truth of MEM_QUERY.
#include <algorithm>
#include <cstdlib>
#include <set>

#include "tests/uapi/support/fixture.h"

namespace vnpu::raw {
namespace {

constexpr uint32_t kReadWrite = VNPU_PROT_READ | VNPU_PROT_WRITE;

class MapTest : public RawTest {
 protected:
  std::vector<std::string> Options() const override { return {"--hbm-size", "256M"}; }
};

int Map(Session& session, vnpu_ioc_map arg) { return session.Ioctl(VNPU_IOC_MAP, &arg); }
int Unmap(Session& session, uint64_t va, uint64_t size) {
  vnpu_ioc_unmap arg{va, size};
  return session.Ioctl(VNPU_IOC_UNMAP, &arg);
}
int Protect(Session& session, vnpu_ioc_protect arg) {
  return session.Ioctl(VNPU_IOC_PROTECT, &arg);
}

// The table says so, and the DMA engine agrees.
void ExpectPage(Session& session, const Queue& queue, uint64_t va, uint32_t kind, uint32_t prot) {
  const vnpu_ioc_mem_query page = session.Query(va);
  EXPECT_EQ(page.kind, kind) << std::hex << va;
  EXPECT_EQ(page.prot, prot) << std::hex << va;
  EXPECT_EQ(page.pa != 0, kind == VNPU_MEM_DEVICE) << std::hex << va;
  EXPECT_EQ(page.page_size != 0, kind == VNPU_MEM_DEVICE) << std::hex << va;
  uint64_t word = 0;
  EXPECT_EQ(session.Run(queue, Copy(AddressOf(&word), va, 8, VNPU_COPY_DST_PAGEABLE)),
            (prot & VNPU_PROT_READ) != 0 ? VNPU_OK : VNPU_E_DMA_ADDRESS)
      << std::hex << va;
  EXPECT_EQ(session.Run(queue, Copy(va, AddressOf(&word), 8, VNPU_COPY_SRC_PAGEABLE)),
            (prot & VNPU_PROT_WRITE) != 0 ? VNPU_OK : VNPU_E_DMA_ADDRESS)
      << std::hex << va;
}

TEST_P(MapTest, FieldsOutOfRange) {
  Session session(vnpud());
  const uint64_t va = session.Reserve(4 * kPage);
  const uint32_t pmem = session.AllocatePmem(4 * kPage);
  for (const vnpu_ioc_map bad : {vnpu_ioc_map{va + 1, kPage, 0, pmem, kReadWrite},
                                 {va, 0, 0, pmem, kReadWrite},
                                 {va, kPage + 1, 0, pmem, kReadWrite},
                                 {va, kPage, 1, pmem, kReadWrite},
                                 {va, kPage, 4 * kPage, pmem, kReadWrite},
                                 {va, 2 * kPage, 3 * kPage, pmem, kReadWrite},
                                 {va, kPage, ~uint64_t{0} & ~(kPage - 1), pmem, kReadWrite},
                                 {va, kPage, 0, pmem, 4},
                                 {va, kPage, 0, pmem, 1u << 31},
                                 {va, UINT64_MAX, 0, pmem, kReadWrite}}) {
    EXPECT_ERRNO(EINVAL, Map(session, bad))
        << std::hex << bad.va - va << ' ' << bad.size << ' ' << bad.offset << ' ' << bad.prot;
  }
  EXPECT_ERRNO(ENOENT, Map(session, {va, kPage, 0, pmem + 1, kReadWrite}));
  EXPECT_ERRNO(ENOENT, Map(session, {va, kPage, 0, UINT32_MAX, kReadWrite}));
  for (const uint64_t outside : {uint64_t{0}, kPage, va + 4 * kPage, session.window() - kPage,
                                 uint64_t{session.window() + VNPU_WINDOW_SIZE}}) {
    const int result = Map(session, {outside, kPage, 0, pmem, kReadWrite});
    EXPECT_TRUE(result == -ENOENT || result == -EINVAL) << ErrorName(result);
  }
  const int beyond = Map(session, {va + 3 * kPage, 2 * kPage, 0, pmem, kReadWrite});
  EXPECT_TRUE(beyond == -ENOENT || beyond == -EINVAL) << "over the end of the reservation";
  EXPECT_EQ(session.Query(va).kind, VNPU_MEM_RESERVED);
  EXPECT_OK(Map(session, {va, 4 * kPage, 0, pmem, kReadWrite}));
}

TEST_P(MapTest, ObjectsOfOtherSessions) {
  Session owner(vnpud());
  Session other(vnpud());
  owner.AllocatePmem(kPage);
  const uint32_t pmem = owner.AllocatePmem(kPage);
  const uint64_t va = other.Reserve(kPage);
  EXPECT_ERRNO(ENOENT, Map(other, {va, kPage, 0, pmem, kReadWrite}));
  EXPECT_ERRNO(ENOENT, Unmap(other, va, kPage));
}

TEST_P(MapTest, OverlapsAreRefused) {
  Session session(vnpud());
  const uint64_t va = session.Reserve(8 * kPage);
  const uint32_t pmem = session.AllocatePmem(8 * kPage);
  session.Map(va + 2 * kPage, 2 * kPage, pmem);
  for (uint64_t first = 0; first < 8; ++first) {
    for (uint64_t end = first + 1; end <= 8; ++end) {
      const bool overlaps = first < 4 && end > 2;
      const int result =
          Map(session, {va + first * kPage, (end - first) * kPage, 0, pmem, kReadWrite});
      EXPECT_EQ(result, overlaps ? -EEXIST : 0) << first << ".." << end;
      if (result == 0) {
        EXPECT_OK(Unmap(session, va + first * kPage, (end - first) * kPage));
      }
    }
  }
}

TEST_P(MapTest, UnmapWantsEveryPageMapped) {
  Session session(vnpud());
  const uint64_t va = session.Reserve(8 * kPage);
  const uint32_t pmem = session.AllocatePmem(8 * kPage);
  session.Map(va + 2 * kPage, 4 * kPage, pmem);
  EXPECT_ERRNO(ENOENT, Unmap(session, va, kPage));
  EXPECT_ERRNO(ENOENT, Unmap(session, va + kPage, 2 * kPage));
  EXPECT_ERRNO(ENOENT, Unmap(session, va + 5 * kPage, 2 * kPage));
  EXPECT_ERRNO(ENOENT, Unmap(session, va, 8 * kPage));
  EXPECT_ERRNO(ENOENT, Protect(session, {va, 8 * kPage, VNPU_PROT_READ, 0}));
  EXPECT_ERRNO(EINVAL, Unmap(session, va + 2 * kPage, 0));
  EXPECT_ERRNO(EINVAL, Unmap(session, va + 2 * kPage + 1, kPage));
  EXPECT_ERRNO(EINVAL, Unmap(session, va + 2 * kPage, kPage - 1));
  EXPECT_LT(Unmap(session, va + 2 * kPage, ~uint64_t{0} & ~(kPage - 1)), 0);
  EXPECT_ERRNO(EINVAL, Protect(session, {va + 2 * kPage, kPage, 4, 0}));
  EXPECT_ERRNO(EINVAL, Protect(session, {va + 2 * kPage, kPage, VNPU_PROT_READ, 1}));
  EXPECT_ERRNO(EINVAL, Protect(session, {va + 2 * kPage, 0, VNPU_PROT_READ, 0}));
  // The middle, then what is left of it, then nothing is.
  EXPECT_OK(Unmap(session, va + 3 * kPage, 2 * kPage));
  EXPECT_ERRNO(ENOENT, Unmap(session, va + 2 * kPage, 4 * kPage));
  EXPECT_OK(Unmap(session, va + 2 * kPage, kPage));
  EXPECT_OK(Unmap(session, va + 5 * kPage, kPage));
  EXPECT_ERRNO(ENOENT, Unmap(session, va + 5 * kPage, kPage));
}

TEST_P(MapTest, ProtectionHoldsForEveryPage) {
  Session session(vnpud());
  const Queue queue = session.CreateQueue();
  const Buffer buffer = session.Allocate(4 * kPage);
  ASSERT_OK(Protect(session, {buffer.va + kPage, kPage, VNPU_PROT_READ, 0}));
  ASSERT_OK(Protect(session, {buffer.va + 2 * kPage, kPage, 0, 0}));
  ExpectPage(session, queue, buffer.va, VNPU_MEM_DEVICE, kReadWrite);
  ExpectPage(session, queue, buffer.va + kPage, VNPU_MEM_DEVICE, VNPU_PROT_READ);
  ExpectPage(session, queue, buffer.va + 2 * kPage, VNPU_MEM_DEVICE, 0);
  ExpectPage(session, queue, buffer.va + 3 * kPage, VNPU_MEM_DEVICE, kReadWrite);
  // A copy over all of them stops.
  EXPECT_EQ(session.Run(queue, Memset(buffer.va, buffer.size, 1)), VNPU_E_DMA_ADDRESS);
  ASSERT_OK(Protect(session, {buffer.va, buffer.size, kReadWrite, 0}));
  EXPECT_EQ(session.Run(queue, Memset(buffer.va, buffer.size, 1)), VNPU_OK);
}

TEST_P(MapTest, HugePages) {
  Session session(vnpud());
  const Queue queue = session.CreateQueue();
  const Buffer buffer = session.Allocate(3 * kHuge, VNPU_PMEM_HUGE);
  std::set<uint64_t> physical;
  for (uint64_t at = 0; at < buffer.size; at += kHuge) {
    const vnpu_ioc_mem_query page = session.Query(buffer.va + at + 3 * kPage + 5);
    EXPECT_EQ(page.page_size, kHuge);
    EXPECT_EQ(page.base, buffer.va);
    EXPECT_EQ(page.size, buffer.size);
    EXPECT_EQ(page.pmem_id, buffer.pmem_id);
    EXPECT_EQ(page.pa % kHuge, 3 * kPage + 5);
    EXPECT_TRUE(physical.insert(page.pa).second);
  }
  std::vector<char> text(3 * kHuge);
  for (size_t i = 0; i < text.size(); ++i) {
    text[i] = static_cast<char>(i * 7 + i / kPage);
  }
  ASSERT_TRUE(session.Store(buffer.va, text.data(), text.size()));

  // A hole in the second one splits it; nothing else changes.
  const uint64_t hole = buffer.va + kHuge + 17 * kPage;
  const uint64_t pa_before = session.Query(hole - 1).pa;
  ASSERT_OK(Unmap(session, hole, 2 * kPage));
  ExpectPage(session, queue, hole, VNPU_MEM_RESERVED, 0);
  ExpectPage(session, queue, hole + kPage, VNPU_MEM_RESERVED, 0);
  EXPECT_EQ(session.Query(hole - 1).pa, pa_before);
  EXPECT_EQ(session.Query(hole - 1).page_size, kPage);
  EXPECT_EQ(session.Query(buffer.va).page_size, kHuge);
  EXPECT_EQ(session.Query(buffer.va + 2 * kHuge).page_size, kHuge);
  std::vector<char> seen(17 * kPage);
  ASSERT_TRUE(session.Load(seen.data(), buffer.va + kHuge, seen.size()));
  EXPECT_TRUE(std::equal(seen.begin(), seen.end(), text.begin() + kHuge));

  // Something else fits into the hole.
  const uint32_t patch = session.AllocatePmem(2 * kPage);
  session.Map(hole, 2 * kPage, patch, 0, VNPU_PROT_READ);
  EXPECT_EQ(session.Query(hole).pmem_id, patch);
  EXPECT_EQ(session.Query(hole).prot, VNPU_PROT_READ);
  uint64_t word = 1;
  ASSERT_TRUE(session.Load(&word, hole, sizeof(word)));
  EXPECT_EQ(word, 0u);

  // Rights of a part of a huge page.
  ASSERT_OK(Protect(session, {buffer.va + 2 * kHuge, kPage, VNPU_PROT_READ, 0}));
  EXPECT_EQ(session.Query(buffer.va + 2 * kHuge).prot, VNPU_PROT_READ);
  EXPECT_EQ(session.Query(buffer.va + 2 * kHuge + kPage).prot, kReadWrite);
  EXPECT_OK(Unmap(session, buffer.va, buffer.size));
  for (const uint32_t id : {patch, buffer.pmem_id}) {
    vnpu_ioc_pmem_free free_pmem{id, 0};
    EXPECT_OK(session.Ioctl(VNPU_IOC_PMEM_FREE, &free_pmem));
  }
}

TEST_P(MapTest, QueryTellsWhereNothingIs) {
  Session session(vnpud());
  for (const uint64_t va : {uint64_t{0}, uint64_t{1}, session.window() - 1, session.window(),
                            uint64_t{session.window() + VNPU_WINDOW_SIZE}, UINT64_MAX}) {
    const vnpu_ioc_mem_query page = session.Query(va);
    EXPECT_EQ(page.va, va);
    EXPECT_EQ(page.kind, VNPU_MEM_NONE);
    EXPECT_EQ(page.base | page.size | page.pa | page.page_size | page.prot, 0u);
  }
  const uint64_t va = session.Reserve(kPage);
  const vnpu_ioc_mem_query page = session.Query(va + kPage - 1);
  EXPECT_EQ(page.kind, VNPU_MEM_RESERVED);
  EXPECT_EQ(page.base, va);
  EXPECT_EQ(page.size, kPage);
  EXPECT_EQ(session.Query(va + kPage).kind, VNPU_MEM_NONE);
}

// Random maps, unmaps and protects of single pages and ranges; a model says what must hold.
TEST_P(MapTest, RandomChangesAgreeWithAModel) {
  Session session(vnpud());
  constexpr uint64_t kPages = 1024;  // two huge pages
  const uint64_t va = session.Reserve(kPages * kPage, kHuge);
  const uint32_t pmem = session.AllocatePmem(kPages * kPage, VNPU_PMEM_HUGE);
  std::vector<int> model(kPages, -1);  // rights; -1: not mapped
  std::srand(20);
  const auto all = [&](uint64_t first, uint64_t count, bool mapped) {
    return std::all_of(model.begin() + first, model.begin() + first + count,
                       [=](int rights) { return (rights >= 0) == mapped; });
  };
  for (int step = 0; step < 600; ++step) {
    const uint64_t first = std::rand() % kPages;
    const uint64_t count =
        1 + std::rand() % std::min<uint64_t>(kPages - first, step % 7 == 0 ? kPages : 16);
    const int rights = std::rand() % 4;
    const uint64_t at = va + first * kPage;
    int wanted = 0;
    int got = 0;
    int after = rights;
    switch (std::rand() % 3) {
      case 0:
        wanted = all(first, count, false) ? 0 : -EEXIST;
        got = Map(session, {at, count * kPage, first * kPage, pmem, static_cast<uint32_t>(rights)});
        break;
      case 1:
        wanted = all(first, count, true) ? 0 : -ENOENT;
        got = Unmap(session, at, count * kPage);
        after = -1;
        break;
      default:
        wanted = all(first, count, true) ? 0 : -ENOENT;
        got = Protect(session, {at, count * kPage, static_cast<uint32_t>(rights), 0});
    }
    ASSERT_EQ(got, wanted) << "step " << step;
    if (got == 0) {
      std::fill_n(model.begin() + first, count, after);
    }
    const uint64_t look = std::rand() % kPages;
    const vnpu_ioc_mem_query page = session.Query(va + look * kPage);
    ASSERT_EQ(page.kind, model[look] >= 0 ? VNPU_MEM_DEVICE : VNPU_MEM_RESERVED) << step;
    ASSERT_EQ(page.prot, model[look] >= 0 ? static_cast<uint32_t>(model[look]) : 0u) << step;
  }
}

RAW_TEST_SUITE(MapTest);

}  // namespace
}  // namespace vnpu::raw
