// Ends the process when a thread of the test hangs, and tells what each was doing.
#ifndef VNPU_TESTS_MODEL_WATCHDOG_H_
#define VNPU_TESTS_MODEL_WATCHDOG_H_

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <thread>
#include <vector>

#include "tests/model/journal.h"

namespace vnpu::model {

class Watchdog {
 public:
  // A thread that notes nothing for so long hangs, unless it has come to its end.
  Watchdog(std::vector<const Journal*> journals, std::chrono::seconds limit);
  ~Watchdog();
  Watchdog(const Watchdog&) = delete;
  Watchdog& operator=(const Watchdog&) = delete;

 private:
  void Watch();

  std::vector<const Journal*> journals_;
  std::chrono::seconds limit_;
  std::mutex mutex_;
  std::condition_variable changed_;
  bool over_ = false;
  std::thread thread_;
};

}  // namespace vnpu::model

#endif  // VNPU_TESTS_MODEL_WATCHDOG_H_
