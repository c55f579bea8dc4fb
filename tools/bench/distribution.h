// Intervals of a repeated operation, and their percentiles.
#ifndef VNPU_TOOLS_BENCH_DISTRIBUTION_H_
#define VNPU_TOOLS_BENCH_DISTRIBUTION_H_

#include <cstddef>
#include <cstdint>
#include <map>
#include <vector>

namespace vnpu::bench {

// Exact: keeps every interval. Adding up to the capacity does not allocate.
class Distribution {
 public:
  explicit Distribution(size_t capacity) { ticks_.reserve(capacity); }

  void Add(uint64_t ticks) { ticks_.push_back(ticks); }
  void Add(const Distribution& other) {
    ticks_.insert(ticks_.end(), other.ticks_.begin(), other.ticks_.end());
  }
  size_t size() const { return ticks_.size(); }

  // How often each interval occurs, in order.
  std::map<uint64_t, size_t> Counts() const;

  // The interval that `percent` of all do not exceed, 0..100. The clock advances by `step` ticks at
  // a time, so intervals come in groups: within a group the place is interpolated, as is usual for
  // grouped data. Throws std::runtime_error when there is no interval.
  double Percentile(double percent, double step) const;

 private:
  std::vector<uint64_t> ticks_;
};

// The middle of some values; throws std::runtime_error when there is none.
double Median(std::vector<double> values);

}  // namespace vnpu::bench

#endif  // VNPU_TOOLS_BENCH_DISTRIBUTION_H_
