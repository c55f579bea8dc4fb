#include "tools/bench/distribution.h"

#include <algorithm>
#include <cmath>
#include <stdexcept>

namespace vnpu::bench {

std::map<uint64_t, size_t> Distribution::Counts() const {
  std::map<uint64_t, size_t> counts;
  for (const uint64_t ticks : ticks_) ++counts[ticks];
  return counts;
}

double Distribution::Percentile(double percent, double step) const {
  std::map<int64_t, size_t> groups;
  for (const uint64_t ticks : ticks_) ++groups[std::llround(static_cast<double>(ticks) / step)];
  const double rank = percent / 100 * static_cast<double>(ticks_.size());
  double below = 0;
  for (const auto& [group, count] : groups) {
    const auto size = static_cast<double>(count);
    if (below + size >= rank) {
      const double place = static_cast<double>(group) - 0.5 + (rank - below) / size;
      return std::max(0.0, place * step);
    }
    below += size;
  }
  throw std::runtime_error("no interval was measured");
}

double Median(std::vector<double> values) {
  if (values.empty()) throw std::runtime_error("no value was measured");
  const auto middle = values.begin() + static_cast<ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

}  // namespace vnpu::bench
