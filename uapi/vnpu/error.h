/* How a task ended, and the record of an exception. */
#ifndef VNPU_ERROR_H_
#define VNPU_ERROR_H_

#include "abi.h"

enum vnpu_status {
  VNPU_OK = 0,
  VNPU_E_INVALID_SQE = 1,   /* a field of the SQE is out of range */
  VNPU_E_ADDRESS = 2,       /* kernel: access to an unmapped or protected address */
  VNPU_E_ILLEGAL = 3,       /* kernel: illegal instruction */
  VNPU_E_TRAP = 4,          /* kernel: trap() */
  VNPU_E_DIVIDE = 5,        /* kernel: integer division by zero or overflow */
  VNPU_E_ALIGNMENT = 6,     /* kernel: bus error */
  VNPU_E_SYSCALL = 7,       /* kernel: tried a system call that device code may not make */
  VNPU_E_TIMEOUT = 8,       /* ran longer than its time limit */
  VNPU_E_DMA_ADDRESS = 9,   /* copy, memset, value wait: address not mapped so */
  VNPU_E_DMA_HOST = 10,     /* copy: pageable host address not accessible */
  VNPU_E_ABORTED = 11,      /* dropped: queue destroyed, aborted, or stopped by a failure */
  VNPU_E_WAIT_TIMEOUT = 12, /* a wait longer than its time limit */
  VNPU_E_DEVICE_LOST = 13,  /* the device process is gone */
  VNPU_E_INJECTED = 14,     /* a fault asked for by VNPU_IOC_FAULT */
  VNPU_E_STACK = 15,        /* kernel: its stack is full */
  VNPU_E_STUCK = 16,        /* model: every stream waits for another one (model.h) */
  VNPU_STATUS_COUNT = 17
};

/* One entry of the exception ring in session memory; written by the device. */
struct vnpu_exception {
  uint64_t seq;       /* 1 + index of this exception since the session began; written last */
  uint64_t task;      /* index of the task in its queue */
  uint64_t address;   /* faulting data address, where the kind has one */
  uint64_t pc;        /* instruction address relative to the module, kernels only */
  uint64_t timestamp; /* device clock */
  uint32_t queue_id;
  uint32_t status;   /* enum vnpu_status */
  uint32_t opcode;   /* enum vnpu_opcode of the task */
  uint32_t func_id;  /* kernels only */
  uint32_t block;    /* kernels only: index of the block */
  uint32_t core;     /* unit number */
  uint32_t unit;     /* enum vnpu_unit */
  uint32_t is_write; /* 1: the access was a write, 0: a read or unknown */
  /* Where the entry stands that failed in a run of a model (model.h): queue_id and task are of the
   * entry that started the run. With VNPU_FEATURE_MODEL; otherwise reserved. */
  uint32_t model_id; /* 0: no model */
  uint32_t stream;   /* number in the image */
  uint32_t position; /* in the stream */
  uint32_t reserved0;
  uint64_t image; /* offset of the image */
  uint64_t reserved[4];
};
VNPU_ASSERT_SIZE(vnpu_exception, 128);
VNPU_ASSERT_OFFSET(vnpu_exception, model_id, 72);
VNPU_ASSERT_OFFSET(vnpu_exception, image, 88);

#endif /* VNPU_ERROR_H_ */
