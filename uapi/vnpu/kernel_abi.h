/* Device images: what a compiler of kernels produces and the virtual core executes.
 *
 * An image is an x86-64 ELF shared object of position-independent code that needs nothing but the
 * imports of the virtual core. It has a PT_NOTE segment with one note (name "VNPU", type
 * VNPU_NOTE_IMAGE) whose descriptor is struct vnpu_image_note. The note says where the tables of
 * kernels and global variables are. Addresses in the note are relative to the image; addresses in
 * the tables are relocated, so they are absolute once the image is loaded. */
#ifndef VNPU_KERNEL_ABI_H_
#define VNPU_KERNEL_ABI_H_

#include "abi.h"

#define VNPU_IMAGE_NOTE_NAME "VNPU"
#define VNPU_NOTE_IMAGE 1u
#define VNPU_IMAGE_VERSION 1u /* loaders take an equal version */

#define VNPU_MAX_IMAGE_SPAN (256u << 20) /* bytes of device memory that an image may need */
#define VNPU_MAX_IMAGE_KERNELS 4096u
#define VNPU_MAX_IMAGE_GLOBALS 65536u
#define VNPU_MAX_KERNEL_PARAMS 128u
#define VNPU_MAX_SYMBOL_NAME 215u /* bytes of a kernel's or variable's name, without the NUL */

/* Descriptor of the note. */
struct vnpu_image_note {
  uint32_t version;       /* VNPU_IMAGE_VERSION */
  uint32_t flags;         /* 0 */
  uint64_t kernels;       /* image address of an array of struct vnpu_kernel_entry */
  uint64_t kernels_bytes; /* its size, a multiple of the size of an entry */
  uint64_t globals;       /* image address of an array of struct vnpu_global_entry */
  uint64_t globals_bytes; /* its size */
  uint64_t reserved[3];
};
VNPU_ASSERT_SIZE(vnpu_image_note, 64);

/* What a block knows about itself. The device process fills one in for each block that it runs;
 * a kernel reads it through vnpu_this_block(). */
struct vnpu_block {
  uint32_t block_idx;     /* 0 .. block_dim-1 */
  uint32_t block_dim;     /* blocks of this launch */
  uint32_t core_id;       /* unit that runs the block */
  uint32_t core_type;     /* enum vnpu_unit */
  uint32_t device_id;     /* device number as the driver counts */
  uint32_t queue_id;      /* queue that the task came from */
  uint32_t sub_block_idx; /* vector half of a mix kernel: 0 .. sub_block_dim-1; otherwise 0 */
  uint32_t sub_block_dim; /* vector cores that share the block; 1 unless mix */
  uint64_t task;          /* index of the task in its queue */
  uint64_t clock_hz;      /* ticks a second of vnpu_clock() */
  uint64_t reserved[2];
};
VNPU_ASSERT_SIZE(vnpu_block, 64);

/* Place of one parameter in the argument buffer. The parameters lie in order, each at its natural
 * alignment, as the members of a C structure do. */
struct vnpu_kernel_param {
  uint32_t offset; /* bytes */
  uint32_t size;   /* bytes */
};
VNPU_ASSERT_SIZE(vnpu_kernel_param, 8);

/* Runs one block: takes the arguments out of the buffer and calls the kernel. The buffer holds
 * args_size bytes and needs no alignment; the thunk reads it only and keeps no pointer into it. */
typedef void (*vnpu_kernel_thunk)(const void* args, const struct vnpu_block* block);

/* One kernel. */
struct vnpu_kernel_entry {
  const char*
      name; /* NUL terminated, in the image: "k", or "ns::k" for a function of a namespace */
  vnpu_kernel_thunk thunk;
  const struct vnpu_kernel_param* params;
  uint64_t code_size;    /* bytes of machine code; 0: unknown */
  uint32_t core_type;    /* enum vnpu_unit, the first four */
  uint32_t param_count;  /* 0 .. VNPU_MAX_KERNEL_PARAMS */
  uint32_t args_size;    /* bytes of the argument buffer, 0 .. VNPU_MAX_ARG_BYTES */
  uint32_t args_align;   /* of the strictest parameter, a power of two, 1 .. VNPU_PAGE_SIZE */
  uint16_t cube_ratio;   /* mix: AI cores for a block; otherwise 0 */
  uint16_t vector_ratio; /* mix: vector cores for a block; otherwise 0 */
  uint32_t flags;        /* 0 */
  uint64_t reserved;
};
VNPU_ASSERT_SIZE(vnpu_kernel_entry, 64);

/* One global variable that the host may look up by name. */
struct vnpu_global_entry {
  const char* name; /* NUL terminated, in the image */
  void* address;
  uint64_t size; /* bytes */
};
VNPU_ASSERT_SIZE(vnpu_global_entry, 24);

/* One argument of vnpu_print(). */
enum vnpu_print_kind {
  VNPU_PRINT_SIGNED = 0,
  VNPU_PRINT_UNSIGNED = 1,
  VNPU_PRINT_REAL = 2,    /* a double */
  VNPU_PRINT_STRING = 3,  /* address of a text in memory that the kernel can read */
  VNPU_PRINT_POINTER = 4, /* any other address */
  VNPU_PRINT_KINDS = 5
};
#define VNPU_PRINT_MAX_ARGS 64u
struct vnpu_print_arg {
  uint32_t kind; /* enum vnpu_print_kind */
  uint32_t size; /* bytes of the argument before it was widened */
  uint64_t bits;
};
VNPU_ASSERT_SIZE(vnpu_print_arg, 16);

/* Imports of the virtual core beside memory and math functions (`npucc --list-imports`). A kernel
 * raises a device trap (VNPU_E_TRAP) with the instruction ud2. */
#ifdef __cplusplus
extern "C" {
#endif
/* The block that the calling thread runs; constant while the block runs. */
const struct vnpu_block* vnpu_this_block(void) __attribute__((const));
/* Ticks of the device clock. */
uint64_t vnpu_clock(void);
/* Prints to the client's standard output as printf does with the arguments as they are here. 0, or
 * -1: the text is lost, because the buffer is full or the client wants none. */
int vnpu_print(const char* format, const struct vnpu_print_arg* args, uint32_t count);
#ifdef __cplusplus
}
#endif

#endif /* VNPU_KERNEL_ABI_H_ */
