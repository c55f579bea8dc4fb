#include "vdev/core.h"

#include <sys/mman.h>
#include <sys/syscall.h>
#include <ucontext.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstddef>

#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/asan_interface.h>
#endif

// Where the signal handler goes on when vnpu_core_enter is to return 1, with the frame's stack
// pointer: it throws away whatever the code has on the stack and in the x87 registers.
extern "C" const char vnpu_core_resume[];

// The signal handler: vnpu_core_handle without alignment checks. Linux clears the other flags of
// the interrupted code on the way here, but not that one, and compiled code may be misaligned
// anywhere.
extern "C" void vnpu_core_signal(int signal, siginfo_t* info, void* context);

asm(R"(
  .text
  .p2align 6
  .globl vnpu_core_enter
  .hidden vnpu_core_enter
  .type vnpu_core_enter, @function
vnpu_core_enter:
  pushq %rbp
  pushq %rbx
  pushq %r12
  pushq %r13
  pushq %r14
  pushq %r15
  pushq %rdi
  movq %rsp, (%rdi)
  movq $1, 8(%rdi)
  movq %rdi, %rbx
  movq %rsi, %rax
  movq %rdx, %rdi
  movq %rcx, %rsi
  testq %r8, %r8
  cmovzq %rsp, %r8
  movq %r8, %rsp
  callq *%rax
  movq $0, 8(%rbx)
  movq (%rbx), %rsp
  xorl %eax, %eax
  jmp 1f
  .globl vnpu_core_resume
  .hidden vnpu_core_resume
vnpu_core_resume:
  fninit
  movq (%rsp), %rbx
1:
  ldmxcsr 16(%rbx)
  cld
  addq $8, %rsp
  popq %r15
  popq %r14
  popq %r13
  popq %r12
  popq %rbx
  popq %rbp
  ret
  .size vnpu_core_enter, .-vnpu_core_enter

  .globl vnpu_core_signal
  .hidden vnpu_core_signal
  .type vnpu_core_signal, @function
vnpu_core_signal:
  pushfq
  andq $~0x40000, (%rsp)
  popfq
  jmp vnpu_core_handle
  .size vnpu_core_signal, .-vnpu_core_signal
)");

#if defined(VNPU_UNCHECKED_SIGNALS)
// ThreadSanitizer replaces sigaction by one whose handler runs before ours, with the alignment
// check still on. This name of the C library leads past it.
extern "C" int __sigaction(int signal, const struct sigaction* action, struct sigaction* old);
#endif

