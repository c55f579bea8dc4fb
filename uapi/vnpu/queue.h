/* Task queues: the 64-byte submission queue entry, the completion entry, and how a queue lies in
 * memory that client, driver and device share.
 *
 * One RTSQ is a ring of SQEs with indexes that only grow (64 bits; slot = index & (entries - 1)).
 * A task is named by its index. Tasks of one queue run in order, one at a time.
 *
 * Publishing (client, or the driver for VNPU_QUEUE_DRIVER_SUBMIT queues):
 *   1. wait until sq_tail - sq_head < entries;
 *   2. fill the slot, seq = (uint32_t)index; with VNPU_SESSION_SEQ_LAST seq comes last, with
 *      release order, and the device may take the entry from then on: one entry at a time, each
 *      seq behind the sq_tail of the entry before;
 *   3. store sq_tail = index + 1 with release order; full fence. With VNPU_FEATURE_BARRIER a client
 *      that is registered for membarrier(2), MEMBARRIER_CMD_REGISTER_GLOBAL_EXPEDITED, needs no
 *      fence: the device runs that barrier between its request for a doorbell and its last look
 *      at sq_tail;
 *   4. if need_doorbell is 1: set bit queue_id in the session's doorbell bitmap, then its bit in
 *      the summary (atomic or, sequentially consistent);
 *   5. only then, if need_wakeup of the session is 1: exchange it with 0; whoever got the 1 writes
 *      8 bytes to the session's kick eventfd.
 * Completion (device): sq_head = index + 1 with release order; full fence, unless the session has
 *   VNPU_SESSION_FENCES; then, if waiting is not 0, the waiter slots of the session are looked
 *   through (session.h).
 * Nothing that stands here is trusted by the device: an SQE is copied before it is checked. */
#ifndef VNPU_QUEUE_H_
#define VNPU_QUEUE_H_

#include "abi.h"

enum vnpu_opcode {
  VNPU_OP_NOP = 0,
  VNPU_OP_KERNEL = 1,
  VNPU_OP_COPY = 2,
  VNPU_OP_MEMSET = 3,
  VNPU_OP_EVENT_RECORD = 4,
  VNPU_OP_EVENT_WAIT = 5,
  VNPU_OP_EVENT_RESET = 6,
  VNPU_OP_NOTIFY_RECORD = 7,
  VNPU_OP_NOTIFY_WAIT = 8,
  VNPU_OP_VALUE_WAIT = 9,
  VNPU_OP_INTERRUPT = 10, /* VNPU_FEATURE_INTERRUPT */
  VNPU_OP_REDUCE = 16,    /* with VNPU_FEATURE_DMA_TASKS */
  VNPU_OP_RANDOM = 17,    /* with VNPU_FEATURE_DMA_TASKS */
  /* With VNPU_FEATURE_MODEL, in queues: */
  VNPU_OP_MODEL_EXECUTE = 24, /* with VNPU_FEATURE_MODEL_CALLS in images too */
  VNPU_OP_MODEL_UPDATE = 25,
  /* With VNPU_FEATURE_MODEL, in images of models (model.h) only: */
  VNPU_OP_MODEL_SIGNAL = 26,
  VNPU_OP_MODEL_AWAIT = 27,
  VNPU_OP_MODEL_COND = 28,
  VNPU_OP_MODEL_GOTO = 29,
  VNPU_OP_MODEL_ACTIVATE = 30,
  VNPU_OP_MODEL_SWITCH = 31,
  VNPU_OP_MODEL_STORE = 32,
  /* With VNPU_FEATURE_TASK_UPDATE, in queues and images: */
  VNPU_OP_KERNEL_UPDATE = 40,
  VNPU_OP_RANDOM_UPDATE = 41,
  VNPU_OP_COUNT = 42
};

/* SQE flags. */
#define VNPU_SQE_CQE 0x01u    /* post a CQE on success too (failures always post one) */
#define VNPU_SQE_INLINE 0x02u /* kernel: the arguments are in inline_args */
/* kernel: the arguments are in device or pinned memory, at the address (in the window) that the
 * first 8 bytes of inline_args hold; read while the kernel runs. arg_offset is 0. */
