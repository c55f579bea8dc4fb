// Errors of the acl interface: the calling thread's last error with its text, and the only places
// where errno and task status become acl error codes.
#ifndef VNPU_LIBRUNTIME_SRC_BASE_ERROR_H_
#define VNPU_LIBRUNTIME_SRC_BASE_ERROR_H_

#include <fmt/core.h>
#include <vnpu/error.h>

#include <string>
#include <utility>

#include "acl/acl_base.h"

namespace vnpu::runtime {

namespace internal {
extern thread_local constinit const char* current_function;
}  // namespace internal

// The acl function that the calling thread is in; names the culprit in messages. Static lifetime.
inline void SetCurrentFunction(const char* name) { internal::current_function = name; }

// Around callbacks of the application: what they call does not become the current function.
class KeepCurrentFunction {
 public:
  KeepCurrentFunction() : name_(internal::current_function) {}
  KeepCurrentFunction(const KeepCurrentFunction&) = delete;
  KeepCurrentFunction& operator=(const KeepCurrentFunction&) = delete;
  ~KeepCurrentFunction() { SetCurrentFunction(name_); }

 private:
  const char* name_;
};

// Around what is tried first and has another way: failures of the calling thread are neither logged
// nor kept, and its last error stays what it was.
class QuietErrors {
 public:
  QuietErrors();
  QuietErrors(const QuietErrors&) = delete;
  QuietErrors& operator=(const QuietErrors&) = delete;
  ~QuietErrors();

  static bool Active();  // for the calling thread

 private:
  bool before_;
};

// Makes `code` the calling thread's last error, keeps `message` (cause and remedy, one line) for
// aclGetRecentErrMsg, logs it, and returns `code`.
aclError FailWith(aclError code, const std::string& message);
// The same for what a program meets in its normal course, such as a time that is over: logged as
// information.
aclError FailAsExpected(aclError code, const std::string& message);

template <class... Args>
[[gnu::cold, gnu::noinline]] aclError Fail(aclError code, fmt::format_string<Args...> format,
                                           Args&&... args) {
  FailWith(code, fmt::format(format, std::forward<Args>(args)...));
  return code;
}

// Fails with the code for `error` (an errno value); the message gets the error's text appended.
aclError FailErrno(int error, std::string what);

aclError ErrnoToAcl(int error);

// Code for a task that ended with `status` (enum vnpu_status) on `unit` (enum vnpu_unit).
aclError StatusToAcl(uint32_t status, uint32_t unit);

// What the status means, for messages.
const char* StatusText(uint32_t status);

const char* UnitName(uint32_t unit);

aclError PeekLastError();
aclError TakeLastError();

// Makes the calling thread's messages outlive objects of the thread that are made later.
void MakeThreadMessages();

// Messages since the last call, the newest first, one a line; null when there are none. Valid
// until the calling thread's next call (process mode: any thread's).
const char* TakeErrorMessages();

// aclInit's err_msg_mode: messages of the process instead of the thread.
void SetErrorMessagesPerProcess(bool per_process);

}  // namespace vnpu::runtime

#endif  // VNPU_LIBRUNTIME_SRC_BASE_ERROR_H_
