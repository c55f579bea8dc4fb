// vnpu-ctl: starts, stops and inspects the driver; faults on demand.
#include <CLI/CLI.hpp>
#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "tools/common/manager_node.h"
#include "tools/vnpu-ctl/firmware.h"
#include "tools/vnpu-ctl/graph.h"
#include "tools/vnpu-ctl/lifecycle.h"

namespace vnpu::tools {
namespace {

constexpr std::array<std::pair<const char*, vnpu_fault>, VNPU_FAULT_COUNT> kFaults = {{
    {"none", VNPU_FAULT_NONE},
    {"hbm-alloc", VNPU_FAULT_HBM_ALLOC},
    {"control", VNPU_FAULT_CONTROL},
    {"kill-device", VNPU_FAULT_KILL_DEVICE},
}};

struct Arguments {
  std::string mount_point = NodeDirectory();
  bool json = false;
  uint32_t device = 0;
  std::string fault;
  uint32_t count = 1;
  uint32_t pid = 0;
  std::string file;
  std::string output;
};

// The counters by name, in the order in which they are shown.
std::vector<std::pair<const char*, uint64_t>> Named(const vnpu_ioc_counters& c) {
  return {{"sessions", c.sessions},
          {"device_processes", c.device_processes},
          {"queues", c.queues},
          {"events", c.events},
          {"modules", c.modules},
          {"irqs", c.irqs},
          {"qmems", c.qmems},
          {"pmems", c.pmems},
          {"reservations", c.reservations},
          {"hbm_pages", c.hbm_pages},
          {"pinned_pages", c.pinned_pages},
          {"table_pages", c.table_pages},
          {"ai_cores_busy", c.units[VNPU_UNIT_AI_CORE]},
          {"vector_cores_busy", c.units[VNPU_UNIT_VECTOR_CORE]},
          {"ai_cpus_busy", c.units[VNPU_UNIT_AI_CPU]},
          {"dma_channels_busy", c.units[VNPU_UNIT_DMA]},
          {"fds", c.fds}};
}

// The manager node, or nothing after a complaint; `*code` is then the exit code.
std::unique_ptr<ManagerNode> Connect(const Arguments& arguments, int* code) {
  int error = 0;
  std::unique_ptr<ManagerNode> node = ManagerNode::Open(arguments.mount_point, &error);
  if (node == nullptr) {
    std::fprintf(stderr, "vnpu-ctl: %s\n", ExplainNoManager(arguments.mount_point, error).c_str());
    *code = error == ENOENT || error == ENOTDIR || error == ENOTCONN ? kNotRunning : kFailed;
  }
  return node;
}

void PrintDeviceStatus(const ManagerNode& node, uint32_t index) {
  const vnpu_device_info info = node.Device(index);
  const std::vector<vnpu_ioc_process> processes = node.Processes(index);
  std::printf("device %u: %s, %lu of %lu MiB in use, %zu session(s)\n", index, info.soc_name,
              (info.hbm_total - info.hbm_free) >> 20, info.hbm_total >> 20, processes.size());
  for (const vnpu_ioc_process& process : processes) {
    std::printf("  process %u (%s, uid %u): %lu MiB, %u queue(s), device process %u\n", process.pid,
                process.name, process.uid, process.hbm_bytes >> 20, process.queues,
                process.device_pid);
  }
}

int Status(const Arguments& arguments) {
  int code = 0;
  const std::unique_ptr<ManagerNode> node = Connect(arguments, &code);
  if (node == nullptr) {
    return code;
  }
  std::printf("vnpud %s (process %u) serves %u device(s) at %s\n", node->info().driver_version,
              node->info().driver_pid, node->info().devices, arguments.mount_point.c_str());
  for (uint32_t i = 0; i < node->info().devices; ++i) {
    PrintDeviceStatus(*node, i);
  }
  return 0;
}

int Counters(const Arguments& arguments) {
  int code = 0;
  const std::unique_ptr<ManagerNode> node = Connect(arguments, &code);
  if (node == nullptr) {
    return code;
  }
  nlohmann::ordered_json all = nlohmann::ordered_json::array();
  for (uint32_t i = 0; i < node->info().devices; ++i) {
    nlohmann::ordered_json one = {{"device", i}};
    for (const auto& [name, value] : Named(node->Counters(i))) {
      one[name] = value;
      if (!arguments.json) {
        std::printf("davinci%u %-18s %lu\n", i, name, value);
      }
    }
    all.push_back(std::move(one));
  }
  if (arguments.json) {
    std::printf("%s\n", all.dump(2).c_str());
  }
  return 0;
}

int Report(const char* what, int error) {
  if (error == 0) {
    return 0;
  }
  const char* reason = error == EPERM    ? "only root and the user of vnpud may do this"
                       : error == EINVAL ? "there is no such device"
                       : error == ENOENT ? "that process has no session on this device"
                                         : std::strerror(error);
  std::fprintf(stderr, "vnpu-ctl: %s: %s\n", what, reason);
  return kFailed;
}

int Reset(const Arguments& arguments) {
  int code = 0;
  const std::unique_ptr<ManagerNode> node = Connect(arguments, &code);
  return node == nullptr ? code : Report("reset", node->Reset(arguments.device));
}

int Fault(const Arguments& arguments) {
  vnpu_ioc_fault fault{arguments.device, VNPU_FAULT_COUNT, arguments.count, arguments.pid};
  for (const auto& [name, number] : kFaults) {
    if (arguments.fault == name) {
      fault.fault = number;
    }
  }
  if (fault.fault == VNPU_FAULT_KILL_DEVICE && fault.pid == 0) {
    std::fputs("vnpu-ctl: fault kill-device needs --pid, the client's process\n", stderr);
    return 2;
  }
  int code = 0;
  const std::unique_ptr<ManagerNode> node = Connect(arguments, &code);
  return node == nullptr ? code : Report("fault", node->Fault(fault));
}

void AddFault(CLI::App* app, Arguments* arguments) {
  std::vector<std::string> names;
  for (const auto& [name, number] : kFaults) {
    names.emplace_back(name);
  }
  app->add_option("device", arguments->device, "number of the device")->required();
  app->add_option("kind", arguments->fault,
                  "hbm-alloc: physical allocations fail; control: messages to device processes "
                  "get lost; kill-device: kills a client's device process; none: disarms")
      ->required()
      ->check(CLI::IsMember(names));
  app->add_option("--count", arguments->count, "how often (1)");
  app->add_option("--pid", arguments->pid, "kill-device: the client");
}

int ListFirmware(const Arguments& arguments) {
  int code = 0;
  const std::unique_ptr<ManagerNode> node = Connect(arguments, &code);
  return node == nullptr ? code : PrintFirmware(*node);
}

int UpgradeFirmware(const Arguments& arguments, bool one_device) {
  int code = 0;
  const std::unique_ptr<ManagerNode> node = Connect(arguments, &code);
  if (node == nullptr) {
    return code;
  }
  const uint32_t first = one_device ? arguments.device : 0;
  const uint32_t last = one_device ? arguments.device : node->info().devices - 1;
  for (uint32_t device = first; device <= last && code == 0; ++device) {
    code = InstallFirmware(*node, device, arguments.file) ? 0 : kFailed;
  }
  return code;
}

int Main(int argc, char** argv) {
  CLI::App app{
      "Starts, stops and inspects the vnpu driver.\n"
      "Exit codes: 0 done, 1 failed, 3 no driver there, others wrong usage.",
      "vnpu-ctl"};
  app.set_version_flag("--version", VNPU_TOOLS_VERSION);
  app.require_subcommand(1);
  Arguments arguments;
  CLI::App* start = app.add_subcommand(
      "start", "starts the driver; further options go to vnpud (see vnpud --help)");
  start->allow_extras();
  CLI::App* stop = app.add_subcommand("stop", "ends all sessions and the driver");
  CLI::App* status = app.add_subcommand("status", "shows the driver, its devices and sessions");
  CLI::App* counters =
      app.add_subcommand("counters", "shows what the driver has given out, by device");
  counters->add_flag("--json", arguments.json, "for programs");
  CLI::App* reset = app.add_subcommand("reset", "ends every session of a device");
  reset->add_option("device", arguments.device, "number of the device")->required();
  CLI::App* fault = app.add_subcommand("fault", "makes something fail");
  AddFault(fault, &arguments);
  CLI::App* firmware = app.add_subcommand("firmware", "the compat part of the firmware of devices");
  firmware->require_subcommand(1);
  CLI::App* list = firmware->add_subcommand("list", "shows what is in store, active and in use");
  CLI::App* upgrade = firmware->add_subcommand(
      "upgrade", "tests a plug-in and makes it active for sessions that begin from then on");
  upgrade->add_option("file", arguments.file, "the plug-in")->required();
  CLI::Option* on_device =
      upgrade->add_option("--device", arguments.device, "number of the device (all devices)");
  for (CLI::App* command : {list, upgrade}) {
    command->add_option("--mount-point", arguments.mount_point,
                        "where the nodes are (VNPU_DEV_DIR, or /dev/vnpu)");
  }
  for (CLI::App* command : app.get_subcommands({})) {
    command->add_option("--mount-point", arguments.mount_point,
                        "where the nodes are (VNPU_DEV_DIR, or /dev/vnpu)");
  }
  CLI::App* graph = app.add_subcommand(
      "graph", "draws a model, as aclmdlRIDebugJsonPrint wrote it, as SVG (takes graphviz)");
  graph->add_option("file", arguments.file, "the JSON file")->required();
  graph->add_option("-o,--output", arguments.output, "the SVG file (standard output)");
  CLI11_PARSE(app, argc, argv);
  if (start->parsed()) {
    return Start(arguments.mount_point, start->remaining());
  }
  if (graph->parsed()) {
    return DrawGraph(arguments.file, arguments.output) ? 0 : kFailed;
  }
  return stop->parsed()       ? Stop(arguments.mount_point)
         : status->parsed()   ? Status(arguments)
         : counters->parsed() ? Counters(arguments)
         : reset->parsed()    ? Reset(arguments)
         : list->parsed()     ? ListFirmware(arguments)
         : upgrade->parsed()  ? UpgradeFirmware(arguments, on_device->count() > 0)
                              : Fault(arguments);
}

}  // namespace
}  // namespace vnpu::tools

// NOLINTNEXTLINE(bugprone-exception-escape): nothing else to do with one than to end.
int main(int argc, char** argv) { return vnpu::tools::Main(argc, argv); }
