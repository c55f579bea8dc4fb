// vnpu-bench-pocl: the work of vnpu-bench on PoCL, the OpenCL runtime for CPUs. Prints a JSON
// object of numbers.
#define CL_TARGET_OPENCL_VERSION 120
#include <CL/cl.h>

#include <CLI/CLI.hpp>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <iostream>
#include <nlohmann/json.hpp>
#include <stdexcept>
#include <string>
#include <vector>

#include "tools/bench/clock.h"
#include "tools/bench/distribution.h"
#include "tools/bench/figure.h"

namespace vnpu::bench {
namespace {

void Check(cl_int code, const char* call) {
  if (code != CL_SUCCESS) {
    throw std::runtime_error(std::string(call) + " failed with code " + std::to_string(code));
  }
}

#define CL_CHECK(call) Check((call), #call)

template <class T, cl_int (*release)(T)>
class Owner {
 public:
  explicit Owner(T object) : object_(object) {}
  ~Owner() {
    if (object_ != nullptr) release(object_);
  }
  Owner(Owner&& other) noexcept : object_(std::exchange(other.object_, nullptr)) {}
  Owner& operator=(Owner&&) = delete;
  T get() const { return object_; }

 private:
  T object_;
};

using Context = Owner<cl_context, clReleaseContext>;
using Queue = Owner<cl_command_queue, clReleaseCommandQueue>;
using Program = Owner<cl_program, clReleaseProgram>;
using Kernel = Owner<cl_kernel, clReleaseKernel>;
using Buffer = Owner<cl_mem, clReleaseMemObject>;
using Event = Owner<cl_event, clReleaseEvent>;

// PoCL keeps compiled kernels in a folder; ours lasts as long as the program.
class CacheFolder {
 public:
  CacheFolder() {
    std::string name = std::filesystem::temp_directory_path() / "vnpu-bench-pocl.XXXXXX";
    if (mkdtemp(name.data()) == nullptr) throw std::runtime_error(name + " cannot be made");
    path_ = name;
    setenv("POCL_CACHE_DIR", name.c_str(), 1);
  }
  ~CacheFolder() {
    std::error_code error;
    std::filesystem::remove_all(path_, error);
  }
  CacheFolder(const CacheFolder&) = delete;
  CacheFolder& operator=(const CacheFolder&) = delete;

 private:
  std::filesystem::path path_;
};

cl_device_id FindDevice() {
  std::array<cl_platform_id, 16> platforms{};
  cl_uint count = 0;
  if (clGetPlatformIDs(platforms.size(), platforms.data(), &count) != CL_SUCCESS) count = 0;
  for (cl_uint i = 0; i < std::min<size_t>(count, platforms.size()); ++i) {
    std::array<char, 256> name{};
    CL_CHECK(
        clGetPlatformInfo(platforms[i], CL_PLATFORM_NAME, name.size() - 1, name.data(), nullptr));
    if (std::string(name.data()).find("Portable Computing Language") == std::string::npos) continue;
    cl_device_id device = nullptr;
    CL_CHECK(clGetDeviceIDs(platforms[i], CL_DEVICE_TYPE_CPU, 1, &device, nullptr));
    return device;
  }
  throw std::runtime_error("PoCL is not installed: install pocl-opencl-icd");
}

// One device with an empty kernel of three pointers.
class Pocl {
 public:
  Pocl()
      : device_(FindDevice()),
        context_(clCreateContext(nullptr, 1, &device_, nullptr, nullptr, &code_)),
        program_(Compile()),
        kernel_(clCreateKernel(program_.get(), "bench_empty", &code_)),
        buffer_(clCreateBuffer(context_.get(), CL_MEM_READ_WRITE, 4096, nullptr, &code_)) {
    Check(code_, "setting up OpenCL");
    cl_mem memory = buffer_.get();
    for (cl_uint i = 0; i < 3; ++i) {
      CL_CHECK(clSetKernelArg(kernel_.get(), i, sizeof(cl_mem), &memory));
    }
  }

