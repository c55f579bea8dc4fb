#include "libruntime/src/wait/thread_irq.h"

#include <vnpu/ioctl.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <mutex>
#include <vector>

#include "libruntime/src/base/log.h"
#include "libruntime/src/device/session.h"

namespace vnpu::runtime {
namespace {

// What threads of this process wait on. Chosen by the first thread that registers.
enum class IrqChoice : uint8_t { kUndecided, kUring, kEventfd };

std::atomic<IrqChoice> choice{IrqChoice::kUndecided};

void ChooseEventfd(const char* reason) {
  if (choice.exchange(IrqChoice::kEventfd) != IrqChoice::kEventfd) {
    Log().info("interrupts by eventfd: {}", reason);
  }
}

void ChooseUring() {
  IrqChoice undecided = IrqChoice::kUndecided;
  if (choice.compare_exchange_strong(undecided, IrqChoice::kUring)) {
    Log().info("interrupts by io_uring");
  }
}

bool UringForbidden() {
  const char* value = std::getenv("VNPU_IO_URING");
  return value != nullptr && std::strcmp(value, "off") == 0;
}

struct Registration {
  std::weak_ptr<Session> session;
  const Session* key;
  uint32_t irq_id;
};

class ThreadIrqs {
 public:
  ThreadIrqs() = default;
  ThreadIrqs(const ThreadIrqs&) = delete;
  ThreadIrqs& operator=(const ThreadIrqs&) = delete;
  ~ThreadIrqs() {
    for (const Registration& registration : registrations_) {
      if (const auto session = registration.session.lock(); session != nullptr) {
        vnpu_ioc_irq_del request{.irq_id = registration.irq_id, .reserved = 0};
        session->Call(VNPU_IOC_IRQ_DEL, request);
      }
    }
  }

  Interrupt* interrupt() {
    if (interrupt_ == nullptr) {
      if (choice.load() != IrqChoice::kEventfd) {
        if (UringForbidden()) {
          ChooseEventfd("VNPU_IO_URING is off");
        } else if (interrupt_ = MakeUringInterrupt(); interrupt_ == nullptr) {
          ChooseEventfd(std::strerror(errno));
        }
      }
      if (interrupt_ == nullptr) {
        interrupt_ = MakeEventfdInterrupt();
      }
    }
    return interrupt_.get();
  }

  int Get(Session& session, ThreadIrq* irq) {
    for (const Registration& registration : registrations_) {
      if (registration.key == &session && !registration.session.expired()) {
        *irq = {.interrupt = interrupt_.get(), .irq_id = registration.irq_id};
        return 0;
      }
    }
    std::erase_if(registrations_, [](const Registration& r) { return r.session.expired(); });
    return Register(session, irq);
  }

 private:
  int Register(Session& session, ThreadIrq* irq) {
    if (interrupt() == nullptr) {
      return -EMFILE;
    }
    uint32_t irq_id = 0;
    int result = Add(session, &irq_id);
    if (result < 0 && result != -ENOSPC && interrupt_->kind() == VNPU_IRQ_URING &&
        registrations_.empty()) {
      // The driver cannot take this ring (another user's, or not permitted): eventfds always go.
      ChooseEventfd("the driver cannot reach this process's io_uring");
      interrupt_ = MakeEventfdInterrupt();
      result = interrupt_ == nullptr ? -EMFILE : Add(session, &irq_id);
    }
    if (result < 0) {
      return result;
    }
    if (interrupt_->kind() == VNPU_IRQ_URING) {
      ChooseUring();
    }
    registrations_.push_back(
        {.session = session.weak_from_this(), .key = &session, .irq_id = irq_id});
    *irq = {.interrupt = interrupt_.get(), .irq_id = irq_id};
    return 0;
  }

  int Add(Session& session, uint32_t* irq_id) const {
    if (interrupt_->kind() == VNPU_IRQ_URING &&
        (session.features() & VNPU_FEATURE_IRQ_URING) == 0) {
      return -EOPNOTSUPP;
    }
    vnpu_ioc_irq_add request{.fd = interrupt_->fd(),
                             .kind = interrupt_->kind(),
                             .user_data = interrupt_->user_data(),
                             .irq_id = 0,
                             .reserved = 0};
    const int result = session.Call(VNPU_IOC_IRQ_ADD, request);
    *irq_id = request.irq_id;
    return result < 0 || request.irq_id < VNPU_MAX_IRQS ? result : -EPROTO;
  }

  std::unique_ptr<Interrupt> interrupt_;
  std::vector<Registration> registrations_;
};

ThreadIrqs& Mine() {
  thread_local ThreadIrqs irqs;
  return irqs;
}

}  // namespace

int GetThreadIrq(Session& session, ThreadIrq* irq) { return Mine().Get(session, irq); }

void MakeThreadIrqs() { Mine(); }

Interrupt* GetThreadInterrupt() { return Mine().interrupt(); }

}  // namespace vnpu::runtime
