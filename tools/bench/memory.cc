// Allocating device memory, once warm.
#include <array>

#include "tools/bench/bench.h"
#include "tools/bench/npu.h"
#include "tools/bench/subjects.h"

namespace vnpu::bench {
namespace {

constexpr size_t kHeld = 64;  // allocations held at a time

struct CallTimes {
  Distribution malloc_calls;
  Distribution free_calls;
};

void AllocateAndFree(CallTimes* times) {
  std::array<void*, kHeld> blocks;
  for (void*& block : blocks) {
    const uint64_t start = Ticks();
    const aclError error = aclrtMalloc(&block, 1 << 20, ACL_MEM_MALLOC_HUGE_FIRST);
    times->malloc_calls.Add(Ticks() - start);
    Check(error, "aclrtMalloc");
  }
  for (void* block : blocks) {
    const uint64_t start = Ticks();
    const aclError error = aclrtFree(block);
    times->free_calls.Add(Ticks() - start);
    Check(error, "aclrtFree");
  }
}

void MeasureMalloc(Bench& bench) {
  bench.npu();
  CallTimes warm_up{Distribution(kHeld), Distribution(kHeld)};
  AllocateAndFree(&warm_up);
  const int rounds = bench.Pick(500, 100);
  CallTimes times{Distribution(kHeld * static_cast<size_t>(rounds)),
                  Distribution(kHeld * static_cast<size_t>(rounds))};
  for (int round = 0; round < rounds; ++round) AllocateAndFree(&times);
  bench.SetPercentile("malloc_1m_ns_p50", times.malloc_calls, 50);
  bench.SetPercentile("free_1m_ns_p50", times.free_calls, 50);
}

}  // namespace

Measurements MemoryMeasurements() {
  return {
      {{{"malloc_1m_ns_p50", "ns", "aclrtMalloc of 1 MiB, warm", {AtMost(1000)}},
        {"free_1m_ns_p50", "ns", "aclrtFree of it", {AtMost(1000)}}},
       MeasureMalloc},
  };
}

}  // namespace vnpu::bench
