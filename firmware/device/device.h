// The device process of one session: carries out what the driver asks for (control.h).
#ifndef VNPU_FIRMWARE_DEVICE_DEVICE_H_
#define VNPU_FIRMWARE_DEVICE_DEVICE_H_

#include <map>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "firmware/compat/compat.h"
#include "firmware/device/board.h"
#include "firmware/device/control.h"
#include "firmware/device/fd.h"
#include "firmware/device/mapping.h"
#include "firmware/device/modules.h"
#include "firmware/device/worker_pool.h"

namespace vnpu::firmware {

// Control thread only.
class Device {
 public:
  // `help_fd`: eventfd that is written when Help() is wanted; borrowed. `compat` stays.
  Device(int help_fd, const vnpu_compat* compat) : help_fd_(help_fd), compat_(compat) {}

  // Carries out one request; `fds` came with it. The result goes into the reply.
  ControlReply Handle(ControlRequest* request, std::vector<Fd> fds);
  void Help();
  // The driver is gone: tells the client that nothing will run any more.
  void Orphaned();

 private:
  int Init(const ControlInit& init, std::vector<Fd>& fds);
  int MapBoard(uint32_t slot, int fd);
  int AddQmem(const ControlQmem& request, int fd);
  int RemoveQmem(uint32_t qmem_id);
  int CreateQueue(const ControlQueue& request);
  int DestroyQueue(const ControlQueue& request);
  int SetQueue(const ControlQueueSet& request);
  int AbortQueue(const ControlQueue& request, ControlDropped* dropped);
  int AddIrq(const ControlIrq& request, std::vector<Fd>* fds);
  int RemoveIrq(const ControlIrq& request);
  int FreeEvent(uint32_t event_id);
  int FreeNotify(uint32_t notify_id);
  int ResetNotify(uint32_t notify_id);
  int BindNotify(const ControlNotify& request, int fd);
  int CreateModel(const ControlModel& request, int fd);
  int DestroyModel(uint32_t model_id);
  int AbortModel(uint32_t model_id);

  int help_fd_;
  const vnpu_compat* compat_;
  Fd client_;  // pidfd
  Fd kick_;
  Fd driver_;
  Mapping session_;
  Mapping page_table_;
  Mapping board_;
  Mapping own_slot_;
  Window window_;
  std::optional<vdev::Clock> clock_;
  bool asks_for_times_ = false;  // VNPU_SESSION_ASKS_FOR_TIMES
  std::optional<Units> units_;
  std::unique_ptr<WorkerPool> pool_;
  std::optional<Modules> modules_;
  struct Qmem {
    Mapping memory;
    uint32_t queues = 0;
  };
  std::map<uint32_t, Qmem> qmems_;
  std::map<uint32_t, uint32_t> queue_qmem_;   // of each queue
  std::map<uint32_t, Mapping> notify_pages_;  // of shared notifies
  std::map<uint32_t, Mapping> model_memory_;
};

}  // namespace vnpu::firmware

#endif  // VNPU_FIRMWARE_DEVICE_DEVICE_H_
