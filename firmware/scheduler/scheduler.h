// The task scheduler: consumes RTSQs. A data structure without threads of its own: workers call
// into it, one at a time.
//
// Strict priority; round robin among queues of one priority, a few short kernels a turn; tasks of
// one queue in order, one at a time; a task that runs is not preempted, but the blocks it has not
// started give way to a higher priority.
#ifndef VNPU_FIRMWARE_SCHEDULER_SCHEDULER_H_
#define VNPU_FIRMWARE_SCHEDULER_SCHEDULER_H_

#include <vnpu/session.h>

#include <array>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "firmware/device/notify_page.h"
#include "firmware/scheduler/model.h"
#include "firmware/scheduler/rtsq.h"
#include "firmware/scheduler/units.h"
#include "vdev/clock.h"

namespace vnpu::firmware {

// What the scheduler asks of its surroundings. Called with the scheduler's lock held.
class Platform {
 public:
  virtual ~Platform() = default;
  // Posts interrupt `irq_id` to the client.
  virtual void PostIrq(uint32_t irq_id) = 0;
  // Tells the driver that a queue it waits for made progress.
  virtual void SignalDriver() = 0;
  // Returns when every thread of the client has passed a full fence since the call.
  virtual void Barrier() = 0;
  // Reads a word of device or pinned memory: VNPU_OK, or VNPU_E_DMA_ADDRESS when it is not mapped.
  // On a worker's thread only.
  virtual uint32_t LoadWord(uint64_t va, uint64_t* word) = 0;
  virtual uint32_t StoreWord(uint64_t va, uint64_t word) = 0;
  // Ends the blocks of this queue's task that run now; each comes back by Retire with `status`.
  virtual void StopBlocks(const Rtsq& queue, uint32_t status) = 0;
};

// Of tasks since the clock was last read for one.
struct Spent {
  uint32_t tasks = 0;
  uint64_t ticks = 0;

  void Add(uint64_t task_ticks) {
    ++tasks;
    ticks += task_ticks;
  }
};

// Some consecutive blocks of one task, for one worker on one unit; or a whole DMA task.
struct Work {
  Rtsq* queue = nullptr;  // nullptr: nothing
  uint32_t first = 0;
  uint32_t count = 0;
  uint32_t core = 0;  // of the unit
  bool timed = true;  // the worker reads the clock before and after it
  Spent spent;        // on kernels before that it followed, which the units do not know of yet
  // Filled in by the worker; those of work that is not timed are a guess, whose length alone means
  // something, and Follow()'s are right behind the kernel before.
  uint64_t start = 0;
  uint64_t end = 0;
  uint32_t done = 0;  // blocks that ran to their end
  vdev::CoreResult result;
};

class Scheduler {
 public:
  static constexpr uint32_t kMaxFunctions = 65536;

  // All of these must outlive the scheduler.
  Scheduler(vnpu_session_mem* session, Units* units, const vdev::Clock* clock, Platform* platform);
  ~Scheduler();

  // The functions below are called with the lock held.

  // The next piece of work, or false when nothing can run now. Looks at doorbells and tails first.
  bool Pick(Work* work);
  // Takes back finished work: accounts for it and, if it was the last of its task, completes it.
  // Who waits for that is told by Announce(), if not at once.
  void Retire(const Work& work);
  // Instead of Retire() and Pick(), where a short kernel is followed by another one of its queue
  // and nothing stands in the way.
  enum class Followed {
    kNo,       // nothing was done: Retire() it
    kRetired,  // it was retired, and nothing else: Pick()
    kNext,     // *work is the queue's next kernel
  };
  Followed Follow(Work* work) {
    return NextIsKernel(work->queue) ? TryToFollow(work) : Followed::kNo;
  }
  // Interrupts and driver signals for all that ended since the last call. Pick() does it as well.
  void Announce();

