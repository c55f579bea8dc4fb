#include "libruntime/src/memory/memory_usage.h"

#include <fmt/core.h>

#include <algorithm>

namespace vnpu::runtime {
namespace {

std::string NameOf(uint32_t component) {
  switch (component) {
    case kApplication:
      return "APP";
    case kRuntimeItself:
      return "RUNTIME";
    default:
      return fmt::format("MODULE_{}", component);
  }
}

}  // namespace

void MemoryUsage::Add(uint32_t component, uint64_t bytes) {
  const std::lock_guard lock(mutex_);
  Bytes& used = components_[component];
  used.now += bytes;
  used.peak = std::max(used.peak, used.now);
}

void MemoryUsage::Remove(uint32_t component, uint64_t bytes) {
  const std::lock_guard lock(mutex_);
  components_[component].now -= bytes;
}

std::vector<MemoryUsage::Entry> MemoryUsage::List() const {
  std::vector<Entry> entries;
  {
    const std::lock_guard lock(mutex_);
    for (const auto& [component, used] : components_) {
      entries.push_back({.name = NameOf(component), .bytes = used.now, .peak = used.peak});
    }
  }
  std::ranges::stable_sort(entries,
                           [](const Entry& a, const Entry& b) { return a.bytes > b.bytes; });
  return entries;
}

}  // namespace vnpu::runtime
