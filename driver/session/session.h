// One session: a client's use of a device, with its device process and everything it was given.
#ifndef VNPU_DRIVER_SESSION_SESSION_H_
#define VNPU_DRIVER_SESSION_SESSION_H_

#include <vnpu/ioctl.h>
#include <vnpu/session.h>

#include <memory>

#include "driver/core/client.h"
#include "driver/core/driver.h"
#include "driver/session/context.h"
#include "driver/session/events.h"
#include "driver/session/interrupts.h"
#include "driver/session/memory.h"
#include "driver/session/models.h"
#include "driver/session/modules.h"
#include "driver/session/notifies.h"
#include "driver/session/queues.h"

namespace vnpu::driver {

// Used by one thread at a time. The destructor kills the device process, gives everything back and
// waits until the process is gone.
class Session {
 public:
  struct Params {
    Driver& driver;
    Device& device;
    const Client& client;
    std::weak_ptr<File> file;
    int abort_fd;  // readable: the session is to end
    pid_t caller;  // thread that asks for the session
  };

  // Starts the device process. Returns 0 or -errno as VNPU_IOC_SESSION does.
  static int Begin(const Params& params, vnpu_ioc_session* arg, UniqueFd mem_fd, UniqueFd kick_fd,
                   std::unique_ptr<Session>* session);
  ~Session();
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  // To be called when the device process has ended: tells the client by session memory and by all
  // its interrupts. Does nothing the second time.
  void OnDeviceLost();
  bool lost() const { return lost_; }
  // The thread that the next commands are for.
  void SetCaller(pid_t tid) { context_.caller = tid; }
  // False when the device process has ended.
  bool CheckDevice() { return context_.process->CheckAlive(); }
  void KillDevice(const char* reason) { context_.process->Kill(reason); }

  SessionMemory& memory() { return parts_->memory; }
  SessionQueues& queues() { return parts_->queues; }
  SessionEvents& events() { return parts_->events; }
  SessionNotifies& notifies() { return parts_->notifies; }
  SessionInterrupts& interrupts() { return parts_->interrupts; }
  SessionModules& modules() { return parts_->modules; }
  SessionModels& models() { return parts_->models; }
  uint32_t id() const { return context_.entry.id; }

  int driver_eventfd() const { return driver_eventfd_.get(); }
  int device_pidfd() const { return context_.process->pidfd(); }

 private:
  struct Parts {
    Parts(SessionContext* context, SharedNotifyTable* shared_notifies, uint64_t window_base)
        : memory(context, window_base),
          queues(context),
          events(context),
          notifies(context, shared_notifies),
          interrupts(context),
          modules(context, &memory),
          models(context) {}
    SessionMemory memory;
    SessionQueues queues;
    SessionEvents events;
    SessionNotifies notifies;
    SessionInterrupts interrupts;
    SessionModules modules;
    SessionModels models;
  };

  Session(const Params& params, uint32_t id, uint64_t window_base);

  int HoldDescriptors(UniqueFd mem_fd, UniqueFd kick_fd);
  int StartProcess();
  int InitProcess(const vnpu_ioc_session& arg);
  void TellClient();
  void ReapProcess();

  Driver& driver_;
  const Client& client_;
  std::shared_ptr<SessionEntry> entry_;
  SessionContext context_;
  Charge charge_;
  Charge process_charge_;
  Charge process_fds_;
  PluginUse firmware_;  // that its device process runs
  int board_slot_ = -1;
  bool lost_ = false;
  HeldFd mem_fd_;
  HeldFd kick_fd_;
  HeldFd driver_eventfd_;
  HeldMap mem_map_;
  std::unique_ptr<Parts> parts_;
};

}  // namespace vnpu::driver

#endif  // VNPU_DRIVER_SESSION_SESSION_H_
