// What a core gives back to the thread that used it: registers, flags, floating-point modes.
#include <gtest/gtest.h>
#include <xmmintrin.h>

#include <cerrno>

#include "tests/vdev/device_code.h"

namespace vnpu::vdev::test {
namespace {

constexpr uint32_t kRoundDown = 0x2000;

VNPU_DEVICE_CODE void SetMxcsr(const void* a, const void* b) {
  _mm_setcsr(*static_cast<const uint32_t*>(a));
  if (b != nullptr) {
    __builtin_trap();
  }
}
VNPU_DEVICE_CODE void SetDirection(const void* /*a*/, const void* b) {
  asm volatile("std" ::: "cc");
  if (b != nullptr) {
    asm volatile("ud2");
  }
}
VNPU_DEVICE_CODE void FillX87(const void* a, const void* /*b*/) {
  asm volatile(
      "fldcw (%0)\n"
      "fldpi\n fldpi\n fldpi\n fldpi\n fldpi\n fldpi\n fldpi\n fldpi\n"
      "ud2\n" ::"r"(a));
}
VNPU_DEVICE_CODE void SpoilRegisters(const void* /*a*/, const void* /*b*/) {
  asm volatile(
      "xorl %%ebx, %%ebx\n xorl %%r12d, %%r12d\n xorl %%r13d, %%r13d\n"
      "xorl %%r14d, %%r14d\n xorl %%r15d, %%r15d\n xorl %%ebp, %%ebp\n"
      "ud2\n" ::
          : "rbx", "r12", "r13", "r14", "r15");
}
VNPU_DEVICE_CODE void LoseStack(const void* a, const void* /*b*/) {
  asm volatile("movq %0, %%rsp\n pushq %0" ::"r"(a) : "memory");
  __builtin_unreachable();
}

bool DirectionFlag() {
  uint64_t flags = 0;
  asm volatile("pushfq\n popq %0" : "=r"(flags));
  return (flags & 0x400) != 0;
}

class CoreState : public testing::Test {
 protected:
  CoreState() { InstallHandlersOnce(); }
  Core core_;
};

TEST_F(CoreState, MxcsrIsRestored) {
  const uint32_t before = _mm_getcsr();
  const uint32_t other = before ^ kRoundDown;
  EXPECT_EQ(core_.Run(SetMxcsr, &other, nullptr).status, VNPU_OK);
  EXPECT_EQ(_mm_getcsr(), before);
  EXPECT_EQ(core_.Run(SetMxcsr, &other, &other).status, VNPU_E_TRAP);
  EXPECT_EQ(_mm_getcsr(), before);
}

TEST_F(CoreState, DirectionFlagIsCleared) {
  EXPECT_EQ(core_.Run(SetDirection, nullptr, nullptr).status, VNPU_OK);
  EXPECT_FALSE(DirectionFlag());
  EXPECT_EQ(core_.Run(SetDirection, nullptr, this).status, VNPU_E_TRAP);
  EXPECT_FALSE(DirectionFlag());
}

TEST_F(CoreState, X87StackIsEmptyAfterAFault) {
  const uint16_t single_precision = 0x007f;
  EXPECT_EQ(core_.Run(FillX87, &single_precision, nullptr).status, VNPU_E_TRAP);
  volatile long double third = 1.0L;
  third = third / 3.0L;
  // A full stack gives NaN, the control word of the code 1/3 in single precision.
  EXPECT_EQ(static_cast<double>(third), 1.0 / 3.0);
}

TEST_F(CoreState, CalleeSavedRegistersSurviveAFault) {
  register uint64_t kept asm("r12") = 0x1234'5678;
  asm volatile("" : "+r"(kept));
  const CoreResult result = core_.Run(SpoilRegisters, nullptr, nullptr);
  asm volatile("" : "+r"(kept));
  const uint64_t after = kept;
  EXPECT_EQ(after, 0x1234'5678u);
  EXPECT_EQ(result.status, VNPU_E_TRAP);
}

TEST_F(CoreState, ErrnoSurvivesAFault) {
  errno = EXDEV;
  const CoreResult result = core_.Run(SpoilRegisters, nullptr, nullptr);
  EXPECT_EQ(errno, EXDEV);
  EXPECT_EQ(result.status, VNPU_E_TRAP);
}

// The stack pointer may point anywhere when the fault comes.
TEST_F(CoreState, StackPointerOfNoUse) {
  const Pages pages(8192, PROT_NONE);
  for (const void* where :
       {static_cast<const void*>(pages.data() + 4096), reinterpret_cast<const void*>(8),
        reinterpret_cast<const void*>(0x7fff'ffff'f000)}) {
    EXPECT_EQ(core_.Run(LoseStack, where, nullptr).status, VNPU_E_ADDRESS);
  }
}

TEST_F(CoreState, SignalStackGoesBack) {
  stack_t before{};
  sigaltstack(nullptr, &before);
  std::byte* of_core = static_cast<std::byte*>(before.ss_sp);
  {
    // Cores are made one after the other on one thread here; the last one gives back what it found.
    const Core second;
    stack_t now{};
    sigaltstack(nullptr, &now);
    EXPECT_NE(now.ss_sp, of_core);
  }
  stack_t after{};
  sigaltstack(nullptr, &after);
  EXPECT_EQ(after.ss_sp, of_core);
}

}  // namespace
}  // namespace vnpu::vdev::test