#define VNPU_SQE_DEVICE_ARGS 0x04u
/* kernel: starts when the device has a free unit for each block, of which there are as many as
 * units at most; each block then has a unit and a thread of its own, so that blocks may wait for
 * others. */
#define VNPU_SQE_BATCH 0x08u
/* kernel: a floating-point operation that overflows, divides by zero or is invalid is noted in the
 * session's `overflow` when the block has run to its end. VNPU_FEATURE_OVERFLOW. */
#define VNPU_SQE_OVERFLOW 0x10u
#define VNPU_SQE_FLAGS_ALL 0x1fu
/* In images of models: EVENT_RECORD, EVENT_WAIT and INTERRUPT: seq is where in the argument area
 * (offset, multiple of 8) the 64-bit number stands. */
#define VNPU_SQE_SEQ_IN_ARGS 0x20u
/* In images of models, with VNPU_FEATURE_MODEL_CALLS; one of these flags at most:
 * EVENT_WAIT: seq is the id of another event. The wait is for the number which that one has when
 * the entry is reached. */
#define VNPU_SQE_SEQ_OF_EVENT 0x40u
/* INTERRUPT: seq is the id of another event. The number that is recorded is above those of both
 * events, and of all entries with this flag that any model has reached before. */
#define VNPU_SQE_SEQ_NEXT 0x80u

#define VNPU_SQE_INLINE_BYTES 32u

struct vnpu_sqe_kernel {
  uint32_t func_id;    /* from VNPU_IOC_MODULE_SYMBOL */
  uint32_t block_dim;  /* blocks, 1..VNPU_MAX_BLOCKS */
  uint32_t arg_size;   /* bytes, exactly what the kernel's entry says */
  uint32_t arg_offset; /* in the queue's argument area, multiple of 8; 0 with VNPU_SQE_INLINE and
                          VNPU_SQE_DEVICE_ARGS */
  uint8_t inline_args[VNPU_SQE_INLINE_BYTES];
};

/* Copy flags: an end is device or pinned memory (an address in the window, translated by the page
 * table) unless it is flagged as pageable memory of the client. */
#define VNPU_COPY_SRC_PAGEABLE 0x1u
#define VNPU_COPY_DST_PAGEABLE 0x2u
/* With VNPU_FEATURE_DMA_TASKS, and not together with pageable ends: the field is the address (in
 * the window) of 8 bytes that hold the end's address when the task runs; the end's offset is added.
 */
#define VNPU_COPY_SRC_INDIRECT 0x4u
#define VNPU_COPY_DST_INDIRECT 0x8u
/* Likewise, and alone: src is the address of a struct vnpu_copy_desc, read when the task runs; the
 * other fields are 0. */
#define VNPU_COPY_DESC 0x10u
#define VNPU_COPY_FLAGS_ALL 0x1fu

struct vnpu_sqe_copy {
  uint64_t dst;
  uint64_t src;
  uint64_t size; /* bytes */
  uint32_t copy_flags;
  uint32_t reserved0;
  uint64_t dst_offset; /* bytes; 0 without VNPU_COPY_DST_INDIRECT */
  uint64_t src_offset; /* bytes; 0 without VNPU_COPY_SRC_INDIRECT */
};

/* A copy that is described in device or pinned memory. A copy of 0 bytes does nothing. */
struct vnpu_copy_desc {
  uint64_t dst; /* in the window */
  uint64_t src; /* in the window */
  uint64_t size;
  uint64_t reserved; /* not looked at */
};
VNPU_ASSERT_SIZE(vnpu_copy_desc, 32);

struct vnpu_sqe_memset {
  uint64_t dst;   /* in the window */
  uint64_t size;  /* bytes, a multiple of width */
  uint32_t value; /* the low `width` bytes are repeated */
  uint32_t width; /* 1, 2 or 4 */
  uint64_t reserved[3];
};

/* Types of the elements that REDUCE and RANDOM work on. */
enum vnpu_type {
  VNPU_TYPE_INT8 = 0,
  VNPU_TYPE_INT16 = 1,
  VNPU_TYPE_INT32 = 2,
  VNPU_TYPE_UINT32 = 3,
  VNPU_TYPE_INT64 = 4,
  VNPU_TYPE_UINT64 = 5,
  VNPU_TYPE_FP16 = 6,
  VNPU_TYPE_BF16 = 7,
  VNPU_TYPE_FP32 = 8,
  VNPU_TYPE_COUNT = 9
};

