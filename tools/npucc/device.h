#ifndef TOOLS_NPUCC_DEVICE_H_
#define TOOLS_NPUCC_DEVICE_H_

#include <string>
#include <vector>

#include "tools/npucc/unit.h"

namespace vnpu::npucc {

struct DeviceImage {
  std::string path;                  // of the image, in the work directory
  std::vector<std::string> globals;  // names of its variables
  std::string dependencies;          // make rule of the compilation; empty unless asked for
};

// Compiles the kernels of a unit, of which there is at least one. Throws Failed, after printing
// errors, and std::exception.
DeviceImage CompileDevice(const Tools& tools, const Unit& unit);

}  // namespace vnpu::npucc

#endif  // TOOLS_NPUCC_DEVICE_H_
