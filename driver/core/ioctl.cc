#include "driver/core/ioctl.h"

#include <spdlog/spdlog.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <utility>
#include <vector>

namespace vnpu::driver {
namespace {

// Largest structure of the table, and aligned for every one of them.
constexpr size_t kMaxArgBytes = 1024;

int CheckPermission(const File& file, const Request& request, IoctlPermission permission) {
  switch (permission) {
    case IoctlPermission::kAny:
      return 0;
    case IoctlPermission::kOpener:
      return file.IsOpener(request.caller) ? 0 : -EACCES;
    case IoctlPermission::kPrivileged:
      return file.client().uid == 0 || file.client().uid == geteuid() ? 0 : -EPERM;
    case IoctlPermission::kPrivilegedOpener: {
      const int error = CheckPermission(file, request, IoctlPermission::kPrivileged);
      return error != 0 ? error : CheckPermission(file, request, IoctlPermission::kOpener);
    }
  }
  return -EPERM;
}

int CheckCall(File& file, const Request& request, const IoctlEntry& entry) {
  const FileState& state = file.state();
  if ((entry.flags & kIoctlBeforeVersion) == 0 && !state.version_agreed) {
    return -EPROTO;
  }
  if (const int error = CheckPermission(file, request, entry.permission); error != 0) {
    return error;
  }
  if ((entry.flags & kIoctlNeedsSession) != 0 && state.session == nullptr) {
    return state.ended ? -EIO : -ENXIO;
  }
  if ((entry.flags & kIoctlNeedsDevice) != 0 && state.session->lost()) {
    return -EIO;
  }
  if (state.session != nullptr) {
    state.session->SetCaller(request.caller);
  }
  return 0;
}

}  // namespace

int DispatchIoctl(File& file, Request& request) {
  const std::vector<std::byte> input = std::exchange(request.data, {});
  const IoctlEntry* entry = FindIoctl(request.command);
  const uint32_t node = file.device() == nullptr ? kOnManager : kOnDevice;
  if (entry == nullptr || (entry->nodes & node) == 0) {
    return -ENOTTY;
  }
  const size_t size = _IOC_SIZE(entry->command);
  const bool has_input = (_IOC_DIR(entry->command) & _IOC_WRITE) != 0;
  if (size > kMaxArgBytes || (has_input && input.size() != size)) {
    return -EINVAL;
  }
  int result = CheckCall(file, request, *entry);
  if (result == 0) {
    alignas(16) std::array<std::byte, kMaxArgBytes> arg{};
    if (has_input) {
      std::memcpy(arg.data(), input.data(), size);
    }
    result = entry->handler(IoctlCall{file, request, arg.data()});
    if ((_IOC_DIR(entry->command) & _IOC_READ) != 0 &&
        (result >= 0 || (entry->flags & kIoctlAnswersErrors) != 0)) {
      request.data.assign(arg.begin(), arg.begin() + static_cast<std::ptrdiff_t>(size));
    }
  }
  if (result < 0) {
    spdlog::debug("client {}: {}: {}", file.client().pid, entry->name, std::strerror(-result));
  }
  return result;
}

}  // namespace vnpu::driver
