#include "tools/bench/npu.h"

#include <atomic>
#include <stdexcept>
#include <string>

#include "tools/bench/kernel_image.h"
#include "vnpu/task_times.h"

namespace vnpu::bench {
namespace {

uint64_t Address(const void* pointer) { return reinterpret_cast<uint64_t>(pointer); }

aclrtBinHandle LoadKernels() {
  const std::span<const std::byte> image = KernelImage();
  aclrtBinHandle binary = nullptr;
  BENCH_CHECK(aclrtBinaryLoadFromData(image.data(), image.size(), nullptr, &binary));
  return binary;
}

aclrtFuncHandle FindKernel(aclrtBinHandle binary, const char* name) {
  aclrtFuncHandle function = nullptr;
  BENCH_CHECK(aclrtBinaryGetFunction(binary, name, &function));
  return function;
}

std::vector<uint64_t> ThreePointers(const DeviceBytes& memory) {
  return {Address(memory.get()), Address(memory.get() + 64), Address(memory.get() + 128)};
}

}  // namespace

void Fail(aclError code, const char* call) {
  const char* message = aclGetRecentErrMsg();
  std::string text = std::string(call) + " failed with code " + std::to_string(code);
  if (message != nullptr && *message != '\0') text += std::string(": ") + message;
  throw std::runtime_error(text);
}

DeviceBytes MakeDeviceBytes(size_t size) {
  void* memory = nullptr;
  BENCH_CHECK(aclrtMalloc(&memory, size, ACL_MEM_MALLOC_HUGE_FIRST));
  return DeviceBytes(static_cast<uint8_t*>(memory));
}

PinnedBytes MakePinnedBytes(size_t size) {
  void* memory = nullptr;
  BENCH_CHECK(aclrtMallocHost(&memory, size));
  return PinnedBytes(static_cast<uint8_t*>(memory));
}

Stream MakeStream() {
  aclrtStream stream = nullptr;
  BENCH_CHECK(aclrtCreateStream(&stream));
  return Stream(stream);
}

std::vector<Stream> MakeStreams(size_t count) {
  std::vector<Stream> streams;
  while (streams.size() < count) streams.push_back(MakeStream());
  return streams;
}

Event MakeEvent() {
  aclrtEvent event = nullptr;
  BENCH_CHECK(aclrtCreateEventExWithFlag(&event, ACL_EVENT_SYNC));
  return Event(event);
}

std::vector<Event> MakeEvents(size_t count) {
  std::vector<Event> events;
  while (events.size() < count) events.push_back(MakeEvent());
  return events;
}

Task::Task(aclrtFuncHandle function, const std::vector<uint64_t>& arguments)
    : function_(function),
      size_(arguments.size() * sizeof(uint64_t)),
      arguments_(MakeDeviceBytes(size_)) {
  BENCH_CHECK(
      aclrtMemcpy(arguments_.get(), size_, arguments.data(), size_, ACL_MEMCPY_HOST_TO_DEVICE));
}

Npu::Interface::Interface() { BENCH_CHECK(aclInit(nullptr)); }
Npu::Interface::~Interface() { aclFinalize(); }

Npu::Device::Device() { BENCH_CHECK(aclrtSetDevice(0)); }
Npu::Device::~Device() { aclrtResetDevice(0); }

Npu::Objects::Objects()
    : binary(LoadKernels()),
      stream(MakeStream()),
      memory(MakeDeviceBytes(4096)),
      empty(FindKernel(binary, "bench_empty"), ThreePointers(memory)),
      empty_vector(FindKernel(binary, "bench_empty_vector"), ThreePointers(memory)),
      empty_ai_cpu(FindKernel(binary, "bench_empty_ai_cpu"), ThreePointers(memory)),
      gate(FindKernel(binary, "bench_gate")),
      count_down(FindKernel(binary, "bench_count_down")) {}

Npu::Npu() : objects_(std::make_unique<Objects>()) {}

Npu::~Npu() { objects_.reset(); }  // before the device

Gate::Gate(const Npu& npu)
    : word_(MakePinnedBytes(64)),
      kernel_(npu.gate(), {Address(word_.get()), vnpuDeviceClockHz(0)}) {}

void Gate::Close(aclrtStream stream) {
  std::atomic_ref(*reinterpret_cast<uint64_t*>(word_.get())).store(0);
  Check(kernel_.Launch(stream), "aclrtLaunchKernel");
}

void Gate::Open() { std::atomic_ref(*reinterpret_cast<uint64_t*>(word_.get())).store(1); }

}  // namespace vnpu::bench
