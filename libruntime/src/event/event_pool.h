// Event registers of a session. They come from the driver in batches and are kept for reuse;
// sequence numbers of a register only grow, whoever uses it.
#ifndef VNPU_LIBRUNTIME_SRC_EVENT_EVENT_POOL_H_
#define VNPU_LIBRUNTIME_SRC_EVENT_EVENT_POOL_H_

#include <vnpu/session.h>

#include <cstdint>
#include <deque>
#include <mutex>

#include "acl/acl_base.h"

namespace vnpu::runtime {

class Session;
class SubmitQueue;

// A place in a queue: over when the queue's head is above `task`. Null queue: over.
struct TaskPoint {
  SubmitQueue* queue = nullptr;
  uint64_t task = 0;

  bool done() const;
};

// A register that an event holds, or that rests in the pool.
struct EventRegister {
  uint32_t id = 0;
  uint64_t seq = 0;       // of the last record submitted, by any event that had the register
  TaskPoint last_record;  // tasks that write the register
  TaskPoint last_reset;

  bool quiet() const { return last_record.done() && last_reset.done(); }
};

class EventPool {
 public:
  explicit EventPool(Session& session) : session_(session) {}

  aclError Acquire(EventRegister* reg);
  // Tasks may still use it: it is given out again when those that write it are done.
  void Release(const EventRegister& reg);

  // Events that can still be made.
  uint32_t available() const;

  const vnpu_event_reg& Register(uint32_t id) const;

 private:
  aclError Refill();

  Session& session_;
  mutable std::mutex mutex_;
  std::deque<EventRegister> free_;
  uint32_t in_use_ = 0;
};

}  // namespace vnpu::runtime

#endif  // VNPU_LIBRUNTIME_SRC_EVENT_EVENT_POOL_H_
