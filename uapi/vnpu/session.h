/* Session memory: one memfd a session, made by the client, sealed against shrinking, shared with
 * the driver and the device process. Doorbells, sleep state, waiters, exceptions, events. */
#ifndef VNPU_SESSION_H_
#define VNPU_SESSION_H_

#include "abi.h"
#include "error.h"

enum vnpu_session_state {
  VNPU_SESSION_NEW = 0,
  VNPU_SESSION_RUNNING = 1,
  VNPU_SESSION_LOST = 2 /* the device process is gone or being buried: no task will run again */
};

/* Stack of a block on an AI core or vector core; what is asked for is rounded up to a multiple of
 * 16 KiB between these. Blocks on an AI CPU have 2 MiB. */
#define VNPU_KERNEL_STACK_DEFAULT (32u << 10)
#define VNPU_KERNEL_STACK_MAX (192u << 10)

#define VNPU_DOORBELL_WORDS (VNPU_MAX_QUEUES / 64u)
#define VNPU_EXCEPTIONS 64u

/* A thread of the client that waits for a queue: slot i belongs to the thread that registered
 * interrupt i. To wait: fill queue_id and target, store armed = 1, add 1 to the queue's `waiting`
 * (sequentially consistent), with VNPU_SESSION_FENCES call membarrier(2) with
 * MEMBARRIER_CMD_GLOBAL_EXPEDITED, look at sq_head once more, then block on the interrupt. The same
 * barrier follows each later store of armed = 1. The device
 * exchanges armed with 0 when sq_head >= target, and posts the interrupt if it got the 1. The
 * waiter subtracts its 1 from `waiting` when it is done, and disarms on the way out; an interrupt
 * that comes too late is to be ignored. */
struct vnpu_waiter {
  uint64_t target; /* sq_head to wait for */
  uint32_t queue_id;
  uint32_t armed;
  uint64_t reserved[2];
};
VNPU_ASSERT_SIZE(vnpu_waiter, 32);

/* Event register, written by the device. */
struct vnpu_event_reg {
  uint64_t seq;       /* of the last record done; 0: never, or reset */
  uint64_t timestamp; /* device clock of that record; written before seq */
};
VNPU_ASSERT_SIZE(vnpu_event_reg, 16);

struct vnpu_session_mem {
  /* driver and device */
  uint32_t state;      /* enum vnpu_session_state */
  uint32_t device_pid; /* as the driver sees it; 0: none */
  uint64_t pad0[7];
  /* device */
  uint32_t need_wakeup; /* 1: every worker sleeps or is about to: a doorbell wants a kick */
  uint32_t pad1[15];
  /* client: doorbells; the device exchanges words with 0 */
  uint64_t doorbell_summary; /* bit w: doorbell[w] is not 0 */
  /* client: for the kernels that start from then on */
  uint64_t print_va;           /* rings for what kernels print (print.h), pinned memory; 0: none */
  uint32_t print_fifo_bytes;   /* of one ring */
  uint32_t kernel_stack_bytes; /* 0: VNPU_KERNEL_STACK_DEFAULT */
  /* client, a hint: 1 + the CPU of the thread that kicked last and goes on, or that works beside
   * the device; 0: none. The system likes to wake the device there, which then moves on to another
   * one. */
  uint32_t kick_cpu;
  uint32_t pad5;
  uint64_t pad2[4];
  uint64_t doorbell[VNPU_DOORBELL_WORDS]; /* bit q % 64 of word q / 64 */
  /* device */
  uint64_t exception_count; /* exceptions so far; the ring keeps the last VNPU_EXCEPTIONS */
  uint32_t overflow;        /* 1: a kernel with VNPU_SQE_OVERFLOW has overflowed; client: 0 */
  uint32_t pad4;
  uint64_t pad3[6];
  struct vnpu_exception exceptions[VNPU_EXCEPTIONS];
  /* client */
  struct vnpu_waiter waiters[VNPU_MAX_IRQS];
  /* device */
  struct vnpu_event_reg events[VNPU_MAX_EVENTS];
};
VNPU_ASSERT_OFFSET(vnpu_session_mem, need_wakeup, 64);
VNPU_ASSERT_OFFSET(vnpu_session_mem, doorbell_summary, 128);
VNPU_ASSERT_OFFSET(vnpu_session_mem, doorbell, 192);
VNPU_ASSERT_OFFSET(vnpu_session_mem, exception_count, 704);
VNPU_ASSERT_OFFSET(vnpu_session_mem, exceptions, 768);
VNPU_ASSERT_OFFSET(vnpu_session_mem, waiters, 8960);
VNPU_ASSERT_OFFSET(vnpu_session_mem, events, 17152);

#define VNPU_SESSION_MEM_BYTES \
  ((sizeof(struct vnpu_session_mem) + VNPU_PAGE_SIZE - 1) & ~(size_t)(VNPU_PAGE_SIZE - 1))

#endif /* VNPU_SESSION_H_ */
