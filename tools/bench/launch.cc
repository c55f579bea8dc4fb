// Launching kernels from the host: each call timed, launch and wait, many in a row.
#include <thread>
#include <vector>

#include "tools/bench/bench.h"
#include "tools/bench/launch_loops.h"
#include "tools/bench/npu.h"
#include "tools/bench/subjects.h"
#include "tools/bench/task_times.h"

namespace vnpu::bench {
namespace {

void MeasureLaunch(Bench& bench) {
  const Npu& npu = bench.npu();
  Distribution calls = TimeLaunches(npu.empty(), npu.stream(), bench.Pick(4000, 1000));
  bench.SetPercentile("launch_ns_p50", calls, 50);
  bench.SetPercentile("launch_ns_p99", calls, 99);
}

void MeasureHostArguments(Bench& bench) {
  const Npu& npu = bench.npu();
  uint64_t arguments[3] = {};
  Distribution calls = TimeCalls(npu.stream(), bench.Pick(4000, 1000), [&] {
    return aclrtLaunchKernelWithHostArgs(npu.empty().function(), 1, npu.stream(), nullptr,
                                         arguments, sizeof(arguments), nullptr, 0);
  });
  bench.SetPercentile("launch_host_args_ns_p50", calls, 50);
}

void MeasureLaunchSync(Bench& bench) {
  const Npu& npu = bench.npu();
  Distribution trips = TimeLaunchSync(npu.empty(), npu.stream(), bench.Pick(500'000, 100'000));
  bench.SetPercentile("launch_sync_ns_p50", trips, 50);
  bench.SetPercentile("launch_sync_ns_p99", trips, 99);
}

// Nanoseconds a task.
double TimeBackToBack(Bench& bench) {
  const Npu& npu = bench.npu();
  constexpr int kTasks = 1'000'000;
  std::vector<double> rounds;
  for (int round = 0; round < bench.Pick(9, 3); ++round) {
    const uint64_t start = Ticks();
    for (int i = 0; i < kTasks; ++i) BENCH_CHECK(npu.empty().Launch(npu.stream()));
    BENCH_CHECK(aclrtSynchronizeStream(npu.stream()));
    rounds.push_back(bench.clock().Ns(Ticks() - start) / kTasks);
  }
  return Median(rounds);
}

void MeasureBackToBack(Bench& bench) {
  bench.Set("back_to_back_ns", TimeBackToBack(bench));
  const RecordedTimes recorded(bench.npu().stream());
  bench.Set("back_to_back_timed_ns", TimeBackToBack(bench));
}

void MeasureFourThreads(Bench& bench) {
  const Npu& npu = bench.npu();
  constexpr size_t kThreads = 4;
  const int batches = bench.Pick(2000, 400);
  const std::vector<Stream> streams = MakeStreams(kThreads);
  std::vector<Distribution> calls(kThreads, Distribution(0));
  std::vector<std::exception_ptr> errors(kThreads);
  {
    std::vector<std::jthread> threads;
    for (size_t i = 0; i < kThreads; ++i) {
      threads.emplace_back([&, i] {
        try {
          BENCH_CHECK(aclrtSetDevice(0));
          calls[i] = TimeLaunches(npu.empty(), streams[i].get(), batches);
          BENCH_CHECK(aclrtResetDevice(0));
        } catch (...) {
          errors[i] = std::current_exception();
        }
      });
    }
  }
  Distribution all(0);
  for (size_t i = 0; i < kThreads; ++i) {
    if (errors[i]) std::rethrow_exception(errors[i]);
    all.Add(calls[i]);
  }
  bench.SetPercentile("launch_ns_p50_4_threads", all, 50);
}

}  // namespace

Measurements LaunchMeasurements() {
  return {
      {{{"launch_ns_p50",
         "ns",
         "aclrtLaunchKernel, three pointers, device busy",
         {AtMost(100), AtMost(4, "ref_ring_entry_ns"), AtMost(1.0 / 5, "pocl_launch_ns_p50")}},
        {"launch_ns_p99", "ns", "the same"}},
       MeasureLaunch},
      {{{"launch_host_args_ns_p50", "ns",
         "aclrtLaunchKernelWithHostArgs, as kernel<<<>>> calls it"}},
       MeasureHostArguments},
      {{{"launch_sync_ns_p50",
         "ns",
         "launch and aclrtSynchronizeStream",
         {AtMost(2, "ref_ring_rt_ns"), AtMost(1.0 / 20, "pocl_launch_sync_ns_p50")}},
        {"launch_sync_ns_p99", "ns", "the same"}},
       MeasureLaunchSync},
      {{{"back_to_back_ns",
         "ns",
         "a task, of a million in one stream",
         {AtMost(2.5, "ref_ring_entry_ns"), AtMost(1.0 / 20, "pocl_back_to_back_ns")}},
        {"back_to_back_timed_ns", "ns", "the same while the device records when each task runs"}},
       MeasureBackToBack},
      {{{"launch_ns_p50_4_threads", "ns", "aclrtLaunchKernel, four threads with a stream each"}},
       MeasureFourThreads},
  };
}

}  // namespace vnpu::bench
