// Host functions that are tasks of models.
//
// The entry waits until an earlier call of it has been answered, records the register `reached`
// with a number that the device gives out, and interrupts the library's thread; if the stream has
// to wait for the function, it does so as before the call, for `done` to have that number. So a
// call that is due is one whose register has a number above the last one served, however often a
// run comes by, and the numbers order the calls of all models.
#ifndef VNPU_LIBRUNTIME_SRC_CALLBACK_GRAPH_CALL_H_
#define VNPU_LIBRUNTIME_SRC_CALLBACK_GRAPH_CALL_H_

#include <cstdint>
#include <vector>

#include "libruntime/src/callback/call_kind.h"
#include "libruntime/src/event/event_pool.h"

namespace vnpu::runtime {

struct Context;
struct Program;
struct Stream;

struct GraphCall {
  CallKind kind = CallKind::kHostFunc;
  HostFunction function = nullptr;
  void* argument = nullptr;
  bool blocking = false;  // the model's stream waits for it
  Context* context = nullptr;
  uint32_t context_generation = 0;
  EventRegister reached;
  EventRegister done;

  // Guarded by the mutex of HostCalls:
  const Stream* stream = nullptr;  // whose thread is to run it; null: it has ended
  uint64_t served = 0;             // number of the last call that was taken
  uint64_t overdue = 0;            // of the call that was due at the last look
  bool runs = false;
  bool ended = false;              // its task is gone: the last calls are still run
  std::vector<Program*> programs;  // that have it
};

}  // namespace vnpu::runtime

#endif  // VNPU_LIBRUNTIME_SRC_CALLBACK_GRAPH_CALL_H_
