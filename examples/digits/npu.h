// Owners for acl objects: each frees what it holds when it goes out of scope.
#ifndef EXAMPLES_DIGITS_NPU_H_
#define EXAMPLES_DIGITS_NPU_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <type_traits>

#include "acl/acl.h"

namespace digits {

// Throws std::runtime_error naming the call, its error code and the runtime's message, unless code
// is ACL_SUCCESS.
void Check(aclError code, const char* call);

// The acl library, initialised, with one device as the thread's current one.
class Npu {
 public:
  explicit Npu(int32_t device);
  ~Npu();
  Npu(const Npu&) = delete;
  Npu& operator=(const Npu&) = delete;

 private:
  int32_t device_;
};

struct FreeDevice {
  void operator()(void* memory) const { aclrtFree(memory); }
};
struct FreeHost {
  void operator()(void* memory) const { aclrtFreeHost(memory); }
};
struct DestroyStream {
  void operator()(aclrtStream stream) const { aclrtDestroyStream(stream); }
};
struct DestroyModel {
  void operator()(aclmdlRI model) const { aclmdlRIDestroy(model); }
};
struct DestroyEvent {
  void operator()(aclrtEvent event) const { aclrtDestroyEvent(event); }
};

template <typename T>
using DeviceArray = std::unique_ptr<T[], FreeDevice>;
template <typename T>
using PinnedArray = std::unique_ptr<T[], FreeHost>;
using Stream = std::unique_ptr<std::remove_pointer_t<aclrtStream>, DestroyStream>;
// A graph of tasks.
using Model = std::unique_ptr<std::remove_pointer_t<aclmdlRI>, DestroyModel>;
using Event = std::unique_ptr<std::remove_pointer_t<aclrtEvent>, DestroyEvent>;

// count elements of device memory; the host must not touch them.
template <typename T>
DeviceArray<T> MakeDeviceArray(size_t count) {
  void* memory = nullptr;
  Check(aclrtMalloc(&memory, count * sizeof(T), ACL_MEM_MALLOC_HUGE_FIRST), "aclrtMalloc");
  return DeviceArray<T>(static_cast<T*>(memory));
}

// count elements of pinned host memory, uninitialised.
template <typename T>
PinnedArray<T> MakePinnedArray(size_t count) {
  void* memory = nullptr;
  Check(aclrtMallocHost(&memory, count * sizeof(T)), "aclrtMallocHost");
  return PinnedArray<T>(static_cast<T*>(memory));
}

Stream MakeStream();

// flags: ACL_EVENT_SYNC for events that streams wait for, ACL_EVENT_TIME_LINE for timestamps.
Event MakeEvent(uint32_t flags);

}  // namespace digits

#endif  // EXAMPLES_DIGITS_NPU_H_
