// Stop() from another thread.
#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "tests/vdev/device_code.h"

namespace vnpu::vdev::test {
namespace {

struct Flags {
  std::atomic<bool> started{false};
  std::atomic<bool> leave{false};
};

VNPU_DEVICE_CODE void Spin(const void* a, const void* /*b*/) {
  auto& flags = *static_cast<Flags*>(const_cast<void*>(a));
  // Unlike atomic's functions, the builtins are not instrumented here: a run that is cut short must
  // not hold a lock of the checker.
  __atomic_store_n(reinterpret_cast<bool*>(&flags.started), true, __ATOMIC_SEQ_CST);
  while (!__atomic_load_n(reinterpret_cast<const bool*>(&flags.leave), __ATOMIC_RELAXED)) {
  }
}
VNPU_DEVICE_CODE void Short(const void* a, const void* /*b*/) {
  volatile uint64_t sum = 0;
  for (int i = 0; i < 200; ++i) {
    sum = sum + *static_cast<const uint64_t*>(a);
  }
}

// Runs `body(core)` on a thread with a core of its own.
template <typename Body>
class CoreThread {
 public:
  explicit CoreThread(Body body)
      : thread_([this, body] {
          Core core;
          core_.store(&core);
          core_.notify_one();
          body(core);
          // The owner stops using the core before it lets the thread go.
          while (!done_.load()) {
            std::this_thread::yield();
          }
        }) {
    core_.wait(nullptr);
  }
  ~CoreThread() {
    done_.store(true);
    thread_.join();
  }
  Core& core() { return *core_.load(); }

 private:
  std::atomic<Core*> core_{nullptr};
  std::atomic<bool> done_{false};
  std::thread thread_;
};

void WaitFor(const std::atomic<bool>& flag) {
  while (!flag.load()) {
    std::this_thread::yield();
  }
}

// Asks once in each run that it sees, at different moments; asking without pause would leave the
// thread no time between two signals.
template <typename Ask>
void OncePerRun(const std::atomic<uint64_t>& present, uint64_t runs, Ask ask) {
  for (uint64_t run = present.load(); run < runs;) {
    for (uint64_t i = 0; i < run % 64; ++i) {
      __builtin_ia32_pause();
    }
    ask(run);
    const uint64_t asked = run;
    while (run == asked) {
      run = present.load();
    }
  }
}

class CoreStop : public testing::Test {
 protected:
  CoreStop() { InstallHandlersOnce(); }
};

TEST_F(CoreStop, EndsAnEndlessLoop) {
  Flags flags;
  std::atomic<bool> ended{false};
  CoreResult result;
  {
    CoreThread thread([&](Core& core) {
      core.SetToken(7);
      result = core.Run(Spin, &flags, nullptr);
      ended.store(true);
    });
    WaitFor(flags.started);
    thread.core().Stop(7, VNPU_E_TIMEOUT);
    WaitFor(ended);
  }
  EXPECT_EQ(result.status, VNPU_E_TIMEOUT);
  EXPECT_NE(result.pc, 0u);
}

TEST_F(CoreStop, WrongTokenDoesNothing) {
  Flags flags;
  CoreResult result{.status = VNPU_E_TRAP};
  {
    CoreThread thread([&](Core& core) {
      core.SetToken(7);
      result = core.Run(Spin, &flags, nullptr);
    });
    WaitFor(flags.started);
    thread.core().Stop(6, VNPU_E_TIMEOUT);
    thread.core().Stop(8, VNPU_E_TIMEOUT);
    flags.leave.store(true);
  }
  EXPECT_EQ(result.status, VNPU_OK);
}

// Requests for the run before come at any moment of the present one: none may hit it.
TEST_F(CoreStop, RequestForAPastRunNeverHitsTheNext) {
  constexpr uint64_t kRuns = 30'000;
  std::atomic<uint64_t> present{1};
  std::atomic<uint64_t> hits{0};
  {
    CoreThread thread([&](Core& core) {
      const uint64_t one = 1;
      for (uint64_t run = 1; run <= kRuns; ++run) {
        core.SetToken(run);
        present.store(run);
        hits += core.Run(Short, &one, nullptr).status != VNPU_OK ? 1 : 0;
      }
    });
    OncePerRun(present, kRuns, [&](uint64_t run) { thread.core().Stop(run - 1, VNPU_E_ABORTED); });
  }
  EXPECT_EQ(hits.load(), 0u);
}

// Requests for the present run race with its end: it ends one way or the other, and so do all that
// follow.
TEST_F(CoreStop, RequestsRaceWithTheEnd) {
  constexpr uint64_t kRuns = 20'000;
  std::atomic<uint64_t> present{1};
  std::atomic<uint64_t> stopped{0};
  std::atomic<uint64_t> strange{0};
  {
    CoreThread thread([&](Core& core) {
      const uint64_t one = 1;
      for (uint64_t run = 1; run <= kRuns; ++run) {
        core.SetToken(run);
        present.store(run);
        const uint32_t status = core.Run(Short, &one, nullptr).status;
        stopped += status == VNPU_E_ABORTED ? 1 : 0;
        strange += status != VNPU_E_ABORTED && status != VNPU_OK ? 1 : 0;
      }
    });
    OncePerRun(present, kRuns, [&](uint64_t run) { thread.core().Stop(run, VNPU_E_ABORTED); });
  }
  EXPECT_EQ(strange.load(), 0u);
  EXPECT_LT(stopped.load(), kRuns);
}

TEST_F(CoreStop, EndlessLoopsOneAfterTheOther) {
  constexpr uint64_t kRuns = 200;
  std::atomic<uint64_t> ended{0};
  std::atomic<uint64_t> aborted{0};
  std::array<Flags, kRuns> flags;
  {
    CoreThread thread([&](Core& core) {
      for (uint64_t run = 0; run < kRuns; ++run) {
        core.SetToken(run + 1);
        aborted += core.Run(Spin, &flags[run], nullptr).status == VNPU_E_ABORTED ? 1 : 0;
        ended.store(run + 1);
      }
    });
    for (uint64_t run = 0; run < kRuns; ++run) {
      WaitFor(flags[run].started);
      thread.core().Stop(run + 1, VNPU_E_ABORTED);
      while (ended.load() == run) {
        std::this_thread::yield();
      }
    }
  }
  EXPECT_EQ(aborted.load(), kRuns);
}

TEST_F(CoreStop, WorkThatLooksForItself) {
  Core core;
  EXPECT_EQ(core.StopAsked(), VNPU_OK);
  core.SetToken(1);
  EXPECT_EQ(core.StopAsked(), VNPU_OK);
  std::thread([&] { core.Stop(1, VNPU_E_TIMEOUT); }).join();
  EXPECT_EQ(core.StopAsked(), VNPU_E_TIMEOUT);
  core.SetToken(2);
  EXPECT_EQ(core.StopAsked(), VNPU_OK);
}

}  // namespace
}  // namespace vnpu::vdev::test
