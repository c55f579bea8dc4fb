/* Host compilation: makes the kernels of a source known to the program. npucc includes this header
 * before a source with kernels and appends the definition of an image to it. */
#ifndef NPU_HOST_ENTRY_H_
#define NPU_HOST_ENTRY_H_

#include <vnpu/host_image.h>

#include <cstddef>

/* A definition for all objects of the program. */
struct vnpu_host_image* vnpu_host_images __attribute__((weak, visibility("default"))) = nullptr;

namespace npu::detail {

/* Links an image into the list; concurrent calls (dlopen) are safe. */
inline void AddHostImage(vnpu_host_image* image) {
  image->next = __atomic_load_n(&vnpu_host_images, __ATOMIC_RELAXED);
  while (!__atomic_compare_exchange_n(&vnpu_host_images, &image->next, image, false,
                                      __ATOMIC_RELEASE, __ATOMIC_RELAXED)) {
  }
}

/* Takes it out again, when its library is unloaded; nothing may launch at that time. */
inline void RemoveHostImage(vnpu_host_image* image) {
  for (vnpu_host_image** at = &vnpu_host_images; *at != nullptr; at = &(*at)->next) {
    if (*at != image) continue;
    __atomic_store_n(at, image->next, __ATOMIC_RELEASE);
    return;
  }
}

}  // namespace npu::detail

#endif /* NPU_HOST_ENTRY_H_ */
