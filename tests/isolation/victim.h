// A client in a process of its own that keeps secrets in device memory.
#ifndef VNPU_TESTS_ISOLATION_VICTIM_H_
#define VNPU_TESTS_ISOLATION_VICTIM_H_

#include <sys/types.h>

#include <cstdint>

#include "tests/uapi/support/process.h"
#include "tests/uapi/support/session.h"

namespace vnpu::raw {

inline constexpr uint64_t kSecret = 0x5ec2e75ec2e75ec2;

// Where the victim's things are.
struct VictimFacts {
  pid_t pid;
  pid_t device_pid;
  uint64_t window;
  uint64_t secret_va;  // a page full of kSecret
  uint64_t secret_pa;
  uint64_t pinned_va;
  int memory_fd;     // number of the pinned memory in the victim
  uint32_t objects;  // ids below this are in use, of every kind
};

class Victim {
 public:
  // Its process runs as nobody with `as_nobody`, which takes root.
  Victim(const Vnpud& vnpud, bool as_nobody);

  const VictimFacts& facts() const { return facts_; }
  // Ends it; true when its secrets are as they were, its objects are all there and its kernels
  // compute.
  bool Finish();

 private:
  int Live(const Vnpud& vnpud, bool as_nobody, int facts_fd) const;

  Notice stop_;
  VictimFacts facts_{};
  Child child_;
};

}  // namespace vnpu::raw

#endif  // VNPU_TESTS_ISOLATION_VICTIM_H_
