#include "tools/bench/google_bench.h"

#include <benchmark/benchmark.h>

#include <array>
#include <map>
#include <stdexcept>

#include "tools/bench/distribution.h"

namespace vnpu::bench {
namespace {

// Keeps the time of each repetition, prints nothing.
class Collector : public benchmark::BenchmarkReporter {
 public:
  bool ReportContext(const Context&) override { return true; }
  void ReportRuns(const std::vector<Run>& runs) override {
    for (const Run& run : runs) {
      if (run.error_occurred) {
        error = run.error_message;
      } else if (run.run_type == Run::RT_Iteration) {
        seconds[run.run_name.function_name].push_back(run.real_accumulated_time /
                                                      static_cast<double>(run.iterations));
      }
    }
  }
  std::map<std::string, std::vector<double>> seconds;
  std::string error;
};

void InitializeOnce() {
  static const bool done = [] {
    std::array<char*, 3> arguments = {
        const_cast<char*>("vnpu-bench"),
        const_cast<char*>("--benchmark_enable_random_interleaving=true"), nullptr};
    int count = 2;
    benchmark::Initialize(&count, arguments.data());
    return true;
  }();
  static_cast<void>(done);
}

void RunLoop(benchmark::State& state, const Loop& loop) {
  for (auto unused : state) {
    static_cast<void>(unused);
    try {
      loop.body();
    } catch (const std::exception& error) {
      state.SkipWithError(error.what());
      return;
    }
  }
}

}  // namespace

std::vector<double> MedianSeconds(const std::vector<Loop>& loops, int repetitions) {
  InitializeOnce();
  for (const Loop& loop : loops) {
    // NOLINTNEXTLINE(clang-analyzer-cplusplus.NewDeleteLeaks): the library keeps it.
    benchmark::RegisterBenchmark(loop.name.c_str(), RunLoop, loop)
        ->Iterations(1)
        ->Repetitions(repetitions)
        ->UseRealTime();
  }
  Collector collector;
  benchmark::RunSpecifiedBenchmarks(&collector, ".");
  benchmark::ClearRegisteredBenchmarks();
  if (!collector.error.empty()) throw std::runtime_error(collector.error);
  std::vector<double> medians;
  for (const Loop& loop : loops) medians.push_back(Median(collector.seconds[loop.name]));
  return medians;
}

}  // namespace vnpu::bench
