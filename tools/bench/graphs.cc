// Models: launching them, their tasks on the device, updating them, capturing them.
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <memory>
#include <nlohmann/json.hpp>
#include <stdexcept>
#include <string>
#include <vector>

#include "tools/bench/bench.h"
#include "tools/bench/launch_loops.h"
#include "tools/bench/npu.h"
#include "tools/bench/subjects.h"

namespace vnpu::bench {
namespace {

constexpr int kNodes = 1000;

struct DestroyModel {
  void operator()(void* model) const { aclmdlRIDestroy(model); }
};
using Model = std::unique_ptr<void, DestroyModel>;

void BeginCapture(aclrtStream stream) {
  BENCH_CHECK(aclmdlRICaptureBegin(stream, ACL_MODEL_RI_CAPTURE_MODE_RELAXED));
}

Model EndCapture(aclrtStream stream) {
  aclmdlRI model = nullptr;
  BENCH_CHECK(aclmdlRICaptureEnd(stream, &model));
  return Model(model);
}

// Empty kernels of one block in a line.
Model MakeLine(const Npu& npu) {
  BeginCapture(npu.stream());
  for (int i = 0; i < kNodes; ++i) Check(npu.empty().Launch(npu.stream()), "aclrtLaunchKernel");
  return EndCapture(npu.stream());
}

// The same in two streams that take turns.
Model MakeTurns(const Npu& npu) {
  const Stream second = MakeStream();
  const std::vector<Event> events = MakeEvents(kNodes);
  const aclrtStream streams[2] = {npu.stream(), second.get()};
  BeginCapture(npu.stream());
  for (int i = 0; i < kNodes; ++i) {
    Check(npu.empty().Launch(streams[i % 2]), "aclrtLaunchKernel");
    Check(aclrtRecordEvent(events[i].get(), streams[i % 2]), "aclrtRecordEvent");
    Check(aclrtStreamWaitEvent(streams[(i + 1) % 2], events[i].get()), "aclrtStreamWaitEvent");
  }
  return EndCapture(npu.stream());
}

// Nanoseconds that a kernel of the model takes, on average over many runs.
double NodeTime(Bench& bench, aclmdlRI model) {
  const aclrtStream stream = bench.npu().stream();
  constexpr int kRuns = 100;
  std::vector<double> rounds;
  for (int round = 0; round < bench.Pick(15, 5); ++round) {
    const uint64_t start = Ticks();
    for (int i = 0; i < kRuns; ++i) BENCH_CHECK(aclmdlRIExecuteAsync(model, stream));
    BENCH_CHECK(aclrtSynchronizeStream(stream));
    rounds.push_back(bench.clock().Ns(Ticks() - start) / (kRuns * kNodes));
  }
  return Median(rounds);
}

void MeasureModelLaunch(Bench& bench) {
  const aclrtStream stream = bench.npu().stream();
  const Model model = MakeLine(bench.npu());
  Distribution calls = TimeCalls(stream, bench.Pick(60, 15),
                                 [&] { return aclmdlRIExecuteAsync(model.get(), stream); });
  bench.SetPercentile("graph_launch_ns_p50", calls, 50);
}

void MeasureModelNodes(Bench& bench) {
  bench.Set("graph_node_ns", NodeTime(bench, MakeLine(bench.npu()).get()));
  bench.Set("graph_cross_stream_node_ns", NodeTime(bench, MakeTurns(bench.npu()).get()));
}

void MeasureModelLoop(Bench& bench) {
  const Npu& npu = bench.npu();
  const aclrtStream stream = npu.stream();
  const Stream body_stream = MakeStream();
  BeginCapture(stream);
  auto status = ACL_MODEL_RI_CAPTURE_STATUS_NONE;
  aclmdlRI capturing = nullptr;
  BENCH_CHECK(aclmdlRICaptureGetInfo(stream, &status, &capturing));
  constexpr uint32_t kTurns = 100'000;
  aclmdlRICondHandle condition = nullptr;
  BENCH_CHECK(aclmdlRICondHandleCreate(capturing, kTurns, ACL_MODEL_RI_COND_HANDLE_ASSIGN_DEFAULT,
                                       &condition));
  uint64_t* word = nullptr;
  BENCH_CHECK(aclmdlRICondHandleGetCondPtr(condition, &word));
  aclmdlRI body = nullptr;
  BENCH_CHECK(aclmdlRIAddCondTask(
      {.handle = condition, .type = ACL_MODEL_RI_COND_TYPE_WHILE, .size = 1, .modelRIArray = &body},
      stream, 0));
  BENCH_CHECK(
      aclmdlRICaptureToModelRIBegin(body_stream.get(), body, ACL_MODEL_RI_CAPTURE_MODE_RELAXED));
  const Task count_down(npu.count_down(), {reinterpret_cast<uint64_t>(word)});
  BENCH_CHECK(count_down.Launch(body_stream.get()));
  BENCH_CHECK(aclmdlRICaptureEnd(body_stream.get(), &body));
  const Model model = EndCapture(stream);
  std::vector<double> rounds;
  for (int round = 0; round < bench.Pick(15, 5); ++round) {
    const uint64_t start = Ticks();
    BENCH_CHECK(aclmdlRIExecuteAsync(model.get(), stream));
    BENCH_CHECK(aclrtSynchronizeStream(stream));
    rounds.push_back(bench.clock().Ns(Ticks() - start) / kTurns);
  }
  bench.Set("graph_cond_iteration_ns", Median(rounds));
}

// One kernel task in the middle of the model.
aclmdlRITask MiddleTask(aclmdlRI model) {
  aclrtStream stream = nullptr;
  uint32_t count = 1;
  BENCH_CHECK(aclmdlRIGetStreams(model, &stream, &count));
  BENCH_CHECK(aclmdlRIGetTasksByStream(stream, nullptr, &count));
  std::vector<aclmdlRITask> tasks(count);
  BENCH_CHECK(aclmdlRIGetTasksByStream(stream, tasks.data(), &count));
  return tasks[count / 2];
}

void MeasureModelUpdate(Bench& bench) {
  const Model model = MakeLine(bench.npu());
  const aclmdlRITask task = MiddleTask(model.get());
  aclmdlRITaskParams params{};
  BENCH_CHECK(aclmdlRITaskGetParams(task, &params));
  uint64_t arguments[3] = {};
  params.kernelTaskParams.args = arguments;
  params.kernelTaskParams.isHostArgs = 1;
  const int count = bench.Pick(200'000, 50'000);
  Distribution updates(static_cast<size_t>(count));
  for (int i = 0; i < count; ++i) {
    arguments[0] = static_cast<uint64_t>(i);
    const uint64_t start = Ticks();
    BENCH_CHECK(aclmdlRITaskSetParams(task, &params));
    BENCH_CHECK(aclmdlRIUpdate(model.get()));
    updates.Add(Ticks() - start);
  }
  bench.SetPercentile("graph_update_ns_p50", updates, 50);
}

void MeasureModelCapture(Bench& bench) {
  const Npu& npu = bench.npu();
  const aclrtStream stream = npu.stream();
  const int count = bench.Pick(400, 100);
  Distribution launches(static_cast<size_t>(count) * kNodes);
  std::vector<double> whole;
  for (int round = 0; round < count; ++round) {
    const uint64_t begin = Ticks();
    BeginCapture(stream);
    uint64_t last = Ticks();
    for (int i = 0; i < kNodes; ++i) {
      Check(npu.empty().Launch(stream), "aclrtLaunchKernel");
      const uint64_t now = Ticks();
      launches.Add(now - last);
      last = now;
    }
    const Model model = EndCapture(stream);
    whole.push_back(bench.clock().Ns(Ticks() - begin) / 1000);
  }
  bench.SetPercentile("graph_capture_launch_ns_p50", launches, 50);
  bench.Set("graph_capture_us", Median(whole));
}

// What the model says of itself.
void MeasureModelMemory(Bench& bench) {
  const Model model = MakeLine(bench.npu());
  const std::filesystem::path path =
      std::filesystem::temp_directory_path() / ("vnpu-bench-" + std::to_string(getpid()));
  BENCH_CHECK(aclmdlRIDebugJsonPrint(model.get(), path.c_str(), 0));
  nlohmann::json json;
  std::ifstream(path) >> json;
  std::filesystem::remove(path);
  bench.Set("graph_node_bytes", json["models"][0]["deviceBytes"].get<double>() / kNodes);
}

}  // namespace

Measurements GraphMeasurements() {
  return {
      {{{"graph_launch_ns_p50",
         "ns",
         "aclmdlRIExecuteAsync of 1,000 kernels, device busy",
         {AtMost(1.5, "launch_ns_p50")}}},
       MeasureModelLaunch},
      {{{"graph_node_ns",
         "ns",
         "a kernel of a model, of 1,000 in one stream",
         {AtMost(60), AtMost(1, "back_to_back_ns")}},
        {"graph_cross_stream_node_ns",
         "ns",
         "the same in two streams that take turns",
         {AtMost(80)}}},
       MeasureModelNodes},
      {{{"graph_cond_iteration_ns", "ns", "a turn of a while loop with one kernel", {AtMost(150)}}},
       MeasureModelLoop},
      {{{"graph_update_ns_p50",
         "ns",
         "new arguments for one kernel of 1,000, and aclmdlRIUpdate",
         {AtMost(1000)}}},
       MeasureModelUpdate},
      {{{"graph_capture_launch_ns_p50",
         "ns",
         "aclrtLaunchKernel while the stream is captured",
         {AtMost(1, "launch_ns_p50")}},
        {"graph_capture_us", "us", "capturing 1,000 launches, from begin to end"}},
       MeasureModelCapture},
      {{{"graph_node_bytes", "B", "memory of a model of 1,000 kernels, a kernel", {AtMost(256)}}},
       MeasureModelMemory},
  };
}

}  // namespace vnpu::bench
