/* Control commands. On a device node they are ioctl(2); on the embedded transport the same
 * structures travel in messages (transport.h).
 *
 * Answers: 0, or -1 with errno. For every command: ENOTTY unknown command or wrong node; EINVAL a
 * field out of range, unknown flag, or reserved field not zero; ENOENT an id that is not of this
 * session; EPERM privileged; ENXIO no session set up yet; EIO the device process is gone.
 * Descriptors: the client gives its own number; the driver takes a duplicate and the client may
 * close its one afterwards. EBADF: the number is not open or of the wrong kind. */
#ifndef VNPU_IOCTL_H_
#define VNPU_IOCTL_H_

#include <linux/ioctl.h>

#include "abi.h"

/* Both nodes -------------------------------------------------------------------------------- */

/* Must be the first command on a file; others fail with EPROTO before it. EPROTONOSUPPORT if the
 * versions differ (abi_version then tells the driver's). */
struct vnpu_ioc_version {
  uint32_t abi_version; /* in: the client's, out: the driver's */
  uint32_t reserved;
  uint64_t features; /* in: what the client has, out: what both have */
};
VNPU_ASSERT_SIZE(vnpu_ioc_version, 16);

/* Manager node ------------------------------------------------------------------------------ */

struct vnpu_ioc_manager {
  uint32_t devices; /* out: device nodes davinci0 .. davinciN-1 */
  uint32_t driver_pid;
  uint64_t started_ns; /* out: CLOCK_REALTIME at which the driver started */
  char driver_version[48];
};
VNPU_ASSERT_SIZE(vnpu_ioc_manager, 64);

/* One open session; for npu-smi. ENOENT: no session at this index. */
struct vnpu_ioc_process {
  uint32_t device;       /* in */
  uint32_t index;        /* in: 0 .. sessions-1, an instant's view */
  uint32_t pid;          /* out: client */
  uint32_t uid;          /* out */
  uint32_t device_pid;   /* out: device process, 0: none */
  uint32_t queues;       /* out */
  uint64_t hbm_bytes;    /* out: of this device, shared memory counted in each holder */
  uint64_t pinned_bytes; /* out: pinned host memory */
  char name[24];         /* out: comm of the client */
};
VNPU_ASSERT_SIZE(vnpu_ioc_process, 64);

/* The driver's own counters of what one device has given out; all zero when no session is open. */
struct vnpu_ioc_counters {
  uint32_t device; /* in */
  uint32_t sessions;
  uint32_t device_processes;
  uint32_t queues;
  uint32_t events; /* and notifies */
  uint32_t modules;
  uint32_t irqs;
  uint32_t qmems;                  /* memory files of queues and of models */
  uint32_t pmems;                  /* physical memory objects */
  uint32_t reservations;           /* ranges of virtual addresses */
  uint64_t hbm_pages;              /* 4 KiB pages in use */
  uint64_t pinned_pages;           /* 4 KiB pages of pinned host memory */
  uint64_t table_pages;            /* page-table pages */
  uint32_t units[VNPU_UNIT_COUNT]; /* units busy at this instant */
  uint32_t fds;                    /* descriptors held for sessions */
};
VNPU_ASSERT_SIZE(vnpu_ioc_counters, 88);

/* What tells a device from all others. Both stay the same when the driver starts again on the same
 * machine with the same nodes. */
struct vnpu_ioc_identity {
  uint32_t device; /* in */
  uint32_t reserved;
  uint8_t uuid[16];
  char pci_bus_id[16]; /* "0000:81:00.0": domain, bus, device, function; NUL terminated */
};
VNPU_ASSERT_SIZE(vnpu_ioc_identity, 40);

/* Privileged: end every session of a device as a reset would. */
struct vnpu_ioc_reset {
  uint32_t device;
  uint32_t flags; /* 0 */
};
VNPU_ASSERT_SIZE(vnpu_ioc_reset, 8);

enum vnpu_fault {
  VNPU_FAULT_NONE = 0,        /* clears what is still armed */
  VNPU_FAULT_HBM_ALLOC = 1,   /* the next `count` physical allocations fail with ENOMEM */
  VNPU_FAULT_CONTROL = 2,     /* the next `count` control messages to a device process get lost */
  VNPU_FAULT_KILL_DEVICE = 3, /* kill the device process of the session whose client is `pid` */
  VNPU_FAULT_COUNT = 4
};
/* Privileged: faults on demand. */
struct vnpu_ioc_fault {
  uint32_t device;
  uint32_t fault; /* enum vnpu_fault */
  uint32_t count;
  uint32_t pid;
};
VNPU_ASSERT_SIZE(vnpu_ioc_fault, 16);

/* Who the driver says the client is: the process that opened this file, as the process lists of
 * VNPU_IOC_SHARE_ALLOW name it. In a pid namespace of its own the client has another number for
 * itself. */
struct vnpu_ioc_self {
  uint32_t pid;
  uint32_t uid;
};
VNPU_ASSERT_SIZE(vnpu_ioc_self, 8);

/* A compat part of the firmware that a device has in store; the driver answers ENOENT: none at this
 * index. They keep their index; those that nobody uses may go when room is needed. */