  // Ends what is over its time limit: event waits here, running blocks by StopBlocks. Looks for the
  // last time at queues that have parted long ago. Wants to be called each millisecond or so.
  void CheckDeadlines();
  // True when Pick() did not look at all entries that need no unit: call it again.
  bool HasMore() const { return !advance_.empty(); }
  // True when blocks wait for a worker or a unit.
  bool HasRunnable() const { return ready_mask_ != 0; }
  // How long the blocks that wait would take one worker, as far as known, in ticks. Not counted
  // beyond `enough`, nor beyond so many queues.
  uint64_t PendingTicks(uint64_t enough = UINT64_MAX) const;
  // The same for work that was picked; 0: not known, as of blocks that may wait for others.
  static uint64_t ExpectedTicks(const Work& work) {
    const Task& task = work.queue->task;
    return (task.sqe.flags & VNPU_SQE_BATCH) != 0 ? 0 : ExpectedTicks(task, work.count);
  }
  // True when nothing runs and nothing can run before a doorbell, a kick or a deadline.
  bool Idle() const { return running_ == 0 && ready_mask_ == 0 && advance_.empty(); }
  // Earliest deadline of anything, device clock; 0: none. Words that queues wait for want to be
  // looked at now and then, which counts as a deadline.
  uint64_t NextDeadline() const;
  // Tells clients to ring from now on; false when something came in meanwhile.
  bool PrepareSleep();
  void Awake();
  // After a sleep: has the lines that the next task will need brought into the caches, all at once.
  void FetchForWake() const;

  // Queues. Ids are given by the driver; -EEXIST, -EINVAL, -ENOENT, -EBUSY.
  int CreateQueue(uint32_t id, const QueueMemory& memory, uint32_t priority, uint32_t flags);
  // Marks the queue dead, drops what waits, stops what runs. DestroyQueue can follow when
  // QueueBusy() is false.
  int KillQueue(uint32_t id, bool force);
  bool QueueBusy(uint32_t id) const;
  int DestroyQueue(uint32_t id);
  int SetStopOnFailure(uint32_t id, bool stop);
  // From the next Pick() on; blocks that run go on.
  int SetPriority(uint32_t id, uint64_t priority);
  // Ends the task that runs or waits, and drops the following ones unless `only_one`. Takes effect
  // in Pick(), and when the blocks that run have come back. *dropped: which tasks do not run,
  // perhaps since a failure.
  struct Dropped {
    uint64_t from = 0;
    uint64_t until = 0;
  };
  int AbortQueue(uint32_t id, bool only_one, Dropped* dropped);
  bool EventHasWaiters(uint32_t event_id) const;

  // Models (uapi/vnpu/model.h). Ids are given by the driver; -EEXIST, -EINVAL, -ENOENT, -EBUSY (a
  // run is under way or waits for its turn). `memory` must outlive the model.
  int CreateModel(uint32_t id, std::span<std::byte> memory, const ModelLimits& limits);
  int DestroyModel(uint32_t id);
  // Ends the runs of a model; takes effect as AbortQueue() does.
  int AbortModel(uint32_t id);

  // Notifies; -EINVAL, -EBUSY (a task waits for it).
  int FreeNotify(uint32_t id);
  int ResetNotify(uint32_t id);
  // From here on the counter is that of `page`, shared with other sessions, until the notify is
  // freed. With `carry` the counter moves there.
  int BindNotify(uint32_t id, NotifyPage* page, bool carry);
  // True while queues wait for words that others than this session's queues may write.
  bool Watching() const { return !watched_.empty(); }

  // Function table: the index is what SQEs carry. UINT32_MAX: full.
  uint32_t AddFunction(Function function);
  void RemoveFunctions(uint32_t module_id);
  const Function* function(uint32_t func_id) const;

  // Number of interrupts handed out so far: bounds the search for waiters.
  void SetIrqLimit(uint32_t limit) { irq_limit_ = limit; }
  // Whoever waits fences between asking to be told and the last look at sq_head, so that this side
  // need not (VNPU_SESSION_FENCES).
  void SetClientFences(bool fences) { client_fences_ = fences; }
  // Of queues made from then on: VNPU_SESSION_SEQ_LAST.
  void SetSeqLast(bool last) { seq_last_ = last; }

