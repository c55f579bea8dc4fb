#include "tools/bench/soak.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>

#include "tools/bench/launch_loops.h"

namespace vnpu::bench {
namespace {

// A round: so many tasks and events for each stream that comes and goes.
constexpr int kTasksARound = 10'000;
constexpr int kEventsARound = 10;
constexpr auto kProgressEvery = std::chrono::seconds(5);

// What counts as unchanged: allocators keep a little more or less, and medians wander.
constexpr double kMemorySlackBytes = 1 << 20;
constexpr double kMemoryFactor = 1.01;
constexpr double kLaunchFactor = 1.2;
constexpr double kLaunchSlackNs = 5;

constexpr double kMiB = 1 << 20;

double MiB(uint64_t bytes) { return static_cast<double>(bytes) / kMiB; }

// Proportional memory where the kernel tells it: shared queues would count twice otherwise.
bool MemoryIsFlat(const ProcessMemory& start, const ProcessMemory& end) {
  const bool proportional = start.proportional != 0 && end.proportional != 0;
  const uint64_t before = proportional ? start.proportional : start.resident;
  const uint64_t after = proportional ? end.proportional : end.resident;
  return static_cast<double>(after) <=
         static_cast<double>(before) * kMemoryFactor + kMemorySlackBytes;
}

bool LaunchIsUnchanged(const SoakState& start, const SoakState& end) {
  return end.launch_ns <= start.launch_ns * kLaunchFactor + kLaunchSlackNs;
}

}  // namespace

Soak::Soak() {
  // Pools and caches fill up first: what grows after that, grows for ever.
  for (int round = 0; round < 300; ++round) Round();
  State();
}

void Soak::UseStreamAndEvents() {
  const Stream stream = MakeStream();
  for (int i = 0; i < kEventsARound; ++i) {
    const Event event = MakeEvent();
    BENCH_CHECK(npu_.empty().Launch(npu_.stream()));
    BENCH_CHECK(aclrtRecordEvent(event.get(), npu_.stream()));
    BENCH_CHECK(aclrtStreamWaitEvent(stream.get(), event.get()));
    BENCH_CHECK(npu_.empty().Launch(stream.get()));
  }
  BENCH_CHECK(aclrtSynchronizeStream(stream.get()));
  work_.events += kEventsARound;
  work_.tasks += size_t{2} * kEventsARound;
  ++work_.streams;
}

void Soak::Round() {
  UseStreamAndEvents();
  const DeviceBytes memory = MakeDeviceBytes(1 << 20);
  for (int i = 0; i < kTasksARound; ++i) BENCH_CHECK(npu_.empty().Launch(npu_.stream()));
  BENCH_CHECK(aclrtSynchronizeStream(npu_.stream()));
  work_.tasks += kTasksARound;
}

void Soak::Run(std::chrono::seconds time, const std::function<bool()>& stop,
               const std::function<void(std::chrono::seconds, const SoakState&)>& progress) {
  const auto start = std::chrono::steady_clock::now();
  auto next = start + kProgressEvery;
  for (auto now = start; now - start < time && !stop(); now = std::chrono::steady_clock::now()) {
    if (now >= next) {
      progress(std::chrono::duration_cast<std::chrono::seconds>(now - start), State());
      next = now + kProgressEvery;
    }
    Round();
  }
}

SoakState Soak::StateUntil(std::chrono::seconds limit,
                           const std::function<bool(const SoakState&)>& done) {
  const auto until = std::chrono::steady_clock::now() + limit;
  SoakState state = State();
  while (!done(state) && std::chrono::steady_clock::now() < until) {
    const auto next = std::chrono::steady_clock::now() + std::chrono::seconds(1);
    while (std::chrono::steady_clock::now() < next) Round();
    const double best = state.launch_ns;
    state = State();
    state.launch_ns = std::min(state.launch_ns, best);
  }
  return state;
}

SoakState Soak::Start() {
  return StateUntil(std::chrono::seconds(3), [](const SoakState&) { return false; });
}

SoakState Soak::End(const SoakState& start, const std::function<bool()>& stop,
                    const std::function<void(const SoakState&)>& again) {
  return StateUntil(std::chrono::seconds(60), [&](const SoakState& state) {
    if (stop() || LaunchIsUnchanged(start, state)) return true;
    again(state);
    return false;
  });
}

SoakState Soak::State() {
  std::vector<double> medians;
  for (int i = 0; i < 9; ++i) {
    const Distribution calls = TimeLaunches(npu_.empty(), npu_.stream(), 40);
    medians.push_back(clock_.Ns(calls.Percentile(50, clock_.step)));
  }
  SoakState state{work_, {}, Median(medians)};
  std::vector<pid_t> pids = DevicePids();
  pids.insert(pids.begin(), getpid());
  for (const pid_t pid : pids) state.processes.push_back({pid, ProcessName(pid), MemoryOf(pid)});
  return state;
}

std::string ProgressLine(std::chrono::seconds time, const SoakState& state) {
  std::string memory;
  for (const ProcessState& process : state.processes) {
    memory += fmt::format("  {} {:.1f}", process.name, MiB(process.memory.resident));
  }
  return fmt::format(
      "{:>5} s {:>9.1f} M tasks {:>8} events {:>7} streams  launch {:.0f} ns  MiB:{}", time.count(),
      static_cast<double>(state.work.tasks) / 1e6, state.work.events, state.work.streams,
      state.launch_ns, memory);
}

std::string SoakTable(const SoakState& start, const SoakState& end, bool* flat) {
  *flat = true;
  std::string text = fmt::format("{:<14}{:>12}{:>12}{:>12}{:>12}  {}\n", "memory, MiB", "RSS start",
                                 "RSS end", "PSS start", "PSS end", "verdict");
  for (const ProcessState& before : start.processes) {
    const auto after =
        std::find_if(end.processes.begin(), end.processes.end(),
                     [&](const ProcessState& process) { return process.pid == before.pid; });
    const ProcessMemory memory = after == end.processes.end() ? ProcessMemory{} : after->memory;
    const bool gone = memory.resident == 0;
    const bool same = !gone && MemoryIsFlat(before.memory, memory);
    *flat = *flat && same;
    text += fmt::format("{:<14}{:>12.2f}{:>12.2f}{:>12.2f}{:>12.2f}  {}\n", before.name,
                        MiB(before.memory.resident), MiB(memory.resident),
                        MiB(before.memory.proportional), MiB(memory.proportional),
                        gone ? "GONE" : (same ? "flat" : "GROWN"));
  }
  const bool launch = LaunchIsUnchanged(start, end);
  *flat = *flat && launch;
  text += fmt::format("launch_ns_p50 {:>11.1f}{:>12.1f}{:>26}{}\n", start.launch_ns, end.launch_ns,
                      "", launch ? "unchanged" : "SLOWER");
  text += fmt::format("{} tasks, {} events, {} streams\n", end.work.tasks - start.work.tasks,
                      end.work.events - start.work.events, end.work.streams - start.work.streams);
  return text;
}

}  // namespace vnpu::bench