struct vnpu_ioc_firmware {
  uint32_t device;       /* in */
  uint32_t index;        /* in: from 0 */
  uint32_t active;       /* out: 1: new sessions get it */
  uint32_t sessions;     /* out: open sessions that have it */
  uint64_t installed_ns; /* out: CLOCK_REALTIME */
  uint64_t bytes;        /* out: size of the file */
  char version[32];      /* out */
};
VNPU_ASSERT_SIZE(vnpu_ioc_firmware, 64);

/* Privileged: puts a compat part (firmware/compat/compat.h) into the store of a device and makes it
 * the active one, after its self-test in a process of its own. One that is in store already is made
 * active again. ENOEXEC: refused, `message` says why, and what was active stays. EEXIST: another
 * file of this version is in store. ENOSPC: every place of the store is in use. */
#define VNPU_MAX_FIRMWARE 16u
#define VNPU_MAX_FIRMWARE_BYTES (16u << 20)
struct vnpu_ioc_firmware_upgrade {
  uint32_t device;   /* in */
  uint32_t flags;    /* 0 */
  uint64_t bytes;    /* in: size of the file, 1 .. VNPU_MAX_FIRMWARE_BYTES */
  int32_t fd;        /* in: a regular file or memfd that can be read */
  uint32_t index;    /* out */
  char version[32];  /* out */
  char message[256]; /* out, on ENOEXEC */
};
VNPU_ASSERT_SIZE(vnpu_ioc_firmware_upgrade, 312);

/* mmap(2) on a device node: one page at this file offset, MAP_PRIVATE, PROT_READ, begins with
 * struct vnpu_device_info as it was when the page was first touched. Elsewhere a node has nothing
 * to map. */
#define VNPU_INFO_OFFSET (1ull << 20)

/* Device node: session ---------------------------------------------------------------------- */

/* Session flag, with VNPU_FEATURE_BARRIER: every wait of the client fences for the device
 * (session.h), which then need not fence after each task. */
#define VNPU_SESSION_FENCES 0x1u
/* Session flag, with VNPU_FEATURE_TASK_TIMES: the device notes when the tasks of a queue run only
 * while its record_times (queue.h) asks for it; otherwise always. */
#define VNPU_SESSION_ASKS_FOR_TIMES 0x2u
/* Session flag, with VNPU_FEATURE_SEQ_LAST: the client writes the seq of an entry behind all else
 * of it, and the SQ of a new queue is zero. The device may then take an entry as soon as it finds
 * it there, before sq_tail says so. Not for queues with VNPU_QUEUE_DRIVER_SUBMIT. */
#define VNPU_SESSION_SEQ_LAST 0x4u
#define VNPU_SESSION_FLAGS_ALL 0x7u

/* Starts the device process of this file's session: one file, one session. EBUSY: done already.
 * EADDRINUSE: the device process cannot have this window: try another. */
struct vnpu_ioc_session {
  uint64_t window_base; /* in: multiple of VNPU_WINDOW_ALIGN; the window is VNPU_WINDOW_SIZE */
  uint32_t flags;       /* VNPU_SESSION_* */
  int32_t mem_fd;       /* in: session memory: memfd of VNPU_SESSION_MEM_BYTES, F_SEAL_SHRINK */
  int32_t kick_fd;      /* in: eventfd that wakes the device, soonest if it is not O_NONBLOCK */
  uint32_t session_id;  /* out */
  uint32_t device_pid;  /* out: for PR_SET_PTRACER, in the driver's pid namespace */
  uint32_t reserved;
};
VNPU_ASSERT_SIZE(vnpu_ioc_session, 32);

/* Device node: memory ----------------------------------------------------------------------- */

/* A range of virtual addresses: of the session's window, or at a wanted address of any of its
 * windows (VNPU_IOC_WINDOW_ADD). Out: va. ENOMEM: the window has no such room.
 * Release: va must be the start; EBUSY while something is mapped in it. */
struct vnpu_ioc_reserve {
  uint64_t va;    /* in: 0 or a wanted address (EEXIST if taken); out: the address */
  uint64_t size;  /* multiple of 4096 */
  uint64_t align; /* power of two >= 4096, or 0 for 4096 (2 MiB when size >= 2 MiB) */
  uint64_t flags; /* 0 */
};
VNPU_ASSERT_SIZE(vnpu_ioc_reserve, 32);

struct vnpu_ioc_release {
  uint64_t va;
  uint64_t reserved;
};
VNPU_ASSERT_SIZE(vnpu_ioc_release, 16);

#define VNPU_PMEM_HUGE 0x1u /* 2 MiB pages: size is a multiple of 2 MiB */
/* A physical memory object, zeroed. ENOMEM: HBM is full. ENOSPC: VNPU_MAX_PMEMS. */
struct vnpu_ioc_pmem_alloc {
  uint64_t size; /* multiple of 4096 */
  uint32_t flags;
  uint32_t pmem_id; /* out */
  uint64_t pa;      /* out: physical address of its first page; information only */
  uint64_t reserved;
};
VNPU_ASSERT_SIZE(vnpu_ioc_pmem_alloc, 32);

/* An object of host memory: a memfd sealed against shrinking, whose pages the driver locks as those
 * of VNPU_IOC_PIN. The client maps the memfd itself where it maps the object. ENOMEM: the session
 * has pinned too much. ENOSPC: VNPU_MAX_PMEMS. */