 private:
  static constexpr size_t kMaxPolled = 256;
  static constexpr size_t kTailsAPass = 16;
  static constexpr uint32_t kPassesUnpolled = 16;
  static constexpr size_t kMaxParting = 128;
  static constexpr uint64_t kPollQuietUs = 200;
  static constexpr int kInlineBudget = 256;
  static constexpr int kPendingLooks = 64;
  // How long work, or kernels that follow one another, may keep other queues from being looked at.
  static constexpr uint64_t kShortUs = 2;
  // While others have something to do, that time is divided into so many turns; where there are
  // none to be looked at it is as many times as long. Among many queues the turns are longer: what
  // a queue needs has left the nearest caches by its next one.
  static constexpr uint64_t kTurns = 8;
  static constexpr uint64_t kLongTurns = 2;
  static constexpr size_t kManyQueues = 32;
  // Of kernels as short as this that follow one another, and of small copies, one in so many is
  // timed, or more if they take long, if nobody wants their times: the clock would take as long as
  // they do. An odd number, so that kernels that alternate are all timed.
  static constexpr uint64_t kTinyNs = 100;
  static constexpr uint32_t kTasksATiming = 27;
  static constexpr uint64_t kUntimedNs = 1300;
  // Kernels with limits from here on get their deadline only when they are seen running by
  // CheckDeadlines(), at most kLongLimitLookUs late: the short ones among them never pay for one.
  static constexpr uint32_t kLongLimitUs = 1'000'000;
  static constexpr uint64_t kLongLimitLookUs = 100'000;

  // poll.cc
  void Poll();
  void Rouse(Rtsq* queue);
  void PollDoorbells();
  void PollTails();
  bool LookAtTail(size_t index);
  void StartPolling(Rtsq* queue);
  void StopPolling(size_t index);
  void FinishParting();

  // advance.cc
  void DrainAdvance();
  bool ShortWorkIsReady() const;
  void Advance(Rtsq* queue);
  bool ReadTail(Rtsq* queue);
  bool Drops(Rtsq* queue);
  void Condemn(Rtsq* queue);
  uint32_t Decode(Rtsq* queue);
  uint32_t ReadKernel(Rtsq* queue);
  uint32_t CheckKernel(Rtsq* queue);
  uint32_t DecodeKernel(Rtsq* queue);
  uint32_t DecodeDma(Rtsq* queue);
  void MakeReady(Rtsq* queue);

  // event.cc
  uint32_t RunEvent(Rtsq* queue);
  uint32_t RunInterrupt(Rtsq* queue);
  void Record(Rtsq* queue, uint32_t event_id, uint64_t seq);
  void CompleteRecord(Rtsq* queue, uint32_t event_id, uint64_t seq);
  void GiveWay(Rtsq* queue);
  void ReleaseWaiters(uint32_t event_id, uint64_t seq, uint64_t now);
  void UnlinkWaiter(Rtsq* queue);

  // notify.cc
  struct Notify {
    uint64_t count = 0;
    Rtsq* waiters = nullptr;     // in the order in which they came; not of shared ones
    NotifyPage* page = nullptr;  // shared
  };
  uint32_t DecodeNotify(Rtsq* queue);
  void ChangeNotify(const vnpu_sqe_notify& record);
  void ReleaseNotified(Notify* notify);
  void UnlinkNotified(Rtsq* queue);
  bool SharedNotifyHolds(const Rtsq& queue);

  // model.cc
  Model* FindModel(uint32_t id) const;
  static vnpu_model_image* ImageOf(const Model& model, const vnpu_sqe_execute& execute);
  static bool ReadImage(Model* model, uint64_t offset);
  static bool UpdateModel(const Rtsq& queue, const Model& model, const vnpu_sqe_update& update);

