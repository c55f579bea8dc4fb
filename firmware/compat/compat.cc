// The compat part that comes with this firmware: built as a plug-in, and into the base part, which
// uses it when it is given none.
#include "firmware/compat/compat.h"

#include <vnpu/ioctl.h>

#include <algorithm>
#include <bit>
#include <cerrno>
#include <cstdio>

namespace {

[[gnu::used]] constexpr char kIdent[] = VNPU_COMPAT_IDENT VNPU_COMPAT_VERSION;

constexpr uint32_t kUnitsEach = 255;  // more of one kind need no threads of their own

uint32_t WorkerLimit(const uint32_t units[VNPU_UNIT_COUNT]) {
  uint32_t workers = 1;  // one more than units, so that one is always there to look for work
  for (uint32_t unit = 0; unit < VNPU_UNIT_COUNT; ++unit) {
    workers += std::min(units[unit], kUnitsEach);
  }
  return workers;
}

int AdmitQueue(const vnpu_compat_queue* queue) {
  const bool sound = std::has_single_bit(queue->sq_entries) &&
                     queue->sq_entries >= VNPU_MIN_SQ_ENTRIES &&
                     queue->sq_entries <= VNPU_MAX_SQ_ENTRIES && queue->priority < VNPU_PRIORITIES;
  return !sound ? -EINVAL : queue->queues >= VNPU_MAX_QUEUES ? -ENOSPC : 0;
}

int UpdateQueue(uint32_t attr, uint64_t value, vnpu_compat_update* update) {
  switch (attr) {
    case VNPU_QUEUE_ATTR_STOP_ON_FAILURE:
      *update = {
          .change = VNPU_COMPAT_STOP_ON_FAILURE, .reserved = 0, .value = value != 0 ? 1u : 0u};
      return 0;
    case VNPU_QUEUE_ATTR_PRIORITY:
      *update = {.change = VNPU_COMPAT_PRIORITY, .reserved = 0, .value = value};
      return value < VNPU_PRIORITIES ? 0 : -EINVAL;
    default:
      return -EINVAL;
  }
}

uint32_t QuietLimitMs() { return 2000; }

int Complain(char* message, uint32_t bytes, const char* what) {
  std::snprintf(message, bytes, "%s", what);
  return 1;
}

int SelfTest(char* message, uint32_t bytes) {
  const uint32_t units[VNPU_UNIT_COUNT] = {2, 4, 0, 1, 1};
  if (WorkerLimit(units) != 9) {
    return Complain(message, bytes, "the number of workers is wrong");
  }
  const vnpu_compat_queue good = {0, VNPU_MIN_SQ_ENTRIES, 0, 0, 0, 0};
  const vnpu_compat_queue odd = {0, 3, 0, 0, 0, 0};
  const vnpu_compat_queue full = {0, VNPU_MIN_SQ_ENTRIES, 0, 0, 0, VNPU_MAX_QUEUES};
  if (AdmitQueue(&good) != 0 || AdmitQueue(&odd) != -EINVAL || AdmitQueue(&full) != -ENOSPC) {
    return Complain(message, bytes, "queues are admitted wrongly");
  }
  vnpu_compat_update update{};
  if (UpdateQueue(VNPU_QUEUE_ATTR_STOP_ON_FAILURE, 7, &update) != 0 || update.value != 1 ||
      UpdateQueue(VNPU_QUEUE_ATTR_PRIORITY, VNPU_PRIORITIES, &update) != -EINVAL ||
      UpdateQueue(VNPU_QUEUE_ATTR_COUNT, 0, &update) != -EINVAL) {
    return Complain(message, bytes, "queues are updated wrongly");
  }
  return 0;
}

constexpr vnpu_compat kTable = {
    .interface_version = VNPU_COMPAT_INTERFACE,
    .bytes = sizeof(vnpu_compat),
    .self_test = SelfTest,
    .worker_limit = WorkerLimit,
    .admit_queue = AdmitQueue,
    .update_queue = UpdateQueue,
    .quiet_limit_ms = QuietLimitMs,
};

}  // namespace

extern "C" [[gnu::visibility("default")]] const vnpu_compat* vnpu_compat_table() { return &kTable; }