struct vnpu_ioc_pmem_host {
  uint64_t size;    /* in: multiple of 4096, <= size of the memfd */
  int32_t fd;       /* in */
  uint32_t flags;   /* 0 */
  uint32_t pmem_id; /* out */
  uint32_t locked;  /* out: 1: the pages are locked, 0: the driver may not lock that much */
};
VNPU_ASSERT_SIZE(vnpu_ioc_pmem_host, 24);

/* EBUSY while mapped. */
struct vnpu_ioc_pmem_free {
  uint32_t pmem_id;
  uint32_t reserved;
};
VNPU_ASSERT_SIZE(vnpu_ioc_pmem_free, 8);

#define VNPU_PROT_READ 0x1u
#define VNPU_PROT_WRITE 0x2u
/* Maps [offset, offset+size) of an object at va, inside one reservation. EEXIST: something is
 * mapped there. 2 MiB pages are used where va, pa and size allow. */
struct vnpu_ioc_map {
  uint64_t va;
  uint64_t size;
  uint64_t offset;
  uint32_t pmem_id;
  uint32_t prot; /* VNPU_PROT_*; 0: no access */
};
VNPU_ASSERT_SIZE(vnpu_ioc_map, 32);

/* Unmap: whole pages, every page of the range mapped (ENOENT otherwise). Protect: likewise. */
struct vnpu_ioc_unmap {
  uint64_t va;
  uint64_t size;
};
VNPU_ASSERT_SIZE(vnpu_ioc_unmap, 16);

struct vnpu_ioc_protect {
  uint64_t va;
  uint64_t size;
  uint32_t prot;
  uint32_t reserved;
};
VNPU_ASSERT_SIZE(vnpu_ioc_protect, 24);

enum vnpu_mem_kind {
  VNPU_MEM_NONE = 0,     /* not in a reservation */
  VNPU_MEM_RESERVED = 1, /* reserved, not mapped */
  VNPU_MEM_DEVICE = 2,
  VNPU_MEM_PINNED = 3,
  VNPU_MEM_MODULE = 4
};
/* The reservation and page that va lies in. */
struct vnpu_ioc_mem_query {
  uint64_t va;        /* in */
  uint64_t base;      /* out: of the reservation */
  uint64_t size;      /* out: of the reservation */
  uint64_t pa;        /* out: physical address of va itself; 0 where not mapped */
  uint32_t kind;      /* out: enum vnpu_mem_kind */
  uint32_t prot;      /* out */
  uint32_t page_size; /* out: 0 where not mapped */
  uint32_t pmem_id;   /* out */
};
VNPU_ASSERT_SIZE(vnpu_ioc_mem_query, 48);

/* Pins host memory: a memfd sealed against shrinking; the driver reserves a range, locks the
 * pages and maps them for the device; the client maps the memfd at va (MAP_FIXED) itself.
 * Unpin: va as given out; the client unmaps its side first. */
struct vnpu_ioc_pin {
  uint64_t size;   /* in: multiple of 4096, <= size of the memfd */
  uint64_t va;     /* out */
  int32_t fd;      /* in */
  uint32_t flags;  /* 0 */
  uint32_t locked; /* out: 1: the pages are locked, 0: the driver may not lock that much */
  uint32_t reserved;
};
VNPU_ASSERT_SIZE(vnpu_ioc_pin, 32);

struct vnpu_ioc_unpin {
  uint64_t va;
  uint64_t reserved;
};
VNPU_ASSERT_SIZE(vnpu_ioc_unpin, 16);

/* Device node: sharing ---------------------------------------------------------------------- */

/* Memory is shared between sessions of one driver, of any device and any process. The session that
 * allocated an object exports a part of it and gets a key; who knows the key, and is allowed to,
 * imports that part as an object of its own: to be mapped, unmapped and freed like any other.
 * The memory lasts until its last holder has freed it or is gone. */

#define VNPU_SHARE_KEY_WORDS 4u
#define VNPU_EXPORT_ANY_PROCESS 0x1u /* who knows the key may import; else those named as well */
#define VNPU_EXPORT_SHORT_KEY 0x2u   /* the key is its first word, the others are zero */
/* A key for [offset, offset+size) of an object: whole pages. Keys are random. The exporting process
 * itself may always import. EACCES: an imported object, or host memory. ENOSPC: VNPU_MAX_SHARES.
 * The key ends with VNPU_IOC_UNEXPORT, with the object, and with the session. */
struct vnpu_ioc_export {
  uint32_t pmem_id;  /* in */
  uint32_t flags;    /* in */
  uint64_t offset;   /* in */
  uint64_t size;     /* in */
  uint32_t share_id; /* out */
  uint32_t reserved;
  uint64_t key[VNPU_SHARE_KEY_WORDS]; /* out */
};
VNPU_ASSERT_SIZE(vnpu_ioc_export, 64);

#define VNPU_MAX_SHARE_PIDS 1024u /* one export */
#define VNPU_SHARE_ALLOW_BATCH 32u
/* Names processes that may import, in addition to those named before: their numbers in the driver's
 * pid namespace (VNPU_IOC_SELF). EINVAL: one is not above 0. ENOSPC: VNPU_MAX_SHARE_PIDS. */
struct vnpu_ioc_share_allow {
  uint32_t share_id;
  uint32_t count; /* 1 .. VNPU_SHARE_ALLOW_BATCH; what is beyond is not looked at */
  int32_t pids[VNPU_SHARE_ALLOW_BATCH];
};
VNPU_ASSERT_SIZE(vnpu_ioc_share_allow, 136);

