// Which tasks of a queue were dropped by aborts, for those that waited for them meanwhile.
#ifndef VNPU_LIBRUNTIME_SRC_QUEUE_ABORT_LOG_H_
#define VNPU_LIBRUNTIME_SRC_QUEUE_ABORT_LOG_H_

#include <algorithm>
#include <array>
#include <atomic>
#include <cstdint>
#include <mutex>

namespace vnpu::runtime {

// Tasks of a queue, by their indexes.
struct TaskRange {
  uint64_t from = 0;
  uint64_t until = 0;  // beyond the last

  bool contains(uint64_t task) const { return from <= task && task < until; }
  bool overlaps(const TaskRange& other) const {
    return std::max(from, other.from) < std::min(until, other.until);
  }
};

// Any thread.
class AbortLog {
 public:
  // Aborts begun so far. Taken before a wait, for Dropped().
  uint64_t begun() const { return begun_.load(std::memory_order_acquire); }

  // Has `abort` drop tasks, and keeps the range that it returns. Nobody sees one of these tasks
  // gone and finds nothing here: Dropped() waits for its end.
  template <typename Abort>
  void Run(Abort abort) {
    const std::lock_guard lock(mutex_);
    const uint64_t number = begun_.fetch_add(1, std::memory_order_acq_rel);
    dropped_[number % kKept] = abort();
  }

  // Aborts that began after the first `before` dropped one of the tasks.
  bool Dropped(uint64_t before, const TaskRange& tasks) {
    if (begun() == before) [[likely]] {
      return false;
    }
    const std::lock_guard lock(mutex_);
    const uint64_t end = begun_.load(std::memory_order_relaxed);
    for (uint64_t number = std::max(before, end - std::min(end, kKept)); number < end; ++number) {
      if (dropped_[number % kKept].overlaps(tasks)) {
        return true;
      }
    }
    return false;
  }

 private:
  // The tasks of a wait are dropped by the first aborts during it; who sleeps through more than
  // these takes them for done.
  static constexpr uint64_t kKept = 16;

  std::mutex mutex_;
  std::atomic<uint64_t> begun_{0};
  std::array<TaskRange, kKept> dropped_;
};

}  // namespace vnpu::runtime

#endif  // VNPU_LIBRUNTIME_SRC_QUEUE_ABORT_LOG_H_
