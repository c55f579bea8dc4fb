// The device under measurement through the public interface, and owners for its objects.
#ifndef VNPU_TOOLS_BENCH_NPU_H_
#define VNPU_TOOLS_BENCH_NPU_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <type_traits>
#include <vector>

#include "acl/acl.h"

namespace vnpu::bench {

// Throws std::runtime_error with the call, its error code and the runtime's message.
[[noreturn]] void Fail(aclError code, const char* call);

inline void Check(aclError code, const char* call) {
  if (code != ACL_SUCCESS) [[unlikely]] {
    Fail(code, call);
  }
}

#define BENCH_CHECK(call) ::vnpu::bench::Check((call), #call)

struct FreeDevice {
  void operator()(void* memory) const { aclrtFree(memory); }
};
struct FreeHost {
  void operator()(void* memory) const { aclrtFreeHost(memory); }
};
struct DestroyStream {
  void operator()(aclrtStream stream) const { aclrtDestroyStream(stream); }
};
struct DestroyEvent {
  void operator()(aclrtEvent event) const { aclrtDestroyEvent(event); }
};

using DeviceBytes = std::unique_ptr<uint8_t, FreeDevice>;
using PinnedBytes = std::unique_ptr<uint8_t, FreeHost>;
using Stream = std::unique_ptr<std::remove_pointer_t<aclrtStream>, DestroyStream>;
using Event = std::unique_ptr<std::remove_pointer_t<aclrtEvent>, DestroyEvent>;

DeviceBytes MakeDeviceBytes(size_t size);
PinnedBytes MakePinnedBytes(size_t size);
Stream MakeStream();
std::vector<Stream> MakeStreams(size_t count);

// An event that streams can wait for.
Event MakeEvent();
std::vector<Event> MakeEvents(size_t count);

// A kernel with its arguments in device memory, ready to be launched.
class Task {
 public:
  Task(aclrtFuncHandle function, const std::vector<uint64_t>& arguments);

  // Appends one launch of one block to the stream.
  aclError Launch(aclrtStream stream) const {
    return aclrtLaunchKernel(function_, 1, arguments_.get(), size_, stream);
  }

  aclrtFuncHandle function() const { return function_; }

 private:
  aclrtFuncHandle function_;
  size_t size_;
  DeviceBytes arguments_;
};

// The interface initialised and device 0 set, with a stream and the kernels of kernels.cc. Threads
// other than the one that made it call aclrtSetDevice(0) first.
class Npu {
 public:
  Npu();
  ~Npu();
  Npu(const Npu&) = delete;
  Npu& operator=(const Npu&) = delete;

  aclrtStream stream() const { return objects_->stream.get(); }
  // Empty kernels with three pointer arguments, one for each kind of core.
  const Task& empty() const { return objects_->empty; }
  const Task& empty_vector() const { return objects_->empty_vector; }
  const Task& empty_ai_cpu() const { return objects_->empty_ai_cpu; }
  // Two arguments: waits until the word at an address is not 0, for so many ticks at most.
  aclrtFuncHandle gate() const { return objects_->gate; }
  // One argument: takes one off the word at an address.
  aclrtFuncHandle count_down() const { return objects_->count_down; }

 private:
  struct Interface {
    Interface();
    ~Interface();
    Interface(const Interface&) = delete;
    Interface& operator=(const Interface&) = delete;
  };
  struct Device {
    Device();
    ~Device();
    Device(const Device&) = delete;
    Device& operator=(const Device&) = delete;
  };
  struct Objects {
    Objects();
    aclrtBinHandle binary;  // goes with the device
    Stream stream;
    DeviceBytes memory;
    Task empty;
    Task empty_vector;
    Task empty_ai_cpu;
    aclrtFuncHandle gate;
    aclrtFuncHandle count_down;
  };

  Interface interface_;
  Device device_;
  std::unique_ptr<Objects> objects_;
};

// Holds a stream until it is opened: a kernel that watches a word of pinned memory. Opens itself
// after a second, so that nothing hangs.
class Gate {
 public:
  explicit Gate(const Npu& npu);
  // Appends the kernel that waits; the gate is closed by this.
  void Close(aclrtStream stream);
  void Open();

 private:
  PinnedBytes word_;
  Task kernel_;
};

}  // namespace vnpu::bench

#endif  // VNPU_TOOLS_BENCH_NPU_H_