#define VNPU_UNEXPORT_IF_UNUSED 0x1u
/* Ends a key: nobody can import any more; what was imported stays. With VNPU_UNEXPORT_IF_UNUSED the
 * share's number stays valid, for asking again, as long as imported objects exist: EBUSY. */
struct vnpu_ioc_unexport {
  uint32_t share_id;
  uint32_t flags;
};
VNPU_ASSERT_SIZE(vnpu_ioc_unexport, 8);

/* ENOENT: no such key, or not any more. EACCES: this process is not named. ENOSPC:
 * VNPU_MAX_PMEMS. */
struct vnpu_ioc_import {
  uint64_t key[VNPU_SHARE_KEY_WORDS]; /* in */
  uint32_t flags;                     /* in: 0 */
  uint32_t pmem_id;                   /* out */
  uint64_t size;                      /* out */
  uint32_t device;                    /* out: number of the device whose memory it is */
  uint32_t pmem_flags;                /* out: VNPU_PMEM_HUGE: it begins and ends with 2 MiB pages */
};
VNPU_ASSERT_SIZE(vnpu_ioc_import, 56);

/* A further window, so that imported memory can have the address that it has in another session of
 * the client: VNPU_IOC_RESERVE takes wanted addresses in it. The client keeps it reserved, too.
 * EEXIST: overlaps a window of this session. EADDRINUSE: the device process cannot have it. ENOSPC:
 * VNPU_MAX_DEVICES windows. */
struct vnpu_ioc_window_add {
  uint64_t base;  /* multiple of VNPU_WINDOW_ALIGN; the window is VNPU_WINDOW_SIZE */
  uint64_t flags; /* 0 */
};
VNPU_ASSERT_SIZE(vnpu_ioc_window_add, 16);

/* Device node: queues ----------------------------------------------------------------------- */

/* Queue memory: memfd, sealed against shrinking, that queues are laid out in. */
struct vnpu_ioc_qmem_add {
  uint64_t size;    /* in: multiple of 4096, <= size of the memfd, <= 1 GiB */
  int32_t fd;       /* in */
  uint32_t qmem_id; /* out */
};
VNPU_ASSERT_SIZE(vnpu_ioc_qmem_add, 16);

/* EBUSY while a queue lies in it. */
struct vnpu_ioc_qmem_del {
  uint32_t qmem_id;
  uint32_t reserved;
};
VNPU_ASSERT_SIZE(vnpu_ioc_qmem_del, 8);

#define VNPU_QUEUE_DRIVER_SUBMIT                                                                \
  0x1u                                  /* the driver publishes: write(2), VNPU_IOC_SUBMIT, and \
                                           read(2) consumes its CQEs */
#define VNPU_QUEUE_STOP_ON_FAILURE 0x2u /* after a failure the following tasks are dropped */
#define VNPU_QUEUE_FLAGS_ALL 0x3u
/* EEXIST: overlaps a queue. ENOSPC: VNPU_MAX_QUEUES. The header must be zero. */
struct vnpu_ioc_queue_create {
  uint32_t qmem_id;
  uint32_t flags;
  uint64_t offset;     /* multiple of 4096 */
  uint32_t sq_entries; /* power of two, VNPU_MIN_SQ_ENTRIES .. VNPU_MAX_SQ_ENTRIES */
  uint32_t arg_bytes;  /* argument area, multiple of 4096; 0: none */
  uint32_t priority;   /* 0 (highest) .. VNPU_PRIORITIES-1 */
  uint32_t queue_id;   /* out */
};
VNPU_ASSERT_SIZE(vnpu_ioc_queue_create, 32);

/* Destroys when every published task is done (EBUSY otherwise), or at once with
 * VNPU_DESTROY_FORCE: running kernels are stopped, waiting tasks dropped. When it returns, the
 * device no longer touches the queue's memory. */
#define VNPU_DESTROY_FORCE 0x1u
struct vnpu_ioc_queue_destroy {
  uint32_t queue_id;
  uint32_t flags;
};
VNPU_ASSERT_SIZE(vnpu_ioc_queue_destroy, 8);

struct vnpu_ioc_queue_query {
  uint32_t queue_id; /* in */
  uint32_t flags;    /* out, as from here on */
  uint64_t sq_head;
  uint64_t sq_tail;
  uint64_t cq_head;
  uint64_t cq_tail;
  uint32_t priority;
  uint32_t sq_entries;
};
VNPU_ASSERT_SIZE(vnpu_ioc_queue_query, 48);

/* Changes a running queue. EINVAL: attribute that the driver or the firmware's compat part does not
 * know, or value out of range. */
enum vnpu_queue_attr {
  VNPU_QUEUE_ATTR_STOP_ON_FAILURE = 0, /* 0 or 1 */
  VNPU_QUEUE_ATTR_PRIORITY = 1, /* 0 (highest) .. VNPU_PRIORITIES-1; also for tasks that wait */
  VNPU_QUEUE_ATTR_COUNT = 2
};
struct vnpu_ioc_queue_set {
  uint32_t queue_id;
  uint32_t attr;
  uint64_t value;
};
VNPU_ASSERT_SIZE(vnpu_ioc_queue_set, 16);

