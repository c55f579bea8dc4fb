// The pause before each measurement of a wake-up.
#ifndef VNPU_TOOLS_BENCH_IDLE_PAUSE_H_
#define VNPU_TOOLS_BENCH_IDLE_PAUSE_H_

#include <chrono>
#include <random>
#include <thread>

namespace vnpu::bench {

// Sleeps for 5 to 20 ms, another time each call, so that nothing falls into step with it.
class IdlePause {
 public:
  void Sleep() { std::this_thread::sleep_for(std::chrono::microseconds(us_(random_))); }

 private:
  std::minstd_rand random_{1};
  std::uniform_int_distribution<int> us_{5'000, 20'000};
};

}  // namespace vnpu::bench

#endif  // VNPU_TOOLS_BENCH_IDLE_PAUSE_H_
