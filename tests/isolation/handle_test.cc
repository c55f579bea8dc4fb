// Reaching for another client's objects by their ids.
#include <functional>

#include "tests/isolation/victim.h"
#include "tests/uapi/support/fixture.h"

namespace vnpu::raw {
namespace {

class HandleTest : public NodeTest {};

TEST_F(HandleTest, EveryIdAtEveryCommand) {
  Victim victim(vnpud(), false);
  Session session(vnpud());
  const uint64_t va = session.Reserve(VNPU_PAGE_SIZE);
  const auto refused = [&](unsigned long command, auto arg) {
    return session.Ioctl(command, &arg) == -ENOENT;
  };
  for (uint32_t id = 0; id < victim.facts().objects * 8; ++id) {
    EXPECT_TRUE(refused(VNPU_IOC_PMEM_FREE, vnpu_ioc_pmem_free{id, 0})) << id;
    EXPECT_TRUE(refused(VNPU_IOC_MAP, vnpu_ioc_map{va, VNPU_PAGE_SIZE, 0, id, VNPU_PROT_READ}))
        << id;
    EXPECT_TRUE(refused(VNPU_IOC_QMEM_DEL, vnpu_ioc_qmem_del{id, 0})) << id;
    EXPECT_TRUE(refused(VNPU_IOC_QUEUE_CREATE, vnpu_ioc_queue_create{id, 0, 0, 4, 0, 0, 0})) << id;
    for (const uint32_t flags : {0u, VNPU_DESTROY_FORCE}) {
      EXPECT_TRUE(refused(VNPU_IOC_QUEUE_DESTROY, vnpu_ioc_queue_destroy{id, flags})) << id;
    }
    vnpu_ioc_queue_query query{};
    query.queue_id = id;
    EXPECT_TRUE(refused(VNPU_IOC_QUEUE_QUERY, query)) << id;
    EXPECT_TRUE(refused(VNPU_IOC_QUEUE_SET, vnpu_ioc_queue_set{id, 0, 1})) << id;
    EXPECT_TRUE(refused(VNPU_IOC_QUEUE_ABORT, vnpu_ioc_queue_abort{id, 0, 0, 0})) << id;
    EXPECT_TRUE(refused(VNPU_IOC_EVENT_FREE, vnpu_ioc_event_free{id, 0})) << id;
    EXPECT_TRUE(refused(VNPU_IOC_IRQ_DEL, vnpu_ioc_irq_del{id, 0})) << id;
    EXPECT_TRUE(refused(VNPU_IOC_MODULE_UNLOAD, vnpu_ioc_module_unload{id, 0})) << id;
    vnpu_ioc_module_symbol symbol{};
    symbol.module_id = id;
    EXPECT_TRUE(refused(VNPU_IOC_MODULE_SYMBOL, symbol)) << id;
    vnpu_sqe sqe = Nop();
    sqe.queue_id = id;
    EXPECT_ERRNO(EINVAL, session.file().Write(&sqe, sizeof(sqe))) << id;
  }
  for (const uint64_t address : {victim.facts().secret_va, victim.facts().pinned_va}) {
    EXPECT_TRUE(refused(VNPU_IOC_UNPIN, vnpu_ioc_unpin{address, 0}));
    if (address != va) {
      EXPECT_TRUE(refused(VNPU_IOC_RELEASE, vnpu_ioc_release{address, 0}));
      EXPECT_TRUE(refused(VNPU_IOC_UNMAP, vnpu_ioc_unmap{address, VNPU_PAGE_SIZE}));
    }
  }
  EXPECT_TRUE(victim.Finish());
}

// Kernels of the victim's module cannot be launched by their number either, and its events and
// queues are not those of our SQEs.
TEST_F(HandleTest, EveryIdInATask) {
  Victim victim(vnpud(), false);
  Session session(vnpud());
  const Queue queue = session.CreateQueue();
  for (uint32_t id = 0; id < 64; ++id) {
    EXPECT_EQ(session.Run(queue, Kernel(id, 1, {})), VNPU_E_INVALID_SQE) << id;
    session.Run(queue, EventRecord(id, 99));
    session.Run(queue, EventReset(id));
  }
  for (uint64_t& word : session.mem().doorbell) {
    word = ~uint64_t{0};
  }
  EXPECT_TRUE(victim.Finish());
}

}  // namespace
}  // namespace vnpu::raw
