// A device without work: what it costs, and how fast it wakes.
#include <chrono>
#include <stdexcept>
#include <thread>
#include <vector>

#include "tools/bench/bench.h"
#include "tools/bench/idle_pause.h"
#include "tools/bench/npu.h"
#include "tools/bench/processes.h"
#include "tools/bench/subjects.h"

namespace vnpu::bench {
namespace {

void MeasureWakeFromIdle(Bench& bench) {
  const Npu& npu = bench.npu();
  const int count = bench.Pick(500, 80);
  Distribution wakes(static_cast<size_t>(count));
  IdlePause pause;
  for (int i = 0; i < count; ++i) {
    pause.Sleep();
    const uint64_t start = Ticks();
    BENCH_CHECK(npu.empty().Launch(npu.stream()));
    BENCH_CHECK(aclrtSynchronizeStream(npu.stream()));
    wakes.Add(Ticks() - start);
  }
  bench.SetPercentile("wake_from_idle_ns_p50", wakes, 50);
}

uint64_t CpuTimeOfAll(const std::vector<pid_t>& pids) {
  uint64_t ns = 0;
  for (const pid_t pid : pids) ns += CpuTimeNs(pid);
  return ns;
}

void MeasureIdleCpu(Bench& bench) {
  const Npu& npu = bench.npu();
  BENCH_CHECK(npu.empty().Launch(npu.stream()));
  BENCH_CHECK(aclrtSynchronizeStream(npu.stream()));
  const std::vector<pid_t> pids = DevicePids();
  if (pids.size() < 2) throw std::runtime_error("vnpud and vnpu-device cannot be seen from here");
  const std::chrono::seconds span(bench.Pick(5, 2));
  const uint64_t before = CpuTimeOfAll(pids);
  std::this_thread::sleep_for(span);
  const auto used = static_cast<double>(CpuTimeOfAll(pids) - before);
  bench.Set("idle_cpu_percent", 100 * used / (1e9 * static_cast<double>(span.count())));
}

}  // namespace

Measurements IdleMeasurements() {
  return {
      {{{"wake_from_idle_ns_p50",
         "ns",
         "launch and synchronize after 5 to 20 ms without work",
         {AtMost(1.5, "ref_wake_ns")}}},
       MeasureWakeFromIdle},
      {{{"idle_cpu_percent", "%", "CPU time of driver and device without work", {AtMost(1)}}},
       MeasureIdleCpu},
  };
}

}  // namespace vnpu::bench