namespace vnpu::vdev {
namespace {

constexpr size_t kSignalStackBytes = size_t{64} * 1024;
constexpr std::array kSignals = {SIGSEGV, SIGBUS, SIGILL,           SIGFPE,
                                 SIGTRAP, SIGSYS, Core::kStopSignal};

// Flags that kernel code may have set and the worker cannot live with: single step, direction,
// nested task, alignment check.
constexpr greg_t kKernelFlags = 0x100 | 0x400 | 0x4000 | 0x40000;

thread_local Core* this_core = nullptr;

// The frames that are thrown away never return, so the checker has to be told that they are gone.
void ForgetFrames([[maybe_unused]] uint64_t from, [[maybe_unused]] uint64_t to) {
#if defined(__SANITIZE_ADDRESS__)
  constexpr uint64_t kMostStack = 64u << 20;
  if (from < to && to - from <= kMostStack) {
    __asan_unpoison_memory_region(reinterpret_cast<void*>(from), to - from);
  }
#endif
}

uint32_t StatusOf(int signal, const siginfo_t& info, uint64_t pc) {
  switch (signal) {
    case SIGSEGV:
      return VNPU_E_ADDRESS;
    case SIGBUS:
      return info.si_code == BUS_ADRALN ? VNPU_E_ALIGNMENT : VNPU_E_ADDRESS;
    case SIGFPE:
      return VNPU_E_DIVIDE;
    case SIGSYS:
      return VNPU_E_SYSCALL;
    case SIGTRAP:
      return VNPU_E_TRAP;
    default: {
      // ud2 is what trap() and __builtin_trap() compile to.
      const auto* code = reinterpret_cast<const unsigned char*>(pc);
      return code[0] == 0x0f && code[1] == 0x0b ? VNPU_E_TRAP : VNPU_E_ILLEGAL;
    }
  }
}

}  // namespace

void Core::InstallHandlers() {
  struct sigaction action {};
  action.sa_sigaction = &vnpu_core_signal;
  action.sa_flags = SA_SIGINFO | SA_ONSTACK | SA_NODEFER;
  for (const int signal : kSignals) {
#if defined(VNPU_UNCHECKED_SIGNALS)
    __sigaction(signal, &action, nullptr);
#else
    sigaction(signal, &action, nullptr);
#endif
  }
}

Core::Core() : pid_(getpid()), tid_(gettid()), signal_stack_(new std::byte[kSignalStackBytes]) {
  stack_t stack{};
  stack.ss_sp = signal_stack_.get();
  stack.ss_size = kSignalStackBytes;
  sigaltstack(&stack, &old_signal_stack_);
  this_core = this;
  frame_.mxcsr = __builtin_ia32_stmxcsr();
}

Core::~Core() {
  this_core = nullptr;
  sigaltstack(&old_signal_stack_, nullptr);
}

KernelStack::KernelStack(size_t bytes) : bytes_(bytes) {
  void* const memory = mmap(nullptr, kGuardBytes + bytes, PROT_NONE,
                            MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (memory == MAP_FAILED) {
    return;
  }
  auto* const guard = static_cast<std::byte*>(memory);
  if (mprotect(guard + kGuardBytes, bytes, PROT_READ | PROT_WRITE) != 0) {
    munmap(memory, kGuardBytes + bytes);
    return;
  }
  guard_ = guard;
}

KernelStack::~KernelStack() {
  if (guard_ != nullptr) {
    munmap(guard_, kGuardBytes + bytes_);
  }
}

CoreResult Core::Run(CoreCode code, const void* a, const void* b) {
  stack_ = nullptr;
  return vnpu_core_enter(&frame_, code, a, b, nullptr) == 0 ? CoreResult{} : result_;
}

void Core::Stop(uint64_t token, uint32_t status) {
  stop_status_.store(status, std::memory_order_relaxed);
  stop_token_.store(token, std::memory_order_release);
  if (token_.load(std::memory_order_acquire) == token) {
    syscall(SYS_tgkill, pid_, tid_, kStopSignal);
  }
}

bool Core::Recover(int signal, const siginfo_t& info, ucontext_t* context) {
  if (frame_.active == 0) {
    return false;
  }
  auto& registers = context->uc_mcontext.gregs;
  const auto pc = static_cast<uint64_t>(registers[REG_RIP]);
  if (signal == kStopSignal) {
    if (stop_token_.load(std::memory_order_acquire) != token_.load(std::memory_order_relaxed)) {
      return true;  // that run is over already
    }
    result_ = {.status = stop_status_.load(std::memory_order_relaxed)};
  } else {
    result_ = {};
    result_.status = StatusOf(signal, info, pc);
    result_.address = reinterpret_cast<uint64_t>(info.si_addr);
    // Bit 1 of the page-fault error code: the access was a write.
    result_.is_write = signal == SIGSEGV && (registers[REG_ERR] & 2) != 0;
    if (signal == SIGSEGV && stack_ != nullptr && stack_->InGuard(result_.address)) {
      result_.status = VNPU_E_STACK;
    }
  }
  result_.pc = pc;
  frame_.active = 0;
  ForgetFrames(static_cast<uint64_t>(registers[REG_RSP]),
               stack_ != nullptr ? reinterpret_cast<uint64_t>(stack_top_) : frame_.rsp);
  registers[REG_EFL] &= ~kKernelFlags;
  registers[REG_RIP] = reinterpret_cast<greg_t>(vnpu_core_resume);
  registers[REG_RSP] = static_cast<greg_t>(frame_.rsp);
  registers[REG_RAX] = 1;
  return true;
}

void Core::Handle(int signal, siginfo_t* info, void* context) {
  const int saved_errno = errno;
  if (this_core != nullptr &&
      this_core->Recover(signal, *info, static_cast<ucontext_t*>(context))) {
    errno = saved_errno;
    return;
  }
  if (signal == kStopSignal) {
    errno = saved_errno;
    return;
  }
  // Not a kernel's doing: die of it. Where the sandbox forbids even that, at least end.
  static thread_local bool dying = false;
  if (dying) {
    constexpr int kSignalExit = 128;
    _exit(kSignalExit + signal);
  }
  dying = true;
  struct sigaction action {};
  action.sa_handler = SIG_DFL;
  sigaction(signal, &action, nullptr);
  raise(signal);
}

}  // namespace vnpu::vdev
