// Other processes: finding them, their CPU time and memory, running one and forking one.
#ifndef VNPU_TOOLS_BENCH_PROCESSES_H_
#define VNPU_TOOLS_BENCH_PROCESSES_H_

#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace vnpu::bench {

// The driver that serves this process, embedded or at its device node, and its device processes.
// Empty when they cannot be seen.
std::vector<pid_t> DevicePids();

// Program name of a process, such as "vnpud"; empty when it is gone.
std::string ProcessName(pid_t pid);

// CPU time that a process has used so far, all threads, in nanoseconds; 0 when it is gone.
uint64_t CpuTimeNs(pid_t pid);

// Memory of a process in bytes: resident, and resident with shared pages divided among those that
// map them (0 where the kernel does not tell).
struct ProcessMemory {
  uint64_t resident;
  uint64_t proportional;
};
ProcessMemory MemoryOf(pid_t pid);

// Runs a program and returns what it wrote to its standard output. Throws std::runtime_error with
// the end of its standard error when it cannot be run or fails. `environment`: NAME=value to add.
std::string RunProgram(const std::vector<std::string>& command,
                       const std::vector<std::string>& environment = {});

// A fork of this process that runs `body` and exits; killed when this goes out of scope or the
// parent dies.
class ForkedProcess {
 public:
  explicit ForkedProcess(const std::function<void()>& body);
  ~ForkedProcess();
  ForkedProcess(const ForkedProcess&) = delete;
  ForkedProcess& operator=(const ForkedProcess&) = delete;

 private:
  pid_t pid_;
};

// Zeroed memory that a fork shares.
class SharedPages {
 public:
  explicit SharedPages(size_t size);
  ~SharedPages();
  SharedPages(const SharedPages&) = delete;
  SharedPages& operator=(const SharedPages&) = delete;
  void* get() const { return memory_; }

 private:
  size_t size_;
  void* memory_;
};

// CPUs that the calling thread may run on.
std::vector<int> AllowedCpus();

// Two CPUs of different cores. Throws std::runtime_error where this process may use only one.
std::vector<int> TwoCores();

// Keeps the calling thread on one CPU until it goes out of scope.
class PinnedThread {
 public:
  explicit PinnedThread(int cpu);
  ~PinnedThread();
  PinnedThread(const PinnedThread&) = delete;
  PinnedThread& operator=(const PinnedThread&) = delete;

 private:
  std::vector<int> before_;
};

}  // namespace vnpu::bench

#endif  // VNPU_TOOLS_BENCH_PROCESSES_H_