enum vnpu_reduce { VNPU_REDUCE_SUM = 0, VNPU_REDUCE_MAX = 1, VNPU_REDUCE_MIN = 2 };

/* dst[i] = dst[i] op src[i]. Integers wrap; floating point rounds to nearest even; a NaN stays one.
 * Types: all but the 64-bit integers. */
struct vnpu_sqe_reduce {
  uint64_t dst;  /* in the window */
  uint64_t src;  /* in the window */
  uint64_t size; /* bytes, a multiple of the type's */
  uint32_t kind; /* enum vnpu_reduce */
  uint32_t type; /* enum vnpu_type */
  uint64_t reserved[2];
};

/* Random numbers as struct vnpu_random describes them, which is read when the task runs. */
struct vnpu_sqe_random {
  uint64_t params; /* in the window */
  uint64_t reserved[5];
};

enum vnpu_distribution {
  VNPU_RANDOM_DROPOUT = 0,   /* bits, 8 in a byte, the lowest first: 0 with probability `first` */
  VNPU_RANDOM_UNIFORM = 1,   /* first <= number < second; `first` when there is none such */
  VNPU_RANDOM_NORMAL = 2,    /* mean `first`, standard deviation `second`; floating point only */
  VNPU_RANDOM_TRUNCATED = 3, /* the same within two standard deviations of the mean */
  VNPU_RANDOM_COUNT = 4
};

/* A number, or where it stands. */
struct vnpu_random_value {
  uint64_t bits;      /* the number in its low bytes, or an address in the window */
  uint32_t in_memory; /* 1: bits is an address */
  uint32_t reserved;
};
VNPU_ASSERT_SIZE(vnpu_random_value, 16);

/* Philox4x32-10 with key `seed`. Its counter starts at the 128-bit number at `counter`, which stays
 * as it is, and grows by one for 4 numbers of up to 32 bits, 2 of 64 bits, or 1 of a truncated
 * distribution: the numbers depend on this structure and what it points to alone. */
struct vnpu_random {
  uint32_t distribution; /* enum vnpu_distribution */
  uint32_t type;    /* enum vnpu_type of numbers and parameters; dropout: of the parameter, which
                       is floating point; no 8-bit and 16-bit integers */
  uint64_t result;  /* in the window */
  uint64_t counter; /* in the window: 16 bytes */
  uint64_t reserved;
  struct vnpu_random_value seed;  /* 64 bits */
  struct vnpu_random_value count; /* 64 bits: how many numbers, or bits */
  struct vnpu_random_value first;
  struct vnpu_random_value second; /* dropout: 0 */
};
VNPU_ASSERT_SIZE(vnpu_random, 96);

/* Events carry a sequence number that grows with every record, so a wait names the record it is
 * for: it is over when the event's register (session.h) is >= seq. Reset stores seq whatever the
 * register holds. */
struct vnpu_sqe_event {
  uint32_t event_id;
  uint32_t reserved0;
  uint64_t seq; /* >= 1 for record and wait */
  uint64_t reserved1[4];
};

/* Notifies are counters of the device, named by VNPU_IOC_NOTIFY_ALLOC. A record changes the counter
 * as `mode` says. A wait is over when the counter compares with `value` as `mode` says (unsigned);
 * waits for a notify that is not shared are looked at in the order in which they came, and with
 * VNPU_NOTIFY_CLEAR the end of a wait makes the counter 0 before the next one is looked at. */
enum vnpu_notify_record {
  VNPU_NOTIFY_SET = 0, /* value */
  VNPU_NOTIFY_ADD = 1, /* (counter + value) modulo 2^32 */
  VNPU_NOTIFY_OR = 2,  /* counter | value */
  VNPU_NOTIFY_AND = 3, /* counter & value */
  VNPU_NOTIFY_MAX = 4, /* the larger one: for sequence numbers */
  VNPU_NOTIFY_RECORD_COUNT = 5
};
enum vnpu_notify_wait {
  VNPU_NOTIFY_LESS = 0,     /* counter < value */
  VNPU_NOTIFY_EQUAL = 1,    /* counter == value */
  VNPU_NOTIFY_GREATER = 2,  /* counter > value */
  VNPU_NOTIFY_NOT_LESS = 3, /* counter >= value */
  VNPU_NOTIFY_HAS_BITS = 4, /* (counter & value) == value */
  VNPU_NOTIFY_WAIT_COUNT = 5
};
#define VNPU_NOTIFY_CLEAR 0x1u /* wait */

