// Waiting for a queue's progress: a bounded spin, then the interrupt.
#ifndef VNPU_LIBRUNTIME_SRC_WAIT_WAIT_H_
#define VNPU_LIBRUNTIME_SRC_WAIT_WAIT_H_

#include <chrono>
#include <cstdint>
#include <optional>

namespace vnpu::runtime {

class Session;
class SubmitQueue;

using Clock = std::chrono::steady_clock;
using Deadline = std::optional<Clock::time_point>;  // none: as long as it takes

// Deadline of an acl timeout in milliseconds; negative: none.
Deadline DeadlineIn(int32_t timeout_ms);

// Whether this thread may spin: with a single CPU it would keep the device from running.
bool MaySpin();

enum class WaitResult : uint8_t {
  kDone,
  kTimedOut,
  kLost,  // the device process or the driver is gone
};

enum class Spin : uint8_t {
  kAdaptive,  // as long as waits have been short lately
  kLong,      // for streams that ask for it: pays CPU time for latency
};

// Waits until every task of the queue below `target` is finished. `kick`: the caller owes the
// device a kick. The session must stay alive during the call; the queue's object does.
WaitResult WaitForHead(Session& session, SubmitQueue& queue, uint64_t target, Deadline deadline,
                       Spin spin = Spin::kAdaptive, bool kick = false);

}  // namespace vnpu::runtime

#endif  // VNPU_LIBRUNTIME_SRC_WAIT_WAIT_H_
