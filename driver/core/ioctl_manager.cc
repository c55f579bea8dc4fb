// Commands of both nodes and of the manager node.
#include <linux/membarrier.h>
#include <spdlog/spdlog.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <condition_variable>
#include <cstring>
#include <memory>
#include <mutex>

#include "driver/core/ioctl.h"

namespace vnpu::driver {
namespace {

constexpr auto kResetPatience = std::chrono::seconds(4);

// Counts down to the end of several sessions.
class Countdown {
 public:
  explicit Countdown(size_t count) : count_(count) {}
  void Done() {
    const std::lock_guard lock(mutex_);
    --count_;
    changed_.notify_all();
  }
  bool Wait(std::chrono::seconds patience) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, patience, [this] { return count_ == 0; });
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  size_t count_;
};

// What this machine has of all features.
uint64_t OfferedFeatures() {
  // Device processes run under the same kernel and the same filters: what works here works there.
  static const bool barrier = syscall(SYS_membarrier, MEMBARRIER_CMD_GLOBAL_EXPEDITED, 0, 0) == 0;
  return barrier ? VNPU_FEATURES_ALL : VNPU_FEATURES_ALL & ~VNPU_FEATURE_BARRIER;
}

int KillDeviceOf(Device& device, uint32_t pid) {
  bool found = false;
  for (const std::shared_ptr<SessionEntry>& entry : device.Sessions()) {
    if (static_cast<uint32_t>(entry->pid) == pid) {
      found = entry->KillDeviceProcess() || found;
    }
  }
  return found ? 0 : -ENOENT;
}

}  // namespace

int IoctlVersion(const IoctlCall& call) {
  auto* arg = call.as<vnpu_ioc_version>();
  const uint32_t client_version = arg->abi_version;
  arg->abi_version = VNPU_ABI_VERSION;
  if (arg->reserved != 0) {
    return -EINVAL;
  }
  if (client_version != VNPU_ABI_VERSION) {
    spdlog::warn("client {} speaks version {} of the driver interface, this driver version {}",
                 call.file.client().pid, client_version, VNPU_ABI_VERSION);
    return -EPROTONOSUPPORT;
  }
  arg->features &= OfferedFeatures();
  FileState& state = call.file.state();
  // A session keeps the features it was set up with.
  if (state.session == nullptr) {
    state.features = arg->features;
  }
  state.version_agreed = true;
  return 0;
}

int IoctlDeviceQuery(const IoctlCall& call) {
  auto* arg = call.as<vnpu_device_info>();
  Device* device = call.file.device();
  if (device == nullptr) {
    device = call.driver().FindDevice(arg->device);
  }
  if (device == nullptr) {
    return -EINVAL;
  }
  *arg = device->Info();
  return 0;
}

int IoctlIdentity(const IoctlCall& call) {
  auto* arg = call.as<vnpu_ioc_identity>();
  const Device* device = call.driver().FindDevice(arg->device);
  if (device == nullptr || arg->reserved != 0) {
    return -EINVAL;
  }
  *arg = device->Identity();
  return 0;
}

int IoctlManager(const IoctlCall& call) {
  *call.as<vnpu_ioc_manager>() = call.driver().ManagerInfo();
  return 0;
}

int IoctlProcess(const IoctlCall& call) {
  auto* arg = call.as<vnpu_ioc_process>();
  Device* device = call.driver().FindDevice(arg->device);
  if (device == nullptr) {
    return -EINVAL;
  }
  const std::vector<std::shared_ptr<SessionEntry>> sessions = device->Sessions();
  if (arg->index >= sessions.size()) {
    return -ENOENT;
  }
  const SessionEntry& entry = *sessions[arg->index];
  vnpu_ioc_process out{};
  out.device = arg->device;
  out.index = arg->index;
  out.pid = static_cast<uint32_t>(entry.pid);
  out.uid = entry.uid;
  out.device_pid = static_cast<uint32_t>(entry.device_pid());
  out.queues = entry.tally.Get32(Counted::kQueues);
  out.hbm_bytes = entry.tally.Get(Counted::kHbmPages) * VNPU_PAGE_SIZE;
  out.pinned_bytes = entry.tally.Get(Counted::kPinnedPages) * VNPU_PAGE_SIZE;
  std::strncpy(out.name, entry.name.c_str(), sizeof(out.name) - 1);
  *arg = out;
  return 0;
}

int IoctlCounters(const IoctlCall& call) {
  auto* arg = call.as<vnpu_ioc_counters>();
  Device* device = call.driver().FindDevice(arg->device);
  if (device == nullptr) {
    return -EINVAL;
  }
  *arg = device->Counters();
  return 0;
}

int IoctlReset(const IoctlCall& call) {
  const auto* arg = call.as<vnpu_ioc_reset>();
  Device* device = call.driver().FindDevice(arg->device);
  if (device == nullptr || arg->flags != 0) {
    return -EINVAL;
  }
  spdlog::warn("device {}: reset by process {}", arg->device, call.file.client().pid);
  const std::vector<std::shared_ptr<SessionEntry>> sessions = device->Sessions();
  auto countdown = std::make_shared<Countdown>(sessions.size());
  for (const std::shared_ptr<SessionEntry>& entry : sessions) {
    if (const std::shared_ptr<File> file = entry->file.lock(); file != nullptr) {
      file->EndSession([countdown] { countdown->Done(); });
    } else {
      countdown->Done();
    }
  }
  return countdown->Wait(kResetPatience) ? 0 : -ETIMEDOUT;
}

int IoctlFault(const IoctlCall& call) {
  const auto* arg = call.as<vnpu_ioc_fault>();
  Device* device = call.driver().FindDevice(arg->device);
  if (device == nullptr) {
    return -EINVAL;
  }
  spdlog::warn("device {}: fault {} x {} (pid {}) armed by process {}", arg->device, arg->fault,
               arg->count, arg->pid, call.file.client().pid);
  switch (arg->fault) {
    case VNPU_FAULT_NONE:
      device->faults().hbm_alloc.Arm(0);
      device->faults().control.Arm(0);
      return 0;
    case VNPU_FAULT_HBM_ALLOC:
      device->faults().hbm_alloc.Arm(arg->count);
      return 0;
    case VNPU_FAULT_CONTROL:
      device->faults().control.Arm(arg->count);
      return 0;
    case VNPU_FAULT_KILL_DEVICE:
      return KillDeviceOf(*device, arg->pid);
    default:
      return -EINVAL;
  }
}

int IoctlSelf(const IoctlCall& call) {
  const Client& client = call.file.client();
  *call.as<vnpu_ioc_self>() = {static_cast<uint32_t>(client.pid), client.uid};
  return 0;
}

}  // namespace vnpu::driver
