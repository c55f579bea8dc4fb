// Copies: small ones call by call, large ones as throughput beside memcpy.
#include <cstring>
#include <memory>
#include <vector>

#include "tools/bench/bench.h"
#include "tools/bench/google_bench.h"
#include "tools/bench/npu.h"
#include "tools/bench/subjects.h"

namespace vnpu::bench {
namespace {

// Four times the third-level cache of the machines this is meant for.
constexpr size_t kLarge = size_t{128} << 20;

std::unique_ptr<uint8_t[]> TouchedBytes(size_t size) {
  auto bytes = std::make_unique_for_overwrite<uint8_t[]>(size);
  std::memset(bytes.get(), 1, size);
  return bytes;
}

void MeasureSmallCopy(Bench& bench) {
  bench.npu();
  const PinnedBytes host = MakePinnedBytes(64);
  const DeviceBytes device = MakeDeviceBytes(64);
  const int count = bench.Pick(200'000, 50'000);
  Distribution copies(static_cast<size_t>(count));
  for (int i = 0; i < count; ++i) {
    const uint64_t start = Ticks();
    BENCH_CHECK(aclrtMemcpy(device.get(), 64, host.get(), 8, ACL_MEMCPY_HOST_TO_DEVICE));
    copies.Add(Ticks() - start);
  }
  bench.SetPercentile("h2d_8b_ns_p50", copies, 50);
}

void MeasureLargeCopies(Bench& bench) {
  bench.npu();
  const auto from = TouchedBytes(kLarge);
  const auto to = TouchedBytes(kLarge);
  const PinnedBytes pinned = MakePinnedBytes(kLarge);
  std::memset(pinned.get(), 2, kLarge);
  const DeviceBytes device = MakeDeviceBytes(kLarge);
  const DeviceBytes other = MakeDeviceBytes(kLarge);
  BENCH_CHECK(aclrtMemset(device.get(), kLarge, 3, kLarge));
  BENCH_CHECK(aclrtMemset(other.get(), kLarge, 4, kLarge));
  const auto copy = [](void* dst, const void* src, aclrtMemcpyKind kind) {
    BENCH_CHECK(aclrtMemcpy(dst, kLarge, src, kLarge, kind));
  };
  const std::vector<Loop> loops = {
      {"ref_memcpy_gbps", [&] { std::memcpy(to.get(), from.get(), kLarge); }},
      {"h2d_pinned_gbps", [&] { copy(device.get(), pinned.get(), ACL_MEMCPY_HOST_TO_DEVICE); }},
      {"h2d_pageable_gbps", [&] { copy(device.get(), from.get(), ACL_MEMCPY_HOST_TO_DEVICE); }},
      {"d2h_pinned_gbps", [&] { copy(pinned.get(), device.get(), ACL_MEMCPY_DEVICE_TO_HOST); }},
      {"d2d_gbps", [&] { copy(other.get(), device.get(), ACL_MEMCPY_DEVICE_TO_DEVICE); }},
  };
  const std::vector<double> seconds = MedianSeconds(loops, bench.Pick(25, 9));
  for (size_t i = 0; i < loops.size(); ++i) {
    bench.Set(loops[i].name.c_str(), static_cast<double>(kLarge) / seconds[i] / 1e9);
  }
}

}  // namespace

Measurements CopyMeasurements() {
  return {
      {{{"h2d_8b_ns_p50", "ns", "aclrtMemcpy of 8 bytes from pinned memory", {AtMost(600)}}},
       MeasureSmallCopy},
      {{{"ref_memcpy_gbps", "GB/s", "memcpy of 128 MiB, as all of these"},
        {"h2d_pinned_gbps", "GB/s", "pinned host to device", {AtLeast(0.9, "ref_memcpy_gbps")}},
        {"h2d_pageable_gbps", "GB/s", "pageable host to device", {AtLeast(0.7, "ref_memcpy_gbps")}},
        {"d2h_pinned_gbps", "GB/s", "device to pinned host", {AtLeast(0.9, "ref_memcpy_gbps")}},
        {"d2d_gbps", "GB/s", "device to device", {AtLeast(0.9, "ref_memcpy_gbps")}}},
       MeasureLargeCopies},
  };
}

}  // namespace vnpu::bench
