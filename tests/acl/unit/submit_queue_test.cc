// The client's side of a queue against a device that is a thread, or the test itself.
#include "libruntime/src/queue/submit_queue.h"

#include <gtest/gtest.h>
#include <vnpu/session.h>

#include <algorithm>
#include <atomic>
#include <cstring>
#include <memory>
#include <thread>
#include <vector>

#include "libruntime/src/base/spinlock.h"
#include "libruntime/src/device/session.h"
#include "tests/acl/unit/fake_device.h"

namespace vnpu::runtime {
namespace {

using test::FakeQueue;

constexpr QueueSpec kSpec{.entries = 8, .arg_bytes = 4096, .priority = 0};

class SubmitQueueTest : public testing::Test {
 protected:
  SubmitQueueTest()
      : memory_(Mapping::Shared(
            MakeMemfd("test", vnpu_queue_bytes(kSpec.entries, kSpec.arg_bytes)).get(),
            vnpu_queue_bytes(kSpec.entries, kSpec.arg_bytes))),
        session_(std::make_shared<Session>(nullptr, 0)),
        device_(memory_.data(), kSpec.entries) {}

  void SetUp() override {
    ASSERT_TRUE(memory_);
    ASSERT_EQ(session_->ShareMemory(), ACL_SUCCESS);
    queue_ = std::make_unique<SubmitQueue>(*session_, SubmitMode::kRing, 3, kSpec, memory_.data());
  }

  // Submits an entry that carries `value`; false: the queue is full.
  bool Submit(uint64_t value, uint32_t arg_bytes = 0) {
    Slot slot;
    if (!queue_->TryReserve(arg_bytes, 0, &slot)) {
      return false;
    }
    slot.sqe->opcode = VNPU_OP_NOP;
    slot.sqe->payload[0] = value;
    if (arg_bytes > 0) {
      slot.sqe->kernel.arg_offset = slot.arg_offset;
      std::memset(slot.args, static_cast<int>(value), arg_bytes);
    }
    EXPECT_EQ(queue_->Publish(slot, &kick_), 0);
    return true;
  }

