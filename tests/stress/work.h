// What clients do while they or others are killed.
#ifndef VNPU_TESTS_STRESS_WORK_H_
#define VNPU_TESTS_STRESS_WORK_H_

#include <sys/types.h>

#include <chrono>
#include <cstdint>
#include <random>

#include "tests/uapi/support/module.h"
#include "tests/uapi/support/process.h"
#include "tests/uapi/support/session.h"

namespace vnpu::raw {

// How soon all that was a session's comes back.
inline constexpr std::chrono::milliseconds kGiveBack{1'000};

// One thing after another at random in one session: launches, copies, allocations, queues, events,
// pinned memory, modules.
class RandomWork {
 public:
  RandomWork(Session* session, uint32_t seed);
  // One step. Throws when a command fails or a task has the wrong status; returns false when the
  // session is lost.
  bool Step();

 private:
  void Launch();
  void CopyAround();
  void Reallocate();
  void Pin();
  void Events();
  void ReplaceQueue();

  uint64_t Below(uint64_t limit) { return random_() % limit; }

  Session* session_;
  std::mt19937 random_;
  TestModule module_;
  Queue queue_;
  Buffer buffer_;
};

// Opens sessions and works in them for ever; for a process that is going to be killed. Returns 0
// when the driver or the device fails it.
int WorkUntilItFails(const Vnpud& vnpud, uint32_t seed);

// A process with a session whose results are checked all the time.
class InnocentProcess {
 public:
  explicit InnocentProcess(const Vnpud& vnpud);
  // Ends it: true when all results were right.
  bool Finish();

 private:
  int Work(const Vnpud& vnpud) const;

  Notice ready_;
  Notice stop_;
  Child child_;
};

}  // namespace vnpu::raw

#endif  // VNPU_TESTS_STRESS_WORK_H_
