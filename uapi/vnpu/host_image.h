/* Device images inside of host programs.
 *
 * A compiler of kernels puts the image of a source into its host object, together with one
 * struct vnpu_host_image, which a constructor of the object links into the list vnpu_host_images.
 * Launches find their kernels there by the address of the kernel's host function; a runtime can do
 * the same for functions that take a symbol of the host (a kernel's name, a device variable). */
#ifndef VNPU_HOST_IMAGE_H_
#define VNPU_HOST_IMAGE_H_

#include "abi.h"

/* A kernel or device variable: its address in the host program and its name in the image. */
struct vnpu_host_symbol {
  const void* host;
  const char* name;
};

struct vnpu_host_image {
  struct vnpu_host_image* next; /* next in the list, or null */
  const void* image;            /* the bytes of the image */
  uint64_t image_size;
  const struct vnpu_host_symbol* kernels;
  uint64_t kernel_count;
  const struct vnpu_host_symbol* globals;
  uint64_t global_count;
  void* binaries[VNPU_MAX_DEVICES]; /* for launches: the loaded image of each device, or null */
};
VNPU_ASSERT_OFFSET(vnpu_host_image, binaries, 56);
VNPU_ASSERT_SIZE(vnpu_host_image, 568);

/* Head of the list; read it with acquire order. Images are added before main or by dlopen. Every
 * object defines it, weak, and the dynamic linker makes all of them one. A library may declare it
 * weak and undefined: its address is null in programs without kernels. */
#ifdef __cplusplus
extern "C" {
#endif
extern struct vnpu_host_image* vnpu_host_images __attribute__((weak, visibility("default")));
#ifdef __cplusplus
}
#endif

#endif /* VNPU_HOST_IMAGE_H_ */
