// A device without work: what it costs, and how fast it wakes.
#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <climits>
#include <new>
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

struct Bed {
  alignas(64) std::atomic<uint32_t> call;
  alignas(64) std::atomic<uint32_t> answer;
};

void Futex(std::atomic<uint32_t>& word, int operation, uint32_t value) {
  syscall(SYS_futex, reinterpret_cast<uint32_t*>(&word), operation, value, nullptr, nullptr, 0);
}

[[noreturn]] void Sleep(Bed& bed) {
  for (uint32_t last = 0;;) {
    Futex(bed.call, FUTEX_WAIT, last);
    const uint32_t call = bed.call.load(std::memory_order_acquire);
    if (call == last) continue;
    last = call;
    bed.answer.store(call, std::memory_order_release);
  }
}

uint64_t WakeTicks(Bed& bed, uint32_t call) {
  const uint64_t start = Ticks();
  bed.call.store(call, std::memory_order_release);
  Futex(bed.call, FUTEX_WAKE, INT_MAX);
  while (bed.answer.load(std::memory_order_acquire) != call) {
  }
  return Ticks() - start;
}

uint64_t WakeDeviceTicks(const Npu& npu) {
  const uint64_t start = Ticks();
  BENCH_CHECK(npu.empty().Launch(npu.stream()));
  BENCH_CHECK(aclrtSynchronizeStream(npu.stream()));
  return Ticks() - start;
}

// A sleeper of an idle machine may wake three times as fast as a minute later: the two are taken
// in turn.
void MeasureWakes(Bench& bench) {
  const Npu& npu = bench.npu();
  const SharedPages pages(sizeof(Bed));
  auto* bed = new (pages.get()) Bed{};
  const ForkedProcess sleeper([&] { Sleep(*bed); });
  const auto count = static_cast<uint32_t>(bench.Pick(600, 300));
  Distribution reference(count);
  Distribution device(count);
  IdlePause pause;
  for (uint32_t call = 1; call <= count; ++call) {
    pause.Sleep();
    reference.Add(WakeTicks(*bed, call));
    pause.Sleep();
    device.Add(WakeDeviceTicks(npu));
  }
  bench.SetPercentile("ref_wake_ns", reference, 50);
  bench.SetPercentile("wake_from_idle_ns_p50", device, 50);
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
      {{{"ref_wake_ns", "ns", "futex wake of a process, until it answers", {}},
        {"wake_from_idle_ns_p50",
         "ns",
         "launch and synchronize after 5 to 20 ms without work",
         {AtMost(1.5, "ref_wake_ns")}}},
       MeasureWakes},
      {{{"idle_cpu_percent", "%", "CPU time of driver and device without work", {AtMost(1)}}},
       MeasureIdleCpu},
  };
}

}  // namespace vnpu::bench
