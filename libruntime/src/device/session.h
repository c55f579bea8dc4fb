// A session: one open device file with a device process behind it, and everything that the client
// keeps for it.
#ifndef VNPU_LIBRUNTIME_SRC_DEVICE_SESSION_H_
#define VNPU_LIBRUNTIME_SRC_DEVICE_SESSION_H_

#include <vnpu/ioctl.h>
#include <vnpu/session.h>

#include <atomic>
#include <map>
#include <memory>
#include <mutex>
#include <shared_mutex>
#include <string>

#include "libruntime/src/base/shared_memory.h"
#include "libruntime/src/device/core_limits.h"
#include "libruntime/src/device/driver.h"
#include "libruntime/src/device/window.h"

namespace vnpu::runtime {

class CopyEngine;
class DeviceMemory;
class EventPool;
class HostCalls;
class HostRegistry;
class ManagedMemory;
class MemoryPools;
class MemoryUsage;
class PeerExports;

class KernelPrints;
class PinnedMemory;
class QueuePool;
class VirtualMemory;

class Session : public std::enable_shared_from_this<Session> {
 public:
  // Opens visible device `index`. The calling thread gets its interrupt registered.
  static aclError Open(std::shared_ptr<Driver> driver, uint32_t index,
                       std::shared_ptr<Session>* session);

  explicit Session(std::shared_ptr<Driver> driver, uint32_t index);
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;
  ~Session();

  // A step of Open: session memory and kick eventfd, zeroed.
  aclError ShareMemory();

  // Ends the session: the driver frees everything of it, device addresses become invalid.
  // Threads that still wait find out within half a second. Any thread, more than once.
  void Close();

  // Calls the driver; 0 or -errno (-ENOTCONN after Close).
  template <class T>
  int Call(unsigned long command, T& argument) {
    const std::shared_lock lock(file_mutex_);
    return file_ == nullptr ? -ENOTCONN : file_->Ioctl(command, &argument);
  }
  // Hands entries to the driver for a queue that it publishes: by IORING_OP_WRITE if possible.
  ssize_t WriteEntries(std::span<const vnpu_sqe> entries);
  ssize_t ReadCompletions(std::span<vnpu_cqe> completions);

  // The device process runs and this session is not closed.
  bool usable() const {
    return !closed_.load(std::memory_order_acquire) && LoadShared(mem_->state) != VNPU_SESSION_LOST;
  }
  // As usable(), and the driver answers. Costs a call of the driver.
  bool CheckAlive();

  void Kick() const;
  // For a thread that works beside the device: on another CPU than this, if the device can help it.
  void NoteCpu() const;
  // For a thread that sleeps from its kick on: the eventfd that it has to signal, or -1 if that
  // has been done.
  int KickBySleeping() const;

  vnpu_session_mem& mem() const { return *mem_; }
  const Window& window() const { return window_; }
  const vnpu_device_info& info() const { return info_; }
  uint32_t index() const { return index_; }
  // Tells sessions of this process apart; never used twice, never 0.
  uint64_t serial() const { return serial_; }
  uint64_t features() const { return features_; }
  // Barriers take the place of fences: publishing needs none (uapi/vnpu/queue.h, step 3), who waits
  // runs one for the device (session.h).
  bool device_fences() const { return device_fences_; }

  QueuePool& queues() const { return *queues_; }
  EventPool& events() const { return *events_; }
  DeviceMemory& device_memory() const { return *device_memory_; }
  PinnedMemory& pinned_memory() const { return *pinned_memory_; }
  VirtualMemory& virtual_memory() const { return *virtual_memory_; }
  HostRegistry& host_registry() const { return *host_registry_; }
  ManagedMemory& managed_memory() const { return *managed_memory_; }
  MemoryPools& memory_pools() const { return *memory_pools_; }
  MemoryUsage& memory_usage() const { return *memory_usage_; }
  PeerExports& peer_exports() const { return *peer_exports_; }
  CopyEngine& copies() const { return *copies_; }
  KernelPrints& prints() const { return *prints_; }

  // Stack of kernels that start from then on, rounded up to 16 KiB, VNPU_KERNEL_STACK_DEFAULT to
  // VNPU_KERNEL_STACK_MAX.
  void SetKernelStack(uint64_t bytes);
  uint32_t kernel_stack() const;

  // Cores that kernels of streams without a limit of their own may run on.
  std::atomic<CoreLimits>& core_limits() { return core_limits_; }

  // Device memory for the synchronisation between cube and vector cores: one page of zeros, the
  // session's, made when first asked for.
  aclError SyncArea(uint64_t* address);
  HostCalls& host_calls() const { return *host_calls_; }

  // Names of loaded kernels, for messages.
  void NameFunction(uint32_t func_id, std::string name);
  std::string FunctionName(uint32_t func_id) const;

 private:
  aclError OpenFile();
  aclError StartDevice();
  void AllowPageableAccess(uint32_t device_pid) const;

  const std::shared_ptr<Driver> driver_;
  const uint32_t index_;
  const uint64_t serial_;
  uint64_t features_ = 0;
  bool device_fences_ = false;
  vnpu_device_info info_{};
  std::atomic<CoreLimits> core_limits_{};
  std::atomic<bool> closed_{false};

  std::shared_mutex file_mutex_;  // held shared while the file is used
  std::unique_ptr<TransportFile> file_;
  UniqueFd mem_fd_;
  Mapping mapping_;
  vnpu_session_mem* mem_ = nullptr;
  UniqueFd kick_;
  bool kick_blocks_ = true;  // the device waits in a read of it, which is quickest
  Window window_;

  mutable std::mutex names_mutex_;
  std::map<uint32_t, std::string> function_names_;

  std::mutex sync_area_mutex_;
  uint64_t sync_area_ = 0;

  std::unique_ptr<QueuePool> queues_;
  std::unique_ptr<EventPool> events_;
  std::unique_ptr<DeviceMemory> device_memory_;
  std::unique_ptr<PinnedMemory> pinned_memory_;
  std::unique_ptr<VirtualMemory> virtual_memory_;
  std::unique_ptr<HostRegistry> host_registry_;
  std::unique_ptr<ManagedMemory> managed_memory_;
  std::unique_ptr<MemoryPools> memory_pools_;
  std::unique_ptr<MemoryUsage> memory_usage_;
  std::unique_ptr<PeerExports> peer_exports_;
  std::unique_ptr<CopyEngine> copies_;
  std::unique_ptr<KernelPrints> prints_;
  std::unique_ptr<HostCalls> host_calls_;
};

}  // namespace vnpu::runtime

#endif  // VNPU_LIBRUNTIME_SRC_DEVICE_SESSION_H_