/* Stops the task of a queue that runs, or waits for an event, and drops all that follow it up to
 * the present tail; with VNPU_ABORT_ONE the following ones stay. They end with VNPU_E_ABORTED, but
 * event records and resets are carried out. A failure that made the queue drop its tasks is
 * forgotten. The command does not wait: the queue is through when sq_head has reached drop_until,
 * and can be used on. With VNPU_ABORT_ONE drop_from and drop_until are equal. */
#define VNPU_ABORT_ONE 0x1u
struct vnpu_ioc_queue_abort {
  uint32_t queue_id;
  uint32_t flags;      /* VNPU_ABORT_ONE or 0 */
  uint64_t drop_from;  /* out: first task that is dropped, perhaps since a failure */
  uint64_t drop_until; /* out: first task that is not */
};
VNPU_ASSERT_SIZE(vnpu_ioc_queue_abort, 24);

/* Appends one SQE to a VNPU_QUEUE_DRIVER_SUBMIT queue. EAGAIN: full. seq is filled in. */
struct vnpu_ioc_submit {
  uint64_t task; /* out: index of the task */
  uint64_t reserved;
  uint8_t sqe[64]; /* struct vnpu_sqe */
};
VNPU_ASSERT_SIZE(vnpu_ioc_submit, 80);

/* Device node: events ----------------------------------------------------------------------- */

/* Gives out up to `count` events; their registers are zero. ENOSPC: none left. */
#define VNPU_EVENT_BATCH 64u
struct vnpu_ioc_event_alloc {
  uint32_t count;                      /* in: 1 .. VNPU_EVENT_BATCH; out: how many */
  uint32_t flags;                      /* 0 */
  uint32_t event_id[VNPU_EVENT_BATCH]; /* out */
};
VNPU_ASSERT_SIZE(vnpu_ioc_event_alloc, 264);

/* EBUSY: a task waits for it. */
struct vnpu_ioc_event_free {
  uint32_t event_id;
  uint32_t reserved;
};
VNPU_ASSERT_SIZE(vnpu_ioc_event_free, 8);

/* Device node: notifies ---------------------------------------------------------------------- */

/* A counter of the device (queue.h), 0. ENOSPC: VNPU_MAX_NOTIFIES. */
struct vnpu_ioc_notify_alloc {
  uint32_t flags;     /* 0 */
  uint32_t notify_id; /* out */
};
VNPU_ASSERT_SIZE(vnpu_ioc_notify_alloc, 8);

/* EBUSY: a task of this session waits for it. A shared notify lives until its last user frees it,
 * but nobody can open it any more when the session that shared it has freed it. */
struct vnpu_ioc_notify_free {
  uint32_t notify_id;
  uint32_t reserved;
};
VNPU_ASSERT_SIZE(vnpu_ioc_notify_free, 8);

#define VNPU_NOTIFY_BATCH 64u
/* Makes counters 0, now. */
struct vnpu_ioc_notify_reset {
  uint32_t count; /* 1 .. VNPU_NOTIFY_BATCH */
  uint32_t flags; /* 0 */
  uint32_t notify_id[VNPU_NOTIFY_BATCH];
};
VNPU_ASSERT_SIZE(vnpu_ioc_notify_reset, 264);

/* What a shared notify is to its users; opening one must name the same. */
enum vnpu_notify_kind { VNPU_NOTIFY_SIGNAL = 0, VNPU_NOTIFY_EVENT = 1, VNPU_NOTIFY_KIND_COUNT = 2 };
#define VNPU_NOTIFY_ANY_PROCESS 0x1u /* whoever has the key may open it */
#define VNPU_NOTIFY_KEY_BYTES 32u
/* Lets other sessions of this driver, on any of its devices, use the notify: those that know the
 * key, which is random, and whose process is this one or in the list of VNPU_IOC_NOTIFY_ALLOW. A
 * second time: the same key; the flags are those of the last time. EINVAL: it was opened, not
 * allocated, or is shared as another kind. */
struct vnpu_ioc_notify_share {
  uint32_t notify_id;
  uint32_t flags; /* VNPU_NOTIFY_ANY_PROCESS or 0 */
  uint32_t kind;  /* enum vnpu_notify_kind */
  uint32_t reserved;
  uint8_t key[VNPU_NOTIFY_KEY_BYTES]; /* out */
};
VNPU_ASSERT_SIZE(vnpu_ioc_notify_share, 48);

/* Adds processes, as the driver numbers them, to the list. EINVAL: not shared by this session.
 * ENOSPC: VNPU_MAX_NOTIFY_PIDS. */
#define VNPU_MAX_NOTIFY_PIDS 1024u
struct vnpu_ioc_notify_allow {
  uint32_t notify_id;
  uint32_t count; /* 1 .. VNPU_NOTIFY_BATCH */
  uint32_t pid[VNPU_NOTIFY_BATCH];
};
VNPU_ASSERT_SIZE(vnpu_ioc_notify_allow, 264);

/* ENOENT: no such key, or of another kind. EACCES: not for this process. */
struct vnpu_ioc_notify_open {
  uint32_t kind;      /* in: enum vnpu_notify_kind */
  uint32_t notify_id; /* out: of this session */
  uint64_t reserved;
  uint8_t key[VNPU_NOTIFY_KEY_BYTES]; /* in */
};
VNPU_ASSERT_SIZE(vnpu_ioc_notify_open, 48);