struct vnpu_sqe_notify {
  uint32_t notify_id;
  uint32_t mode; /* enum vnpu_notify_record or enum vnpu_notify_wait */
  uint64_t value;
  uint32_t flags; /* VNPU_NOTIFY_CLEAR or 0 */
  uint32_t reserved0;
  uint64_t reserved1[3];
};

/* A wait for a 64-bit word of device or pinned memory, whoever writes it. */
enum vnpu_value_wait {
  VNPU_VALUE_GEQ = 0, /* (int64_t)(word - value) >= 0 */
  VNPU_VALUE_EQ = 1,  /* word == value */
  VNPU_VALUE_AND = 2, /* (word & value) != 0 */
  VNPU_VALUE_NOR = 3, /* ~(word | value) != 0 */
  VNPU_VALUE_WAIT_COUNT = 4
};
struct vnpu_sqe_value {
  uint64_t va; /* in the window, multiple of 8; readable (VNPU_E_DMA_ADDRESS otherwise) */
  uint64_t value;
  uint32_t mode; /* enum vnpu_value_wait */
  uint32_t reserved0;
  uint64_t reserved1[3];
};

/* Records an event as VNPU_OP_EVENT_RECORD does, then posts interrupt irq_id, if it is registered.
 * Unlike a record it is dropped with the other tasks of a queue that failed or is aborted: so a
 * client that finds the queue's head behind the task and the register below seq knows that the
 * queue never got here. An event wait behind it makes the queue wait for the client. */
struct vnpu_sqe_interrupt {
  uint32_t event_id;
  uint32_t irq_id; /* < VNPU_MAX_IRQS */
  uint64_t seq;    /* >= 1 */
  uint64_t reserved[4];
};

/* Runs an image of a model (model.h): the queue waits until the run is over. Runs of one model
 * follow one another, in the order in which the device meets their entries; different models run
 * side by side. timeout_us limits the whole time, waiting for earlier runs included (status
 * VNPU_E_WAIT_TIMEOUT while it waits for them, VNPU_E_TIMEOUT later). With update_bytes, bytes are
 * copied into the model's memory as VNPU_OP_MODEL_UPDATE does it, when earlier runs are over.
 *
 * With VNPU_FEATURE_MODEL_CALLS also in images, of other models: the run is part of the one that
 * the entry belongs to, and ends with it. Models run inside of others up to VNPU_MAX_MODEL_DEPTH
 * deep, and not inside of themselves. */
struct vnpu_sqe_execute {
  uint32_t model_id;
  uint32_t update_bytes;  /* 0: nothing is copied; then the two fields of the copy are 0 */
  uint64_t image;         /* offset of the image in the model's memory, multiple of 64 */
  uint64_t update_offset; /* as `offset` of struct vnpu_sqe_update */
  uint32_t arg_offset;    /* likewise */
  uint32_t reserved0;
  uint64_t reserved1[2];
};

/* Copies from the queue's argument area into the memory of a model, at once: even while it runs. */
#define VNPU_MAX_UPDATE_BYTES 4096u
struct vnpu_sqe_update {
  uint32_t model_id;
  uint32_t size;       /* bytes, multiple of 8, 8 .. VNPU_MAX_UPDATE_BYTES */
  uint64_t offset;     /* in the model's memory, multiple of 8 */
  uint32_t arg_offset; /* in the queue's argument area, multiple of 8 */
  uint32_t reserved0;
  uint64_t reserved1[3];
};

/* SIGNAL sets a register of the graph, AWAIT waits until it is set; it stays set until the graph
 * starts again. Any number of streams may await one register. */
struct vnpu_sqe_register {
  uint32_t reg; /* of the graph that the stream belongs to: 0 .. registers-1 */
  uint32_t reserved0;
  uint64_t reserved1[5];
};

/* Runs graphs as a word of memory says, which is read when the entry is reached; the stream waits
 * for them. A graph that runs already, or is graph 0, makes the entry invalid. */
