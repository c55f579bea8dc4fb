// What hostile device code can do: end its own session at most.
#include <signal.h>
#include <sys/syscall.h>

#include <vector>

#include "tests/isolation/victim.h"
#include "tests/uapi/support/fixture.h"
#include "tests/uapi/support/module.h"

namespace vnpu::raw {
namespace {

class KernelTest : public NodeTest {};

TEST_F(KernelTest, SystemCallsAreRefused) {
  Victim victim(vnpud(), false);
  const auto victim_pid = static_cast<uint64_t>(victim.facts().pid);
  const auto victim_device = static_cast<uint64_t>(victim.facts().device_pid);
  Session session(vnpud());
  const TestModule module(&session);
  const uint32_t system_call = module.Function("system_call");
  const Queue queue = session.CreateQueue();
  const Buffer buffer = session.Allocate(VNPU_PAGE_SIZE);
  const char path[] = "/etc/passwd";
  ASSERT_TRUE(session.Store(buffer.va + 64, path, sizeof(path)));
  const uint64_t text = buffer.va + 64;
  const std::vector<std::vector<uint64_t>> calls = {
      {SYS_open, text, 0},
      {SYS_socket, 1, 1},
      {SYS_connect, 3, text},
      {SYS_execve, text, 0},
      {SYS_fork, 0, 0},
      {SYS_vfork, 0, 0},
      {SYS_clone, 0, 0},
      {SYS_clone3, text, 64},
      {SYS_kill, victim_pid, SIGKILL},
      {SYS_kill, victim_device, SIGKILL},
      {SYS_tgkill, victim_device, victim_device},
      {SYS_tkill, victim_device, SIGKILL},
      {SYS_ptrace, 16, victim_device},
      {SYS_process_vm_readv, victim_pid, text},
      {SYS_process_vm_writev, victim_pid, text},
      {SYS_process_vm_readv, victim_device, text},
      {SYS_pidfd_open, victim_pid, 0},
      {SYS_pidfd_getfd, 3, 3},
      {SYS_memfd_create, text, 0},
      {SYS_io_uring_setup, 8, text},
      {SYS_setuid, 0, 0},
      {SYS_unshare, 0x10000000, 0},
      {SYS_mount, text, text},
      {SYS_bpf, 0, 0},
      {SYS_shmget, 1, 4096},
      {SYS_sendmsg, 3, text},
      {SYS_recvmsg, 3, text},
      {SYS_exit, 0, 0},
  };
  for (std::vector<uint64_t> args : calls) {
    args.push_back(buffer.va);
    EXPECT_EQ(session.Run(queue, Kernel(system_call, 1, args)), VNPU_E_SYSCALL)
        << "system call " << args[0];
  }
  EXPECT_EQ(session.State(), VNPU_SESSION_RUNNING);
  EXPECT_TRUE(victim.Finish());
}

// It shares its address space with the firmware of its session, and may spoil that.
TEST_F(KernelTest, SpoilingItsOwnProcessHurtsNobodyElse) {
  Victim victim(vnpud(), false);
  for (const uint64_t bytes :
       {uint64_t{256}, uint64_t{4096}, uint64_t{1} << 20, uint64_t{1} << 40}) {
    Session session(vnpud());
    const TestModule module(&session);
    const Queue queue = session.CreateQueue();
    vnpu_sqe sqe = Kernel(module.Function("smash_stack"), 4, std::vector{bytes});
    sqe.timeout_us = 100'000;
    session.Publish(queue, sqe);
    // Whatever becomes of it, its end is not waited for: the session ends at once.
    Session other(vnpud());
    EXPECT_EQ(other.Run(other.CreateQueue(), Nop()), VNPU_OK);
  }
  EXPECT_TRUE(victim.Finish());
}

// A kernel that never ends keeps nobody from the device's end of the session, and takes no unit
// with it.
TEST_F(KernelTest, EndlessKernelsEndWithTheirSession) {
  Victim victim(vnpud(), false);
  const vnpu_ioc_counters before = Counters();
  for (int round = 0; round < 3; ++round) {
    Session session(vnpud());
    const TestModule module(&session);
    const Buffer buffer = session.Allocate(VNPU_PAGE_SIZE);
    for (int i = 0; i < 4; ++i) {
      session.Publish(session.CreateQueue(),
                      Kernel(module.Function("spin"), 16, std::vector{buffer.va}));
    }
    EXPECT_TRUE(Eventually(kPatience, [&] { return Counters().units[VNPU_UNIT_AI_CORE] > 0; }));
  }
  ExpectCounters(before, "after the sessions of endless kernels");
  EXPECT_TRUE(Eventually(kPatience, [&] {
    return Counters().units[VNPU_UNIT_AI_CORE] + Counters().units[VNPU_UNIT_VECTOR_CORE] == 0;
  }));
  EXPECT_TRUE(victim.Finish());
}

}  // namespace
}  // namespace vnpu::raw
