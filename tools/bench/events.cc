// Events: recording them, and streams that wait for each other.
#include <vector>

#include "tools/bench/bench.h"
#include "tools/bench/launch_loops.h"
#include "tools/bench/npu.h"
#include "tools/bench/subjects.h"
#include "tools/bench/task_times.h"

namespace vnpu::bench {
namespace {

// Two streams that run kernels in turn, each waiting for the other's event. The whole exchange is
// in the queues before a gate opens, so that no wait is over before the device gets to it.
class Exchange {
 public:
  static constexpr size_t kRounds = 64;  // two hops each; a few tasks of each stream's queue

  explicit Exchange(const Npu& npu)
      : kernel_(npu.empty()),
        gate_(npu),
        events_a_(MakeEvents(kRounds)),
        events_b_(MakeEvents(kRounds)) {}

  // Runs all rounds and adds up what the device recorded: from a record on one stream to the start
  // of the kernel on the other. Returns the device time of a hop on average.
  double Run(Distribution* hops) {
    gate_.Close(a_.get());
    const uint64_t first_a = NextTask(a_.get());
    const uint64_t first_b = NextTask(b_.get());
    records_.clear();
    kernels_.clear();
    for (size_t round = 0; round < kRounds; ++round) {
      Hop(a_.get(), b_.get(), events_a_[round].get());
      Hop(b_.get(), a_.get(), events_b_[round].get());
    }
    gate_.Open();
    BENCH_CHECK(aclrtSynchronizeStream(a_.get()));
    BENCH_CHECK(aclrtSynchronizeStream(b_.get()));
    const TaskTimes a = TimesSince(a_.get(), first_a);
    const TaskTimes b = TimesSince(b_.get(), first_b);
    for (size_t i = 0; i < records_.size(); ++i) {
      const bool from_a = i % 2 == 0;
      const TaskTimes& from = from_a ? a : b;
      const TaskTimes& to = from_a ? b : a;
      hops->Add(Between(from.EndOf(records_[i]), to.StartOf(kernels_[i])));
    }
    // The first record was held by the gate, the last kernel is on stream a.
    const uint64_t ticks = Between(a.EndOf(records_.front()), a.EndOf(kernels_.back()));
    return static_cast<double>(ticks) / static_cast<double>(records_.size());
  }

 private:
  void Hop(aclrtStream from, aclrtStream to, aclrtEvent event) {
    records_.push_back(NextTask(from));
    BENCH_CHECK(aclrtRecordEvent(event, from));
    BENCH_CHECK(aclrtStreamWaitEvent(to, event));
    kernels_.push_back(NextTask(to));
    BENCH_CHECK(kernel_.Launch(to));
  }

  const Task& kernel_;
  Stream a_ = MakeStream();
  Stream b_ = MakeStream();
  RecordedTimes times_a_{a_.get()};
  RecordedTimes times_b_{b_.get()};
  Gate gate_;
  std::vector<Event> events_a_;
  std::vector<Event> events_b_;
  std::vector<uint64_t> records_;  // task numbers, hop by hop
  std::vector<uint64_t> kernels_;
};

void MeasureHops(Bench& bench) {
  Exchange exchange(bench.npu());
  const int runs = bench.Pick(4000, 1000);
  Distribution hops(static_cast<size_t>(runs) * 2 * Exchange::kRounds);
  std::vector<double> ticks;
  for (int run = 0; run < runs; ++run) ticks.push_back(exchange.Run(&hops));
  SetDevicePercentile(bench, "event_hop_ns_p50", hops, 50);
  SetDevicePercentile(bench, "event_hop_ns_p99", hops, 99);
  bench.Set("ping_pong_ns", DeviceNs(Median(ticks)));
}

void MeasureRecord(Bench& bench) {
  const Npu& npu = bench.npu();
  const Event event = MakeEvent();
  Distribution calls = TimeCalls(npu.stream(), bench.Pick(2000, 400),
                                 [&] { return aclrtRecordEvent(event.get(), npu.stream()); });
  bench.SetPercentile("event_record_ns_p50", calls, 50);
}

}  // namespace

Measurements EventMeasurements() {
  return {
      {{{"event_hop_ns_p50",
         "ns",
         "record on one stream to start of the kernel waiting on another",
         {AtMost(80), AtMost(1.0 / 20, "pocl_event_hop_ns")}},
        {"event_hop_ns_p99", "ns", "the same", {AtMost(400)}},
        {"ping_pong_ns", "ns",
         "two streams waiting for each other, wait, kernel and record a hop"}},
       MeasureHops},
      {{{"event_record_ns_p50", "ns", "aclrtRecordEvent, device busy"}}, MeasureRecord},
  };
}

}  // namespace vnpu::bench
