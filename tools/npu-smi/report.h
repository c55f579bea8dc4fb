// What `npu-smi info` shows, and how.
#ifndef VNPU_TOOLS_NPU_SMI_REPORT_H_
#define VNPU_TOOLS_NPU_SMI_REPORT_H_

#include <vnpu/ioctl.h>

#include <string>
#include <vector>

#include "tools/common/manager_node.h"

namespace vnpu::tools {

struct DeviceReport {
  vnpu_device_info info{};
  double ai_core_percent = 0;  // over the time of the sample
  double vector_core_percent = 0;
  std::vector<vnpu_ioc_process> processes;
};

// Looks at every device twice, `sample_ms` apart.
std::vector<DeviceReport> Sample(const ManagerNode& node, unsigned sample_ms);

std::string AsTable(const std::vector<DeviceReport>& devices, const std::string& version);
std::string AsJson(const std::vector<DeviceReport>& devices, const std::string& version);

}  // namespace vnpu::tools

#endif  // VNPU_TOOLS_NPU_SMI_REPORT_H_
