// One virtual device: what its sessions share.
#ifndef VNPU_DRIVER_CORE_DEVICE_H_
#define VNPU_DRIVER_CORE_DEVICE_H_

#include <vnpu/abi.h>
#include <vnpu/ioctl.h>

#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "driver/config/config.h"
#include "driver/core/board.h"
#include "driver/core/fault_points.h"
#include "driver/core/tally.h"
#include "driver/mem/hbm.h"

namespace vnpu::driver {

class File;

// A session as administration sees it, readable while the session is busy.
class SessionEntry {
 public:
  SessionEntry(uint32_t session_id, pid_t session_pid, uid_t session_uid, std::string session_name,
               Tally* device_tally)
      : id(session_id),
        pid(session_pid),
        uid(session_uid),
        name(std::move(session_name)),
        tally(device_tally) {}

  const uint32_t id;
  const pid_t pid;  // of the client
  const uid_t uid;
  const std::string name;
  Tally tally;
  std::weak_ptr<File> file;  // set before it is registered

  // Set while the process may be signalled: from its start until it is reaped.
  void SetDevicePid(pid_t device_pid);
  pid_t device_pid() const;
  // False when there is no process.
  bool KillDeviceProcess();

 private:
  mutable std::mutex mutex_;
  pid_t device_pid_ = 0;
};

// Thread-safe.
class Device {
 public:
  Device(uint32_t index, const Config& config);

  // Brings the device up: 0 or -errno.
  int Probe();

  uint32_t index() const { return index_; }
  Hbm& hbm() { return hbm_; }
  Board& board() { return board_; }
  Tally& tally() { return tally_; }
  FaultPoints& faults() { return faults_; }
  const UnitCounts& units() const { return units_; }
  uint64_t clock_hz() const { return clock_hz_; }

  vnpu_device_info Info();
  vnpu_ioc_identity Identity() const { return identity_; }
  vnpu_ioc_counters Counters();

  void Register(std::shared_ptr<SessionEntry> entry);
  void Unregister(const SessionEntry* entry);
  std::vector<std::shared_ptr<SessionEntry>> Sessions() const;

 private:
  uint32_t index_;
  std::string soc_name_;
  UnitCounts units_;
  uint64_t clock_hz_;
  vnpu_ioc_identity identity_;
  uint64_t probed_ns_ = 0;
  Hbm hbm_;
  Board board_;
  Tally tally_;
  FaultPoints faults_;

  mutable std::mutex sessions_mutex_;
  std::vector<std::shared_ptr<SessionEntry>> sessions_;
};

}  // namespace vnpu::driver

#endif  // VNPU_DRIVER_CORE_DEVICE_H_
