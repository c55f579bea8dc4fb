// The firmware commands.
#ifndef VNPU_TOOLS_VNPU_CTL_FIRMWARE_H_
#define VNPU_TOOLS_VNPU_CTL_FIRMWARE_H_

#include <string>

#include "tools/common/manager_node.h"

namespace vnpu::tools {

// A line for each plug-in of each device; the exit code.
int PrintFirmware(const ManagerNode& node);

// Gives a device the plug-in in `file`; false after a line that says why not.
bool InstallFirmware(const ManagerNode& node, uint32_t device, const std::string& file);

}  // namespace vnpu::tools

#endif  // VNPU_TOOLS_VNPU_CTL_FIRMWARE_H_
