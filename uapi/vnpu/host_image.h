/* Device images inside of host programs.
 *
 * A compiler of kernels puts the image of a source into its host object, together with one
 * struct vnpu_host_image, which a constructor of the object links into the list vnpu_host_images.
 * A runtime finds kernels and device variables there by their addresses in the host program. */
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
  uint64_t
      id; /* 0; the runtime numbers images that it loads, since addresses come back by dlopen */
};
VNPU_ASSERT_OFFSET(vnpu_host_image, id, 56);
VNPU_ASSERT_SIZE(vnpu_host_image, 64);

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
