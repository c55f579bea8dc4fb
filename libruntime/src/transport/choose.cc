#include <fcntl.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <string_view>

#include "libruntime/src/base/log.h"
#include "libruntime/src/base/unique_fd.h"
#include "libruntime/src/transport/transport.h"

namespace vnpu::runtime {
namespace {

std::string DeviceFolder() {
  const char* folder = std::getenv("VNPU_DEV_DIR");
  return folder != nullptr && *folder != '\0' ? folder : "/dev/vnpu";
}

// Why the nodes of `folder` cannot be used; empty: they can.
std::string WhyNoNode(const std::string& folder) {
  const UniqueFd manager(open((folder + "/davinci_manager").c_str(), O_RDWR | O_CLOEXEC));
  if (manager.valid()) {
    return "";
  }
  if (errno == ENOENT || errno == ENOTDIR) {
    return "no device node at " + folder;
  }
  return "device node at " + folder + " cannot be opened: " + std::strerror(errno);
}

}  // namespace

std::unique_ptr<Transport> ChooseTransport(std::string* error) {
  const char* value = std::getenv("VNPU_TRANSPORT");
  const std::string_view choice = value != nullptr && *value != '\0' ? value : "auto";
  if (choice != "auto" && choice != "node" && choice != "embedded") {
    *error = "VNPU_TRANSPORT is '" + std::string(choice) + "'; it takes auto, node or embedded";
    return nullptr;
  }
  if (choice == "embedded") {
    return MakeEmbeddedTransport("asked for by VNPU_TRANSPORT", error);
  }
  const std::string folder = DeviceFolder();
  const std::string reason = WhyNoNode(folder);
  if (reason.empty()) {
    return MakeNodeTransport(folder);
  }
  if (choice == "node") {
    *error = reason + "; start vnpud, or set VNPU_DEV_DIR or VNPU_TRANSPORT=embedded";
    return nullptr;
  }
  Log().info("{}: using an embedded driver", reason);
  return MakeEmbeddedTransport(reason, error);
}

}  // namespace vnpu::runtime
