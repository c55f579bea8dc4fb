#include "tests/model/watchdog.h"

#include <algorithm>
#include <utility>

namespace vnpu::model {

Watchdog::Watchdog(std::vector<const Journal*> journals, std::chrono::seconds limit)
    : journals_(std::move(journals)), limit_(limit), thread_([this] { Watch(); }) {}

Watchdog::~Watchdog() {
  {
    const std::lock_guard lock(mutex_);
    over_ = true;
  }
  changed_.notify_one();
  thread_.join();
}

// Threads wait for each other, so that the first that hangs stops all: it is enough to see that
// nobody gets on.
void Watchdog::Watch() {
  std::unique_lock lock(mutex_);
  for (uint64_t before = ~uint64_t{0};;) {
    uint64_t now = 0;
    for (const Journal* journal : journals_) {
      now += journal->notes();
    }
    if (now == before) {
      for (const Journal* journal : journals_) {
        journal->Dump();
      }
      journals_.front()->Fail("no thread has got on for " + std::to_string(limit_.count()) +
                              " seconds: the test hangs");
    }
    before = now;
    if (changed_.wait_for(lock, limit_, [this] { return over_; })) {
      return;
    }
  }
}

}  // namespace vnpu::model
