// Pageable memory where the device process may not reach the program's (ptrace is restricted).
#include <linux/capability.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <numeric>

#include "tests/acl/child.h"
#include "tests/acl/support.h"

namespace vnpu::test {
namespace {

int exceptions = 0;
void CountException(aclrtExceptionInfo* /*info*/) { ++exceptions; }

// Nobody without CAP_SYS_PTRACE reaches the memory of this process; the device process has that
// capability only from its client.
void Restrict() {
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3] = {};
  ASSERT_EQ(syscall(SYS_capget, &header, data), 0);
  for (__user_cap_data_struct& half : data) {
    half.inheritable = 0;
  }
  data[CAP_SYS_PTRACE / 32].effective &= ~(1u << CAP_SYS_PTRACE % 32);
  data[CAP_SYS_PTRACE / 32].permitted &= ~(1u << CAP_SYS_PTRACE % 32);
  ASSERT_EQ(syscall(SYS_capset, &header, data), 0);
  ASSERT_EQ(prctl(PR_SET_DUMPABLE, 0), 0);
}

class DISABLED_RestrictedChild : public KernelTest {
 protected:
  void SetUp() override {
    Restrict();
    KernelTest::SetUp();
    ASSERT_OK(aclrtExceptionInfoCallbackRegister(&CountException));
  }
  // What was tried first is no failure of the program's.
  void TearDown() override {
    EXPECT_EQ(aclrtPeekAtLastError(ACL_RT_THREAD_LEVEL), ACL_SUCCESS);
    EXPECT_EQ(aclGetRecentErrMsg(), nullptr);
    EXPECT_EQ(exceptions, 0);
    EXPECT_OK(aclrtExceptionInfoCallbackUnregister(&CountException));
    KernelTest::TearDown();
  }

  // More than the piece that is copied at a time.
  static std::vector<int> Numbers() {
    std::vector<int> numbers(700'001);
    std::iota(numbers.begin(), numbers.end(), 1);
    return numbers;
  }
};

TEST_F(DISABLED_RestrictedChild, CopiesThereAndBack) {
  const std::vector<int> numbers = Numbers();
  DeviceArray<int> device(numbers.size());
  device.Write(numbers);
  EXPECT_EQ(device.Read(), numbers);
}

TEST_F(DISABLED_RestrictedChild, CopiesInAStreamKeepItsOrder) {
  const std::vector<int> numbers = Numbers();
  DeviceArray<int> device(numbers.size());
  Gate gate(Kernel("wait_for"), stream_);
  gate.Open();
  ASSERT_OK(aclrtMemsetAsync(device.get(), device.bytes(), 1, device.bytes(), stream_));
  ASSERT_OK(aclrtMemcpyAsync(device.get(), device.bytes(), numbers.data(), device.bytes(),
                             ACL_MEMCPY_HOST_TO_DEVICE, stream_));
  std::vector<int> seen(numbers.size());
  ASSERT_OK(aclrtMemcpyAsync(seen.data(), device.bytes(), device.get(), device.bytes(),
                             ACL_MEMCPY_DEVICE_TO_HOST, stream_));
  EXPECT_EQ(seen, numbers) << "pageable memory is copied when the call returns";
}

TEST_F(DISABLED_RestrictedChild, CopiesRows) {
  constexpr size_t kRows = 5;
  constexpr size_t kPitch = 64;
  DeviceArray<char> device(kRows * kPitch, 'x');
  const std::vector<char> rows(kRows * 16, 'r');
  ASSERT_OK(aclrtMemcpy2dAsync(device.get(), kPitch, rows.data(), 16, 16, kRows,
                               ACL_MEMCPY_HOST_TO_DEVICE, stream_));
  ASSERT_OK(aclrtSynchronizeStream(stream_));
  const std::vector<char> seen = device.Read();
  EXPECT_EQ(seen[4 * kPitch + 15], 'r');
  EXPECT_EQ(seen[4 * kPitch + 16], 'x');
}

TEST(Restricted, PageableMemoryIsCopiedByWayOfPinned) {
#ifdef __SANITIZE_THREAD__
  GTEST_SKIP() << "under the thread checker such a process has room for one session only";
#endif
  if (geteuid() != 0) {
    GTEST_SKIP() << "the driver, too, reaches such a process only as root";
  }
  const ChildResult child = RunTestsInChild("DISABLED_RestrictedChild.*", {});
  EXPECT_EQ(child.exit_code, 0) << child.output;
  EXPECT_NE(child.output.find("PASSED"), std::string::npos) << child.output;
}

}  // namespace
}  // namespace vnpu::test
