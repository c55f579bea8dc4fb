// The driver: its devices and its open files. Knows nothing of how requests reach it.
#ifndef VNPU_DRIVER_CORE_DRIVER_H_
#define VNPU_DRIVER_CORE_DRIVER_H_

#include <vnpu/ioctl.h>

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "driver/base/budget.h"
#include "driver/base/event_signal.h"
#include "driver/config/config.h"
#include "driver/core/client.h"
#include "driver/core/device.h"
#include "driver/core/share_table.h"

namespace vnpu::driver {

class File;

// Which node: the manager or a device.
struct Node {
  static constexpr int kManager = -1;
  int device = kManager;

  bool is_manager() const { return device == kManager; }
  std::string Name() const;
  // By name ("davinci_manager", "davinci0"), among `devices` devices; false: no such node.
  static bool Find(const std::string& name, uint32_t devices, Node* node);
};

// Thread-safe.
class Driver {
 public:
  explicit Driver(Config config);
  ~Driver();
  Driver(const Driver&) = delete;
  Driver& operator=(const Driver&) = delete;

  // Brings all devices up: 0 or -errno.
  int Probe();
  // Ends every session and waits until nothing of them is left.
  void Remove();

  // An open file of `node` for `client`, or -errno. It must be closed with File::Close.
  int Open(Node node, Client client, std::shared_ptr<File>* file);

  Device* FindDevice(uint32_t index);
  const Config& config() const { return config_; }
  uint32_t device_count() const { return static_cast<uint32_t>(devices_.size()); }
  Budget& fd_budget() { return fd_budget_; }
  Budget& map_budget() { return map_budget_; }
  EventSignal& signal() { return signal_; }
  ShareTable& shares() { return shares_; }
  uint32_t NextSessionId() { return next_session_id_.fetch_add(1); }
  vnpu_ioc_manager ManagerInfo() const;

  // For File: runs `body` on a thread of its own, which Remove waits for. False: no thread to be
  // had.
  bool StartWorker(std::function<void()> body);
  // For File, when it is closed.
  void Forget(const File* file);

 private:
  void ReapWorkers();  // with workers_mutex_ held
  void WorkerDone(uint64_t id);

  Config config_;
  uint64_t started_ns_;
  Budget fd_budget_;
  Budget map_budget_;
  EventSignal signal_;
  std::vector<std::unique_ptr<Device>> devices_;
  ShareTable shares_;  // of memory of the devices
  std::atomic<uint32_t> next_session_id_{1};

  std::mutex files_mutex_;
  std::map<const File*, std::shared_ptr<File>> files_;
  std::map<pid_t, size_t> files_of_client_;
  size_t max_files_;
  bool removed_ = false;

  std::mutex workers_mutex_;
  std::condition_variable worker_done_;
  uint64_t next_worker_ = 0;
  std::map<uint64_t, std::thread> workers_;
  std::vector<uint64_t> done_workers_;
};

}  // namespace vnpu::driver

#endif  // VNPU_DRIVER_CORE_DRIVER_H_
