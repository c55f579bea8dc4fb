#include <fmt/core.h>

#include <cstdio>
#include <exception>
#include <filesystem>
#include <string>

#include "tools/npucc/depfile.h"
#include "tools/npucc/device.h"
#include "tools/npucc/host.h"
#include "tools/npucc/image.h"
#include "tools/npucc/options.h"
#include "tools/npucc/process.h"
#include "tools/npucc/unit.h"

namespace vnpu::npucc {
namespace {

// The headers lie beside the program: bin/npucc, include/npu.
std::string FindInclude() {
  const auto program = std::filesystem::canonical("/proc/self/exe");
  const auto include = program.parent_path().parent_path() / "include";
  if (!std::filesystem::exists(include / "npu" / "keywords.h")) {
    throw UsageError{"its headers are missing from " + include.string() + "; install npucc again"};
  }
  return include.string();
}

void PrintEntries(const std::string& path) {
  const auto image = LoadImage(ReadFile(path));
  if (!image) throw UsageError{path + ": " + image.error()};
  std::fputs(DescribeImage(*image).c_str(), stdout);
}

void MakeImage(const Tools& tools) {
  const Options& options = tools.options;
  if (options.sources.size() != 1) throw UsageError{"--device takes one source"};
  const Unit unit = ReadUnit(tools, options.sources[0]);
  if (unit.scan.kernels.empty()) {
    throw UsageError{unit.path + ": no kernel in it; mark one with __global__ __aicore__"};
  }
  const DeviceImage image = CompileDevice(tools, unit);
  const std::string output = options.output.empty() ? unit.stem + ".npu" : options.output;
  WriteFile(output, ReadFile(image.path));
  if (options.dependencies.enabled) {
    WriteFile(DependencyFile(options.dependencies, output),
              MergeRules(options.dependencies, {image.dependencies}, unit.path, output,
                         tools.work.directory()));
  }
}

int Main(int argc, char** argv) {
  const Options options = ParseOptions(argc, argv);
  if (options.mode == Mode::kListImports) {
    std::fputs(DescribeImports().c_str(), stdout);
    return 0;
  }
  if (options.mode == Mode::kEntries) {
    PrintEntries(options.entries);
    return 0;
  }
  if (options.sources.empty() && options.link_inputs.empty()) {
    throw UsageError{"no input; see npucc --help"};
  }
  const WorkDirectory work(options.keep);
  const Tools tools{options, work, FindInclude()};
  switch (options.mode) {
    case Mode::kDevice:
      MakeImage(tools);
      return 0;
    case Mode::kCompile:
      CompileObjects(tools);
      return 0;
    default:
      LinkProgram(tools);
      return 0;
  }
}

}  // namespace
}  // namespace vnpu::npucc

int main(int argc, char** argv) {
  try {
    return vnpu::npucc::Main(argc, argv);
  } catch (const vnpu::npucc::Exit& exit) {
    return exit.status;
  } catch (const vnpu::npucc::Failed&) {
    return 1;
  } catch (const vnpu::npucc::UsageError& error) {
    fmt::print(stderr, "npucc: error: {}\n", error.text);
  } catch (const std::exception& error) {
    fmt::print(stderr, "npucc: error: {}\n", error.what());
  }
  return 1;
}