  Mapping memory_;
  std::shared_ptr<Session> session_;
  FakeQueue device_;
  std::unique_ptr<SubmitQueue> queue_;
  bool kick_ = false;
};

TEST_F(SubmitQueueTest, EntriesArriveInOrder) {
  ASSERT_TRUE(Submit(10));
  ASSERT_TRUE(Submit(11));
  const vnpu_sqe* entry = device_.Next();
  ASSERT_NE(entry, nullptr);
  EXPECT_EQ(entry->payload[0], 10u);
  EXPECT_EQ(entry->queue_id, 3u);
  EXPECT_EQ(entry->seq, 0u);
  device_.Complete();
  entry = device_.Next();
  ASSERT_NE(entry, nullptr);
  EXPECT_EQ(entry->payload[0], 11u);
  EXPECT_EQ(entry->seq, 1u);
  EXPECT_FALSE(queue_->idle());
  device_.Complete();
  EXPECT_TRUE(queue_->idle());
  EXPECT_EQ(device_.Next(), nullptr);
}

TEST_F(SubmitQueueTest, SeqIsThereWhenTheEntryIs) {
  for (uint64_t i = 0; i < 2 * kSpec.entries; ++i) {
    const auto* const sq = reinterpret_cast<const vnpu_sqe*>(memory_.data() + VNPU_QUEUE_SQ_OFFSET);
    const vnpu_sqe& entry = sq[i % kSpec.entries];
    Slot slot;
    ASSERT_TRUE(queue_->TryReserve(0, 0, &slot));
    ASSERT_EQ(slot.sqe, &entry);
    EXPECT_NE(entry.seq, static_cast<uint32_t>(i)) << "the device would take it";
    EXPECT_NE(entry.seq, static_cast<uint32_t>(i - kSpec.entries)) << "it is not what it was";
    EXPECT_EQ(queue_->Publish(slot, &kick_), 0);
    EXPECT_EQ(entry.seq, static_cast<uint32_t>(i));
    device_.Complete();
  }
}

TEST_F(SubmitQueueTest, FullQueueTakesNoMore) {
  for (uint64_t i = 0; i < kSpec.entries; ++i) {
    ASSERT_TRUE(Submit(i));
  }
  EXPECT_FALSE(Submit(99));
  EXPECT_EQ(queue_->RoomTarget(), kSpec.entries / 2);
  device_.Complete();
  EXPECT_TRUE(Submit(99));
  EXPECT_FALSE(Submit(100));
}

TEST_F(SubmitQueueTest, ArgumentsAreFreedWithTheirTasks) {
  constexpr uint32_t kHalf = 2048;
  ASSERT_TRUE(Submit(1, kHalf));
  ASSERT_TRUE(Submit(2, kHalf));
  EXPECT_FALSE(Submit(3, 8));
  EXPECT_TRUE(Submit(4));  // without arguments there is room
  device_.Complete();
  ASSERT_TRUE(Submit(5, kHalf));
  EXPECT_EQ(device_.args()[0], std::byte{5});
  EXPECT_EQ(device_.args()[kHalf], std::byte{2});
}

TEST_F(SubmitQueueTest, ArgumentsOfATaskAreReadWholeOrNotAtAll) {
  constexpr uint64_t kTasks = 100000;
  constexpr uint32_t kBytes = 648;  // the ring takes fewer of them than the queue takes tasks
  std::atomic<bool> over{false};
  std::thread submitter([&] {
    for (uint64_t i = 0; i < kTasks; ++i) {
      Slot slot;
      EXPECT_TRUE(queue_->TryReserve(kBytes, 0, &slot));
      slot.sqe->opcode = VNPU_OP_KERNEL;
      slot.sqe->kernel.arg_size = kBytes;
      slot.sqe->kernel.arg_offset = slot.arg_offset;
      std::memset(slot.args, static_cast<int>(i), kBytes);
      queue_->Publish(slot, &kick_);
      device_.Complete();
    }
    over = true;
  });
  uint64_t read = 0;
  uint64_t torn = 0;
  for (uint64_t i = 0; !over || read == 0; ++i) {
    const uint64_t tail = queue_->tail();
    const uint64_t task = tail - std::min(tail, 1 + i % kSpec.entries);
    std::vector<std::byte> bytes;
    void* device = nullptr;
    if (!queue_->ReadArgs(task, &bytes, &device)) {
      continue;
    }
    ++read;
    const auto other = [&](std::byte byte) { return byte != static_cast<std::byte>(task); };
    torn += bytes.size() != kBytes || std::ranges::any_of(bytes, other) ? 1 : 0;
  }
  submitter.join();
  EXPECT_GT(read, 0u);
  EXPECT_EQ(torn, 0u);
}

TEST_F(SubmitQueueTest, DoorbellAndKickAreForASleepingDevice) {
  vnpu_session_mem& mem = session_->mem();
  ASSERT_TRUE(Submit(1));
  EXPECT_EQ(mem.doorbell[0], 0u);
  EXPECT_FALSE(kick_);
  queue_->hdr().need_doorbell = 1;
  mem.need_wakeup = 1;
  ASSERT_TRUE(Submit(2));
  EXPECT_EQ(mem.doorbell[0], uint64_t{1} << 3);
  EXPECT_EQ(mem.doorbell_summary, 1u);
  EXPECT_TRUE(kick_);
  EXPECT_EQ(mem.need_wakeup, 0u);
  ASSERT_TRUE(Submit(3));
  EXPECT_FALSE(kick_);  // one kick wakes it
}

TEST_F(SubmitQueueTest, FirstFailureIsKept) {
  for (uint64_t i = 0; i < 3; ++i) {
    ASSERT_TRUE(Submit(i));
  }
  device_.Complete();
  device_.Complete(VNPU_E_TRAP);
  device_.Complete(VNPU_E_DMA_HOST);
  EXPECT_TRUE(queue_->HasCompletions());
  queue_->CollectCompletions();
  EXPECT_FALSE(queue_->HasCompletions());
  EXPECT_TRUE(queue_->failed());
  const auto failure = queue_->TakeFailure(/*keep=*/false);
  ASSERT_TRUE(failure.has_value());
  EXPECT_EQ(failure->code, ACL_ERROR_RT_AICORE_TRAP_EXCEPTION);
  EXPECT_EQ(failure->task, 1u);
  EXPECT_FALSE(queue_->failed());
  EXPECT_FALSE(queue_->TakeFailure(/*keep=*/false).has_value());
}

TEST_F(SubmitQueueTest, MadDeviceDoesNotFreeWhatIsInUse) {
  for (uint64_t i = 0; i < kSpec.entries; ++i) {
    ASSERT_TRUE(Submit(i));
  }
  queue_->hdr().sq_head = 1000;
  EXPECT_FALSE(Submit(9));
}

TEST_F(SubmitQueueTest, StreamsThroughAThread) {
  constexpr uint64_t kTasks = 200000;
  std::atomic<uint64_t> bad{0};
  std::thread device([&] {
    for (uint64_t i = 0; i < kTasks;) {
      const vnpu_sqe* entry = device_.Next();
      if (entry == nullptr) {
        CpuPause();
        continue;
      }
      const uint32_t bytes = 8 * static_cast<uint32_t>(i % 5);
      const bool args_ok = bytes == 0 || device_.args()[entry->kernel.arg_offset + bytes - 1] ==
                                             static_cast<std::byte>(i);
      bad += entry->seq != static_cast<uint32_t>(i) || !args_ok ? 1 : 0;
      device_.Complete();
      ++i;
    }
  });
  for (uint64_t i = 0; i < kTasks; ++i) {
    const uint32_t bytes = 8 * static_cast<uint32_t>(i % 5);
    Slot slot;
    while (!queue_->TryReserve(bytes, 0, &slot)) {
      sched_yield();
    }
    slot.sqe->kernel.arg_offset = slot.arg_offset;
    if (bytes > 0) {
      std::memset(slot.args, static_cast<int>(i), bytes);
    }
    queue_->Publish(slot, &kick_);
  }
  device.join();
  EXPECT_EQ(bad, 0u);
  EXPECT_TRUE(queue_->idle());
}

}  // namespace
}  // namespace vnpu::runtime
