#include "tools/npu-smi/report.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdarg>
#include <cstdio>
#include <nlohmann/json.hpp>
#include <string_view>
#include <thread>

namespace vnpu::tools {
namespace {

constexpr uint64_t kMiB = uint64_t{1} << 20;
// Lines of the table between its borders.
constexpr int kWidth = 92;

std::string Format(const char* format, ...) __attribute__((format(printf, 1, 2)));
std::string Format(const char* format, ...) {
  std::array<char, 256> text{};
  va_list args;
  va_start(args, format);
  std::vsnprintf(text.data(), text.size(), format, args);
  va_end(args);
  return text.data();
}

double Percent(const vnpu_device_info& before, const vnpu_device_info& after, vnpu_unit unit) {
  const uint64_t time = (after.uptime_ns - before.uptime_ns) * after.units[unit];
  const uint64_t busy = after.unit_busy_ns[unit] - before.unit_busy_ns[unit];
  return time == 0 ? 0
                   : std::min(100.0, 100.0 * static_cast<double>(busy) / static_cast<double>(time));
}

// As the vendor's tool does: "910B1".
std::string ShortName(const vnpu_device_info& info) {
  constexpr std::string_view kPrefix = "Ascend";
  const std::string name = info.soc_name;
  return name.starts_with(kPrefix) ? name.substr(kPrefix.size()) : name;
}

const char* Health(const vnpu_device_info& info) { return info.health == 0 ? "OK" : "Warning"; }

std::string Line(const std::string& text) { return Format("| %-*s |\n", kWidth - 2, text.c_str()); }

std::string Rule(char fill) { return "+" + std::string(kWidth, fill) + "+\n"; }

std::string Rule(char fill, const std::array<int, 3>& columns) {
  std::string rule;
  for (const int width : columns) {
    rule += "+" + std::string(static_cast<size_t>(width), fill);
  }
  return rule + "+\n";
}

std::string DeviceRow(const DeviceReport& device) {
  const uint64_t used = (device.info.hbm_total - device.info.hbm_free) / kMiB;
  return Format("| %-5u %-14s | %-13s | %-11.0f %-15.0f %6lu / %-15lu |\n", device.info.device,
                ShortName(device.info).c_str(), Health(device.info), device.ai_core_percent,
                device.vector_core_percent, used, device.info.hbm_total / kMiB);
}

std::string ProcessRows(const DeviceReport& device) {
  if (device.processes.empty()) {
    return Line(Format("No running processes found in NPU %u", device.info.device));
  }
  std::string rows;
  for (const vnpu_ioc_process& process : device.processes) {
    rows += Format("| %-20u | %-13u | %-27s %-24lu |\n", process.device, process.pid, process.name,
                   process.hbm_bytes / kMiB);
  }
  return rows;
}

}  // namespace

std::vector<DeviceReport> Sample(const ManagerNode& node, unsigned sample_ms) {
  std::vector<vnpu_device_info> before;
  for (uint32_t i = 0; i < node.info().devices; ++i) {
    before.push_back(node.Device(i));
  }
  std::this_thread::sleep_for(std::chrono::milliseconds(sample_ms));
  std::vector<DeviceReport> devices;
  for (uint32_t i = 0; i < node.info().devices; ++i) {
    DeviceReport report;
    report.info = node.Device(i);
    report.ai_core_percent = Percent(before[i], report.info, VNPU_UNIT_AI_CORE);
    report.vector_core_percent = Percent(before[i], report.info, VNPU_UNIT_VECTOR_CORE);
    report.processes = node.Processes(i);
    devices.push_back(std::move(report));
  }
  return devices;
}

std::string AsTable(const std::vector<DeviceReport>& devices, const std::string& version) {
  static constexpr std::array<int, 3> kColumns = {22, 15, 53};
  std::string out = Rule('-');
  out += Line(Format("npu-smi %-30s Version: %s", version.c_str(), version.c_str()));
  out += Rule('-', kColumns);
  out += Format("| %-20s | %-13s | %-11s %-15s %-24s |\n", "NPU   Name", "Health", "AICore(%)",
                "VectorCore(%)", "HBM-Usage(MB)");
  out += Rule('=', kColumns);
  for (const DeviceReport& device : devices) {
    out += DeviceRow(device) + Rule('-', kColumns);
  }
  out += Format("| %-20s | %-13s | %-27s %-24s |\n", "NPU", "Process id", "Process name",
                "Process memory(MB)");
  out += Rule('=', kColumns);
  for (const DeviceReport& device : devices) {
    out += ProcessRows(device) + Rule('-', kColumns);
  }
  return out;
}

std::string AsJson(const std::vector<DeviceReport>& devices, const std::string& version) {
  using nlohmann::json;
  json list = json::array();
  for (const DeviceReport& device : devices) {
    json processes = json::array();
    for (const vnpu_ioc_process& process : device.processes) {
      processes.push_back({{"pid", process.pid},
                           {"uid", process.uid},
                           {"name", process.name},
                           {"device_pid", process.device_pid},
                           {"queues", process.queues},
                           {"hbm_bytes", process.hbm_bytes},
                           {"pinned_bytes", process.pinned_bytes}});
    }
    const vnpu_device_info& info = device.info;
    list.push_back({{"npu", info.device},
                    {"name", ShortName(info)},
                    {"soc", info.soc_name},
                    {"health", Health(info)},
                    {"ai_core_percent", device.ai_core_percent},
                    {"vector_core_percent", device.vector_core_percent},
                    {"ai_cores", info.units[VNPU_UNIT_AI_CORE]},
                    {"vector_cores", info.units[VNPU_UNIT_VECTOR_CORE]},
                    {"ai_cpus", info.units[VNPU_UNIT_AI_CPU]},
                    {"hbm_used_bytes", info.hbm_total - info.hbm_free},
                    {"hbm_total_bytes", info.hbm_total},
                    {"numa_node", info.numa_node},
                    {"uptime_ns", info.uptime_ns},
                    {"processes", std::move(processes)}});
  }
  return json{{"version", version}, {"devices", std::move(list)}}.dump(2) + "\n";
}

}  // namespace vnpu::tools