/* Sequence numbers of a shared notify, one row for all its users, from 1 on. A record with
 * VNPU_NOTIFY_MAX says that the number's turn has come; when a session ends, or its device is lost,
 * the driver says it for all numbers that it has taken. EINVAL: not shared. */
#define VNPU_NOTIFY_SEQ_NEXT 0x1u /* takes a number */
#define VNPU_NOTIFY_SEQ_DONE 0x2u /* records a number that was given out, now */
struct vnpu_ioc_notify_seq {
  uint32_t notify_id;
  uint32_t flags; /* VNPU_NOTIFY_SEQ_NEXT, VNPU_NOTIFY_SEQ_DONE or 0 */
  uint64_t seq;   /* in: VNPU_NOTIFY_SEQ_DONE, 0 otherwise; out: the last number given out */
  uint64_t count; /* out: the counter */
};
VNPU_ASSERT_SIZE(vnpu_ioc_notify_seq, 24);

/* Device node: interrupts -------------------------------------------------------------------- */

enum vnpu_irq_kind { VNPU_IRQ_EVENTFD = 0, VNPU_IRQ_URING = 1 };
/* An interrupt target: an eventfd (the device writes 1) or an io_uring (the device posts a CQE
 * with IORING_OP_MSG_RING: user_data as given, res 0). irq_id is also the waiter slot. */
struct vnpu_ioc_irq_add {
  int32_t fd;
  uint32_t kind;
  uint64_t user_data;
  uint32_t irq_id; /* out */
  uint32_t reserved;
};
VNPU_ASSERT_SIZE(vnpu_ioc_irq_add, 24);

struct vnpu_ioc_irq_del {
  uint32_t irq_id;
  uint32_t reserved;
};
VNPU_ASSERT_SIZE(vnpu_ioc_irq_del, 8);

/* Device node: modules ---------------------------------------------------------------------- */

/* Loads a device image (kernel_abi.h) into device memory. ENOEXEC: not an image this device can
 * run; `message` says why. */
struct vnpu_ioc_module_load {
  uint64_t size;  /* in: bytes of the image */
  int32_t fd;     /* in: memfd with the image at offset 0, sealed against shrinking and writing */
  uint32_t flags; /* 0 */
  uint32_t module_id; /* out */
  uint32_t kernels;   /* out: how many */
  uint64_t va;        /* out: where it was loaded */
  uint64_t span;      /* out: bytes of device memory */
  char message[216];  /* out, on ENOEXEC */
};
VNPU_ASSERT_SIZE(vnpu_ioc_module_load, 256);

/* The tasks that use it must be done. */
struct vnpu_ioc_module_unload {
  uint32_t module_id;
  uint32_t reserved;
};
VNPU_ASSERT_SIZE(vnpu_ioc_module_unload, 8);

enum vnpu_symbol_kind { VNPU_SYMBOL_KERNEL = 0, VNPU_SYMBOL_DATA = 1 };
#define VNPU_SYMBOL_BY_NAME 0xffffffffu
#define VNPU_SYMBOL_PARAMS 64u
/* Looks a symbol up, by name or (kernels) by index 0 .. kernels-1. ENOENT: none such. */
struct vnpu_ioc_module_symbol {
  uint32_t module_id;   /* in */
  uint32_t kind;        /* in: enum vnpu_symbol_kind */
  uint32_t index;       /* in: or VNPU_SYMBOL_BY_NAME; out: index */
  uint32_t func_id;     /* out, kernels: for SQEs */
  uint32_t unit;        /* out, kernels: enum vnpu_unit */
  uint32_t param_count; /* out, kernels */
  uint32_t arg_size;    /* out, kernels: bytes */
  /* Out, mix kernels: AI cores and vector cores of a block; otherwise 0. In: 0. */
  uint16_t cube_ratio;
  uint16_t vector_ratio;
  uint64_t address; /* out: device address (kernel: of its entry) */
  uint64_t size;    /* out: bytes of data; kernels: of code, 0: unknown */
  char name[216];   /* in (by name) or out */
  struct {
    uint32_t offset;
    uint32_t size;
  } params[VNPU_SYMBOL_PARAMS]; /* out, kernels: the first VNPU_SYMBOL_PARAMS */
};
VNPU_ASSERT_SIZE(vnpu_ioc_module_symbol, 776);

/* Device node: models ----------------------------------------------------------------------- */

/* A model (model.h, VNPU_FEATURE_MODEL) and its memory: a memfd sealed against shrinking. Images
 * with more than these counts cannot run. ENOSPC: VNPU_MAX_MODELS, or the limits on streams, graphs
 * and registers that a session has. */
struct vnpu_ioc_model_create {
  uint64_t size;          /* in: multiple of 4096, <= size of the memfd, <= 1 GiB */
  int32_t fd;             /* in */
  uint32_t flags;         /* 0 */
  uint32_t max_streams;   /* in: 1 .. VNPU_MAX_MODEL_STREAMS */
  uint32_t max_graphs;    /* in: 1 .. VNPU_MAX_MODEL_GRAPHS */
  uint32_t max_registers; /* in: 0 .. VNPU_MAX_MODEL_REGISTERS */
  uint32_t model_id;      /* out: never 0 */
};
VNPU_ASSERT_SIZE(vnpu_ioc_model_create, 32);

