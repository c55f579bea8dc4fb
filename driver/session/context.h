// What the parts of a session share.
#ifndef VNPU_DRIVER_SESSION_CONTEXT_H_
#define VNPU_DRIVER_SESSION_CONTEXT_H_

#include <vnpu/session.h>

#include <memory>
#include <span>
#include <utility>

#include "driver/base/budget.h"
#include "driver/base/event_signal.h"
#include "driver/base/mapping.h"
#include "driver/base/unique_fd.h"
#include "driver/core/device.h"
#include "driver/core/share_table.h"
#include "driver/core/tally.h"
#include "driver/session/device_process.h"

namespace vnpu::driver {

// One unit of a budget; given back on destruction.
class BudgetShare {
 public:
  BudgetShare() = default;
  explicit BudgetShare(Budget* budget) : budget_(budget) {}
  BudgetShare(BudgetShare&& other) noexcept : budget_(std::exchange(other.budget_, nullptr)) {}
  BudgetShare& operator=(BudgetShare&& other) noexcept {
    std::swap(budget_, other.budget_);
    return *this;
  }
  ~BudgetShare() {
    if (budget_ != nullptr) {
      budget_->Give();
    }
  }

 private:
  Budget* budget_ = nullptr;
};

// A descriptor held for a session, counted.
class HeldFd {
 public:
  HeldFd() = default;
  HeldFd(UniqueFd fd, Charge charge, BudgetShare share)
      : share_(std::move(share)), charge_(std::move(charge)), fd_(std::move(fd)) {}
  int get() const { return fd_.get(); }
  bool valid() const { return fd_.valid(); }

 private:
  BudgetShare share_;
  Charge charge_;
  UniqueFd fd_;
};

// A mapping held for a session, counted.
class HeldMap {
 public:
  HeldMap() = default;
  HeldMap(Mapping mapping, Charge charge, BudgetShare share)
      : share_(std::move(share)), charge_(std::move(charge)), mapping_(std::move(mapping)) {}
  bool valid() const { return mapping_.valid(); }
  const Mapping* operator->() const { return &mapping_; }

 private:
  BudgetShare share_;
  Charge charge_;
  Mapping mapping_;
};

struct SessionContext {
  Device& device;
  SessionEntry& entry;
  Budget& fd_budget;
  Budget& map_budget;
  EventSignal& signal;
  ShareTable& shares;
  uint64_t pin_limit;
  std::unique_ptr<DeviceProcess> process;
  vnpu_session_mem* mem = nullptr;  // session memory, shared with the client
  int kick_fd = -1;                 // wakes the device process
  bool client_fences = false;       // VNPU_SESSION_FENCES
  int abort_fd = -1;                // readable: the session is to end
  pid_t caller = 0;                 // thread of the client whose command is being executed
  int client_fd = -1;               // pidfd, readable: the client is dead

  Tally& tally() { return entry.tally; }

  // Takes `fd` into the session's account; -EMFILE when it has its share already.
  int Hold(UniqueFd fd, HeldFd* held) {
    if (!fd_budget.Take(tally().Get(Counted::kFds))) {
      return -EMFILE;
    }
    *held = HeldFd(std::move(fd), Charge(tally(), Counted::kFds), BudgetShare(&fd_budget));
    return 0;
  }
  // Enters into the session's account a descriptor that it shares with others.
  int Hold(HeldFd* held) { return Hold(UniqueFd(), held); }
  // Maps `size` bytes of `fd` for the session; -ENOMEM when it has its share of mappings already.
  int HoldMap(int fd, size_t size, int prot, HeldMap* held) {
    if (!map_budget.Take(tally().Get(Counted::kMaps))) {
      return -ENOMEM;
    }
    BudgetShare share(&map_budget);
    Mapping mapping;
    const int error = mapping.Map(fd, size, prot);
    if (error == 0) {
      *held = HeldMap(std::move(mapping), Charge(tally(), Counted::kMaps), std::move(share));
    }
    return error;
  }
  // True once the session is to end; for long work in small steps.
  bool Aborted() const;

  int Call(const firmware::ControlRequest& request, std::span<const int> fds = {}) {
    return process->Call(request, fds);
  }
  int Call(const firmware::ControlRequest& request, std::span<const int> fds,
           firmware::ControlReply* reply) {
    return process->Call(request, fds, reply);
  }
};

}  // namespace vnpu::driver

#endif  // VNPU_DRIVER_SESSION_CONTEXT_H_