enum vnpu_model_cond {
  VNPU_MODEL_IF = 0,    /* word != 0: the first graph; otherwise the second, if there is one */
  VNPU_MODEL_WHILE = 1, /* the one graph, as long as word != 0; read again behind each time */
  VNPU_MODEL_CASE = 2,  /* graph number `word`; none when word >= graphs */
  VNPU_MODEL_COND_COUNT = 3
};
struct vnpu_sqe_cond {
  uint64_t va;          /* of the 64-bit word, in the window, multiple of 8 */
  uint32_t kind;        /* enum vnpu_model_cond */
  uint32_t first_graph; /* >= 1 */
  uint32_t graphs;      /* how many: IF 1 or 2, WHILE 1, CASE >= 1 */
  uint32_t reserved0;
  uint64_t reserved1[3];
};

/* The stream ends here, and the stream of the label whose index stands in memory starts there: the
 * last label when the index is too large. It may be the stream itself. For starting, see
 * ACTIVATE. */
struct vnpu_sqe_goto {
  uint64_t va;          /* of the 32-bit index, in the window, multiple of 4 */
  uint32_t first_label; /* in the image's table */
  uint32_t labels;      /* how many, >= 1 */
  uint64_t reserved[4];
};

/* Starts a stream of the same graph at its beginning; this one goes on. A stream that is not over
 * yet starts again when it is; the entry is invalid when it is to start again already. */
struct vnpu_sqe_activate {
  uint32_t stream; /* number in the image */
  uint32_t reserved0;
  uint64_t reserved1[5];
};

/* Compares two signed numbers in memory. If `compare` holds, this stream ends here and `stream`
 * starts as ACTIVATE does it; otherwise this stream goes on. */
enum vnpu_model_compare {
  VNPU_MODEL_EQUAL = 0,
  VNPU_MODEL_NOT_EQUAL = 1,
  VNPU_MODEL_GREATER = 2,
  VNPU_MODEL_GREATER_OR_EQUAL = 3,
  VNPU_MODEL_LESS = 4,
  VNPU_MODEL_LESS_OR_EQUAL = 5,
  VNPU_MODEL_COMPARE_COUNT = 6
};
struct vnpu_sqe_switch {
  uint64_t left;    /* address in the window, multiple of width */
  uint64_t right;   /* likewise */
  uint32_t compare; /* enum vnpu_model_compare: left against right */
  uint32_t width;   /* bytes of a number: 4 or 8 */
  uint32_t stream;
  uint32_t reserved0;
  uint64_t reserved1[2];
};

/* Stores a 64-bit word. */
struct vnpu_sqe_store {
  uint64_t va; /* in the window, multiple of 8; writable (VNPU_E_DMA_ADDRESS otherwise) */
  uint64_t value;
  uint64_t reserved[4];
};

/* Makes a kernel entry of a model run another kernel, with another number of blocks: both stand in
 * memory and are read when this entry is reached. The entry keeps its arguments and flags; the new
 * kernel takes as many bytes of arguments. What a run has not reached yet is changed, too. A number
 * that is too large, or stands for no such kernel, makes this entry invalid. */
#define VNPU_MAX_UPDATE_KERNELS 4096u
struct vnpu_sqe_kernel_update {
  uint32_t model_id;   /* in an image: 0, for the model itself */
  uint32_t kernels;    /* to choose from, 1 .. VNPU_MAX_UPDATE_KERNELS */
  uint64_t offset;     /* of the kernel entry, multiple of 64: in the model's memory; in an image:
                          from the start of the image that runs */
  uint64_t kernel_va;  /* in the window, multiple of 8: 64 bits, which of the kernels, from 0 */
  uint64_t blocks_va;  /* in the window, multiple of 4: 32 bits, 1 .. VNPU_MAX_BLOCKS */
  uint32_t arg_offset; /* in the argument area, multiple of 4: uint32_t func_id[kernels];
                          VNPU_NO_FUNCTION: not to be chosen */
  uint32_t reserved0;
  uint64_t reserved1;
};
#define VNPU_NO_FUNCTION 0xffffffffu

/* Changes what a RANDOM task works with, as memory says when this entry is reached. */
struct vnpu_sqe_random_update {
  uint64_t params; /* in the window, multiple of 8: the task's struct vnpu_random */
  uint64_t source; /* in the window, multiple of 8: struct vnpu_random_update */
  uint64_t reserved[4];
};

