// A scheduler with a clock that the test moves and a platform that takes notes; the test plays the
// client and the workers.
#ifndef VNPU_TESTS_SCHEDULER_SCHEDULER_FIXTURE_H_
#define VNPU_TESTS_SCHEDULER_SCHEDULER_FIXTURE_H_

#include <gtest/gtest.h>

#include <cstdlib>
#include <functional>
#include <map>
#include <memory>
#include <vector>

#include "firmware/scheduler/scheduler.h"
#include "tests/support/queue_client.h"
#include "tests/support/sqe.h"

namespace vnpu::firmware::test {

using namespace vnpu::test;  // NOLINT: makers of SQEs

// Zeroed, page-aligned memory.
class Memory {
 public:
  explicit Memory(size_t size)
      : data_(static_cast<std::byte*>(std::aligned_alloc(VNPU_PAGE_SIZE, size))) {
    std::fill_n(data_.get(), size, std::byte{});
  }
  std::byte* data() const { return data_.get(); }

 private:
  struct Free {
    void operator()(std::byte* data) const { std::free(data); }
  };
  std::unique_ptr<std::byte, Free> data_;
};

class FakePlatform final : public Platform {
 public:
  struct StopRequest {
    uint32_t queue_id;
    uint32_t status;
  };

  void PostIrq(uint32_t irq_id) override { irqs.push_back(irq_id); }
  void SignalDriver() override { ++driver_signals; }
  void Barrier() override {
    if (on_barrier) {
      on_barrier();
    }
  }
  uint32_t LoadWord(uint64_t va, uint64_t* word) override {
    const auto found = words.find(va);
    if (found == words.end()) {
      return VNPU_E_DMA_ADDRESS;
    }
    *word = found->second;
    return VNPU_OK;
  }
  uint32_t StoreWord(uint64_t va, uint64_t word) override {
    const auto found = words.find(va);
    if (found == words.end()) {
      return VNPU_E_DMA_ADDRESS;
    }
    found->second = word;
    return VNPU_OK;
  }
  void StopBlocks(const Rtsq& queue, uint32_t status) override {
    stops.push_back({queue.id, status});
  }

  std::function<void()> on_barrier;
  std::map<uint64_t, uint64_t> words;  // of memory, by address
  std::vector<uint32_t> irqs;
  std::vector<StopRequest> stops;
  int driver_signals = 0;
};

inline void Thunk(const void* /*args*/, const void* /*block*/) {}

class SchedulerTest : public testing::Test {
 protected:
  static constexpr uint64_t kHz = 1'000'000'000;  // a tick is a nanosecond
  static constexpr uint32_t kOwnSlot = 1;
  static constexpr uint32_t kArgBytes = 8192;

  SchedulerTest() {
    SetUnits(2, 2, 1, 2);
    header().live_sessions.store(1);
    header().live_slots[0].store(1u << kOwnSlot);
    scheduler_ = std::make_unique<Scheduler>(session(), &units_, &clock_, &platform_);
    kernel_ = AddKernel(VNPU_UNIT_AI_CORE);
  }

  vnpu_session_mem* session() const {
    return reinterpret_cast<vnpu_session_mem*>(session_memory_.data());
  }
  BoardHeader& header() const { return *reinterpret_cast<BoardHeader*>(board_.data()); }
  BoardSlot& slot(uint32_t index) const {
    return *reinterpret_cast<BoardSlot*>(board_.data() + 4096 + 4096ull * index);
  }
  BoardSlot& own() const { return slot(kOwnSlot); }
  void SetUnits(uint32_t ai, uint32_t vector, uint32_t cpu, uint32_t dma) const {
    header().units[VNPU_UNIT_AI_CORE] = ai;
    header().units[VNPU_UNIT_VECTOR_CORE] = vector;
    header().units[VNPU_UNIT_AI_CPU] = cpu;
    header().units[VNPU_UNIT_DMA] = dma;
  }

  uint32_t AddKernel(uint32_t unit, uint32_t arg_size = 0, uint32_t module_id = 1) {
    Function function;
    function.thunk = &Thunk;
    function.module_id = module_id;
    function.unit = unit;
    function.arg_size = arg_size;
    function.module_base = 0x10000;
    return scheduler_->AddFunction(function);
  }

  QueueClient& Create(uint32_t id, uint32_t priority = 3, uint32_t flags = 0,
                      uint32_t entries = 16) {
    const Memory& memory = queue_memory_.emplace_back(vnpu_queue_bytes(entries, kArgBytes));
    const QueueMemory at = QueueMemory::At(memory.data(), entries, kArgBytes);
    EXPECT_EQ(scheduler_->CreateQueue(id, at, priority, flags), 0);
    return clients_[id] = QueueClient(session(), memory.data(), id, entries);
  }
  void Publish(QueueClient& queue, const vnpu_sqe& sqe) {
    ASSERT_FALSE(queue.Full());
    kicks_ += queue.Publish(sqe) ? 1 : 0;
  }
  void Publish(QueueClient& queue, const std::vector<vnpu_sqe>& sqes) {
    for (const vnpu_sqe& sqe : sqes) {
      Publish(queue, sqe);
    }
  }

  // What a worker would get.
  bool TryPick(Work* work) {
    *work = {};
    return scheduler_->Pick(work);
  }
  Work Pick() {
    Work work;
    EXPECT_TRUE(TryPick(&work)) << "nothing to run";
    NoteStart(&work);
    return work;
  }
  // As workers do.
  void NoteStart(Work* work) const {
    if (work->timed) {
      work->start = now_;
    }
  }
  void NoteEnd(Work* work) const {
    if (work->timed) {
      work->end = now_;
    }
  }
  // Nothing can run; entries that need no unit are dealt with.
  void ExpectNoWork() {
    Work work;
    do {
      ASSERT_FALSE(TryPick(&work)) << "work of queue " << work.queue->id;
    } while (scheduler_->HasMore());
  }
  void Retire(Work work, uint32_t status = VNPU_OK, uint64_t ticks = 1000) {
    now_ += ticks;
    NoteEnd(&work);
    if (work.result.status == VNPU_OK) {
      work.result.status = status;
    }
    work.done = work.result.status == VNPU_OK ? work.count : 0;
    scheduler_->Retire(work);
    scheduler_->Announce();
  }
  // Runs everything that can run, one piece after the other; returns the ids of the queues.
  std::vector<uint32_t> RunAll() {
    std::vector<uint32_t> order;
    Work work;
    do {
      while (TryPick(&work)) {
        order.push_back(work.queue->id);
        NoteStart(&work);
        Retire(work);
      }
    } while (scheduler_->HasMore());
    return order;
  }

  vnpu_event_reg& event(uint32_t id) const { return session()->events[id]; }

  uint64_t now_ = 1'000'000;
  Memory session_memory_{VNPU_SESSION_MEM_BYTES};
  Memory board_{kBoardBytes};
  Units units_{reinterpret_cast<const BoardHeader*>(board_.data()), board_.data() + 4096,
               reinterpret_cast<BoardSlot*>(board_.data() + 4096 * (1 + kOwnSlot))};
  vdev::Clock clock_{kHz, &now_};
  FakePlatform platform_;
  std::vector<Memory> queue_memory_;
  std::map<uint32_t, QueueClient> clients_;
  std::unique_ptr<Scheduler> scheduler_;
  uint32_t kernel_ = 0;
  int kicks_ = 0;
};

}  // namespace vnpu::firmware::test

#endif  // VNPU_TESTS_SCHEDULER_SCHEDULER_FIXTURE_H_