/* EBUSY while a run is under way or waits for its turn. Entries for it that the device has not met
 * yet fail with VNPU_E_INVALID_SQE. When it returns, the device no longer touches the memory. */
struct vnpu_ioc_model_destroy {
  uint32_t model_id;
  uint32_t flags; /* 0 */
};
VNPU_ASSERT_SIZE(vnpu_ioc_model_destroy, 8);

/* Ends the run that is under way and those that wait for their turn: their entries end with
 * VNPU_E_ABORTED. The command does not wait for that. */
struct vnpu_ioc_model_abort {
  uint32_t model_id;
  uint32_t flags; /* 0 */
};
VNPU_ASSERT_SIZE(vnpu_ioc_model_abort, 8);

/* Numbers: 0x00 both nodes, 0x02 to 0x0f manager node, 0x10 and up device node. */
#define VNPU_IOC_MAGIC 'N'
#define VNPU_IOC_VERSION _IOWR(VNPU_IOC_MAGIC, 0x00, struct vnpu_ioc_version)
#define VNPU_IOC_DEVICE_QUERY _IOWR(VNPU_IOC_MAGIC, 0x01, struct vnpu_device_info) /* both */
#define VNPU_IOC_MANAGER _IOR(VNPU_IOC_MAGIC, 0x02, struct vnpu_ioc_manager)
#define VNPU_IOC_PROCESS _IOWR(VNPU_IOC_MAGIC, 0x03, struct vnpu_ioc_process)
#define VNPU_IOC_COUNTERS _IOWR(VNPU_IOC_MAGIC, 0x04, struct vnpu_ioc_counters)
#define VNPU_IOC_RESET _IOW(VNPU_IOC_MAGIC, 0x05, struct vnpu_ioc_reset)
#define VNPU_IOC_FAULT _IOW(VNPU_IOC_MAGIC, 0x06, struct vnpu_ioc_fault)
#define VNPU_IOC_SELF _IOR(VNPU_IOC_MAGIC, 0x0e, struct vnpu_ioc_self)
#define VNPU_IOC_IDENTITY _IOWR(VNPU_IOC_MAGIC, 0x0f, struct vnpu_ioc_identity)
#define VNPU_IOC_FIRMWARE _IOWR(VNPU_IOC_MAGIC, 0x0c, struct vnpu_ioc_firmware)
#define VNPU_IOC_FIRMWARE_UPGRADE _IOWR(VNPU_IOC_MAGIC, 0x0d, struct vnpu_ioc_firmware_upgrade)
#define VNPU_IOC_SESSION _IOWR(VNPU_IOC_MAGIC, 0x10, struct vnpu_ioc_session)
#define VNPU_IOC_RESERVE _IOWR(VNPU_IOC_MAGIC, 0x20, struct vnpu_ioc_reserve)
#define VNPU_IOC_RELEASE _IOW(VNPU_IOC_MAGIC, 0x21, struct vnpu_ioc_release)
#define VNPU_IOC_PMEM_ALLOC _IOWR(VNPU_IOC_MAGIC, 0x22, struct vnpu_ioc_pmem_alloc)
#define VNPU_IOC_PMEM_FREE _IOW(VNPU_IOC_MAGIC, 0x23, struct vnpu_ioc_pmem_free)
#define VNPU_IOC_MAP _IOW(VNPU_IOC_MAGIC, 0x24, struct vnpu_ioc_map)
#define VNPU_IOC_UNMAP _IOW(VNPU_IOC_MAGIC, 0x25, struct vnpu_ioc_unmap)
#define VNPU_IOC_PROTECT _IOW(VNPU_IOC_MAGIC, 0x26, struct vnpu_ioc_protect)
#define VNPU_IOC_MEM_QUERY _IOWR(VNPU_IOC_MAGIC, 0x27, struct vnpu_ioc_mem_query)
#define VNPU_IOC_PIN _IOWR(VNPU_IOC_MAGIC, 0x28, struct vnpu_ioc_pin)
#define VNPU_IOC_UNPIN _IOW(VNPU_IOC_MAGIC, 0x29, struct vnpu_ioc_unpin)
#define VNPU_IOC_EXPORT _IOWR(VNPU_IOC_MAGIC, 0x2a, struct vnpu_ioc_export)
#define VNPU_IOC_SHARE_ALLOW _IOW(VNPU_IOC_MAGIC, 0x2b, struct vnpu_ioc_share_allow)
#define VNPU_IOC_UNEXPORT _IOW(VNPU_IOC_MAGIC, 0x2c, struct vnpu_ioc_unexport)
#define VNPU_IOC_IMPORT _IOWR(VNPU_IOC_MAGIC, 0x2d, struct vnpu_ioc_import)
#define VNPU_IOC_WINDOW_ADD _IOW(VNPU_IOC_MAGIC, 0x2e, struct vnpu_ioc_window_add)
#define VNPU_IOC_PMEM_HOST _IOWR(VNPU_IOC_MAGIC, 0x2f, struct vnpu_ioc_pmem_host)
#define VNPU_IOC_QMEM_ADD _IOWR(VNPU_IOC_MAGIC, 0x30, struct vnpu_ioc_qmem_add)
#define VNPU_IOC_QMEM_DEL _IOW(VNPU_IOC_MAGIC, 0x31, struct vnpu_ioc_qmem_del)
#define VNPU_IOC_QUEUE_CREATE _IOWR(VNPU_IOC_MAGIC, 0x32, struct vnpu_ioc_queue_create)
#define VNPU_IOC_QUEUE_DESTROY _IOW(VNPU_IOC_MAGIC, 0x33, struct vnpu_ioc_queue_destroy)
#define VNPU_IOC_QUEUE_QUERY _IOWR(VNPU_IOC_MAGIC, 0x34, struct vnpu_ioc_queue_query)
#define VNPU_IOC_QUEUE_SET _IOW(VNPU_IOC_MAGIC, 0x35, struct vnpu_ioc_queue_set)
#define VNPU_IOC_SUBMIT _IOWR(VNPU_IOC_MAGIC, 0x36, struct vnpu_ioc_submit)
#define VNPU_IOC_QUEUE_ABORT _IOWR(VNPU_IOC_MAGIC, 0x37, struct vnpu_ioc_queue_abort)
#define VNPU_IOC_EVENT_ALLOC _IOWR(VNPU_IOC_MAGIC, 0x40, struct vnpu_ioc_event_alloc)
#define VNPU_IOC_EVENT_FREE _IOW(VNPU_IOC_MAGIC, 0x41, struct vnpu_ioc_event_free)
#define VNPU_IOC_NOTIFY_ALLOC _IOWR(VNPU_IOC_MAGIC, 0x42, struct vnpu_ioc_notify_alloc)
#define VNPU_IOC_NOTIFY_FREE _IOW(VNPU_IOC_MAGIC, 0x43, struct vnpu_ioc_notify_free)
#define VNPU_IOC_NOTIFY_RESET _IOW(VNPU_IOC_MAGIC, 0x44, struct vnpu_ioc_notify_reset)
#define VNPU_IOC_NOTIFY_SHARE _IOWR(VNPU_IOC_MAGIC, 0x45, struct vnpu_ioc_notify_share)
#define VNPU_IOC_NOTIFY_ALLOW _IOW(VNPU_IOC_MAGIC, 0x46, struct vnpu_ioc_notify_allow)
#define VNPU_IOC_NOTIFY_OPEN _IOWR(VNPU_IOC_MAGIC, 0x47, struct vnpu_ioc_notify_open)
#define VNPU_IOC_NOTIFY_SEQ _IOWR(VNPU_IOC_MAGIC, 0x4a, struct vnpu_ioc_notify_seq)
#define VNPU_IOC_IRQ_ADD _IOWR(VNPU_IOC_MAGIC, 0x48, struct vnpu_ioc_irq_add)
#define VNPU_IOC_IRQ_DEL _IOW(VNPU_IOC_MAGIC, 0x49, struct vnpu_ioc_irq_del)
#define VNPU_IOC_MODULE_LOAD _IOWR(VNPU_IOC_MAGIC, 0x50, struct vnpu_ioc_module_load)
#define VNPU_IOC_MODULE_UNLOAD _IOW(VNPU_IOC_MAGIC, 0x51, struct vnpu_ioc_module_unload)
#define VNPU_IOC_MODULE_SYMBOL _IOWR(VNPU_IOC_MAGIC, 0x52, struct vnpu_ioc_module_symbol)
#define VNPU_IOC_MODEL_CREATE _IOWR(VNPU_IOC_MAGIC, 0x60, struct vnpu_ioc_model_create)
#define VNPU_IOC_MODEL_DESTROY _IOW(VNPU_IOC_MAGIC, 0x61, struct vnpu_ioc_model_destroy)
#define VNPU_IOC_MODEL_ABORT _IOW(VNPU_IOC_MAGIC, 0x62, struct vnpu_ioc_model_abort)

