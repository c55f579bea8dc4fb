// Many queues with random tasks, run by simulated workers in random order, against a reference that
// knows only the rules: order within a queue, priorities, events, units, failure modes.
#include <deque>
#include <random>

#include "tests/scheduler/scheduler_fixture.h"

namespace vnpu::firmware::test {
namespace {

constexpr uint32_t kQueues = 40;  // more than the scheduler polls
constexpr uint32_t kEvents = 24;
constexpr uint32_t kWorkers = 6;
constexpr uint64_t kTasks = 40'000;  // for each seed

// What the reference knows about one queue.
struct QueueModel {
  std::deque<vnpu_sqe> tasks;  // published, not done; the first one has index `done`
  uint64_t done = 0;
  uint32_t priority = 0;
  bool stop_on_failure = false;
  bool failed = false;
  bool aborting = false;    // failed, up to drop_until
  uint64_t drop_until = 0;  // index of a task
  // Of the first task.
  std::vector<bool> started;  // blocks
  uint32_t running = 0;       // pieces of work
  uint32_t finished = 0;      // blocks
  uint32_t status = VNPU_OK;  // of a block that failed
  bool record_times = true;
  uint64_t last_end = 0;
};

bool NeedsUnit(const vnpu_sqe& sqe) {
  return sqe.opcode == VNPU_OP_KERNEL || sqe.opcode == VNPU_OP_COPY || sqe.opcode == VNPU_OP_MEMSET;
}

class RandomTasks : public SchedulerTest, public testing::WithParamInterface<uint64_t> {
 protected:
  RandomTasks() : random_(GetParam()) {
    units_total_[VNPU_UNIT_AI_CORE] = 1 + Below(4);
    units_total_[VNPU_UNIT_VECTOR_CORE] = 1 + Below(3);
    units_total_[VNPU_UNIT_AI_CPU] = 1 + Below(2);
    units_total_[VNPU_UNIT_DMA] = 1 + Below(3);
    SetUnits(units_total_[VNPU_UNIT_AI_CORE], units_total_[VNPU_UNIT_VECTOR_CORE],
             units_total_[VNPU_UNIT_AI_CPU], units_total_[VNPU_UNIT_DMA]);
    for (const uint32_t unit :
         {VNPU_UNIT_AI_CORE, VNPU_UNIT_VECTOR_CORE, VNPU_UNIT_MIX, VNPU_UNIT_AI_CPU}) {
      kernel_units_[AddKernel(unit)] = unit;
    }
    // Kernels follow one another without Pick() only where there is one priority.
    const uint32_t priorities = one_priority_ ? 1 : VNPU_PRIORITIES;
    scheduler_->SetClientFences(one_priority_);
    seq_last_ = Below(2) == 0;
    scheduler_->SetSeqLast(seq_last_);
    for (uint32_t id = 0; id < kQueues; ++id) {
      QueueModel& model = models_[id];
      model.priority = Below(priorities);
      model.stop_on_failure = Below(4) == 0;
      Create(id, model.priority, model.stop_on_failure ? VNPU_QUEUE_STOP_ON_FAILURE : 0,
             2u << Below(7));
      model.record_times = Below(2) == 0;
      clients_[id].hdr().record_times = model.record_times ? 1 : 0;
    }
  }

  uint32_t Below(uint32_t limit) { return static_cast<uint32_t>(random_() % limit); }

  uint32_t UnitOf(const vnpu_sqe& sqe) const {
    if (sqe.opcode != VNPU_OP_KERNEL) {
      return VNPU_UNIT_DMA;
    }
    const uint32_t unit = kernel_units_.at(sqe.kernel.func_id);
    return unit == VNPU_UNIT_MIX ? uint32_t{VNPU_UNIT_AI_CORE} : unit;
  }
  static uint32_t BlocksOf(const vnpu_sqe& sqe) {
    return sqe.opcode == VNPU_OP_KERNEL ? sqe.kernel.block_dim : 1;
  }

  static bool AboveCoreLimit(const vnpu_sqe& sqe, uint32_t pieces) {
    return sqe.core_limit != 0 && pieces > sqe.core_limit;
  }

