// How code on a core ends: it returns, or it faults, and the caller lives on.
#include <gtest/gtest.h>
#include <unistd.h>

#include <climits>
#include <thread>

#include "tests/vdev/device_code.h"

namespace vnpu::vdev::test {
namespace {

VNPU_DEVICE_CODE void Add(const void* a, const void* b) {
  *static_cast<int*>(const_cast<void*>(a)) += *static_cast<const int*>(b);
}
VNPU_DEVICE_CODE void Read(const void* a, const void* /*b*/) {
  (void)*static_cast<const volatile int*>(a);
}
VNPU_DEVICE_CODE void Write(const void* a, const void* /*b*/) {
  *static_cast<volatile int*>(const_cast<void*>(a)) = 1;  // NOLINT: null is one of the cases
}
VNPU_DEVICE_CODE void Call(const void* a, const void* b) {
  reinterpret_cast<CoreCode>(const_cast<void*>(a))(nullptr, b);
}
VNPU_DEVICE_CODE void Trap(const void* /*a*/, const void* /*b*/) { __builtin_trap(); }
VNPU_DEVICE_CODE void Breakpoint(const void* /*a*/, const void* /*b*/) { asm volatile("int3"); }
VNPU_DEVICE_CODE void Undefined(const void* /*a*/, const void* /*b*/) {
  asm volatile(".byte 0x06");  // push %es, which 64-bit mode does not have
}
VNPU_DEVICE_CODE void Privileged(const void* /*a*/, const void* /*b*/) { asm volatile("hlt"); }
VNPU_DEVICE_CODE void Divide(const void* a, const void* b) {
  volatile int result = *static_cast<const int*>(a) / *static_cast<const int*>(b);
  (void)result;
}
VNPU_DEVICE_CODE void Misaligned(const void* a, const void* /*b*/) {
  asm volatile(
      "pushfq\n"
      "orq $0x40000, (%%rsp)\n"
      "popfq\n"
      "movl 1(%0), %%eax\n" ::"r"(a)
      : "rax", "memory", "cc");
}
VNPU_DEVICE_CODE void SingleStep(const void* /*a*/, const void* /*b*/) {
  asm volatile(
      "pushfq\n"
      "orq $0x100, (%%rsp)\n"
      "popfq\n"
      "nop\n" ::
          : "memory", "cc");
}
VNPU_DEVICE_CODE int Deep(int depth) {
  volatile char frame[512];
  frame[0] = static_cast<char>(depth);
  return depth == INT_MAX ? 0 : Deep(depth + 1) + frame[0];
}
VNPU_DEVICE_CODE void Overflow(const void* /*a*/, const void* /*b*/) {
  volatile int result = Deep(1);
  (void)result;
}

class CoreFault : public testing::Test {
 protected:
  CoreFault() { InstallHandlersOnce(); }
  void ExpectAlive() {
    int sum = 1;
    const int two = 2;
    EXPECT_EQ(core_.Run(Add, &sum, &two).status, VNPU_OK);
    EXPECT_EQ(sum, 3);
  }
  static bool Inside(uint64_t pc, CoreCode code) {
    const auto start = reinterpret_cast<uint64_t>(code);
    return pc >= start && pc < start + 256;
  }