/* A number of `size` bytes, or, with in_memory 1, the address of one. */
struct vnpu_packed_value {
  uint8_t in_memory;
  uint8_t value[8];
  uint8_t size;        /* 1 .. 8; not looked at with in_memory 1 */
  uint8_t reserved[6]; /* not looked at */
};
VNPU_ASSERT_SIZE(vnpu_packed_value, 16);

/* The fields of struct vnpu_random that are replaced. */
struct vnpu_random_update {
  uint64_t result;
  uint64_t counter;
  struct vnpu_packed_value seed;
  struct vnpu_packed_value count;
};
VNPU_ASSERT_SIZE(vnpu_random_update, 48);

struct vnpu_sqe {
  uint8_t opcode; /* enum vnpu_opcode */
  uint8_t flags;  /* VNPU_SQE_* */
  /* kernel, with VNPU_FEATURE_CORE_LIMIT: cores of its unit that it runs on at once at most; 0: no
   * limit. Other opcodes: 0. */
  uint16_t core_limit;
  uint32_t queue_id;   /* the queue it is for */
  uint32_t seq;        /* low 32 bits of the index; write(2) and VNPU_IOC_SUBMIT fill it in */
  uint32_t timeout_us; /* limit of a kernel's execution or of a wait; 0: none */
  union {
    struct vnpu_sqe_kernel kernel;
    struct vnpu_sqe_copy copy;
    struct vnpu_sqe_memset memset;
    struct vnpu_sqe_event event;
    struct vnpu_sqe_notify notify;
    struct vnpu_sqe_value value;
    struct vnpu_sqe_interrupt interrupt;
    struct vnpu_sqe_reduce reduce;
    struct vnpu_sqe_random random;
    struct vnpu_sqe_execute execute;
    struct vnpu_sqe_update update;
    struct vnpu_sqe_register reg;
    struct vnpu_sqe_cond cond;
    struct vnpu_sqe_goto jump;
    struct vnpu_sqe_activate activate;
    struct vnpu_sqe_switch choice;
    struct vnpu_sqe_store store;
    struct vnpu_sqe_kernel_update kernel_update;
    struct vnpu_sqe_random_update random_update;
    uint64_t payload[6];
  };
};
VNPU_ASSERT_SIZE(vnpu_sqe, 64);
VNPU_ASSERT_SIZE(vnpu_sqe_kernel, 48);
VNPU_ASSERT_SIZE(vnpu_sqe_copy, 48);
VNPU_ASSERT_SIZE(vnpu_sqe_memset, 48);
VNPU_ASSERT_SIZE(vnpu_sqe_event, 48);
VNPU_ASSERT_SIZE(vnpu_sqe_notify, 48);
VNPU_ASSERT_SIZE(vnpu_sqe_value, 48);
VNPU_ASSERT_OFFSET(vnpu_sqe_notify, value, 8);
VNPU_ASSERT_OFFSET(vnpu_sqe_value, mode, 16);
VNPU_ASSERT_SIZE(vnpu_sqe_interrupt, 48);
VNPU_ASSERT_SIZE(vnpu_sqe_reduce, 48);
VNPU_ASSERT_SIZE(vnpu_sqe_random, 48);
VNPU_ASSERT_SIZE(vnpu_sqe_execute, 48);
VNPU_ASSERT_SIZE(vnpu_sqe_update, 48);
VNPU_ASSERT_SIZE(vnpu_sqe_register, 48);
VNPU_ASSERT_SIZE(vnpu_sqe_cond, 48);
VNPU_ASSERT_SIZE(vnpu_sqe_goto, 48);
VNPU_ASSERT_SIZE(vnpu_sqe_activate, 48);
VNPU_ASSERT_SIZE(vnpu_sqe_switch, 48);
VNPU_ASSERT_SIZE(vnpu_sqe_store, 48);
VNPU_ASSERT_SIZE(vnpu_sqe_kernel_update, 48);
VNPU_ASSERT_SIZE(vnpu_sqe_random_update, 48);
VNPU_ASSERT_OFFSET(vnpu_sqe_kernel_update, arg_offset, 32);
VNPU_ASSERT_OFFSET(vnpu_sqe_execute, arg_offset, 24);
VNPU_ASSERT_OFFSET(vnpu_sqe_update, arg_offset, 16);
VNPU_ASSERT_OFFSET(vnpu_sqe_switch, stream, 24);
VNPU_ASSERT_OFFSET(vnpu_sqe, payload, 16);

