/* What kernels print: rings in pinned memory that the device writes and the client reads.
 *
 * The client gives the place in session memory (session.h, print_va and print_fifo_bytes): one ring
 * for each AI core, then for each vector core, then for each AI CPU of the device, each
 * print_fifo_bytes long. A ring has one writer, the core, and one reader. A record that has no room
 * is lost whole, and counted. */
#ifndef VNPU_PRINT_H_
#define VNPU_PRINT_H_

#include "abi.h"
#include "kernel_abi.h"

#define VNPU_PRINT_FIFO_MIN 1024u /* bytes; multiples of 8 */
#define VNPU_PRINT_FIFO_MAX (64u << 20)
#define VNPU_PRINT_FIFO_DEFAULT (32u << 10)
#define VNPU_PRINT_TEXT_MAX 4096u /* of a format and of each string, the rest is cut off */

struct vnpu_print_fifo {
  /* device */
  uint64_t tail; /* bytes written so far; position = tail % (print_fifo_bytes - sizeof this) */
  uint64_t lost; /* records that had no room */
  uint64_t pad0[6];
  /* client */
  uint64_t head; /* bytes read so far */
  uint64_t pad1[7];
};
VNPU_ASSERT_SIZE(vnpu_print_fifo, 128);

/* One call. After it: the format with its NUL, then `args` times struct vnpu_print_value, then the
 * strings among them with their NULs; each of these at a multiple of 8. */
struct vnpu_print_record {
  uint32_t bytes; /* with all that follows, a multiple of 8 */
  uint32_t block;
  uint32_t queue_id;
  uint32_t format_bytes; /* with the NUL */
  uint32_t args;
  uint32_t reserved;
  uint64_t task; /* index of the task in its queue */
};
VNPU_ASSERT_SIZE(vnpu_print_record, 32);

struct vnpu_print_value {
  uint32_t kind; /* enum vnpu_print_kind */
  uint32_t
      size; /* of the argument as the kernel has it; strings: bytes that follow, with the NUL */
  uint64_t bits; /* the value, widened to 64 bits; strings: 0 */
};
VNPU_ASSERT_SIZE(vnpu_print_value, 16);

#endif /* VNPU_PRINT_H_ */
