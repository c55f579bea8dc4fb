// What measurements have in common: the clock, the results, the device.
#ifndef VNPU_TOOLS_BENCH_BENCH_H_
#define VNPU_TOOLS_BENCH_BENCH_H_

#include <memory>
#include <string>

#include "tools/bench/clock.h"
#include "tools/bench/distribution.h"
#include "tools/bench/figure.h"

namespace vnpu::bench {

class Npu;

// One run of the benchmark. For the main thread.
class Bench {
 public:
  explicit Bench(bool quick);
  ~Bench();
  Bench(const Bench&) = delete;
  Bench& operator=(const Bench&) = delete;

  const Clock& clock() const { return clock_; }
  bool quick() const { return quick_; }
  int Pick(int full, int quick) const { return quick_ ? quick : full; }

  // The device with its kernels loaded; opened on the first call. Throws std::runtime_error.
  Npu& npu();
  // How it is reached; empty when no measurement has opened it.
  std::string DescribeDevice() const;

  void Set(const char* key, double value) { results_[key] = value; }
  void SetPercentile(const char* key, const Distribution& distribution, double percent) {
    Set(key, clock_.Ns(distribution.Percentile(percent, clock_.step)));
  }
  void Merge(const Results& results);
  const Results& results() const { return results_; }

 private:
  const bool quick_;
  const Clock clock_;
  Results results_;
  std::unique_ptr<Npu> npu_;
};

}  // namespace vnpu::bench

#endif  // VNPU_TOOLS_BENCH_BENCH_H_
