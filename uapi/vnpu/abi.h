/* The contract between a runtime and the vnpu driver: version, features, limits, device profile.
 *
 * Rules that hold for every structure of this folder: little endian, natural alignment, no
 * implicit padding, no pointers. Fields named reserved must be zero on the way in and are zero on
 * the way out. Sizes are in bytes unless the name says otherwise. */
#ifndef VNPU_ABI_H_
#define VNPU_ABI_H_

#include <assert.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
#define VNPU_STATIC_ASSERT static_assert
#else
#define VNPU_STATIC_ASSERT _Static_assert
#endif
#define VNPU_ASSERT_SIZE(type, bytes) VNPU_STATIC_ASSERT(sizeof(struct type) == (bytes), #type)
#define VNPU_ASSERT_OFFSET(type, field, bytes) \
  VNPU_STATIC_ASSERT(offsetof(struct type, field) == (bytes), #type "." #field)

/* A driver serves a client whose version is equal; features add to a version. */
#define VNPU_ABI_VERSION 1u

/* Features, negotiated by VNPU_IOC_VERSION: the driver answers with those that both sides have. */
#define VNPU_FEATURE_IRQ_EVENTFD (1ull << 0)  /* interrupts by eventfd */
#define VNPU_FEATURE_IRQ_URING (1ull << 1)    /* interrupts by IORING_OP_MSG_RING */
#define VNPU_FEATURE_SUBMIT_WRITE (1ull << 2) /* write(2) of SQEs */
#define VNPU_FEATURE_SUBMIT_IOCTL (1ull << 3) /* VNPU_IOC_SUBMIT */
#define VNPU_FEATURE_BARRIER (1ull << 4)      /* the device fences for clients (queue.h, step 3) */
#define VNPU_FEATURE_INTERRUPT (1ull << 5)    /* VNPU_OP_INTERRUPT */
#define VNPU_FEATURE_OVERFLOW (1ull << 6)     /* VNPU_SQE_OVERFLOW */
#define VNPU_FEATURE_DMA_TASKS (1ull << 8)    /* REDUCE, RANDOM, copies by descriptor (queue.h) */
#define VNPU_FEATURE_TASK_TIMES (1ull << 9)   /* VNPU_SESSION_ASKS_FOR_TIMES */
#define VNPU_FEATURE_SEQ_LAST (1ull << 10)    /* VNPU_SESSION_SEQ_LAST */
#define VNPU_FEATURE_CORE_LIMIT (1ull << 12)  /* vnpu_sqe.core_limit */
#define VNPU_FEATURE_MODEL (1ull << 16)       /* model.h, and the opcodes for it */
/* VNPU_SQE_SEQ_OF_EVENT, VNPU_SQE_SEQ_NEXT, models in models */
#define VNPU_FEATURE_MODEL_CALLS (1ull << 17)
#define VNPU_FEATURE_TASK_UPDATE (1ull << 20) /* VNPU_OP_KERNEL_UPDATE, VNPU_OP_RANDOM_UPDATE */
#define VNPU_FEATURES_ALL 0x13177full

/* Limits. */
#define VNPU_MAX_DEVICES 64u
#define VNPU_MAX_QUEUES 4096u  /* a session */
#define VNPU_MAX_EVENTS 65536u /* a session */
#define VNPU_MAX_MODULES 4096u /* a session */
#define VNPU_MAX_IRQS 256u     /* a session */
#define VNPU_MAX_QMEMS 1024u   /* a session */
#define VNPU_MAX_PMEMS 16384u  /* physical memory objects and pins, a session */
#define VNPU_MAX_SHARES 4096u  /* exports, a session */
#define VNPU_MAX_SQ_ENTRIES 65536u
#define VNPU_MIN_SQ_ENTRIES 2u
#define VNPU_MAX_ARG_BYTES 32768u /* arguments of one kernel */
#define VNPU_MAX_BLOCKS 65535u    /* blocks of one kernel */
#define VNPU_PRIORITIES 8u        /* 0 is the highest */
#define VNPU_PAGE_SIZE 4096u
#define VNPU_HUGE_PAGE_SIZE (2u << 20)
/* Queues of a session that have VNPU_QUEUE_DRIVER_SUBMIT. */
#define VNPU_MAX_SUBMIT_QUEUES 256u

#define VNPU_MAX_NOTIFIES 8192u /* a session */

#define VNPU_MAX_MODELS 4096u               /* a session */
#define VNPU_MAX_MODEL_DEPTH 16u            /* models in models, the outermost counted */
#define VNPU_MAX_MODEL_STREAMS 4096u        /* one model */
#define VNPU_MAX_MODEL_GRAPHS 4096u         /* one model */
#define VNPU_MAX_MODEL_REGISTERS 1048576u   /* one model */
#define VNPU_MAX_MODEL_LABELS 65536u        /* one image */
#define VNPU_MAX_MODEL_ENTRIES 4194304u     /* one image */
#define VNPU_MAX_SESSION_STREAMS 65536u     /* max_streams + max_graphs of all models, a session */
#define VNPU_MAX_SESSION_REGISTERS 4194304u /* max_registers of all models, a session */

/* Device memory of a session lives in one window of virtual addresses that the client chooses and
 * keeps reserved (PROT_NONE); the device process maps the same addresses. */
#define VNPU_WINDOW_SIZE (1ull << 40)
#define VNPU_WINDOW_ALIGN (1ull << 30)

/* Units of the virtual silicon. The first four are also the core types of kernels. */
enum vnpu_unit {
  VNPU_UNIT_AI_CORE = 0,     /* cube core */
  VNPU_UNIT_VECTOR_CORE = 1, /* vector core */
  VNPU_UNIT_MIX = 2,         /* a kernel for an AI core with its vector cores; counted as AI core */
  VNPU_UNIT_AI_CPU = 3,
  VNPU_UNIT_DMA = 4,
  VNPU_UNIT_COUNT = 5
};

/* What the client learns about a device. */
struct vnpu_device_info {
  uint32_t device;                        /* in: for VNPU_IOC_DEVICE_QUERY on the manager node */
  uint32_t numa_node;                     /* that HBM is bound to */
  uint32_t units[VNPU_UNIT_COUNT];        /* how many of each unit */
  uint32_t priorities;                    /* VNPU_PRIORITIES */
  uint64_t hbm_total;                     /* bytes */
  uint64_t hbm_free;                      /* bytes, at this moment */
  uint64_t clock_hz;                      /* ticks a second of the device clock (the TSC) */
  uint64_t unit_busy_ns[VNPU_UNIT_COUNT]; /* summed over units and sessions since the start */
  uint64_t uptime_ns;                     /* since the start of the driver */
  uint32_t sessions;                      /* open sessions */
  uint32_t health;                        /* 0: ok */
  char soc_name[32];                      /* such as "Ascend910B1", NUL terminated */
};
VNPU_ASSERT_SIZE(vnpu_device_info, 144);
VNPU_ASSERT_OFFSET(vnpu_device_info, hbm_total, 32);
VNPU_ASSERT_OFFSET(vnpu_device_info, soc_name, 112);

#endif /* VNPU_ABI_H_ */