/* Completion: one for each failed task and for each task flagged VNPU_SQE_CQE. */
struct vnpu_cqe {
  uint64_t task;      /* index of the task */
  uint64_t timestamp; /* end of the task, device clock */
  uint32_t queue_id;  /* VNPU_NO_QUEUE: an event of the device itself */
  uint32_t status;    /* enum vnpu_status */
  uint64_t exception; /* seq of the exception record (error.h); 0: none */
};
VNPU_ASSERT_SIZE(vnpu_cqe, 32);
#define VNPU_NO_QUEUE 0xffffffffu

/* When the device ran a task: one for each SQ slot, written by the device at completion while the
 * queue's record_times is not 0. Reading the clock takes longer than many a kernel's work. */
struct vnpu_task_time {
  uint64_t start; /* device clock */
  uint64_t end;
};
VNPU_ASSERT_SIZE(vnpu_task_time, 16);

/* Head of a queue. Each line has one writer. */
struct vnpu_queue_hdr {
  /* client (or driver): submission */
  uint64_t sq_tail; /* index of the next entry to be published */
  uint64_t pad0[7];
  /* device: progress */
  uint64_t sq_head;     /* tasks done: every index below is finished */
  uint64_t cq_tail;     /* CQEs posted */
  uint64_t cq_overflow; /* CQEs lost because the CQ was full */
  uint64_t pad1[5];
  /* device: sleep state */
  uint32_t need_doorbell; /* 1: the device does not poll this queue */
  uint32_t pad2[15];
  /* client: waiting */
  uint32_t waiting;     /* how many waiter slots wait for this queue; atomic add and sub */
  uint32_t driver_wait; /* the driver waits for progress or a CQE; device exchanges it with 0 */
  /* Not 0: the device notes when the tasks that are published from then on run. Set by the client;
   * without VNPU_SESSION_ASKS_FOR_TIMES by the device, for each new queue. */
  uint32_t record_times;
  uint32_t pad3[13];
  /* client (or driver): CQEs consumed */
  uint64_t cq_head;
  uint64_t pad4[7];
};
VNPU_ASSERT_SIZE(vnpu_queue_hdr, 320);
VNPU_ASSERT_OFFSET(vnpu_queue_hdr, sq_head, 64);
VNPU_ASSERT_OFFSET(vnpu_queue_hdr, need_doorbell, 128);
VNPU_ASSERT_OFFSET(vnpu_queue_hdr, waiting, 192);
VNPU_ASSERT_OFFSET(vnpu_queue_hdr, record_times, 200);
VNPU_ASSERT_OFFSET(vnpu_queue_hdr, cq_head, 256);

/* A queue in queue memory, from the offset given at VNPU_IOC_QUEUE_CREATE (multiple of 4096):
 * header (one page), SQ, task times, CQ, argument area. CQ entries = SQ entries. */
#define VNPU_QUEUE_SQ_OFFSET 4096u

static inline uint64_t vnpu_queue_times_offset(uint64_t entries) {
  return VNPU_QUEUE_SQ_OFFSET + entries * sizeof(struct vnpu_sqe);
}
static inline uint64_t vnpu_queue_cq_offset(uint64_t entries) {
  return vnpu_queue_times_offset(entries) + entries * sizeof(struct vnpu_task_time);
}
static inline uint64_t vnpu_queue_arg_offset(uint64_t entries) {
  return vnpu_queue_cq_offset(entries) + entries * sizeof(struct vnpu_cqe);
}
/* Bytes of a whole queue, rounded up to pages. */
static inline uint64_t vnpu_queue_bytes(uint64_t entries, uint64_t arg_bytes) {
  return (vnpu_queue_arg_offset(entries) + arg_bytes + VNPU_PAGE_SIZE - 1) / VNPU_PAGE_SIZE *
         VNPU_PAGE_SIZE;
}

#endif /* VNPU_QUEUE_H_ */
