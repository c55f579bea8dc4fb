// A second process that uses the acl interface, as it is told.
#ifndef VNPU_TESTS_ACL_OTHER_PROCESS_H_
#define VNPU_TESTS_ACL_OTHER_PROCESS_H_

#include <sys/types.h>

#include <cstdint>
#include <cstdio>
#include <string>

namespace vnpu::test {

// other_process_main.cc lists what it can be told. Ends with the object.
class OtherProcess {
 public:
  OtherProcess();
  ~OtherProcess();
  OtherProcess(const OtherProcess&) = delete;
  OtherProcess& operator=(const OtherProcess&) = delete;

  pid_t pid() const { return pid_; }
  // Tells it something and waits for the answer; "" when it ended.
  std::string Ask(const std::string& command);
  // An answer that is a number, such as an error code.
  int64_t Number(const std::string& command);
  // SIGKILL, and waits for the end.
  void Kill();

 private:
  pid_t pid_ = -1;
  FILE* commands_ = nullptr;
  FILE* answers_ = nullptr;
};

// Whether processes share a driver here.
bool OnNode();

}  // namespace vnpu::test

#endif  // VNPU_TESTS_ACL_OTHER_PROCESS_H_
