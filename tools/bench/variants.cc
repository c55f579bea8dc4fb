// Fresh processes: a cold start, the other submission paths, one CPU, a busy machine.
#include <string>
#include <vector>

#include "tools/bench/bench.h"
#include "tools/bench/children.h"
#include "tools/bench/distribution.h"
#include "tools/bench/processes.h"
#include "tools/bench/subjects.h"

namespace vnpu::bench {
namespace {

void MeasureColdStart(Bench& bench) {
  std::vector<Results> runs;
  for (int run = 0; run < bench.Pick(9, 3); ++run) {
    runs.push_back(RunChild({.part = "cold"}, bench.quick()));
  }
  for (const char* key : {"init_ms", "set_device_ms", "malloc_1g_ns"}) {
    std::vector<double> values;
    for (const Results& results : runs) values.push_back(results.at(key));
    bench.Set(key, Median(values));
  }
}

void MeasureVariant(Bench& bench, const char* key, const Child& child) {
  bench.Set(key, RunChild(child, bench.quick()).at("p50"));
}

void MeasureUring(Bench& bench) {
  MeasureVariant(bench, "launch_sync_uring_ns_p50",
                 {.part = "launch_sync", .environment = {"VNPU_SUBMIT=uring"}});
}

void MeasureIoctl(Bench& bench) {
  MeasureVariant(bench, "launch_sync_ioctl_ns_p50",
                 {.part = "launch_sync", .environment = {"VNPU_SUBMIT=ioctl"}});
}

// The driver of a device node has all CPUs, as it has on any machine; client and device share one.
void MeasureOneCpu(Bench& bench) {
  const std::string cpu = std::to_string(AllowedCpus().front());
  MeasureVariant(bench, "launch_sync_one_cpu_ns_p50",
                 {.part = "launch_sync", .prefix = {"taskset", "-c", cpu}});
}

void MeasureBusyMachine(Bench& bench) {
  const ForkedProcess busy([] {
    for (volatile unsigned int spins = 0;;) spins = spins + 1;
  });
  MeasureVariant(bench, "launch_sync_busy_ns_p50", {.part = "launch_sync"});
}

}  // namespace

Measurements VariantMeasurements() {
  return {
      {{{"set_device_ms", "ms", "the first aclrtSetDevice of a process", {AtMost(30)}},
        {"init_ms", "ms", "aclInit before it"},
        {"malloc_1g_ns", "ns", "aclrtMalloc of 1 GiB behind it", {AtMost(2e6)}}},
       MeasureColdStart},
      {{{"launch_sync_uring_ns_p50", "ns", "launch and synchronize, VNPU_SUBMIT=uring"}},
       MeasureUring},
      {{{"launch_sync_ioctl_ns_p50", "ns", "launch and synchronize, VNPU_SUBMIT=ioctl"}},
       MeasureIoctl},
      {{{"launch_sync_one_cpu_ns_p50",
         "ns",
         "launch and synchronize on one CPU",
         {AtMost(30'000)}}},
       MeasureOneCpu},
      {{{"launch_sync_busy_ns_p50", "ns", "launch and synchronize beside a process that spins"}},
       MeasureBusyMachine},
  };
}

}  // namespace vnpu::bench