  Core core_;
};

TEST_F(CoreFault, ReturnsNormally) {
  int sum = 40;
  const int two = 2;
  const CoreResult result = core_.Run(Add, &sum, &two);
  EXPECT_EQ(result.status, VNPU_OK);
  EXPECT_EQ(result.address, 0u);
  EXPECT_EQ(result.pc, 0u);
  EXPECT_EQ(sum, 42);
}

TEST_F(CoreFault, ReadOfForbiddenMemory) {
  const Pages pages(4096, PROT_NONE);
  const CoreResult result = core_.Run(Read, pages.data() + 40, nullptr);
  EXPECT_EQ(result.status, VNPU_E_ADDRESS);
  EXPECT_EQ(result.address, pages.va(40));
  EXPECT_FALSE(result.is_write);
  EXPECT_TRUE(Inside(result.pc, Read));
  ExpectAlive();
}

TEST_F(CoreFault, WriteToReadOnlyMemory) {
  const Pages pages(4096, PROT_READ);
  EXPECT_EQ(core_.Run(Read, pages.data(), nullptr).status, VNPU_OK);
  const CoreResult result = core_.Run(Write, pages.data() + 8, nullptr);
  EXPECT_EQ(result.status, VNPU_E_ADDRESS);
  EXPECT_EQ(result.address, pages.va(8));
  EXPECT_TRUE(result.is_write);
  EXPECT_TRUE(Inside(result.pc, Write));
  ExpectAlive();
}

TEST_F(CoreFault, NullPointer) {
  const CoreResult result = core_.Run(Write, nullptr, nullptr);
  EXPECT_EQ(result.status, VNPU_E_ADDRESS);
  EXPECT_EQ(result.address, 0u);
  EXPECT_TRUE(result.is_write);
}

// The processor does not tell such an address.
TEST_F(CoreFault, NonCanonicalAddress) {
  const CoreResult result =
      core_.Run(Read, reinterpret_cast<const void*>(0x1234'0000'0000'0000), nullptr);
  EXPECT_EQ(result.status, VNPU_E_ADDRESS);
  EXPECT_EQ(result.address, 0u);
  ExpectAlive();
}

TEST_F(CoreFault, JumpToDataOrNowhere) {
  const Pages pages(4096);
  CoreResult result = core_.Run(Call, pages.data(), nullptr);
  EXPECT_EQ(result.status, VNPU_E_ADDRESS);
  EXPECT_EQ(result.address, pages.va());
  EXPECT_EQ(result.pc, pages.va());
  result = core_.Run(Call, nullptr, nullptr);
  EXPECT_EQ(result.status, VNPU_E_ADDRESS);
  EXPECT_EQ(result.pc, 0u);
  ExpectAlive();
}

TEST_F(CoreFault, MemoryOfAFileThatEnds) {
  const int fd = memfd_create("short", MFD_CLOEXEC);
  ASSERT_EQ(ftruncate(fd, 4096), 0);
  void* memory = mmap(nullptr, 8192, PROT_READ, MAP_SHARED, fd, 0);
  ASSERT_NE(memory, MAP_FAILED);
  const CoreResult result = core_.Run(Read, static_cast<char*>(memory) + 4096, nullptr);
  EXPECT_EQ(result.status, VNPU_E_ADDRESS);
  EXPECT_EQ(result.address, reinterpret_cast<uint64_t>(memory) + 4096);
  munmap(memory, 8192);
  close(fd);
  ExpectAlive();
}

TEST_F(CoreFault, TrapInstructions) {
  CoreResult result = core_.Run(Trap, nullptr, nullptr);
  EXPECT_EQ(result.status, VNPU_E_TRAP);
  EXPECT_TRUE(Inside(result.pc, Trap));
  EXPECT_EQ(core_.Run(Breakpoint, nullptr, nullptr).status, VNPU_E_TRAP);
  ExpectAlive();
}

TEST_F(CoreFault, IllegalAndPrivilegedInstructions) {
  const CoreResult result = core_.Run(Undefined, nullptr, nullptr);
  EXPECT_EQ(result.status, VNPU_E_ILLEGAL);
  EXPECT_TRUE(Inside(result.pc, Undefined));
  EXPECT_EQ(core_.Run(Privileged, nullptr, nullptr).status, VNPU_E_ADDRESS);
  ExpectAlive();
}

TEST_F(CoreFault, Division) {
  const int one = 1;
  const int zero = 0;
  const int minus_one = -1;
  const int least = INT_MIN;
  EXPECT_EQ(core_.Run(Divide, &one, &one).status, VNPU_OK);
  const CoreResult result = core_.Run(Divide, &one, &zero);
  EXPECT_EQ(result.status, VNPU_E_DIVIDE);
  EXPECT_TRUE(Inside(result.pc, Divide));
  EXPECT_EQ(core_.Run(Divide, &least, &minus_one).status, VNPU_E_DIVIDE);
  ExpectAlive();
}

// The flags that make these faults happen must not stay on.
TEST_F(CoreFault, AlignmentCheckAndSingleStep) {
  const Pages pages(4096);
  EXPECT_EQ(core_.Run(Misaligned, pages.data(), nullptr).status, VNPU_E_ALIGNMENT);
  uint64_t flags = 0;
  asm volatile("pushfq\n popq %0" : "=r"(flags));
  EXPECT_EQ(flags & 0x40000, 0u);
  EXPECT_EQ(core_.Run(SingleStep, nullptr, nullptr).status, VNPU_E_TRAP);
  ExpectAlive();
}

TEST_F(CoreFault, ThousandsInARow) {
  const Pages pages(4096, PROT_NONE);
  const int zero = 0;
  for (int i = 0; i < 5'000; ++i) {
    ASSERT_EQ(core_.Run(Read, pages.data(), nullptr).status, VNPU_E_ADDRESS);
    ASSERT_EQ(core_.Run(Trap, nullptr, nullptr).status, VNPU_E_TRAP);
    ASSERT_EQ(core_.Run(Divide, &zero, &zero).status, VNPU_E_DIVIDE);
    ASSERT_EQ(core_.Run(Undefined, nullptr, nullptr).status, VNPU_E_ILLEGAL);
    ASSERT_EQ(core_.Run(Read, &zero, nullptr).status, VNPU_OK);
  }
}

TEST(CoreStack, OverflowIsAnAddressFault) {
  InstallHandlersOnce();
  std::thread([] {
    Core core;
    for (int i = 0; i < 3; ++i) {
      const CoreResult result = core.Run(Overflow, nullptr, nullptr);
      EXPECT_EQ(result.status, VNPU_E_ADDRESS);
      EXPECT_TRUE(result.is_write);
    }
    int sum = 1;
    EXPECT_EQ(core.Run(Add, &sum, &sum).status, VNPU_OK);
  }).join();
}

using CoreDeathTest = CoreFault;

TEST_F(CoreDeathTest, FaultOutsideOfARunEndsTheProcess) {
  EXPECT_EXIT(Write(nullptr, nullptr), testing::KilledBySignal(SIGSEGV), "");
  EXPECT_EXIT(Trap(nullptr, nullptr), testing::KilledBySignal(SIGILL), "");
  EXPECT_EXIT(Breakpoint(nullptr, nullptr), testing::KilledBySignal(SIGTRAP), "");
}

TEST_F(CoreDeathTest, FaultOnAThreadWithoutACoreEndsTheProcess) {
  EXPECT_EXIT(std::thread([] { Write(nullptr, nullptr); }).join(), testing::KilledBySignal(SIGSEGV),
              "");
}

}  // namespace
}  // namespace vnpu::vdev::test
