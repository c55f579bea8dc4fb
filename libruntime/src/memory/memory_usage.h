// How much device memory each component of this process uses (manual 11-01, aclrtGetMemUsageInfo).
#ifndef VNPU_LIBRUNTIME_SRC_MEMORY_MEMORY_USAGE_H_
#define VNPU_LIBRUNTIME_SRC_MEMORY_MEMORY_USAGE_H_

#include <cstdint>
#include <map>
#include <mutex>
#include <string>
#include <vector>

namespace vnpu::runtime {

// Components: the module ids of aclrtMallocConfig, and the runtime itself.
inline constexpr uint32_t kApplication = 33;
inline constexpr uint32_t kRuntimeItself = 0x10000;

// Any thread.
class MemoryUsage {
 public:
  void Add(uint32_t component, uint64_t bytes);
  void Remove(uint32_t component, uint64_t bytes);

  struct Entry {
    std::string name;
    uint64_t bytes = 0;
    uint64_t peak = 0;
  };
  // Of all components that ever used memory, the largest first.
  std::vector<Entry> List() const;

 private:
  struct Bytes {
    uint64_t now = 0;
    uint64_t peak = 0;
  };

  mutable std::mutex mutex_;
  std::map<uint32_t, Bytes> components_;
};

}  // namespace vnpu::runtime

#endif  // VNPU_LIBRUNTIME_SRC_MEMORY_MEMORY_USAGE_H_
