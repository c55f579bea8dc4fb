#include "driver/core/device.h"

#include <signal.h>

#include <algorithm>
#include <cstring>

#include "driver/base/time.h"
#include "driver/core/identity.h"
#include "vdev/clock.h"

namespace vnpu::driver {

void SessionEntry::SetDevicePid(pid_t device_pid) {
  const std::lock_guard lock(mutex_);
  device_pid_ = device_pid;
}

pid_t SessionEntry::device_pid() const {
  const std::lock_guard lock(mutex_);
  return device_pid_;
}

bool SessionEntry::KillDeviceProcess() {
  const std::lock_guard lock(mutex_);
  return device_pid_ > 0 && kill(device_pid_, SIGKILL) == 0;
}

Device::Device(uint32_t index, const Config& config)
    : index_(index),
      soc_name_(config.soc->name),
      units_{config.soc->ai_cores, config.soc->vector_cores, 0, config.soc->ai_cpus,
             config.soc->dma_channels},
      clock_hz_(vdev::ClockHz()),
      identity_(MakeIdentity(config, index)),
      hbm_(config.hbm_bytes, config.numa_node) {}

int Device::Probe() {
  probed_ns_ = NowNs();
  return board_.Create(units_);
}

vnpu_device_info Device::Info() {
  vnpu_device_info info{};
  info.device = index_;
  info.numa_node = hbm_.numa_node();
  std::copy(units_.begin(), units_.end(), info.units);
  info.priorities = VNPU_PRIORITIES;
  info.hbm_total = hbm_.total_bytes();
  info.hbm_free = hbm_.free_bytes();
  info.clock_hz = clock_hz_;
  const UnitTimes busy = board_.BusyNs();
  std::copy(busy.begin(), busy.end(), info.unit_busy_ns);
  info.uptime_ns = NowNs() - probed_ns_;
  info.sessions = tally_.Get32(Counted::kSessions);
  std::strncpy(info.soc_name, soc_name_.c_str(), sizeof(info.soc_name) - 1);
  return info;
}

vnpu_ioc_counters Device::Counters() {
  vnpu_ioc_counters out{};
  out.device = index_;
  out.sessions = tally_.Get32(Counted::kSessions);
  out.device_processes = tally_.Get32(Counted::kDeviceProcesses);
  out.queues = tally_.Get32(Counted::kQueues);
  out.events = tally_.Get32(Counted::kEvents);
  out.modules = tally_.Get32(Counted::kModules);
  out.irqs = tally_.Get32(Counted::kIrqs);
  out.qmems = tally_.Get32(Counted::kQmems);
  out.pmems = tally_.Get32(Counted::kPmems);
  out.reservations = tally_.Get32(Counted::kReservations);
  out.hbm_pages = (hbm_.total_bytes() - hbm_.free_bytes()) / VNPU_PAGE_SIZE;
  out.pinned_pages = tally_.Get(Counted::kPinnedPages);
  out.table_pages = tally_.Get(Counted::kTablePages);
  const UnitCounts busy = board_.UnitsInUse();
  std::copy(busy.begin(), busy.end(), out.units);
  out.fds = tally_.Get32(Counted::kFds);
  return out;
}

void Device::Register(std::shared_ptr<SessionEntry> entry) {
  const std::lock_guard lock(sessions_mutex_);
  sessions_.push_back(std::move(entry));
}

void Device::Unregister(const SessionEntry* entry) {
  const std::lock_guard lock(sessions_mutex_);
  std::erase_if(sessions_, [entry](const auto& e) { return e.get() == entry; });
}

std::vector<std::shared_ptr<SessionEntry>> Device::Sessions() const {
  const std::lock_guard lock(sessions_mutex_);
  return sessions_;
}

}  // namespace vnpu::driver
