// The limits of abi.h: everything up to them works, one more is refused, and all comes back.
#include <functional>

#include "tests/uapi/support/fixture.h"

namespace vnpu::raw {
namespace {

class LimitsTest : public RawTest {};

// How often `make` succeeds, and what it answers in the end.
struct Filled {
  uint64_t count = 0;
  int error = 0;
};

Filled Fill(uint64_t limit, const std::function<int()>& make) {
  Filled filled;
  while (filled.count <= limit && (filled.error = make()) == 0) {
    ++filled.count;
  }
  return filled;
}

TEST_P(LimitsTest, Events) {
  Session session(vnpud());
  uint64_t events = 0;
  std::vector<bool> seen(VNPU_MAX_EVENTS);
  const Filled filled = Fill(VNPU_MAX_EVENTS, [&] {
    vnpu_ioc_event_alloc arg{};
    arg.count = 63;  // does not divide the limit
    const int result = session.Ioctl(VNPU_IOC_EVENT_ALLOC, &arg);
    for (uint32_t i = 0; result == 0 && i < arg.count; ++i) {
      EXPECT_LT(arg.event_id[i], VNPU_MAX_EVENTS);
      EXPECT_FALSE(seen.at(arg.event_id[i])) << "given out twice";
      seen[arg.event_id[i]] = true;
      ++events;
    }
    return result;
  });
  EXPECT_EQ(filled.error, -ENOSPC) << ErrorName(filled.error);
  EXPECT_EQ(events, VNPU_MAX_EVENTS);
  vnpu_ioc_event_free free_event{12345, 0};
  EXPECT_OK(session.Ioctl(VNPU_IOC_EVENT_FREE, &free_event));
  EXPECT_EQ(session.AllocateEvents(64), std::vector<uint32_t>{12345});
}

TEST_P(LimitsTest, Interrupts) {
  Session session(vnpud());
  const UniqueFd fd = MakeEventfd();
  std::vector<uint32_t> ids;
  const Filled filled = Fill(VNPU_MAX_IRQS, [&] {
    vnpu_ioc_irq_add arg{};
    arg.fd = fd.get();
    const int result = session.Ioctl(VNPU_IOC_IRQ_ADD, &arg);
    ids.push_back(arg.irq_id);
    return result;
  });
  EXPECT_EQ(filled.error, -ENOSPC) << ErrorName(filled.error);
  EXPECT_EQ(filled.count, VNPU_MAX_IRQS);
  vnpu_ioc_irq_del del{ids[100], 0};
  EXPECT_OK(session.Ioctl(VNPU_IOC_IRQ_DEL, &del));
  EXPECT_EQ(session.Run(session.CreateQueue(), Nop()), VNPU_OK) << "with the last waiter slot";
}

TEST_P(LimitsTest, QueueMemories) {
  Session session(vnpud());
  const UniqueFd fd = MakeSealedMemfd(VNPU_PAGE_SIZE);
  const Filled filled = Fill(VNPU_MAX_QMEMS, [&] {
    vnpu_ioc_qmem_add arg{VNPU_PAGE_SIZE, fd.get(), 0};
    return session.Ioctl(VNPU_IOC_QMEM_ADD, &arg);
  });
  EXPECT_EQ(filled.error, -ENOSPC) << ErrorName(filled.error);
  EXPECT_EQ(filled.count, VNPU_MAX_QMEMS);
}

TEST_P(LimitsTest, Queues) {
  Session session(vnpud());
  const uint64_t bytes = vnpu_queue_bytes(VNPU_MIN_SQ_ENTRIES, 0);
  const UniqueFd fd = MakeSealedMemfd(bytes * (VNPU_MAX_QUEUES + 1));
  vnpu_ioc_qmem_add add{bytes * (VNPU_MAX_QUEUES + 1), fd.get(), 0};
  ASSERT_OK(session.Ioctl(VNPU_IOC_QMEM_ADD, &add));
  uint64_t offset = 0;
  const Filled filled = Fill(VNPU_MAX_QUEUES, [&] {
    vnpu_ioc_queue_create arg{add.qmem_id, 0, offset, VNPU_MIN_SQ_ENTRIES, 0, 7, 0};
    offset += bytes;
    return session.Ioctl(VNPU_IOC_QUEUE_CREATE, &arg);
  });
  EXPECT_EQ(filled.error, -ENOSPC) << ErrorName(filled.error);
  EXPECT_EQ(filled.count, VNPU_MAX_QUEUES);
}

// Each object has a descriptor in the driver, which may have fewer than the limit asks for; it
// then says so and goes on.
TEST_P(LimitsTest, MemoryObjects) {
  Session session(vnpud());
  const Filled filled = Fill(VNPU_MAX_PMEMS, [&] {
    vnpu_ioc_pmem_alloc arg{VNPU_PAGE_SIZE, 0, 0, 0, 0};
    return session.Ioctl(VNPU_IOC_PMEM_ALLOC, &arg);
  });
  EXPECT_TRUE(filled.error == -ENOSPC || filled.error == -EMFILE) << ErrorName(filled.error);
  EXPECT_LE(filled.count, VNPU_MAX_PMEMS);
  EXPECT_GE(filled.count, filled.error == -ENOSPC ? VNPU_MAX_PMEMS : 64u);
  // Nobody else starves.
  Session other(vnpud());
  const Buffer buffer = other.Allocate(VNPU_PAGE_SIZE);
  EXPECT_EQ(other.Run(other.CreateQueue(), Memset(buffer.va, buffer.size, 1)), VNPU_OK);
}

TEST_P(LimitsTest, Reservations) {
  Session session(vnpud());
  constexpr uint64_t kEnough = 40'000;
  const Filled filled = Fill(kEnough, [&] {
    vnpu_ioc_reserve arg{0, VNPU_PAGE_SIZE, 0, 0};
    return session.Ioctl(VNPU_IOC_RESERVE, &arg);
  });
  EXPECT_TRUE(filled.error == -ENOSPC || filled.error == -ENOMEM) << ErrorName(filled.error);
  EXPECT_GE(filled.count, VNPU_MAX_PMEMS);
  EXPECT_EQ(Counters().reservations, filled.count);
}

TEST_P(LimitsTest, OpenFiles) {
  std::vector<std::unique_ptr<RawFile>> files;
  constexpr size_t kEnough = 2000;
  while (files.size() < kEnough) {
    auto file = vnpud().TryOpen("davinci0");
    if (file == nullptr) {
      EXPECT_TRUE(errno == EMFILE || errno == ENFILE || errno == EBUSY) << errno;
      break;
    }
    files.push_back(std::move(file));
  }
  EXPECT_GE(files.size(), 64u);
  files.resize(files.size() / 2);
  EXPECT_TRUE(Eventually(kPatience, [&] { return vnpud().TryOpen("davinci0") != nullptr; }));
}

RAW_TEST_SUITE(LimitsTest);

}  // namespace
}  // namespace vnpu::raw
