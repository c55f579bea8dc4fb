// Launching kernels from the host: each call timed, launch and wait, many in a row.
#include <thread>
#include <vector>

#include "tools/bench/bench.h"
#include "tools/bench/launch_loops.h"
#include "tools/bench/npu.h"
#include "tools/bench/ring_reference.h"
#include "tools/bench/subjects.h"
#include "tools/bench/task_times.h"

namespace vnpu::bench {
namespace {

void MeasureHostArguments(Bench& bench) {
  const Npu& npu = bench.npu();
  uint64_t arguments[3] = {};
  Distribution calls = TimeCalls(npu.stream(), bench.Pick(4000, 1000), [&] {
    return aclrtLaunchKernelWithHostArgs(npu.empty().function(), 1, npu.stream(), nullptr,
                                         arguments, sizeof(arguments), nullptr, 0);
  });
  bench.SetPercentile("launch_host_args_ns_p50", calls, 50);
}

// Nanoseconds a task.
double BackToBackNs(Bench& bench) {
  const Npu& npu = bench.npu();
  constexpr int kTasks = 1'000'000;
  const uint64_t start = Ticks();
  for (int i = 0; i < kTasks; ++i) BENCH_CHECK(npu.empty().Launch(npu.stream()));
  BENCH_CHECK(aclrtSynchronizeStream(npu.stream()));
  return bench.clock().Ns(Ticks() - start) / kTasks;
}

// In turn with the bare ring: what lies between the cores of a virtual machine may change within a
// run.
void MeasureLaunches(Bench& bench) {
  const Npu& npu = bench.npu();
  const int rounds = bench.Pick(15, 5);
  const int batches = bench.Pick(250, 200);
  const int trips = bench.Pick(30'000, 20'000);
  Distribution calls(0);
  Distribution launch_syncs(0);
  Distribution ring_trips(static_cast<size_t>(rounds) * static_cast<size_t>(trips));
  std::vector<double> tasks;
  std::vector<double> ring_entries;
  for (int round = 0; round < rounds; ++round) {
    {
      RingBetweenCores ring(ConsumeRing);
      ring.EntryNs(bench.clock());  // touches everything once
      for (int i = 0; i < 3; ++i) ring_entries.push_back(ring.EntryNs(bench.clock()));
      ring.AddRoundTrips(trips, &ring_trips);
    }
    calls.Add(TimeLaunches(npu.empty(), npu.stream(), batches));
    launch_syncs.Add(TimeLaunchSync(npu.empty(), npu.stream(), trips));
    tasks.push_back(BackToBackNs(bench));
  }
  bench.SetPercentile("ref_ring_rt_ns", ring_trips, 50);
  bench.Set("ref_ring_entry_ns", Median(ring_entries));
  bench.SetPercentile("launch_ns_p50", calls, 50);
  bench.SetPercentile("launch_ns_p99", calls, 99);
  bench.SetPercentile("launch_sync_ns_p50", launch_syncs, 50);
  bench.SetPercentile("launch_sync_ns_p99", launch_syncs, 99);
  bench.Set("back_to_back_ns", Median(tasks));
}

void MeasureBackToBackTimed(Bench& bench) {
  const RecordedTimes recorded(bench.npu().stream());
  std::vector<double> rounds;
  for (int round = 0; round < bench.Pick(9, 3); ++round) rounds.push_back(BackToBackNs(bench));
  bench.Set("back_to_back_timed_ns", Median(rounds));
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
      {{{"ref_ring_rt_ns", "ns", "bare ring: publish, run, see it done"},
        {"ref_ring_entry_ns", "ns", "bare ring: publishing one of many"},
        {"launch_ns_p50",
         "ns",
         "aclrtLaunchKernel, three pointers, device busy",
         {AtMost(100), AtMost(4, "ref_ring_entry_ns"), AtMost(1.0 / 5, "pocl_launch_ns_p50")}},
        {"launch_ns_p99", "ns", "the same"},
        {"launch_sync_ns_p50",
         "ns",
         "launch and aclrtSynchronizeStream",
         {AtMost(2, "ref_ring_rt_ns"), AtMost(1.0 / 20, "pocl_launch_sync_ns_p50")}},
        {"launch_sync_ns_p99", "ns", "the same"},
        {"back_to_back_ns",
         "ns",
         "a task, of a million in one stream",
         {AtMost(2.5, "ref_ring_entry_ns"), AtMost(1.0 / 20, "pocl_back_to_back_ns")}}},
       MeasureLaunches},
      {{{"back_to_back_timed_ns", "ns",
         "back_to_back_ns while the device records when each task runs"}},
       MeasureBackToBackTimed},
      {{{"launch_host_args_ns_p50", "ns",
         "aclrtLaunchKernelWithHostArgs, as kernel<<<>>> calls it"}},
       MeasureHostArguments},
      {{{"launch_ns_p50_4_threads", "ns", "aclrtLaunchKernel, four threads with a stream each"}},
       MeasureFourThreads},
  };
}

}  // namespace vnpu::bench
