// Throughput figures through Google Benchmark, which chooses nothing here but the order: the
// repetitions of all loops are interleaved at random, so that all see the same machine.
#ifndef VNPU_TOOLS_BENCH_GOOGLE_BENCH_H_
#define VNPU_TOOLS_BENCH_GOOGLE_BENCH_H_

#include <functional>
#include <string>
#include <vector>

namespace vnpu::bench {

// Something to be repeated; `body` throws to end the measurement.
struct Loop {
  std::string name;
  std::function<void()> body;
};

// Runs each body `repetitions` times and returns the median time of each, in seconds.
std::vector<double> MedianSeconds(const std::vector<Loop>& loops, int repetitions);

}  // namespace vnpu::bench

#endif  // VNPU_TOOLS_BENCH_GOOGLE_BENCH_H_
