#include "tools/bench/task_times.h"

#include <algorithm>
#include <stdexcept>

#include "tools/bench/npu.h"
#include "vnpu/task_times.h"

namespace vnpu::bench {

RecordedTimes::RecordedTimes(aclrtStream stream) : stream_(stream) {
  BENCH_CHECK(vnpuStreamRecordTaskTimes(stream, 1));
}

RecordedTimes::~RecordedTimes() { vnpuStreamRecordTaskTimes(stream_, 0); }

uint64_t NextTask(aclrtStream stream) { return vnpuStreamGetTaskCount(stream); }

TaskTimes TimesSince(aclrtStream stream, uint64_t first) {
  const uint64_t count = NextTask(stream) - first;
  TaskTimes times{first, std::vector<uint64_t>(count), std::vector<uint64_t>(count)};
  BENCH_CHECK(vnpuStreamGetTaskTimes(stream, first, count, times.start.data(), times.end.data()));
  return times;
}

uint64_t Between(uint64_t earlier, uint64_t later) {
  if (later < earlier) {
    throw std::runtime_error("the device recorded a task before the one that it had to wait for");
  }
  return later - earlier;
}

double DeviceNs(double ticks) { return ticks * 1e9 / static_cast<double>(vnpuDeviceClockHz(0)); }

void SetDevicePercentile(Bench& bench, const char* key, const Distribution& intervals,
                         double percent) {
  const Clock& clock = bench.clock();
  const double ticks = intervals.Percentile(percent, clock.step) - clock.bare_cost;
  bench.Set(key, DeviceNs(std::max(0.0, ticks)));
}

}  // namespace vnpu::bench
