#include <sys/wait.h>
#include <unistd.h>

#include "tests/acl/support.h"

namespace vnpu::test {
namespace {

using ForkTest = KernelTest;

TEST_F(ForkTest, ChildIsTurnedAway) {
  const pid_t child = fork();
  if (child == 0) {
    void* memory = nullptr;
    const bool refused =
        aclrtMalloc(&memory, 64, ACL_MEM_MALLOC_HUGE_FIRST) == ACL_ERROR_UNINITIALIZE &&
        aclrtSynchronizeStream(stream_) == ACL_ERROR_UNINITIALIZE &&
        aclrtSetDevice(0) == ACL_ERROR_UNINITIALIZE;
    _exit(refused ? 0 : 1);
  }
  ASSERT_GT(child, 0);
  int status = -1;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0);
  // The parent's session is as before.
  DeviceArray<int> counter(1);
  EXPECT_OK(Launch("increment", 1, counter.get(), stream_));
  EXPECT_OK(aclrtSynchronizeStream(stream_));
  EXPECT_EQ(counter.Read()[0], 1);
}

TEST_F(ForkTest, DriverIsNotAChildToWaitFor) {
  int status = 0;
  EXPECT_EQ(waitpid(-1, &status, WNOHANG), -1);
  EXPECT_EQ(errno, ECHILD);
}

}  // namespace
}  // namespace vnpu::test
