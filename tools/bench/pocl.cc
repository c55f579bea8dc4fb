// PoCL, measured by a program of its own, so that its threads and compiler stay out of this one.
#include <filesystem>
#include <stdexcept>
#include <string>
#include <vector>

#include "tools/bench/bench.h"
#include "tools/bench/children.h"
#include "tools/bench/processes.h"
#include "tools/bench/subjects.h"

namespace vnpu::bench {
namespace {

void MeasurePocl(Bench& bench) {
  const std::string program = SiblingProgram("vnpu-bench-pocl");
  if (!std::filesystem::exists(program)) {
    throw std::runtime_error(
        "built without OpenCL; install ocl-icd-opencl-dev and pocl-opencl-icd, then build again");
  }
  std::vector<std::string> command = {program};
  if (bench.quick()) command.emplace_back("--quick");
  bench.Merge(ParseResults(RunProgram(command)));
}

}  // namespace

Measurements PoclMeasurements() {
  return {
      {{{"pocl_launch_ns_p50", "ns", "PoCL: clEnqueueNDRangeKernel, device busy"},
        {"pocl_launch_sync_ns_p50", "ns", "PoCL: the same and clFinish"},
        {"pocl_back_to_back_ns", "ns", "PoCL: a task of many in one queue"},
        {"pocl_event_hop_ns", "ns", "PoCL: end of a kernel to start of one waiting for it"},
        {"pocl_h2d_8b_ns_p50", "ns", "PoCL: clEnqueueWriteBuffer of 8 bytes, blocking"}},
       MeasurePocl,
       true},
  };
}

}  // namespace vnpu::bench
