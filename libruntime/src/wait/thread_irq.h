// The calling thread's interrupt, and its registration with sessions.
#ifndef VNPU_LIBRUNTIME_SRC_WAIT_THREAD_IRQ_H_
#define VNPU_LIBRUNTIME_SRC_WAIT_THREAD_IRQ_H_

#include <cstdint>

#include "libruntime/src/wait/interrupt.h"

namespace vnpu::runtime {

class Session;

struct ThreadIrq {
  Interrupt* interrupt = nullptr;
  uint32_t irq_id = 0;  // also the waiter slot in session memory
};

// Registers the calling thread with the session on first use; the registration ends with the
// thread. 0 or -errno: -ENOSPC when VNPU_MAX_IRQS threads are registered.
int GetThreadIrq(Session& session, ThreadIrq* irq);

// The calling thread's interrupt, made on first use; null when the kernel refuses all kinds.
Interrupt* GetThreadInterrupt();

// Makes the calling thread's registrations, which end in the reverse order of their making with
// other objects of the thread, outlive those that are made later.
void MakeThreadIrqs();

}  // namespace vnpu::runtime

#endif  // VNPU_LIBRUNTIME_SRC_WAIT_THREAD_IRQ_H_
