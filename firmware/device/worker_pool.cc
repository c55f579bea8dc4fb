#include "firmware/device/worker_pool.h"

#include <linux/membarrier.h>
#include <sched.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <x86intrin.h>

#include <algorithm>
#include <cstdio>
#include <mutex>
#include <system_error>

#include "firmware/device/sandbox.h"
#include "firmware/scheduler/shared.h"

namespace vnpu::firmware {
namespace {

constexpr uint64_t kPollUs = 100;  // four times what it takes to wake a sleeper
constexpr uint64_t kYieldUs = 10;
constexpr uint64_t kPieceUs = 10;
constexpr uint64_t kHelpUs = 60;
constexpr uint64_t kShortUs = 30;  // another worker would not be awake much sooner
constexpr uint32_t kPassesBetweenChecks = 32;
constexpr uint64_t kBurstUs = 1000;

constexpr size_t kStackBytes = size_t{2} << 20;  // all that a worker has for device code
constexpr uint32_t kStackStep = 16u << 10;

thread_local const vnpu_block* this_block = nullptr;
thread_local const PrintRings* this_prints = nullptr;

cpu_set_t UsableCpus() {
  cpu_set_t set;
  CPU_ZERO(&set);
  sched_getaffinity(0, sizeof(set), &set);
  return set;
}

// Exceptions of floating-point operations, as MXCSR notes them: invalid, division by zero,
// overflow; and all that it notes.
constexpr uint32_t kOverflowBits = 0x1 | 0x4 | 0x8;
constexpr uint32_t kFloatBits = 0x3f;

struct BlockRun {
  vdev::CoreCode thunk;
  const void* args;
  uint32_t next;  // block
  uint32_t end;
  vnpu_block* block;
  bool detect_overflow;
  bool overflow;
};

void RunBlocks(const void* run_ptr, const void* /*b*/) {
  auto& run = *static_cast<BlockRun*>(const_cast<void*>(run_ptr));
  if (run.detect_overflow) [[unlikely]] {
    __builtin_ia32_ldmxcsr(__builtin_ia32_stmxcsr() & ~kFloatBits);
  }
  for (; run.next < run.end; ++run.next) {
    run.block->block_idx = run.next;
    run.thunk(run.args, run.block);
  }
  if (run.detect_overflow) [[unlikely]] {
    run.overflow = (__builtin_ia32_stmxcsr() & kOverflowBits) != 0;
  }
}

}  // namespace

WorkerPool::WorkerPool(const Config& config)
    : config_(config),
      clock_(*config.clock),
      scheduler_(config.session, config.units, config.clock, this),
      cpu_set_(UsableCpus()),
      cpus_(static_cast<uint32_t>(CPU_COUNT(&cpu_set_))),
      poll_ticks_(cpus_ > 1 ? clock_.TicksFromUs(kPollUs) : 0),
      piece_ticks_(clock_.TicksFromUs(kPieceUs)),
      yield_ticks_(clock_.TicksFromUs(kYieldUs)),
      help_ticks_(clock_.TicksFromUs(kHelpUs)),
      short_ticks_(clock_.TicksFromUs(kShortUs)),
      burst_ticks_(clock_.TicksFromUs(kBurstUs)) {
  workers_.reserve(config.max_workers);
  scheduler_.SetClientFences(config.client_fences);
  scheduler_.SetSeqLast(config.seq_last);
  irqs_.SetUpRing();
}

WorkerPool::~WorkerPool() = default;

thread_local WorkerPool::Worker* WorkerPool::this_worker = nullptr;

const vnpu_block* WorkerPool::ThisBlock() { return this_block; }

int WorkerPool::Print(const char* format, const vnpu_print_arg* args, uint32_t count) {
  return this_prints->Print(*this_block, format, args, count);
}

size_t WorkerPool::RoundStack(uint32_t wanted) {
  const uint32_t bytes =
      std::clamp(wanted, VNPU_KERNEL_STACK_DEFAULT, VNPU_KERNEL_STACK_MAX) + kStackStep - 1;
  return size_t{bytes / kStackStep} * kStackStep;
}

// The client may change it at any time; it holds for blocks that start from then on.
size_t WorkerPool::StackBytes(Hands* hands, uint32_t unit) const {
  if (unit == VNPU_UNIT_AI_CPU) {
    return kStackBytes;
  }
  const uint32_t wanted = LoadShared(config_.session->kernel_stack_bytes);
  if (wanted != hands->stack_wanted) [[unlikely]] {
    hands->stack_wanted = wanted;
    hands->stack_bytes = RoundStack(wanted);
  }
  return hands->stack_bytes;
}

bool WorkerPool::AddWorker() {
  const std::lock_guard hold(lock_);
  growing_ = false;
  if (workers_.size() >= config_.max_workers) {
    return false;
  }
  Worker* worker = workers_.emplace_back(std::make_unique<Worker>()).get();
  try {
    worker->thread = std::thread([this, worker] { Main(worker); });
  } catch (const std::system_error&) {
    workers_.pop_back();
    return false;
  }
  return true;
}

void WorkerPool::Help() {
  bool grow = false;
  {
    const std::lock_guard hold(lock_);
    grow = growing_;
    if (!sentinel_ && running_ > 0 && followers_ > 0) {
      WakeFollower();
    }
  }
  if (grow) {
    AddWorker();
  }
}

void WorkerPool::CallHelp() {
  const uint64_t one = 1;
  [[maybe_unused]] const ssize_t put = write(config_.help_fd, &one, sizeof(one));
}

void WorkerPool::Barrier() {
  // Also for a client that is not registered, whose own fences are enough. Where the system has no
  // such barrier the driver offers none, and this is one for the device alone.
  std::atomic_thread_fence(std::memory_order_seq_cst);
  syscall(SYS_membarrier, MEMBARRIER_CMD_GLOBAL_EXPEDITED, 0, 0);
}

uint32_t WorkerPool::LoadWord(uint64_t va, uint64_t* word) {
  // A request to stop the last piece of work that comes late must not hit this one.
  this_worker->core->SetToken(++next_token_);
  return this_worker->dma->Load(va, word).status;
}

uint32_t WorkerPool::StoreWord(uint64_t va, uint64_t word) {
  this_worker->core->SetToken(++next_token_);
  return this_worker->dma->Store(va, word).status;
}

void WorkerPool::SignalDriver() {
  const uint64_t one = 1;
  [[maybe_unused]] const ssize_t put = write(config_.driver_fd, &one, sizeof(one));
}

void WorkerPool::CallSentinel() {
  if (!sentinel_called_) {
    sentinel_called_ = true;
    const uint64_t one = 1;
    [[maybe_unused]] const ssize_t put = write(config_.kick_fd, &one, sizeof(one));
  }
}

void WorkerPool::Wake() {
  if (sentinel_ && (scheduler_.HasMore() || scheduler_.Watching())) {
    CallSentinel();
  }
}

void WorkerPool::StopBlocks(const Rtsq& queue, uint32_t status) {
  for (const auto& worker : workers_) {
    if (worker->running == &queue) {
      worker->core->Stop(worker->token, status);
    }
  }
}

void WorkerPool::Main(Worker* self) {
  Hands hands{.core = {},
              .mmu = vdev::Mmu(config_.page_table),
              .dma = vdev::DmaChannel(config_.client, &hands.core, &hands.mmu),
              .stack = vdev::KernelStack(kStackBytes)};
  this_prints = &config_.prints;
  this_block = &hands.block;
  hands.block.device_id = config_.device;
  hands.block.sub_block_dim = 1;
  hands.block.clock_hz = clock_.hz();
  SchedulerLock::MayOwn(&self->lock_owner);
  if (!hands.stack.valid()) {
    std::fputs("vnpu-device: no memory for the stacks of kernels\n", stderr);
    _exit(1);
  }
  if (!EnterSandbox(config_.client)) {
    std::perror("vnpu-device: this system has no seccomp filters, which device code needs");
    _exit(1);
  }
  lock_.lock();
  self->core = &hands.core;
  self->dma = &hands.dma;
  this_worker = self;
  ++awake_;
  Work work;
  for (;;) {
    if (!Next(self, &work)) {
      Rest(self);
      continue;
    }
    PrepareBlock(work, &hands.block);
    lock_.unlock();
    if ((self->woken && self->is_long) || self->is_piece) [[unlikely]] {
      self->woken = false;
      if (OnClientsCpu()) {
        MoveAway(self);
      }
    }
    auto followed = Scheduler::Followed::kNo;
    for (;;) {
      Execute(&hands, &work);
      lock_.lock();
      followed = Follow(self, &hands, &work);
      if (followed != Scheduler::Followed::kNext) {
        break;
      }
      lock_.unlock();
    }
    GiveBack(self, work, followed == Scheduler::Followed::kRetired);
  }
}

// Where somebody else has to be woken, or will have to be, for the next piece of work, TookWork()
// is for that.
Scheduler::Followed WorkerPool::Follow(Worker* self, Hands* hands, Work* work) {
  const bool attended = sentinel_ ? !sentinel_deep_ : followers_ > 0;
  if (self->is_long || !attended) {
    return Scheduler::Followed::kNo;
  }
  const Scheduler::Followed followed = scheduler_.Follow(work);
  if (followed == Scheduler::Followed::kNext) {
    ++progress_;
    self->token = ++next_token_;
    self->core->SetToken(self->token);
    if (work->queue->model == nullptr) {
      hands->block.task = work->queue->head;
    }
  }
  return followed;
}

void WorkerPool::GiveBack(Worker* self, const Work& work, bool retired) {
  self->running = nullptr;
  --running_;
  running_long_ -= self->is_long ? 1 : 0;
  if (retired) {
    return;
  }
  const bool dead = work.queue->state == QueueState::kDead;
  scheduler_.Retire(work);
  if (dead) {
    quiet_word_.fetch_add(1, std::memory_order_relaxed);
    FutexWake(&quiet_word_, INT32_MAX);
  }
}

// If what the others run lasts longer than it used to, nothing is handed out any more, which the
// sentinel notices.
bool WorkerPool::OthersManage() const {
  return running_ > 0 && running_long_ == 0 && progress_ != sentinel_progress_ &&
         scheduler_.PendingTicks(help_ticks_) < help_ticks_;
}

bool WorkerPool::Next(Worker* self, Work* work) {
  if (OthersManage()) {
    return false;
  }
  bool found = scheduler_.Pick(work);
  for (uint32_t pass = 1; !found && scheduler_.HasMore(); ++pass) {
    if (lock_.Contended()) [[unlikely]] {
      lock_.Yield();
    }
    if (pass % kPassesBetweenChecks == 0) {
      scheduler_.CheckDeadlines();  // loops of a model may never need a unit
    }
    found = scheduler_.Pick(work);
  }
  if (!found && self->woken) [[unlikely]] {
    self->woken = false;
    if (running_ == 0 && MakeWay(self)) {
      return false;
    }
  }
  if (!found && !PollForWork(work)) {
    return false;
  }
  TookWork(self, *work);
  return true;
}

bool WorkerPool::PollForWork(Work* work) {
  // Others that run something will look for more when they are done.
  if (polling_ || running_ != 0 || poll_ticks_ == 0) {
    return false;
  }
  scheduler_.Awake();
  polling_ = true;
  const uint64_t start = __rdtsc();
  uint64_t yielded = 0;
  bool found = false;
  for (uint32_t pass = 1;; ++pass) {
    if (lock_.Contended()) [[unlikely]] {
      lock_.Yield();
    }
    found = scheduler_.Pick(work);
    if (found) {
      break;
    }
    // Looks that the processor takes ahead of time keep the client from the line that it is to
    // write, for longer than any of these passes.
    _mm_pause();
    if (pass % kPassesBetweenChecks == 0) {
      scheduler_.CheckDeadlines();
      const uint64_t now = __rdtsc();
      if (now - start > poll_ticks_) {
        break;
      }
      if (now - yielded > yield_ticks_) {
        // The kernel likes to wake a worker on the CPU of the thread that kicked it, which would
        // then wait for the poller to give up.
        yielded = now;
        lock_.unlock();
        sched_yield();
        lock_.lock();
      }
    }
  }
  polling_ = false;
  return found;
}

void WorkerPool::TookWork(Worker* self, const Work& work) {
  scheduler_.Awake();
  ++running_;
  ++progress_;
  self->running = work.queue;
  self->token = ++next_token_;
  self->core->SetToken(self->token);
  const uint64_t expected = Scheduler::ExpectedTicks(work);
  self->is_long = expected == 0 || expected > short_ticks_;
  self->is_piece =
      work.queue->task.function == nullptr && !self->is_long && expected > piece_ticks_;
  running_long_ += self->is_long ? 1 : 0;
  if (!sentinel_) {
    if (followers_ > 0) {
      if (self->is_long) {
        WakeFollower();
      }
    } else if (!growing_ && awake_ == workers_.size() && awake_ < config_.max_workers) {
      growing_ = true;
      CallHelp();
    }
  } else if (sentinel_deep_) {
    CallSentinel();
  }
  if (scheduler_.HasRunnable() && awake_ < cpus_ &&
      scheduler_.PendingTicks(help_ticks_) >= help_ticks_) {
    if (followers_ > 0) {
      WakeFollower();
    } else if (sentinel_) {
      CallSentinel();
    }
  }
}

// Of a kernel that follows another one nothing changes but the task.
void WorkerPool::PrepareBlock(const Work& work, vnpu_block* block) {
  const Rtsq& queue = *work.queue;
  const Task& task = queue.task;
  if (task.function == nullptr) {
    return;
  }
  // Not task.blocks, which shrinks when a block fails.
  block->block_dim = task.sqe.kernel.block_dim;
  block->core_id = work.core;
  block->core_type = task.unit;
  block->queue_id = queue.id;
  // A stream of a model runs for the entry that started the run, which is not over before this.
  block->task = queue.model == nullptr ? queue.head : queue.model->outermost_caller().head;
}

// Whether all blocks ran to their end.
bool WorkerPool::ExecuteKernel(Hands* hands, Work* work) {
  const Task& task = work->queue->task;
  const size_t stack_bytes = StackBytes(hands, task.unit);
  const bool detect_overflow = (task.sqe.flags & VNPU_SQE_OVERFLOW) != 0;
  if (work->count == 1 && !detect_overflow) [[likely]] {
    hands->block.block_idx = work->first;
    const bool done = hands->core.RunOn(hands->stack, stack_bytes, task.function->thunk, task.args,
                                        &hands->block);
    work->done = done ? 1 : 0;
    return done;
  }
  BlockRun run{.thunk = task.function->thunk,
               .args = task.args,
               .next = work->first,
               .end = work->first + work->count,
               .block = &hands->block,
               .detect_overflow = detect_overflow,
               .overflow = false};
  const bool done = hands->core.RunOn(hands->stack, stack_bytes, RunBlocks, &run, nullptr);
  work->done = run.next - work->first;
  if (run.overflow) [[unlikely]] {
    StoreShared(config_.session->overflow, 1u);
  }
  return done;
}

void WorkerPool::Execute(Hands* hands, Work* work) {
  const Task& task = work->queue->task;
  if (work->timed) {
    work->start = clock_.Now();
  }
  if (task.function == nullptr) {
    work->result = hands->dma.Run(task.sqe);
    work->done = work->result.status == VNPU_OK ? 1 : 0;
  } else if (ExecuteKernel(hands, work)) [[likely]] {
    work->result.status = VNPU_OK;
  } else {
    work->result = hands->core.fault();
  }
  if (work->timed) {
    work->end = clock_.Now();
  }
}

bool WorkerPool::WaitUntilQuiet(uint32_t queue_id, uint32_t limit_ms) {
  for (uint32_t i = 0; i < limit_ms && scheduler_.QueueBusy(queue_id); ++i) {
    const uint32_t seen = quiet_word_.load(std::memory_order_relaxed);
    lock_.unlock();
    const timespec limit{.tv_sec = 0, .tv_nsec = 1'000'000};
    FutexWait(&quiet_word_, seen, &limit);
    lock_.lock();
    // A stop request that comes between two blocks is lost: ask again.
    scheduler_.KillQueue(queue_id, true);
  }
  return !scheduler_.QueueBusy(queue_id);
}

}  // namespace vnpu::firmware
