// Long use of one session: whether memory and launch time stay what they were.
#ifndef VNPU_TOOLS_BENCH_SOAK_H_
#define VNPU_TOOLS_BENCH_SOAK_H_

#include <sys/types.h>

#include <chrono>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "tools/bench/clock.h"
#include "tools/bench/npu.h"
#include "tools/bench/processes.h"

namespace vnpu::bench {

// What has been done so far.
struct Work {
  uint64_t tasks = 0;
  uint64_t events = 0;   // created, recorded, waited for and destroyed
  uint64_t streams = 0;  // created, used and destroyed
};

struct ProcessState {
  pid_t pid;
  std::string name;
  ProcessMemory memory;
};

// How things stand at one moment.
struct SoakState {
  Work work;
  std::vector<ProcessState> processes;  // this one, the driver, the device
  double launch_ns = 0;                 // median
};

class Soak {
 public:
  Soak();

  // Works until the time is over or `stop` is true; calls `progress` every few seconds.
  void Run(std::chrono::seconds time, const std::function<bool()>& stop,
           const std::function<void(std::chrono::seconds, const SoakState&)>& progress);

  // The first state after now. Machines are slow at times; the time of a launch is the best of some
  // seconds.
  SoakState Start();
  // The last one. If launches take longer than at the start it looks again, for a minute at most:
  // what has grown stays so. `again` is called before each such look.
  SoakState End(const SoakState& start, const std::function<bool()>& stop,
                const std::function<void(const SoakState&)>& again);

 private:
  SoakState State();
  SoakState StateUntil(std::chrono::seconds limit,
                       const std::function<bool(const SoakState&)>& done);
  void Round();
  void UseStreamAndEvents();

  const Clock clock_ = CalibrateClock();
  Npu npu_;
  Work work_;
};

// One line for a state after some time.
std::string ProgressLine(std::chrono::seconds time, const SoakState& state);

// The final table; *flat: neither memory nor launch time has grown.
std::string SoakTable(const SoakState& start, const SoakState& end, bool* flat);

}  // namespace vnpu::bench

#endif  // VNPU_TOOLS_BENCH_SOAK_H_
