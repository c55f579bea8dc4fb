// Making streams, and spreading tasks over many.
#include <array>
#include <string>
#include <vector>

#include "tools/bench/bench.h"
#include "tools/bench/google_bench.h"
#include "tools/bench/npu.h"
#include "tools/bench/subjects.h"

namespace vnpu::bench {
namespace {

void MeasureCreate(Bench& bench) {
  bench.npu();
  constexpr int kHeld = 16;
  const int rounds = bench.Pick(200, 30);
  Distribution calls(static_cast<size_t>(rounds) * kHeld);
  for (int round = 0; round < rounds; ++round) {
    std::vector<Stream> streams;
    for (int i = 0; i < kHeld; ++i) {
      const uint64_t start = Ticks();
      Stream stream = MakeStream();
      calls.Add(Ticks() - start);
      streams.push_back(std::move(stream));
    }
  }
  bench.SetPercentile("stream_create_ns_p50", calls, 50);
}

// Launches tasks on the streams in turn and waits for all of them.
void RunOnStreams(const Task& task, const std::vector<Stream>& streams, size_t tasks) {
  for (size_t i = 0; i < tasks; i += streams.size()) {
    for (const Stream& stream : streams) BENCH_CHECK(task.Launch(stream.get()));
  }
  for (const Stream& stream : streams) BENCH_CHECK(aclrtSynchronizeStream(stream.get()));
}

void MeasureThroughput(Bench& bench) {
  const Task& task = bench.npu().empty();
  const std::array<std::vector<Stream>, 3> sets = {MakeStreams(1), MakeStreams(16),
                                                   MakeStreams(256)};
  constexpr size_t kTasks = size_t{1} << 19;
  std::vector<Loop> loops;
  for (const std::vector<Stream>& streams : sets) {
    RunOnStreams(task, streams, 4 * streams.size());  // first use of each
    loops.push_back({"tasks_per_s_" + std::to_string(streams.size()) + "_streams",
                     [&task, &streams] { RunOnStreams(task, streams, kTasks); }});
  }
  const std::vector<double> seconds = MedianSeconds(loops, bench.Pick(15, 5));
  for (size_t i = 0; i < loops.size(); ++i) {
    bench.Set(loops[i].name.c_str(), static_cast<double>(kTasks) / seconds[i]);
  }
}

}  // namespace

Measurements StreamMeasurements() {
  return {
      {{{"stream_create_ns_p50", "ns", "aclrtCreateStream", {AtMost(100'000)}}}, MeasureCreate},
      {{{"tasks_per_s_1_streams", "1/s", "tasks of one thread on one stream"},
        {"tasks_per_s_16_streams", "1/s", "in turn on 16 streams"},
        {"tasks_per_s_256_streams",
         "1/s",
         "in turn on 256 streams",
         {AtLeast(0.5, "tasks_per_s_1_streams")}}},
       MeasureThroughput},
  };
}

}  // namespace vnpu::bench
