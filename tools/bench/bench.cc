#include "tools/bench/bench.h"

#include "tools/bench/npu.h"
#include "vnpu/vnpu.h"

namespace vnpu::bench {

Bench::Bench(bool quick) : quick_(quick), clock_(CalibrateClock()) {}

Bench::~Bench() = default;

Npu& Bench::npu() {
  if (npu_ == nullptr) npu_ = std::make_unique<Npu>();
  return *npu_;
}

std::string Bench::DescribeDevice() const {
  const char* transport = npu_ == nullptr ? nullptr : vnpuGetTransport(0);
  return transport == nullptr ? "" : transport;
}

void Bench::Merge(const Results& results) {
  for (const auto& [key, value] : results) results_[key] = value;
}

}  // namespace vnpu::bench
