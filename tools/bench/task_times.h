// When the device ran tasks, as it records that for every task of a stream that wants it.
#ifndef VNPU_TOOLS_BENCH_TASK_TIMES_H_
#define VNPU_TOOLS_BENCH_TASK_TIMES_H_

#include <cstdint>
#include <vector>

#include "acl/acl.h"
#include "tools/bench/bench.h"
#include "tools/bench/distribution.h"

namespace vnpu::bench {

// While it lives the device records when the tasks of a stream run.
class RecordedTimes {
 public:
  explicit RecordedTimes(aclrtStream stream);
  ~RecordedTimes();
  RecordedTimes(const RecordedTimes&) = delete;
  RecordedTimes& operator=(const RecordedTimes&) = delete;

 private:
  aclrtStream stream_;
};

// Of consecutive tasks of one stream, in ticks of the device clock.
struct TaskTimes {
  uint64_t first;
  std::vector<uint64_t> start;
  std::vector<uint64_t> end;

  uint64_t StartOf(uint64_t task) const { return start[task - first]; }
  uint64_t EndOf(uint64_t task) const { return end[task - first]; }
};

// The number that the next task of a stream gets.
uint64_t NextTask(aclrtStream stream);

// Times of all tasks from `first` on, which must be done.
TaskTimes TimesSince(aclrtStream stream, uint64_t first);

// Ticks from one time to a later one. Throws std::runtime_error when it is not later.
uint64_t Between(uint64_t earlier, uint64_t later);

// Nanoseconds of ticks of the device clock.
double DeviceNs(double ticks);

// As Bench::SetPercentile(), of intervals between two readings of the device clock, less the cost
// of one.
void SetDevicePercentile(Bench& bench, const char* key, const Distribution& intervals,
                         double percent);

}  // namespace vnpu::bench

#endif  // VNPU_TOOLS_BENCH_TASK_TIMES_H_
