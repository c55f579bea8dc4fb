/* The upgradable part of the firmware: what task update, resource management and maintenance
 * decide.
 *
 * A plug-in is a shared object that exports vnpu_compat_table() and carries VNPU_COMPAT_IDENT. The
 * base part of the device process loads it at its start, once, and keeps it until the process ends.
 * All functions are called by one thread, the one that serves the driver; nothing of them is on the
 * path of a task. Whatever they answer, the base part checks again what could break the process.
 *
 * Fields are only ever added at the end; a plug-in with another interface version is refused. */
#ifndef VNPU_FIRMWARE_COMPAT_COMPAT_H_
#define VNPU_FIRMWARE_COMPAT_COMPAT_H_

#include <vnpu/abi.h>

#define VNPU_COMPAT_INTERFACE 1u

/* Stands in the file, so that the driver can tell its version without running it:
 *   const char ident[] = VNPU_COMPAT_IDENT "1.2.3";
 * The version has 1 to VNPU_COMPAT_VERSION_CHARS printable characters without spaces. */
#define VNPU_COMPAT_IDENT "vnpu-compat-ident:"
#define VNPU_COMPAT_VERSION_CHARS 31u

/* A queue that is to be made. */
struct vnpu_compat_queue {
  uint32_t queue_id;
  uint32_t sq_entries;
  uint32_t arg_bytes;
  uint32_t priority;
  uint32_t flags;  /* VNPU_QUEUE_* */
  uint32_t queues; /* that the session has already */
};

/* What is to be changed of a queue that exists. */
enum vnpu_compat_change { VNPU_COMPAT_STOP_ON_FAILURE = 0, VNPU_COMPAT_PRIORITY = 1 };
struct vnpu_compat_update {
  uint32_t change; /* enum vnpu_compat_change */
  uint32_t reserved;
  uint64_t value;
};

struct vnpu_compat {
  uint32_t interface_version; /* VNPU_COMPAT_INTERFACE */
  uint32_t bytes;             /* sizeof(struct vnpu_compat) as the plug-in knows it */

  /* Whether the plug-in works: 0, or another number and why in `message`, NUL terminated. Called in
   * a process of its own, under the filter of device code, before the plug-in is used anywhere. */
  int (*self_test)(char* message, uint32_t bytes);

  /* Resource management: threads that may run blocks at the same time, of a device with so many
   * units. */
  uint32_t (*worker_limit)(const uint32_t units[VNPU_UNIT_COUNT]);
  /* Resource management: 0, or the negative errno that a new queue is refused with. */
  int (*admit_queue)(const struct vnpu_compat_queue* queue);

  /* Task update: what VNPU_IOC_QUEUE_SET with this attribute (enum vnpu_queue_attr) and value
   * means. 0, or a negative errno. */
  int (*update_queue)(uint32_t attr, uint64_t value, struct vnpu_compat_update* update);

  /* Maintenance: how long the blocks of a queue that is destroyed may take to end, milliseconds. */
  uint32_t (*quiet_limit_ms)(void);
};
VNPU_ASSERT_SIZE(vnpu_compat, 48);

#ifdef __cplusplus
extern "C" {
#endif
/* The one function of a plug-in; the table is constant. */
const struct vnpu_compat* vnpu_compat_table(void);
#ifdef __cplusplus
}
#endif
#define VNPU_COMPAT_SYMBOL "vnpu_compat_table"

#endif /* VNPU_FIRMWARE_COMPAT_COMPAT_H_ */