  // model_run.cc
  uint32_t DecodeModelTask(Rtsq* queue);
  uint32_t DecodeExecute(Rtsq* queue);
  static bool MayNest(const Rtsq& queue, const Model& model);
  static void RemovePending(Rtsq* queue);
  void CountExecution(const Rtsq& queue);
  void EndExecute(Rtsq* queue, uint32_t status);
  void StartPending(Model* model);
  void StartRun(Model* model, Rtsq* caller);
  void EndRun(Model* model);
  void StopRun(Model* model, uint32_t status);
  void StartGraph(Model* model, ModelGraph* graph, Rtsq* parent);
  void EndGraph(Model* model, ModelGraph* graph);
  void StartStream(Rtsq* queue, uint32_t position);
  void EndStream(Rtsq* queue);
  void StopStream(Rtsq* queue, uint64_t now);
  void CompleteEntry(Rtsq* queue, uint32_t status);
  void EndStuck(Model* model);

  // model_entry.cc
  uint32_t DecodeModelEntry(Rtsq* queue);
  bool FetchSeq(Rtsq* queue);
  static bool FetchSeqFromArgs(Rtsq* queue);
  bool FetchSeqOfEvent(Rtsq* queue);
  bool FetchNextSeq(Rtsq* queue);
  static ModelRegister* RegisterOf(const Rtsq& queue);
  uint32_t RunSignal(Rtsq* queue);
  uint32_t RunAwait(Rtsq* queue);
  static void UnlinkAwait(Rtsq* queue);
  uint32_t RunCondition(Rtsq* queue);
  bool Activate(Rtsq* queue, uint32_t stream, uint32_t position);
  uint32_t Jump(Rtsq* queue, uint32_t stream, uint32_t position);
  uint32_t RunGoto(Rtsq* queue);
  uint32_t RunSwitch(Rtsq* queue);
  uint32_t RunStore(Rtsq* queue);
  uint32_t LoadNumber(Rtsq* queue, uint64_t va, uint32_t width, int64_t* number);

  // task_update.cc
  uint32_t RunKernelUpdate(Rtsq* queue);
  uint32_t RunRandomUpdate(Rtsq* queue);
  vnpu_sqe_kernel* KernelToUpdate(const Rtsq& queue) const;
  uint32_t ChooseKernel(const Rtsq& queue, uint64_t number) const;

  // watch.cc
  uint32_t DecodeValueWait(Rtsq* queue);
  void Watch(Rtsq* queue);
  void Unwatch(Rtsq* queue);
  void PollWatched();
  uint32_t LookAt(Rtsq* queue);
  uint32_t LoadForTask(Rtsq* queue, uint64_t va, uint64_t* word);
  static void NoteFault(Task* task, uint32_t status, uint64_t address, bool is_write);
  uint64_t NextLook() const;
  void LookBeforeSleep();

  // deadline.cc
  void SetDeadline(Rtsq* queue, uint64_t now);
  void ClearDeadline(Rtsq* queue);
  void SetLongDeadlines(uint64_t now);
  void SetLongDeadline(Rtsq* queue, uint64_t now);
  void Expire(Rtsq* queue, uint64_t now);
  void EndWait(Rtsq* queue, uint32_t status, uint32_t run_status);
  void EndTask(Rtsq* queue, uint32_t status, uint64_t now);

  // follow.cc
  // As the client's memory says at the moment; an entry that it tells of is known from then on.
  static bool NextIsKernel(Rtsq* queue) {
    const uint64_t next = queue->head + 1;
    return (queue->seen_tail > next || SeesEntry(queue, next)) &&
           queue->mem.sq[next & (queue->mem.entries - 1)].opcode == VNPU_OP_KERNEL;
  }
  uint64_t FollowLimit(const Rtsq& queue) const;
  bool MayFollow(const Work& work);
  bool WantsTime(const Rtsq& queue, uint64_t ticks, const Spent& since) const;
  Followed TryToFollow(Work* work);
  bool TakeNext(Rtsq* queue);

