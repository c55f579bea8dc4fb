// A firmware plug-in of the tests; PLUGIN_<KIND> says what is wrong with it, if anything.
#include <unistd.h>
#include <vnpu/ioctl.h>

#include <cerrno>
#include <cstdio>

#include "firmware/compat/compat.h"

namespace {

#if defined(PLUGIN_SAME_VERSION)
[[gnu::used]] constexpr char kIdent[] = VNPU_COMPAT_IDENT "2.0.0-second";
#elif !defined(PLUGIN_NO_VERSION)
[[gnu::used]] constexpr char kIdent[] = VNPU_COMPAT_IDENT "2.0.0-" PLUGIN_NAME;
#endif

int SelfTest([[maybe_unused]] char* message, [[maybe_unused]] uint32_t bytes) {
#if defined(PLUGIN_FAILING)
  std::snprintf(message, bytes, "the answer is not 42");
  return 7;
#elif defined(PLUGIN_CRASHING)
  *static_cast<volatile int*>(nullptr) = 1;
#elif defined(PLUGIN_HANGING)
  for (;;) {
    asm volatile("");
  }
#elif defined(PLUGIN_EXITING)
  _exit(5);
#elif defined(PLUGIN_CALLING)
  return getppid() == 0 ? 1 : 0;  // a system call that device code may not make
#endif
  return 0;
}

uint32_t WorkerLimit(const uint32_t* /*units*/) { return 4; }

// What tells this version from the first: sessions get four queues and no more.
[[maybe_unused]] int AdmitQueue(const vnpu_compat_queue* queue) {
  return queue->queues < 4 ? 0 : -ENOSPC;
}

int UpdateQueue(uint32_t attr, uint64_t value, vnpu_compat_update* update) {
  *update = {.change = VNPU_COMPAT_STOP_ON_FAILURE, .reserved = 0, .value = value};
  return attr == VNPU_QUEUE_ATTR_STOP_ON_FAILURE ? 0 : -EINVAL;
}

uint32_t QuietLimitMs() { return 1000; }

constexpr vnpu_compat kTable = {
#if defined(PLUGIN_OTHER_INTERFACE)
    .interface_version = VNPU_COMPAT_INTERFACE + 1,
#else
    .interface_version = VNPU_COMPAT_INTERFACE,
#endif
    .bytes = sizeof(vnpu_compat),
    .self_test = SelfTest,
    .worker_limit = WorkerLimit,
#if defined(PLUGIN_INCOMPLETE)
    .admit_queue = nullptr,
#else
    .admit_queue = AdmitQueue,
#endif
    .update_queue = UpdateQueue,
    .quiet_limit_ms = QuietLimitMs,
};

}  // namespace

#if defined(PLUGIN_NO_TABLE)
extern "C" const vnpu_compat* another_name() { return &kTable; }
#else
extern "C" const vnpu_compat* vnpu_compat_table() { return &kTable; }
#endif
