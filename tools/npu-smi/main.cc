// npu-smi: shows the devices and who uses them.
#include <CLI/CLI.hpp>
#include <cstdio>
#include <memory>
#include <string>

#include "tools/common/manager_node.h"
#include "tools/npu-smi/report.h"

namespace vnpu::tools {
namespace {

int ShowInfo(const std::string& directory, bool json, unsigned sample_ms) {
  int error = 0;
  const std::unique_ptr<ManagerNode> node = ManagerNode::Open(directory, &error);
  if (node == nullptr) {
    std::fprintf(stderr, "npu-smi: %s\n", ExplainNoManager(directory, error).c_str());
    return 1;
  }
  const std::vector<DeviceReport> devices = Sample(*node, sample_ms);
  const std::string version = node->info().driver_version;
  std::fputs((json ? AsJson(devices, version) : AsTable(devices, version)).c_str(), stdout);
  return 0;
}

int Main(int argc, char** argv) {
  CLI::App app{"Shows the virtual NPUs and the processes that use them.", "npu-smi"};
  app.set_version_flag("-v,--version", std::string("npu-smi version: ") + VNPU_TOOLS_VERSION);
  app.require_subcommand(1);
  std::string directory = NodeDirectory();
  app.add_option("--dev-dir", directory, "where the nodes are (VNPU_DEV_DIR, or /dev/vnpu)");
  bool json = false;
  unsigned sample_ms = 100;
  CLI::App* info = app.add_subcommand("info", "devices, their load and memory, processes");
  info->add_flag("--json", json, "for programs");
  info->add_option("--sample-ms", sample_ms, "time over which the load is measured (100)")
      ->check(CLI::Range(1u, 60'000u));
  CLI11_PARSE(app, argc, argv);
  return ShowInfo(directory, json, sample_ms);
}

}  // namespace
}  // namespace vnpu::tools

// NOLINTNEXTLINE(bugprone-exception-escape): nothing else to do with one than to end.
int main(int argc, char** argv) { return vnpu::tools::Main(argc, argv); }