  Queue MakeQueue(cl_command_queue_properties properties) const {
    cl_int code = CL_SUCCESS;
    Queue queue(clCreateCommandQueue(context_.get(), device_, properties, &code));
    Check(code, "clCreateCommandQueue");
    return queue;
  }

  Event MakeUserEvent() const {
    cl_int code = CL_SUCCESS;
    Event event(clCreateUserEvent(context_.get(), &code));
    Check(code, "clCreateUserEvent");
    return event;
  }

  void Launch(const Queue& queue) const {
    constexpr size_t kOne = 1;
    CL_CHECK(clEnqueueNDRangeKernel(queue.get(), kernel_.get(), 1, nullptr, &kOne, &kOne, 0,
                                    nullptr, nullptr));
  }

  Event LaunchAfter(const Queue& queue, cl_event before) const {
    constexpr size_t kOne = 1;
    cl_event done = nullptr;
    CL_CHECK(clEnqueueNDRangeKernel(queue.get(), kernel_.get(), 1, nullptr, &kOne, &kOne, 1,
                                    &before, &done));
    return Event(done);
  }

  void Write8Bytes(const Queue& queue, const void* from) const {
    CL_CHECK(
        clEnqueueWriteBuffer(queue.get(), buffer_.get(), CL_TRUE, 0, 8, from, 0, nullptr, nullptr));
  }

 private:
  Program Compile() {
    const char* source =
        "kernel void bench_empty(global char* a, global char* b, global char* c) {}";
    Program program(clCreateProgramWithSource(context_.get(), 1, &source, nullptr, &code_));
    Check(code_, "clCreateProgramWithSource");
    CL_CHECK(clBuildProgram(program.get(), 1, &device_, "", nullptr, nullptr));
    return program;
  }