  // complete.cc
  void Complete(Rtsq* queue, uint32_t status);
  void Finish(Rtsq* queue, uint32_t status);
  void FinishUnusual(Rtsq* queue, uint32_t status);
  void Proceed(Rtsq* queue);
  void PostCqe(Rtsq* queue, uint32_t status, uint64_t exception);
  uint64_t RecordException(const Rtsq& queue, uint32_t status);
  void NotifyWaiters(Rtsq* queue);
  // After the head has moved, where those who wait fence; of others see Announce().
  void TellWaiters(Rtsq* queue) {
    std::atomic_signal_fence(std::memory_order_seq_cst);
    if (SomebodyWaits(*queue->mem.hdr)) {
      NotifyWaiters(queue);
    }
  }

  // queues.cc
  Rtsq* Find(uint32_t id) const;
  void CountQueue(uint32_t priority, int change);
  void Unlink(Rtsq* queue);

  // scheduler.cc
  bool Start(Rtsq* queue, Work* work);
  static uint64_t ExpectedTicks(const Task& task, uint32_t blocks);
  uint32_t Share(const Rtsq& queue) const;
  void LeaveReady(Rtsq* queue);

  vnpu_session_mem* session_;
  Units* units_;
  const vdev::Clock* clock_;
  Platform* platform_;

  std::array<QueueList, VNPU_PRIORITIES> ready_;
  uint32_t ready_mask_ = 0;  // bit p: ready_[p] is not empty
  uint32_t running_ = 0;     // pieces of work out with workers
  QueueList advance_;
  const Rtsq* last_ = nullptr;  // the client's queue whose task ended last
  Rtsq* announced_ = nullptr;   // queues whose waiters have not been looked at since the head moved
  std::array<Rtsq*, kMaxPolled> polled_{};
  size_t polled_count_ = 0;
  uint32_t unpolled_ = 0;    // passes since tails were looked at
  size_t poll_next_ = 0;     // where the next pass goes on
  bool look_at_all_ = true;  // the last pass was long ago
  const uint64_t short_ticks_;
  const uint64_t tiny_ticks_;
  const uint64_t untimed_ticks_;
  uint64_t follow_since_ = 0;  // device clock when kernels began to follow one another; 0: none do
  uint64_t follow_limit_ = 0;  // and for how long they may
  Spent dma_spent_;            // on small copies
  uint64_t tiny_dma_ticks_ = UINT64_MAX;  // what the last one took that was timed
  std::vector<Rtsq*> parting_;
  uint64_t parting_since_ = 0;  // device clock when the first one came
  uint32_t passes_ = 0;
  uint32_t irq_limit_ = 0;
  bool client_fences_ = false;
  bool seq_last_ = false;

  std::vector<std::unique_ptr<Rtsq>> queues_;     // by id
  std::array<int, VNPU_PRIORITIES> queues_at_{};  // how many of each priority
  bool one_priority_ = true;                      // all queues have the same one
  bool no_unit_ = false;  // the last Pick() had blocks to start and found no unit for them
  std::vector<Rtsq*> event_waiters_;  // by event: list through Rtsq::next
  std::vector<Rtsq*> timed_;          // queues whose task has a deadline
  uint64_t long_look_ = 0;            // when SetLongDeadlines() last looked
  std::vector<Function> functions_;   // by func_id; capacity never changes
  std::vector<uint32_t> free_functions_;

  std::vector<std::unique_ptr<Model>> models_;  // by id
  size_t resident_queues_ = 0;                  // streams that all models may have
  uint64_t call_seq_ = 0;                       // the last one of VNPU_SQE_SEQ_NEXT

  std::vector<Notify> notifies_;  // by id
  std::vector<Rtsq*> watched_;    // queues that wait for shared notifies or for words
  size_t next_watched_ = 0;       // where the next pass begins
  uint64_t watch_changed_ = 0;    // device clock when watched_ changed
};

}  // namespace vnpu::firmware

#endif  // VNPU_FIRMWARE_SCHEDULER_SCHEDULER_H_
