// Loops that time calls on a stream, for more than one subject.
#ifndef VNPU_TOOLS_BENCH_LAUNCH_LOOPS_H_
#define VNPU_TOOLS_BENCH_LAUNCH_LOOPS_H_

#include "tools/bench/clock.h"
#include "tools/bench/distribution.h"
#include "tools/bench/npu.h"

namespace vnpu::bench {

// Calls in a batch: few enough for the stream's queue never to be full.
constexpr int kBatch = 256;

// Times each call of `submit`, which appends one task to the stream, in batches: the device works
// through a batch while it is submitted, and is waited for in between. One time stamp a call.
template <class Submit>
Distribution TimeCalls(aclrtStream stream, int batches, const Submit& submit) {
  Distribution calls(static_cast<size_t>(batches) * kBatch);
  for (int batch = 0; batch < batches; ++batch) {
    BENCH_CHECK(submit());  // the device is awake and at work from here on
    uint64_t last = Ticks();
    for (int i = 0; i < kBatch; ++i) {
      Check(submit(), "submitting a task");
      const uint64_t now = Ticks();
      calls.Add(now - last);
      last = now;
    }
    BENCH_CHECK(aclrtSynchronizeStream(stream));
  }
  return calls;
}

inline Distribution TimeLaunches(const Task& task, aclrtStream stream, int batches) {
  return TimeCalls(stream, batches, [&] { return task.Launch(stream); });
}

// Times pairs of a launch and the wait for it.
inline Distribution TimeLaunchSync(const Task& task, aclrtStream stream, int count) {
  Distribution trips(static_cast<size_t>(count));
  for (int i = 0; i < count; ++i) {
    const uint64_t start = Ticks();
    BENCH_CHECK(task.Launch(stream));
    BENCH_CHECK(aclrtSynchronizeStream(stream));
    trips.Add(Ticks() - start);
  }
  return trips;
}

}  // namespace vnpu::bench

#endif  // VNPU_TOOLS_BENCH_LAUNCH_LOOPS_H_
