// What every acl function goes through: no exception leaves the library, a forked child is turned
// away, and messages name the function.
#ifndef VNPU_LIBRUNTIME_SRC_BASE_GUARD_H_
#define VNPU_LIBRUNTIME_SRC_BASE_GUARD_H_

#include <exception>
#include <new>

#include "libruntime/src/base/error.h"
#include "libruntime/src/base/fork.h"

namespace vnpu::runtime {

[[gnu::cold]] inline aclError FailForked() {
  return Fail(ACL_ERROR_UNINITIALIZE,
              "this process was forked while its parent used the device, and the device stays with "
              "the parent; call acl only after exec, or fork before aclInit");
}

// Runs `body`, which returns an aclError, on behalf of the acl function `name`.
template <class Body>
aclError Guard(const char* name, Body&& body) noexcept {
  SetCurrentFunction(name);
  try {
    if (ForkedWhileOpen()) [[unlikely]] {
      return FailForked();
    }
    return body();
  } catch (const std::bad_alloc&) {
    return ACL_ERROR_BAD_ALLOC;
  } catch (const std::exception& error) {
    try {
      return Fail(ACL_ERROR_INTERNAL_ERROR, "unexpected failure: {}", error.what());
    } catch (...) {
      return ACL_ERROR_INTERNAL_ERROR;
    }
  }
}

}  // namespace vnpu::runtime

// Fails the surrounding function when the pointer argument is null.
#define VNPU_REQUIRE_NOT_NULL(pointer)                                                     \
  do {                                                                                     \
    if ((pointer) == nullptr) [[unlikely]] {                                               \
      return ::vnpu::runtime::Fail(ACL_ERROR_INVALID_PARAM,                                \
                                   "argument " #pointer " is null; pass a valid pointer"); \
    }                                                                                      \
  } while (false)

// Returns the error of an expression from the surrounding function, if it is one.
#define VNPU_RETURN_IF_ERROR(expression)          \
  do {                                            \
    const aclError vnpu_error = (expression);     \
    if (vnpu_error != ACL_SUCCESS) [[unlikely]] { \
      return vnpu_error;                          \
    }                                             \
  } while (false)

#endif  // VNPU_LIBRUNTIME_SRC_BASE_GUARD_H_
