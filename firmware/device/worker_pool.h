// The threads of a device process that run blocks. They share the scheduler and take turns:
//
// - a worker that has finished a piece of work retires it, picks the next and runs it itself; not
//   so if there is little to do and another worker, which will soon be free, can do it as well: two
//   would only wait for each other's lock;
// - one worker without work polls doorbells and tails for a while (the poller), if no other one
//   runs anything;
// - one worker sleeps on the kick eventfd (the sentinel). While there is work it looks in every
//   millisecond, so that long blocks never keep others from being scheduled; otherwise it sleeps
//   until the client kicks;
// - the rest sleep on a futex and are woken when there is more work than the awake ones can do, or
//   when the sentinel's place is empty: at once when long work is taken, else when the place is
//   still empty after a while, because waking one takes longer than short work. There is always one
//   more than needed: the pool grows as blocks hold workers.
#ifndef VNPU_FIRMWARE_DEVICE_WORKER_POOL_H_
#define VNPU_FIRMWARE_DEVICE_WORKER_POOL_H_

#include <sched.h>
#include <vnpu/kernel_abi.h>

#include <atomic>
#include <memory>
#include <thread>
#include <vector>

#include "firmware/device/fd.h"
#include "firmware/device/irq.h"
#include "firmware/device/lock.h"
#include "firmware/device/print.h"
#include "firmware/scheduler/scheduler.h"
#include "vdev/core.h"
#include "vdev/dma.h"
#include "vdev/mmu.h"

namespace vnpu::firmware {

class WorkerPool final : public Platform {
 public:
  struct Config {
    vnpu_session_mem* session;
    Units* units;
    const vdev::Clock* clock;
    const std::byte* page_table;
    pid_t client;
    uint32_t device;
    PrintRings prints;
    uint32_t max_workers;
    int kick_fd;         // borrowed
    int driver_fd;       // borrowed
    int help_fd;         // borrowed: eventfd that asks the control thread for Help()
    bool client_fences;  // VNPU_SESSION_FENCES
    bool seq_last;       // VNPU_SESSION_SEQ_LAST
  };

  explicit WorkerPool(const Config& config);
  // Only after Stop(): the process usually just exits.
  ~WorkerPool() override;

  // From the control thread. False: there are enough, or the system has no thread left.
  bool AddWorker();
  // From the control thread when it was asked for, and now and then while the process works: wakes
  // a worker for the sentinel's place if it is empty.
  void Help();
  // The lock guards scheduler() and irqs().
  SchedulerLock& lock() { return lock_; }
  Scheduler& scheduler() { return scheduler_; }
  IrqTable& irqs() { return irqs_; }
  // With the lock held, after the control thread has given queues something to do.
  void Wake();
  // Waits, with the lock held, until no worker runs anything of the queue; false: too long.
  bool WaitUntilQuiet(uint32_t queue_id, uint32_t limit_ms);
  // With the lock held, after a change that may give the workers something to do.
  void LookAgain() { CallSentinel(); }
  // For kernel imports: the block that this thread runs, and what it prints.
  static const vnpu_block* ThisBlock();
  static int Print(const char* format, const vnpu_print_arg* args, uint32_t count);

 private:
  struct Worker {
    std::thread thread;
    SchedulerLock::Owner lock_owner;
    vdev::Core* core = nullptr;  // on the worker's stack
    const Rtsq* running = nullptr;
    vdev::DmaChannel* dma = nullptr;  // likewise
    uint64_t token = 0;
    bool is_long = false;   // what it runs is not known to be over soon
    bool is_piece = false;  // what it runs is a copy, not long, that the client may work beside
    bool woken = false;     // by a kick, and has run nothing but short work since
    bool moved = false;     // may not run on the CPU of the client
  };

  static thread_local Worker* this_worker;  // of the calling thread

  void PostIrq(uint32_t irq_id) override { irqs_.Post(irq_id); }
  void SignalDriver() override;
  void Barrier() override;
  uint32_t LoadWord(uint64_t va, uint64_t* word) override;
  uint32_t StoreWord(uint64_t va, uint64_t word) override;
  void StopBlocks(const Rtsq& queue, uint32_t status) override;

  struct Hands {  // what a worker works with
    vdev::Core core;
    vdev::Mmu mmu;
    vdev::DmaChannel dma;
    vdev::KernelStack stack;
    // Of kernels, and what it was made of.
    uint32_t stack_wanted = 0;
    size_t stack_bytes = RoundStack(stack_wanted);
    vnpu_block block = {};  // what kernels see
  };

  void Main(Worker* self);
  bool Next(Worker* self, Work* work);
  Scheduler::Followed Follow(Worker* self, Hands* hands, Work* work);
  void GiveBack(Worker* self, const Work& work, bool retired);
  bool OthersManage() const;
  bool PollForWork(Work* work);
  bool OnClientsCpu() const;
  bool MakeWay(Worker* self);
  void MoveAway(Worker* self);
  void MoveAnywhere(Worker* self);
  void TookWork(Worker* self, const Work& work);
  static void PrepareBlock(const Work& work, vnpu_block* block);
  void Execute(Hands* hands, Work* work);
  bool ExecuteKernel(Hands* hands, Work* work);
  static size_t RoundStack(uint32_t wanted);
  size_t StackBytes(Hands* hands, uint32_t unit) const;
  void Rest(Worker* self);
  bool LeaveToSentinel();
  bool WaitForKick(uint64_t limit_ns);
  uint64_t SentinelNs(bool nobody_works);
  void BeSentinel(Worker* self);
  void BeFollower();
  void WakeFollower();
  void CallHelp();
  void CallSentinel();

  Config config_;
  const vdev::Clock& clock_;
  IrqTable irqs_;
  Scheduler scheduler_;
  SchedulerLock lock_;

  // All below under the lock.
  std::vector<std::unique_ptr<Worker>> workers_;
  cpu_set_t cpu_set_;  // where workers may run
  uint32_t cpus_;
  uint64_t poll_ticks_;        // how long a poller polls before it sleeps; 0 with one CPU
  uint64_t piece_ticks_;       // copies that take longer are worth another CPU
  uint64_t yield_ticks_;       // how long it polls between offers of its CPU to others
  uint64_t help_ticks_;        // pending work that is worth waking another worker for
  uint64_t short_ticks_;       // work that is over soon
  uint64_t burst_ticks_;       // kicks with less than this between them are a burst
  uint32_t awake_ = 0;         // workers that do not rest
  uint32_t running_ = 0;       // workers that run something
  uint32_t running_long_ = 0;  // of these, those whose work is not known to be over soon
  bool polling_ = false;
  bool sentinel_ = false;
  bool sentinel_deep_ = false;    // sleeps until a kick or a deadline, not just for a tick
  bool sentinel_called_ = false;  // was kicked and has not come yet
  bool kick_reads_block_ = true;  // as the client has it, until seen otherwise; the sentinel's
  uint32_t followers_ = 0;        // asleep
  bool waking_ = false;           // a follower was woken and has not come yet
  bool growing_ = false;
  uint64_t progress_ = 0;  // pieces of work handed out
  uint64_t sentinel_progress_ = 0;
  uint32_t made_way_ = 0;  // times in a row that a worker slept at once for the client's sake
  uint64_t next_token_ = 0;
  std::atomic<uint32_t> follower_word_{0};
  std::atomic<uint32_t> quiet_word_{0};
};

}  // namespace vnpu::firmware

#endif  // VNPU_FIRMWARE_DEVICE_WORKER_POOL_H_