  vnpu_sqe RandomTask() {
    if (one_priority_ && Below(3) != 0) {
      return Kernel(kernel_units_.begin()->first);
    }
    switch (Below(12)) {
      case 0:
        return Copy(64, 128, Below(2) == 0 ? 8 : Below(100'000));
      case 1:
        return Memset(64, 4 * Below(100'000), 1, 4);
      case 2:
        return MakeSqe(VNPU_OP_COUNT);
      case 3:
      case 4: {
        // Numbers grow with every record of an event, whichever queue it goes to.
        const uint32_t id = Below(kEvents);
        return Record(id, ++recorded_[id]);
      }
      case 5:
      case 6: {
        // A wait for what is published already: so no two queues can wait for each other.
        const uint32_t id = Below(kEvents);
        return recorded_[id] == 0 ? Nop() : Wait(id, 1 + random_() % recorded_[id]);
      }
      case 7:
        return Nop();
      default: {
        const auto kernel = std::next(kernel_units_.begin(), Below(4));
        const vnpu_sqe sqe = Kernel(kernel->first, Below(3) == 0 ? 1 + Below(20) : 1);
        return WithCoreLimit(sqe, static_cast<uint16_t>(Below(3) == 0 ? 1 + Below(4) : 0));
      }
    }
  }

  // The device has a look between the entry and its tail, and may end it.
  void PublishSlowly(QueueClient& queue, const vnpu_sqe& sqe) {
    queue.Write(sqe);
    PickSome();
    queue.StoreTail(queue.tail() + 1);
    kicks_ += queue.Ring() ? 1 : 0;
  }

  void PublishSome() {
    const uint32_t id = Below(kQueues);
    QueueClient& queue = clients_[id];
    for (uint32_t i = 0; i < 1 + Below(8) && !queue.Full() && published_ < kTasks; ++i) {
      vnpu_sqe sqe = RandomTask();
      if (Below(one_priority_ ? 20 : 3) == 0) {
        sqe = WithCqe(sqe);
      }
      models_[id].tasks.push_back(sqe);
      if (seq_last_ && one_priority_ && Below(4) == 0) {
        PublishSlowly(queue, sqe);
      } else {
        Publish(queue, sqe);
      }
      ++published_;
    }
  }

  void PickSome() {
    if (out_.size() >= kWorkers) {
      return;
    }
    Work work;
    const bool picked = TryPick(&work);
    Follow();
    // Of one priority a pass looks at a few tails only.
    if (!one_priority_ && !scheduler_->HasMore()) {
      ExpectNothingBetter(picked ? models_[work.queue->id].priority : VNPU_PRIORITIES);
    }
    if (picked) {
      Begin(work);
    }
  }

  void Begin(Work work) {
    QueueModel& model = models_[work.queue->id];
    ASSERT_FALSE(model.tasks.empty());
    ASSERT_EQ(work.queue->head, model.done);
    const vnpu_sqe& task = model.tasks.front();
    ASSERT_TRUE(NeedsUnit(task));
    EndAbort(&model);
    ASSERT_FALSE(model.failed);
    ASSERT_EQ(model.status, VNPU_OK) << "a task that failed starts no more blocks";
    model.started.resize(BlocksOf(task));
    ASSERT_LE(work.first + work.count, BlocksOf(task));
    for (uint32_t block = work.first; block < work.first + work.count; ++block) {
      ASSERT_FALSE(model.started[block]) << "started twice";
      model.started[block] = true;
    }
    ++model.running;
    ASSERT_FALSE(AboveCoreLimit(task, model.running));
    ASSERT_LE(++units_used_[UnitOf(task)], units_total_[UnitOf(task)]);
    NoteStart(&work);
    out_.push_back(work);
  }

  // No queue of a higher priority has a block to start and a unit for it.
  void ExpectNothingBetter(uint32_t priority) {
    for (uint32_t id = 0; id < kQueues; ++id) {
      const QueueModel& model = models_[id];
      if (model.priority >= priority || model.tasks.empty() || !NeedsUnit(model.tasks.front()) ||
          model.failed || model.status != VNPU_OK) {
        continue;
      }
      const vnpu_sqe& task = model.tasks.front();
      const auto begun = std::count(model.started.begin(), model.started.end(), true);
      const bool left = static_cast<uint32_t>(begun) < BlocksOf(task);
      ASSERT_FALSE(left && !AboveCoreLimit(task, model.running + 1) &&
                   units_used_[UnitOf(task)] < units_total_[UnitOf(task)])
          << "queue " << id << " could run";
    }
  }

  void RetireOne() {
    if (out_.empty()) {
      return;
    }
    const size_t index = Below(static_cast<uint32_t>(out_.size()));
    Work work = out_[index];
    out_.erase(out_.begin() + static_cast<ptrdiff_t>(index));
    QueueModel& model = models_[work.queue->id];
    const uint32_t status = Below(50) == 0 ? VNPU_E_TRAP : VNPU_OK;
    --model.running;
    model.finished += work.count;
    model.status = model.status == VNPU_OK ? status : model.status;
    --units_used_[UnitOf(model.tasks.front())];
    const uint64_t ticks = Below(5) == 0 ? Below(3000) : Below(100);
    if (status == VNPU_OK && Below(2) == 0) {
      now_ += ticks;
      NoteEnd(&work);
      work.done = work.count;
      const Scheduler::Followed followed = scheduler_->Follow(&work);
      if (followed == Scheduler::Followed::kNext) {
        ++followed_;
        Follow();
        Begin(work);
        return;
      }
      if (followed == Scheduler::Followed::kRetired) {
        Follow();
        return;
      }
    }
    Retire(work, status, ticks);
    Follow();
  }

  // Brings the reference up to what the device says is done, and checks each task that ended.
  void Follow() {
    std::vector<std::pair<uint32_t, vnpu_sqe>> waits;
    for (uint32_t id = 0; id < kQueues; ++id) {
      while (models_[id].done < clients_[id].head()) {
        FollowOne(id, &waits);
        ASSERT_FALSE(HasFatalFailure());
      }
    }
    for (const auto& [id, wait] : waits) {
      ASSERT_GE(registers_[wait.event.event_id], wait.event.seq) << "queue " << id;
    }
  }

  void FollowOne(uint32_t id, std::vector<std::pair<uint32_t, vnpu_sqe>>* waits) {
    QueueModel& model = models_[id];
    QueueClient& queue = clients_[id];
    ASSERT_FALSE(model.tasks.empty()) << "more done than published";
    const vnpu_sqe task = model.tasks.front();
    uint32_t status = VNPU_OK;
    EndAbort(&model);
    if (model.failed && task.opcode != VNPU_OP_EVENT_RECORD) {
      ASSERT_EQ(model.running, 0u) << "done while a block runs";
      status = model.status == VNPU_OK ? uint32_t{VNPU_E_ABORTED} : model.status;
    } else if (task.opcode == VNPU_OP_COUNT) {
      status = VNPU_E_INVALID_SQE;
    } else if (NeedsUnit(task)) {
      ASSERT_EQ(model.running, 0u) << "done while a block runs";
      status = model.status;
      const bool all = model.finished == BlocksOf(task);
      ASSERT_TRUE(all || status != VNPU_OK) << "done with blocks left";
    } else if (task.opcode == VNPU_OP_EVENT_WAIT) {
      waits->emplace_back(id, task);
    } else if (task.opcode == VNPU_OP_EVENT_RECORD) {
      uint64_t& reg = registers_[task.event.event_id];
      reg = std::max(reg, task.event.seq);
      ASSERT_GE(event(task.event.event_id).seq, reg);
    }
    const vnpu_task_time& time = queue.time(model.done);
    if (model.record_times) {
      ASSERT_LE(model.last_end, time.start);
      ASSERT_LE(time.start, time.end);
      model.last_end = time.end;
    }
    if (status != VNPU_OK || (task.flags & VNPU_SQE_CQE) != 0) {
      const auto cqe = queue.Consume();
      ASSERT_TRUE(cqe);
      ASSERT_EQ(cqe->task, model.done);
      ASSERT_EQ(cqe->status, status);
      if (model.record_times) {
        ASSERT_EQ(cqe->timestamp, time.end);
      } else {
        ASSERT_NE(cqe->timestamp, 0u);
        ASSERT_LE(cqe->timestamp, now_);
      }
      ASSERT_EQ(cqe->exception != 0, status != VNPU_OK && status != VNPU_E_ABORTED);
    }
    model.failed = model.failed || (status != VNPU_OK && model.stop_on_failure);
    model.tasks.pop_front();
    ++model.done;
    model.started.clear();
    model.finished = 0;
    model.status = VNPU_OK;
  }

  void OtherThings() {
    now_ += Below(5000);
    switch (Below(8)) {
      case 0:
        if (scheduler_->PrepareSleep()) {
          scheduler_->Awake();
        }
        break;
      case 1:
        scheduler_->CheckDeadlines();
        break;
      case 2: {
        const uint32_t id = Below(kQueues);
        QueueModel& model = models_[id];
        model.stop_on_failure = Below(2) == 0;
        model.failed = model.aborting || (model.failed && model.stop_on_failure);
        ASSERT_EQ(scheduler_->SetStopOnFailure(id, model.stop_on_failure), 0);
        break;
      }
      case 3:
        Abort(Below(kQueues));
        break;
      case 4: {
        const uint32_t id = Below(kQueues);
        models_[id].priority = Below(one_priority_ ? 1 : VNPU_PRIORITIES);
        ASSERT_EQ(scheduler_->SetPriority(id, models_[id].priority), 0);
        break;
      }
      default:
        break;
    }
  }

  // Once all tasks are gone that an abort drops.
  static void EndAbort(QueueModel* model) {
    if (model->aborting && model->done >= model->drop_until) {
      model->aborting = model->failed = false;
    }
  }

  void Abort(uint32_t id) {
    QueueModel& model = models_[id];
    model.failed = model.aborting = true;
    model.drop_until = model.done + model.tasks.size();
    if (!model.tasks.empty() && NeedsUnit(model.tasks.front()) && model.status == VNPU_OK) {
      model.status = VNPU_E_ABORTED;
    }
    Scheduler::Dropped dropped;
    ASSERT_EQ(scheduler_->AbortQueue(id, /*only_one=*/false, &dropped), 0);
    ASSERT_EQ(dropped.until, model.drop_until);
    ASSERT_LE(dropped.from, dropped.until);
    Follow();
  }

  bool AllDone() const {
    for (const auto& [id, queue] : clients_) {
      if (!queue.Done()) {
        return false;
      }
    }
    return true;
  }

  std::mt19937_64 random_;
  const bool one_priority_ = GetParam() % 2 == 0;
  bool seq_last_ = false;
  std::map<uint32_t, uint32_t> kernel_units_;  // by function
  std::array<uint32_t, VNPU_UNIT_COUNT> units_total_{};
  std::array<uint32_t, VNPU_UNIT_COUNT> units_used_{};
  std::array<QueueModel, kQueues> models_;
  std::array<uint64_t, kEvents> recorded_{};   // highest number published
  std::array<uint64_t, kEvents> registers_{};  // highest number done
  std::vector<Work> out_;
  uint64_t followed_ = 0;  // kernels that came without Pick()
  uint64_t published_ = 0;
};

TEST_P(RandomTasks, FollowTheRules) {
  // Phases of much and of little to do, so that queues run both full and empty.
  while (published_ < kTasks) {
    const uint32_t load = 1 + Below(6);
    for (uint32_t i = 0; i < 500 && !HasFatalFailure(); ++i) {
      if (Below(6) < load) {
        PublishSome();
      }
      PickSome();
      if (Below(2) == 0) {
        RetireOne();
      }
      if (Below(16) == 0) {
        OtherThings();
      }
    }
    ASSERT_FALSE(HasFatalFailure());
  }
  for (uint32_t round = 0; !AllDone() || !out_.empty(); ++round) {
    ASSERT_LT(round, 10 * kTasks) << "it does not come to an end";
    PickSome();
    RetireOne();
    ASSERT_FALSE(HasFatalFailure());
  }
  ExpectNoWork();
  EXPECT_TRUE(scheduler_->Idle());
  EXPECT_EQ(own().tasks.load(), kTasks);
  EXPECT_EQ(followed_ > 100, one_priority_) << followed_;
  for (uint32_t id = 0; id < kQueues; ++id) {
    EXPECT_FALSE(clients_[id].Consume()) << "an entry too many";
    EXPECT_EQ(clients_[id].hdr().cq_overflow, 0u);
  }
  for (uint32_t id = 0; id < kEvents; ++id) {
    EXPECT_EQ(event(id).seq, recorded_[id]);
  }
  for (const std::atomic<uint32_t>& in_use : own().in_use) {
    EXPECT_EQ(in_use.load(), 0u);
  }
}

INSTANTIATE_TEST_SUITE_P(Seeds, RandomTasks, testing::Range<uint64_t>(1, 11));

}  // namespace
}  // namespace vnpu::firmware::test
