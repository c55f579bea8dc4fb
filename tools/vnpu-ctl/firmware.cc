#include "tools/vnpu-ctl/firmware.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>

namespace vnpu::tools {
namespace {

const char* Reason(int error, const vnpu_ioc_firmware_upgrade& upgrade) {
  switch (error) {
    case ENOEXEC:
      return upgrade.message;
    case EPERM:
      return "only root and the user of vnpud may do this";
    case EINVAL:
      return "there is no such device, or the file is empty or larger than 16 MiB";
    case EEXIST:
      return "another plug-in of the same version is in store";
    case ENOSPC:
      return "the store is full of plug-ins that are in use";
    default:
      return std::strerror(error);
  }
}

}  // namespace

int PrintFirmware(const ManagerNode& node) {
  for (uint32_t device = 0; device < node.info().devices; ++device) {
    for (const vnpu_ioc_firmware& plugin : node.Firmware(device)) {
      std::printf("davinci%u %-20s %-8s %u session(s)\n", device, plugin.version,
                  plugin.active != 0 ? "active" : "-", plugin.sessions);
    }
  }
  return 0;
}

bool InstallFirmware(const ManagerNode& node, uint32_t device, const std::string& file) {
  const int fd = open(file.c_str(), O_RDONLY | O_CLOEXEC);
  struct stat status {};
  if (fd < 0 || fstat(fd, &status) != 0) {
    std::fprintf(stderr, "vnpu-ctl: %s: %s\n", file.c_str(), std::strerror(errno));
    return false;
  }
  vnpu_ioc_firmware_upgrade upgrade{};
  upgrade.device = device;
  upgrade.bytes = static_cast<uint64_t>(status.st_size);
  upgrade.fd = fd;
  const int error = node.UpgradeFirmware(&upgrade);
  close(fd);
  upgrade.version[sizeof(upgrade.version) - 1] = '\0';
  upgrade.message[sizeof(upgrade.message) - 1] = '\0';
  if (error != 0) {
    std::fprintf(stderr, "vnpu-ctl: firmware upgrade of device %u: %s\n", device,
                 Reason(error, upgrade));
    return false;
  }
  std::printf("device %u: firmware plug-in %s is active for new sessions\n", device,
              upgrade.version);
  return true;
}

}  // namespace vnpu::tools