  cl_int code_ = CL_SUCCESS;
  cl_device_id device_;
  Context context_;
  Program program_;
  Kernel kernel_;
  Buffer buffer_;
};

cl_ulong ProfilingNs(const Event& event, cl_profiling_info what) {
  cl_ulong ns = 0;
  CL_CHECK(clGetEventProfilingInfo(event.get(), what, sizeof(ns), &ns, nullptr));
  return ns;
}

double LaunchNs(const Pocl& pocl, const Clock& clock, int batches) {
  constexpr int kBatch = 256;
  const Queue queue = pocl.MakeQueue(0);
  Distribution calls(static_cast<size_t>(batches) * kBatch);
  for (int batch = 0; batch < batches; ++batch) {
    pocl.Launch(queue);
    uint64_t last = Ticks();
    for (int i = 0; i < kBatch; ++i) {
      pocl.Launch(queue);
      const uint64_t now = Ticks();
      calls.Add(now - last);
      last = now;
    }
    CL_CHECK(clFinish(queue.get()));
  }
  return clock.Ns(calls.Percentile(50, clock.step));
}

double LaunchSyncNs(const Pocl& pocl, const Clock& clock, int count) {
  const Queue queue = pocl.MakeQueue(0);
  Distribution trips(static_cast<size_t>(count));
  for (int i = 0; i < count; ++i) {
    const uint64_t start = Ticks();
    pocl.Launch(queue);
    CL_CHECK(clFinish(queue.get()));
    trips.Add(Ticks() - start);
  }
  return clock.Ns(trips.Percentile(50, clock.step));
}

double BackToBackNs(const Pocl& pocl, const Clock& clock, int count) {
  const Queue queue = pocl.MakeQueue(0);
  std::vector<double> rounds;
  for (int round = 0; round < 3; ++round) {
    const uint64_t start = Ticks();
    for (int i = 0; i < count; ++i) pocl.Launch(queue);
    CL_CHECK(clFinish(queue.get()));
    rounds.push_back(clock.Ns(Ticks() - start) / count);
  }
  return Median(rounds);
}

// What reading PoCL's clock costs.
double PoclClockNs(const Clock& clock) {
  std::vector<double> rounds;
  for (int round = 0; round < 9; ++round) {
    constexpr int kCount = 2000;
    timespec now{};
    const uint64_t start = Ticks();
    for (int i = 0; i < kCount; ++i) clock_gettime(CLOCK_MONOTONIC_RAW, &now);
    rounds.push_back(clock.Ns(Ticks() - start) / kCount);
  }
  return Median(rounds);
}

// Two queues whose kernels wait for each other in turn, all submitted before the first may start.
double EventHopNs(const Pocl& pocl, int runs) {
  constexpr int kHops = 128;
  const std::array<Queue, 2> queues = {pocl.MakeQueue(CL_QUEUE_PROFILING_ENABLE),
                                       pocl.MakeQueue(CL_QUEUE_PROFILING_ENABLE)};
  std::vector<double> hops;
  for (int run = 0; run < runs; ++run) {
    const Event gate = pocl.MakeUserEvent();
    std::vector<Event> kernels;
    kernels.push_back(pocl.LaunchAfter(queues[0], gate.get()));
    for (size_t hop = 1; hop <= kHops; ++hop) {
      kernels.push_back(pocl.LaunchAfter(queues[hop % 2], kernels.back().get()));
    }
    for (const Queue& queue : queues) CL_CHECK(clFlush(queue.get()));
    CL_CHECK(clSetUserEventStatus(gate.get(), CL_COMPLETE));
    for (const Queue& queue : queues) CL_CHECK(clFinish(queue.get()));
    for (size_t hop = 1; hop < kernels.size(); ++hop) {
      hops.push_back(static_cast<double>(ProfilingNs(kernels[hop], CL_PROFILING_COMMAND_START)) -
                     static_cast<double>(ProfilingNs(kernels[hop - 1], CL_PROFILING_COMMAND_END)));
    }
  }
  return Median(hops);
}

double Write8BytesNs(const Pocl& pocl, const Clock& clock, int count) {
  const Queue queue = pocl.MakeQueue(0);
  const uint64_t value = 1;
  Distribution writes(static_cast<size_t>(count));
  for (int i = 0; i < count; ++i) {
    const uint64_t start = Ticks();
    pocl.Write8Bytes(queue, &value);
    writes.Add(Ticks() - start);
  }
  return clock.Ns(writes.Percentile(50, clock.step));
}

Results Measure(bool quick) {
  const Clock clock = CalibrateClock();
  const Pocl pocl;
  LaunchSyncNs(pocl, clock, 100);  // compiles the kernel for this work size
  return {
      {"pocl_launch_ns_p50", LaunchNs(pocl, clock, quick ? 100 : 400)},
      {"pocl_launch_sync_ns_p50", LaunchSyncNs(pocl, clock, quick ? 10'000 : 40'000)},
      {"pocl_back_to_back_ns", BackToBackNs(pocl, clock, quick ? 20'000 : 100'000)},
      {"pocl_event_hop_ns", EventHopNs(pocl, quick ? 50 : 200) - PoclClockNs(clock)},
      {"pocl_h2d_8b_ns_p50", Write8BytesNs(pocl, clock, quick ? 10'000 : 40'000)},
  };
}

}  // namespace
}  // namespace vnpu::bench

// NOLINTNEXTLINE(bugprone-exception-escape): nothing else to do with one than to end.
int main(int argc, char** argv) {
  CLI::App app{"Measures PoCL with the work of vnpu-bench, and prints a JSON object of numbers.",
               "vnpu-bench-pocl"};
  bool quick = false;
  app.add_flag("--quick", quick, "fewer repetitions");
  CLI11_PARSE(app, argc, argv);
  try {
    const vnpu::bench::CacheFolder cache;
    std::cout << nlohmann::json(vnpu::bench::Measure(quick)) << '\n';
  } catch (const std::exception& error) {
    std::fprintf(stderr, "vnpu-bench-pocl: %s\n", error.what());
    return 1;
  }
  return 0;
}
