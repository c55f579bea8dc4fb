// The test kernels (tests/uapi/kernels.cpp) in a session.
#ifndef VNPU_TESTS_UAPI_SUPPORT_MODULE_H_
#define VNPU_TESTS_UAPI_SUPPORT_MODULE_H_

#include <vnpu/ioctl.h>

#include <cstdint>
#include <string>

#include "tests/uapi/support/session.h"

namespace vnpu::raw {

// The image file.
const std::string& TestImage();

// VNPU_IOC_MODULE_LOAD of `size` bytes in `fd`: 0 or -errno.
int LoadModule(Session& session, int fd, uint64_t size, vnpu_ioc_module_load* out);
// VNPU_IOC_MODULE_SYMBOL by name: 0 or -errno.
int FindSymbol(Session& session, uint32_t module_id, uint32_t kind, const std::string& name,
               vnpu_ioc_module_symbol* out);

// The test kernels, loaded.
class TestModule {
 public:
  explicit TestModule(Session* session);

  uint32_t id() const { return id_; }
  uint32_t kernels() const { return kernels_; }
  // The func_id of a kernel; throws when there is none of that name.
  uint32_t Function(const std::string& name) const;
  vnpu_ioc_module_symbol Symbol(uint32_t kind, const std::string& name) const;

 private:
  Session* session_;
  uint32_t id_ = 0;
  uint32_t kernels_ = 0;
};

}  // namespace vnpu::raw

#endif  // VNPU_TESTS_UAPI_SUPPORT_MODULE_H_
