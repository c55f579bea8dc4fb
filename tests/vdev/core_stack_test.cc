// Device code on a stack of its own.
#include <gtest/gtest.h>

#include <climits>

#include "tests/vdev/device_code.h"

namespace vnpu::vdev::test {
namespace {

constexpr size_t kBytes = size_t{256} << 10;

VNPU_DEVICE_CODE void WhereAmI(const void* a, const void* /*b*/) {
  volatile char here = 0;
  *static_cast<uint64_t*>(const_cast<void*>(a)) = reinterpret_cast<uint64_t>(&here);
}
VNPU_DEVICE_CODE int Descend(int frames) {
  volatile char frame[1000];
  frame[0] = 1;
  return frames <= 1 ? frame[0] : Descend(frames - 1) + frame[0];
}
VNPU_DEVICE_CODE void GoDeep(const void* a, const void* /*b*/) {
  volatile int result = Descend(*static_cast<const int*>(a));
  (void)result;
}
VNPU_DEVICE_CODE void StoreAt(const void* a, const void* /*b*/) {
  *static_cast<volatile int*>(const_cast<void*>(a)) = 1;
}

class OwnStack : public testing::Test {
 protected:
  OwnStack() { InstallHandlersOnce(); }

  CoreResult Run(size_t bytes, CoreCode code, const void* a) {
    return core_.RunOn(stack_, bytes, code, a, nullptr) ? CoreResult{} : core_.fault();
  }
  CoreResult GoDeep(int frames, size_t bytes) { return Run(bytes, &test::GoDeep, &frames); }

  Core core_;
  KernelStack stack_{kBytes};
};

TEST_F(OwnStack, CodeRunsOnIt) {
  ASSERT_TRUE(stack_.valid());
  uint64_t where = 0;
  EXPECT_EQ(Run(65536, &WhereAmI, &where).status, VNPU_OK);
  EXPECT_LT(where, reinterpret_cast<uint64_t>(stack_.Top(65536)));
  EXPECT_GE(where, reinterpret_cast<uint64_t>(stack_.Top(0)));
  EXPECT_EQ(core_.Run(&WhereAmI, &where, nullptr).status, VNPU_OK);
  EXPECT_TRUE(where < reinterpret_cast<uint64_t>(stack_.Top(0)) ||
              where > reinterpret_cast<uint64_t>(stack_.Top(kBytes)));
}

TEST_F(OwnStack, TheLimitHolds) {
  EXPECT_EQ(GoDeep(20, 32768).status, VNPU_OK);
  const CoreResult result = GoDeep(40, 32768);
  EXPECT_EQ(result.status, VNPU_E_STACK);
  EXPECT_TRUE(stack_.InGuard(result.address));
  EXPECT_EQ(GoDeep(40, 65536).status, VNPU_OK);
  EXPECT_EQ(GoDeep(INT_MAX, kBytes).status, VNPU_E_STACK);
  EXPECT_EQ(GoDeep(20, 32768).status, VNPU_OK);
}

TEST_F(OwnStack, OtherFaultsAreWhatTheyWere) {
  EXPECT_EQ(Run(32768, &StoreAt, reinterpret_cast<void*>(8)).status, VNPU_E_ADDRESS);
  const Pages pages(4096, PROT_READ);
  EXPECT_EQ(Run(32768, &StoreAt, pages.data()).status, VNPU_E_ADDRESS);
}

}  // namespace
}  // namespace vnpu::vdev::test
