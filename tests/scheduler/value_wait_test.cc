// Waits for words of memory.
#include "tests/scheduler/scheduler_fixture.h"

namespace vnpu::firmware::test {
namespace {

constexpr uint64_t kVa = 0x1000;

class ValueWaits : public SchedulerTest {
 protected:
  uint64_t& word() { return platform_.words[kVa]; }
};

TEST_F(ValueWaits, EndWhenTheWordIsWritten) {
  word() = 0;
  QueueClient& waiter = Create(0);
  Publish(waiter, {ValueWait(kVa, VNPU_VALUE_EQ, 3), Kernel(kernel_)});
  ExpectNoWork();
  word() = 2;
  ExpectNoWork();
  EXPECT_EQ(waiter.head(), 0u);
  word() = 3;
  EXPECT_EQ(RunAll().size(), 1u);
  EXPECT_TRUE(waiter.Done());
}

TEST_F(ValueWaits, CompareAsTheModeSays) {
  struct Case {
    uint32_t mode;
    uint64_t value;
    uint64_t too_early;
    uint64_t over;
  };
  const Case cases[] = {
      {VNPU_VALUE_GEQ, 5, 4, 5},
      {VNPU_VALUE_GEQ, UINT64_MAX, UINT64_MAX - 1,
       1},  // the difference is signed: numbers go round
      {VNPU_VALUE_EQ, 5, 6, 5},
      {VNPU_VALUE_AND, 6, 9, 4},
      {VNPU_VALUE_NOR, 0xff, ~uint64_t{0xf}, ~uint64_t{0xff00}},
  };
  uint32_t id = 0;
  for (const Case& c : cases) {
    word() = c.too_early;
    QueueClient& waiter = Create(id++);
    Publish(waiter, ValueWait(kVa, c.mode, c.value));
    ExpectNoWork();
    EXPECT_FALSE(waiter.Done()) << c.mode;
    word() = c.over;
    ExpectNoWork();
    EXPECT_TRUE(waiter.Done()) << c.mode;
  }
}

TEST_F(ValueWaits, AddressThatIsNotMapped) {
  QueueClient& queue = Create(0);
  Publish(queue, ValueWait(kVa, VNPU_VALUE_EQ, 0));
  ExpectNoWork();
  const auto cqe = queue.Consume();
  ASSERT_TRUE(cqe);
  EXPECT_EQ(cqe->status, uint32_t{VNPU_E_DMA_ADDRESS});
  EXPECT_EQ(session()->exceptions[0].address, kVa);
}

TEST_F(ValueWaits, AddressThatIsUnmappedMeanwhile) {
  word() = 0;
  QueueClient& queue = Create(0);
  Publish(queue, ValueWait(kVa, VNPU_VALUE_EQ, 1));
  ExpectNoWork();
  platform_.words.clear();
  ExpectNoWork();
  EXPECT_EQ(queue.Consume()->status, uint32_t{VNPU_E_DMA_ADDRESS});
}

TEST_F(ValueWaits, FieldsOutOfRange) {
  word() = 0;
  QueueClient& queue = Create(0);
  std::vector<vnpu_sqe> bad = {ValueWait(kVa + 4, VNPU_VALUE_EQ, 0),
                               ValueWait(kVa, VNPU_VALUE_WAIT_COUNT, 0)};
  bad.push_back(ValueWait(kVa, VNPU_VALUE_EQ, 0));
  bad.back().value.reserved0 = 1;
  bad.push_back(ValueWait(kVa, VNPU_VALUE_EQ, 0));
  bad.back().value.reserved1[0] = 1;
  for (const vnpu_sqe& sqe : bad) {
    Publish(queue, sqe);
    ExpectNoWork();
    EXPECT_EQ(queue.Consume()->status, uint32_t{VNPU_E_INVALID_SQE});
  }
}

TEST_F(ValueWaits, SleepHasABound) {
  word() = 0;
  Publish(Create(0), ValueWait(kVa, VNPU_VALUE_EQ, 1));
  ExpectNoWork();
  EXPECT_TRUE(scheduler_->PrepareSleep());
  EXPECT_EQ(scheduler_->NextDeadline(), now_ + 50'000) << "soon, while it is new";
  now_ += 3'600'000'000'000;
  EXPECT_EQ(scheduler_->NextDeadline(), now_ + 1'000'000) << "and each millisecond later on";
  EXPECT_EQ(scheduler_->KillQueue(0, true), 0);
  EXPECT_EQ(scheduler_->NextDeadline(), 0u);
}

TEST_F(ValueWaits, TimeLimitEndsTheWait) {
  word() = 0;
  QueueClient& queue = Create(0);
  Publish(queue, WithTimeout(ValueWait(kVa, VNPU_VALUE_EQ, 1), 100));
  ExpectNoWork();
  now_ += 101'000;
  scheduler_->CheckDeadlines();
  EXPECT_EQ(queue.Consume()->status, uint32_t{VNPU_E_WAIT_TIMEOUT});
  EXPECT_FALSE(scheduler_->Watching());
}

// More than are looked at in one pass: each gets its look.
TEST_F(ValueWaits, ManyAtATime) {
  constexpr uint32_t kWaits = 100;
  for (uint32_t id = 0; id < kWaits; ++id) {
    platform_.words[kVa + 8 * id] = 0;
    Publish(Create(id), ValueWait(kVa + 8 * id, VNPU_VALUE_EQ, 1));
  }
  ExpectNoWork();
  platform_.words[kVa + 8 * 77] = 1;
  Work work;
  for (uint32_t pass = 0; pass < kWaits && !clients_[77].Done(); ++pass) {
    EXPECT_FALSE(TryPick(&work));
  }
  for (uint32_t id = 0; id < kWaits; ++id) {
    EXPECT_EQ(clients_[id].Done(), id == 77) << id;
  }
}

}  // namespace
}  // namespace vnpu::firmware::test
