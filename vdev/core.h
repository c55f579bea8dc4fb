// A virtual core: runs native code of a kernel on the calling thread and comes back when it
// returns, faults, or is stopped from outside.
#ifndef VNPU_VDEV_CORE_H_
#define VNPU_VDEV_CORE_H_

#include <signal.h>
#include <vnpu/error.h>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>

namespace vnpu::vdev {

// How the code ended.
struct CoreResult {
  uint32_t status = VNPU_OK;  // enum vnpu_status
  bool is_write = false;      // VNPU_E_ADDRESS: the access was a write
  uint64_t address = 0;       // VNPU_E_ADDRESS, VNPU_E_ALIGNMENT: what it touched
  uint64_t pc = 0;            // of the instruction, absolute
};

using CoreCode = void (*)(const void* a, const void* b);

// Memory for the stack of device code: `bytes` that can be used and, below them, addresses that
// fault.
class KernelStack {
 public:
  // valid() is false when there is no memory.
  explicit KernelStack(size_t bytes);
  ~KernelStack();
  KernelStack(const KernelStack&) = delete;
  KernelStack& operator=(const KernelStack&) = delete;

  bool valid() const { return guard_ != nullptr; }
  // Where a stack of `bytes` (a multiple of 16, not more than there are) begins.
  std::byte* Top(size_t bytes) const { return guard_ + kGuardBytes + bytes; }
  bool InGuard(uint64_t address) const {
    return address - reinterpret_cast<uint64_t>(guard_) < kGuardBytes;
  }

 private:
  // Compiled kernels touch every page of a frame as they go down; other code may skip some.
  static constexpr size_t kGuardBytes = size_t{1} << 20;

  std::byte* guard_ = nullptr;
  size_t bytes_ = 0;
};

// What a run comes back with. The assembler part knows the offsets.
struct CoreFrame {
  uint64_t rsp = 0;
  uint64_t active = 0;
  uint32_t mxcsr = 0;  // the thread's; reading it before each run would cost more than all else
};

// Calls code(a, b), on the stack that begins at `top` if that is not null, after noting the stack
// pointer in *frame. 0: the code returned.
extern "C" uint64_t vnpu_core_enter(CoreFrame* frame, CoreCode code, const void* a, const void* b,
                                    std::byte* top);

// One for each worker thread. Construct on the thread that will run it.
class Core {
 public:
  // Signal that Stop() uses. Not a real-time signal: thread checkers hold those back until the next
  // library call, which a kernel that never ends does not make.
  static constexpr int kStopSignal = SIGPIPE;

  // Installs the process-wide handlers of SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGTRAP, SIGSYS and
  // kStopSignal; a fault outside a Run() ends the process as it would without them. Call once.
  static void InstallHandlers();

  Core();
  ~Core();
  Core(const Core&) = delete;
  Core& operator=(const Core&) = delete;

  // Calls code(a, b) on the calling thread's stack. Only on the thread that constructed the object.
  CoreResult Run(CoreCode code, const void* a, const void* b);
  // The same on `bytes` of another stack; VNPU_E_STACK when they are not enough. False: it did not
  // come back by itself, and fault() says why.
  bool RunOn(const KernelStack& stack, size_t bytes, CoreCode code, const void* a, const void* b) {
    stack_ = &stack;
    stack_top_ = stack.Top(bytes);
    return vnpu_core_enter(&frame_, code, a, b, stack_top_) == 0;
  }
  // Read after a fault only: what has just been stored field by field would, copied as a whole,
  // wait for all stores before it, also those into lines that the client has.
  const CoreResult& fault() const { return result_; }

  // Names the run that follows, for Stop().
  void SetToken(uint64_t token) { token_.store(token, std::memory_order_relaxed); }

  // From any thread: ends the run that has this token with `status`; does nothing when it is over.
  void Stop(uint64_t token, uint32_t status);

  // On the core's thread: what Stop() asks the work that has the present token to end with, or
  // VNPU_OK. For work that is not a Run() and has to look for itself.
  uint32_t StopAsked() const {
    return stop_token_.load(std::memory_order_acquire) == token_.load(std::memory_order_relaxed)
               ? stop_status_.load(std::memory_order_relaxed)
               : uint32_t{VNPU_OK};
  }

 private:
  // The name is for the assembler part, which is the signal handler proper.
  static void Handle(int signal, siginfo_t* info, void* context) asm("vnpu_core_handle");
  bool Recover(int signal, const siginfo_t& info, ucontext_t* context);

  CoreFrame frame_;
  const KernelStack* stack_ = nullptr;  // of the last run; nullptr: the thread's
  std::byte* stack_top_ = nullptr;
  CoreResult result_;  // of code that did not come back by itself
  std::atomic<uint64_t> token_{0};
  std::atomic<uint64_t> stop_token_{0};
  std::atomic<uint32_t> stop_status_{0};
  pid_t pid_;
  pid_t tid_;
  std::unique_ptr<std::byte[]> signal_stack_;
  stack_t old_signal_stack_{};
};

}  // namespace vnpu::vdev

#endif  // VNPU_VDEV_CORE_H_
