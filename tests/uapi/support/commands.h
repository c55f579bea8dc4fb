// Every command of uapi/vnpu/ioctl.h.
#ifndef VNPU_TESTS_UAPI_SUPPORT_COMMANDS_H_
#define VNPU_TESTS_UAPI_SUPPORT_COMMANDS_H_

#include <vnpu/ioctl.h>

namespace vnpu::raw {

struct Command {
  const char* name;
  unsigned long number;
  bool on_manager;
  bool on_device;
};

#define VNPU_RAW_COMMAND(name, on_manager, on_device) \
  Command { #name, VNPU_IOC_##name, on_manager, on_device }

inline constexpr Command kCommands[] = {
    VNPU_RAW_COMMAND(VERSION, true, true),        VNPU_RAW_COMMAND(DEVICE_QUERY, true, true),
    VNPU_RAW_COMMAND(MANAGER, true, false),       VNPU_RAW_COMMAND(PROCESS, true, false),
    VNPU_RAW_COMMAND(COUNTERS, true, false),      VNPU_RAW_COMMAND(RESET, true, false),
    VNPU_RAW_COMMAND(FAULT, true, false),         VNPU_RAW_COMMAND(SESSION, false, true),
    VNPU_RAW_COMMAND(RESERVE, false, true),       VNPU_RAW_COMMAND(RELEASE, false, true),
    VNPU_RAW_COMMAND(PMEM_ALLOC, false, true),    VNPU_RAW_COMMAND(PMEM_FREE, false, true),
    VNPU_RAW_COMMAND(MAP, false, true),           VNPU_RAW_COMMAND(UNMAP, false, true),
    VNPU_RAW_COMMAND(PROTECT, false, true),       VNPU_RAW_COMMAND(MEM_QUERY, false, true),
    VNPU_RAW_COMMAND(PIN, false, true),           VNPU_RAW_COMMAND(UNPIN, false, true),
    VNPU_RAW_COMMAND(QMEM_ADD, false, true),      VNPU_RAW_COMMAND(QMEM_DEL, false, true),
    VNPU_RAW_COMMAND(QUEUE_CREATE, false, true),  VNPU_RAW_COMMAND(QUEUE_DESTROY, false, true),
    VNPU_RAW_COMMAND(QUEUE_QUERY, false, true),   VNPU_RAW_COMMAND(QUEUE_SET, false, true),
    VNPU_RAW_COMMAND(QUEUE_ABORT, false, true),   VNPU_RAW_COMMAND(SUBMIT, false, true),
    VNPU_RAW_COMMAND(EVENT_ALLOC, false, true),   VNPU_RAW_COMMAND(EVENT_FREE, false, true),
    VNPU_RAW_COMMAND(IRQ_ADD, false, true),       VNPU_RAW_COMMAND(IRQ_DEL, false, true),
    VNPU_RAW_COMMAND(MODULE_LOAD, false, true),   VNPU_RAW_COMMAND(MODULE_UNLOAD, false, true),
    VNPU_RAW_COMMAND(MODULE_SYMBOL, false, true), VNPU_RAW_COMMAND(SELF, true, false),
    VNPU_RAW_COMMAND(EXPORT, false, true),        VNPU_RAW_COMMAND(SHARE_ALLOW, false, true),
    VNPU_RAW_COMMAND(UNEXPORT, false, true),      VNPU_RAW_COMMAND(IMPORT, false, true),
    VNPU_RAW_COMMAND(WINDOW_ADD, false, true),    VNPU_RAW_COMMAND(PMEM_HOST, false, true),
    VNPU_RAW_COMMAND(IDENTITY, true, false),      VNPU_RAW_COMMAND(NOTIFY_ALLOC, false, true),
    VNPU_RAW_COMMAND(NOTIFY_FREE, false, true),   VNPU_RAW_COMMAND(NOTIFY_RESET, false, true),
    VNPU_RAW_COMMAND(NOTIFY_SHARE, false, true),  VNPU_RAW_COMMAND(NOTIFY_ALLOW, false, true),
    VNPU_RAW_COMMAND(NOTIFY_OPEN, false, true),   VNPU_RAW_COMMAND(NOTIFY_SEQ, false, true),
    VNPU_RAW_COMMAND(FIRMWARE, true, false),      VNPU_RAW_COMMAND(FIRMWARE_UPGRADE, true, false),
    VNPU_RAW_COMMAND(MODEL_CREATE, false, true),  VNPU_RAW_COMMAND(MODEL_DESTROY, false, true),
    VNPU_RAW_COMMAND(MODEL_ABORT, false, true),
};
#undef VNPU_RAW_COMMAND

}  // namespace vnpu::raw

#endif  // VNPU_TESTS_UAPI_SUPPORT_COMMANDS_H_
