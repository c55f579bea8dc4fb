// Reaching for another client's device memory by its address.
#include <algorithm>
#include <vector>

#include "tests/isolation/victim.h"
#include "tests/uapi/support/fixture.h"
#include "tests/uapi/support/module.h"

namespace vnpu::raw {
namespace {

constexpr uint64_t kPage = VNPU_PAGE_SIZE;

class AddressTest : public NodeTest {
 protected:
  std::vector<std::string> Options() const override { return {"--hbm-size", "64M"}; }
};

// Both have the same window, so the address itself is a good one here as well.
TEST_F(AddressTest, TheSameAddressIsOtherMemory) {
  Victim victim(vnpud(), false);
  const VictimFacts& facts = victim.facts();
  Session session(vnpud());
  ASSERT_EQ(session.window(), facts.window) << "the first free one in both processes";
  const TestModule module(&session);
  const Queue queue = session.CreateQueue();
  const Buffer mine = session.Allocate(kPage);
  for (const uint64_t va : {facts.secret_va, facts.pinned_va}) {
    if (session.Query(va).kind != VNPU_MEM_NONE) {
      continue;  // something of ours lies there
    }
    EXPECT_EQ(session.Run(queue, Copy(mine.va, va, 8)), VNPU_E_DMA_ADDRESS);
    EXPECT_EQ(session.Run(queue, Memset(va, 8, 0xff)), VNPU_E_DMA_ADDRESS);
    EXPECT_EQ(session.Run(queue, Kernel(module.Function("peek"), 1, std::vector{va, mine.va})),
              VNPU_E_ADDRESS);
    EXPECT_EQ(session.Run(queue, Kernel(module.Function("poke"), 1, std::vector<uint64_t>{va, 1})),
              VNPU_E_ADDRESS);
  }
  // Memory of our own at that very address.
  vnpu_ioc_reserve reserve{facts.secret_va, kPage, 0, 0};
  const int reserved = session.Ioctl(VNPU_IOC_RESERVE, &reserve);
  if (reserved == 0) {
    session.Map(facts.secret_va, kPage, session.AllocatePmem(kPage));
    uint64_t word = 1;
    ASSERT_TRUE(session.Load(&word, facts.secret_va, 8));
    EXPECT_EQ(word, 0u);
    EXPECT_NE(session.Query(facts.secret_va).pa, facts.secret_pa);
    EXPECT_EQ(session.Run(queue, Memset(facts.secret_va, kPage, 0xff)), VNPU_OK);
  } else {
    EXPECT_EQ(reserved, -EEXIST) << ErrorName(reserved);
  }
  EXPECT_TRUE(victim.Finish());
}

// Physical addresses are information, nothing takes them.
TEST_F(AddressTest, PhysicalAddressesLeadNowhere) {
  Victim victim(vnpud(), false);
  Session session(vnpud());
  const Queue queue = session.CreateQueue();
  const Buffer mine = session.Allocate(kPage);
  EXPECT_EQ(session.Run(queue, Copy(mine.va, victim.facts().secret_pa, 8)), VNPU_E_DMA_ADDRESS);
  vnpu_ioc_unmap unmap{victim.facts().secret_pa, kPage};
  EXPECT_LT(session.Ioctl(VNPU_IOC_UNMAP, &unmap), 0);
  EXPECT_TRUE(victim.Finish());
}

// Everything that the victim's memory was is zero when it is given out again.
TEST_F(AddressTest, FreedMemoryIsZero) {
  constexpr uint64_t kAll = 64u << 20;
  constexpr uint64_t kPiece = 4u << 20;
  for (int round = 0; round < 3; ++round) {
    {
      Session owner(vnpud());
      const Queue queue = owner.CreateQueue();
      for (uint64_t at = 0; at < kAll; at += kPiece) {
        const Buffer buffer = owner.Allocate(kPiece, round == 1 ? VNPU_PMEM_HUGE : 0);
        ASSERT_EQ(owner.Run(queue, Memset(buffer.va, kPiece, 0x5e)), VNPU_OK);
        if (round == 2) {
          owner.Free(buffer);  // returned by hand, not by the end of the session
        }
      }
    }
    ExpectNothingLeft();
    {
      Session next(vnpud());
      std::vector<uint64_t> seen(kPiece / 8);
      for (uint64_t at = 0; at < kAll; at += kPiece) {
        const Buffer buffer = next.Allocate(kPiece);
        ASSERT_TRUE(next.Load(seen.data(), buffer.va, kPiece));
        ASSERT_TRUE(std::ranges::all_of(seen, [](uint64_t word) { return word == 0; }));
      }
    }
    ExpectNothingLeft();
  }
}

}  // namespace
}  // namespace vnpu::raw
