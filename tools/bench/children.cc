#include "tools/bench/children.h"

#include <chrono>
#include <filesystem>
#include <iostream>
#include <map>
#include <nlohmann/json.hpp>
#include <stdexcept>

#include "tools/bench/bench.h"
#include "tools/bench/launch_loops.h"
#include "tools/bench/npu.h"
#include "tools/bench/processes.h"

namespace vnpu::bench {
namespace {

// Some of the ways are slow: ends after a while with what it has.
void LaunchSyncPart(Bench& bench) {
  const Npu& npu = bench.npu();
  constexpr int kChunk = 100;
  TimeLaunchSync(npu.empty(), npu.stream(), kChunk);
  Distribution trips(0);
  const auto end =
      std::chrono::steady_clock::now() + std::chrono::milliseconds(bench.Pick(4000, 400));
  while (std::chrono::steady_clock::now() < end) {
    trips.Add(TimeLaunchSync(npu.empty(), npu.stream(), kChunk));
  }
  bench.SetPercentile("p50", trips, 50);
}

void ColdPart(Bench& bench) {
  constexpr size_t kGibibyte = size_t{1} << 30;
  void* memory = nullptr;
  const uint64_t start = Ticks();
  BENCH_CHECK(aclInit(nullptr));
  const uint64_t initialized = Ticks();
  BENCH_CHECK(aclrtSetDevice(0));
  const uint64_t set = Ticks();
  BENCH_CHECK(aclrtMalloc(&memory, kGibibyte, ACL_MEM_MALLOC_HUGE_FIRST));
  const uint64_t allocated = Ticks();
  BENCH_CHECK(aclrtFree(memory));
  BENCH_CHECK(aclrtResetDevice(0));
  BENCH_CHECK(aclFinalize());
  bench.Set("init_ms", bench.clock().Ns(initialized - start) / 1e6);
  bench.Set("set_device_ms", bench.clock().Ns(set - initialized) / 1e6);
  bench.Set("malloc_1g_ns", bench.clock().Ns(allocated - set));
}

const std::map<std::string, void (*)(Bench&)>& Parts() {
  static const auto& parts = *new std::map<std::string, void (*)(Bench&)>{
      {"launch_sync", LaunchSyncPart}, {"cold", ColdPart}};
  return parts;
}

}  // namespace

std::string SiblingProgram(const std::string& name) {
  return std::filesystem::read_symlink("/proc/self/exe").parent_path() / name;
}

Results ParseResults(const std::string& text) { return nlohmann::json::parse(text).get<Results>(); }

Results RunChild(const Child& child, bool quick) {
  std::vector<std::string> command = child.prefix;
  command.insert(command.end(), {SiblingProgram("vnpu-bench"), "--part", child.part});
  if (quick) command.emplace_back("--quick");
  return ParseResults(RunProgram(command, child.environment));
}

void RunPart(const std::string& part, bool quick) {
  Bench bench(quick);
  Parts().at(part)(bench);
  std::cout << nlohmann::json(bench.results()) << '\n';
}

std::vector<std::string> PartNames() {
  std::vector<std::string> names;
  for (const auto& [name, run] : Parts()) names.push_back(name);
  return names;
}

}  // namespace vnpu::bench
