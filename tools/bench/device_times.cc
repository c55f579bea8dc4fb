// Time between tasks of one stream, by the device's own record of when it ran each.
#include "tools/bench/bench.h"
#include "tools/bench/launch_loops.h"
#include "tools/bench/npu.h"
#include "tools/bench/subjects.h"
#include "tools/bench/task_times.h"

namespace vnpu::bench {
namespace {

// Lets the device find batches of tasks in the queue, so that it never waits for the host, and
// collects the time from the end of each to the start of the next.
template <class Submit>
Distribution TimeGaps(const Npu& npu, int batches, const Submit& submit) {
  Distribution gaps(static_cast<size_t>(batches) * kBatch);
  aclrtStream stream = npu.stream();
  const RecordedTimes recorded(stream);
  Gate gate(npu);
  for (int batch = 0; batch < batches; ++batch) {
    gate.Close(stream);
    const uint64_t first = NextTask(stream);
    for (int i = 0; i < kBatch; ++i) Check(submit(i), "submitting a task");
    gate.Open();
    BENCH_CHECK(aclrtSynchronizeStream(stream));
    const TaskTimes times = TimesSince(stream, first);
    for (size_t i = 1; i < times.start.size(); ++i) {
      gaps.Add(Between(times.end[i - 1], times.start[i]));
    }
  }
  return gaps;
}

void MeasureGap(Bench& bench) {
  const Npu& npu = bench.npu();
  Distribution gaps =
      TimeGaps(npu, bench.Pick(4000, 1000), [&](int) { return npu.empty().Launch(npu.stream()); });
  SetDevicePercentile(bench, "gap_ns_p50", gaps, 50);
  SetDevicePercentile(bench, "gap_ns_p99", gaps, 99);
}

void MeasureMixedUnits(Bench& bench) {
  const Npu& npu = bench.npu();
  const DeviceBytes memory = MakeDeviceBytes(4096);
  aclrtStream stream = npu.stream();
  const auto submit = [&](int i) {
    switch (i % 4) {
      case 0:
        return npu.empty().Launch(stream);
      case 1:
        return npu.empty_vector().Launch(stream);
      case 2:
        return aclrtMemcpyAsync(memory.get(), 64, memory.get() + 2048, 64,
                                ACL_MEMCPY_DEVICE_TO_DEVICE, stream);
      default:
        return npu.empty_ai_cpu().Launch(stream);
    }
  };
  Distribution gaps = TimeGaps(npu, bench.Pick(4000, 1000), submit);
  SetDevicePercentile(bench, "mixed_units_gap_ns_p50", gaps, 50);
}

}  // namespace

Measurements DeviceTimeMeasurements() {
  return {
      {{{"gap_ns_p50", "ns", "end of a kernel to start of the next, on the device", {AtMost(50)}},
        {"gap_ns_p99", "ns", "the same", {AtMost(200)}}},
       MeasureGap},
      {{{"mixed_units_gap_ns_p50",
         "ns",
         "the same, AI core, vector core, DMA and AI CPU in turn",
         {AtMost(150)}}},
       MeasureMixedUnits},
  };
}

}  // namespace vnpu::bench