/* Where the descriptors of a command stand in its structure: up to two offsets, -1: none. */
static inline void vnpu_ioctl_fds(unsigned long command, int offsets[2]) {
  offsets[0] = -1;
  offsets[1] = -1;
  if (command == VNPU_IOC_SESSION) {
    offsets[0] = offsetof(struct vnpu_ioc_session, mem_fd);
    offsets[1] = offsetof(struct vnpu_ioc_session, kick_fd);
  } else if (command == VNPU_IOC_PIN) {
    offsets[0] = offsetof(struct vnpu_ioc_pin, fd);
  } else if (command == VNPU_IOC_PMEM_HOST) {
    offsets[0] = offsetof(struct vnpu_ioc_pmem_host, fd);
  } else if (command == VNPU_IOC_QMEM_ADD) {
    offsets[0] = offsetof(struct vnpu_ioc_qmem_add, fd);
  } else if (command == VNPU_IOC_IRQ_ADD) {
    offsets[0] = offsetof(struct vnpu_ioc_irq_add, fd);
  } else if (command == VNPU_IOC_MODULE_LOAD) {
    offsets[0] = offsetof(struct vnpu_ioc_module_load, fd);
  } else if (command == VNPU_IOC_FIRMWARE_UPGRADE) {
    offsets[0] = offsetof(struct vnpu_ioc_firmware_upgrade, fd);
  } else if (command == VNPU_IOC_MODEL_CREATE) {
    offsets[0] = offsetof(struct vnpu_ioc_model_create, fd);
  }
}

#endif /* VNPU_IOCTL_H_ */
