// What others may do while a thread waits for room in the queue of a stream.
#include <atomic>
#include <chrono>
#include <functional>
#include <future>
#include <thread>

#include "tests/acl/support.h"

namespace vnpu::test {
namespace {

class FullQueueTest : public KernelTest {
 protected:
  void SetUp() override {
    KernelTest::SetUp();
    ASSERT_OK(aclrtCreateStream(&other_));
  }

  // Calls `use` while another thread is stuck in `submit`, which puts a task into stream_: the
  // queue is full, and moves on when `use` has returned.
  void UseWhileFull(const std::function<aclError()>& submit, const std::function<aclError()>& use) {
    Gate gate(Kernel("wait_for"), stream_);
    std::atomic<uint32_t> submitted{0};
    std::atomic<bool> enough{false};
    aclrtContext context = nullptr;
    ASSERT_OK(aclrtGetCurrentContext(&context));
    std::thread filler([&] {
      EXPECT_OK(aclrtSetCurrentContext(context));
      while (!enough.load()) {
        EXPECT_OK(submit());
        submitted.fetch_add(1);
      }
    });
    auto used = std::async(std::launch::async, [&] {
      EXPECT_OK(aclrtSetCurrentContext(context));
      constexpr int kTimes = 1000;
      // Until nothing was submitted during many calls: the filler is stuck.
      uint32_t before = 0;
      aclError error = ACL_SUCCESS;
      do {
        before = submitted.load();
        for (int i = 0; i < kTimes && error == ACL_SUCCESS; ++i) {
          std::this_thread::yield();
          error = use();
        }
      } while (error == ACL_SUCCESS && (before == 0 || before != submitted.load()));
      return error;
    });
    EXPECT_EQ(used.wait_for(std::chrono::seconds(20)), std::future_status::ready)
        << "the calls wait for room in a queue that they do not use";
    enough.store(true);
    gate.Open();
    EXPECT_OK(used.get());
    filler.join();
    EXPECT_OK(aclrtSynchronizeStream(stream_));
  }

  static aclError Query(aclrtEvent event) {
    aclrtEventRecordedStatus status = ACL_EVENT_RECORDED_STATUS_COMPLETE;
    return aclrtQueryEventStatus(event, &status);
  }

  aclrtStream other_ = nullptr;
};

TEST_F(FullQueueTest, EventsThatAreRecordedCanBeQueried) {
  aclrtEvent event = nullptr;
  ASSERT_OK(aclrtCreateEventExWithFlag(&event, ACL_EVENT_SYNC));
  UseWhileFull([&] { return aclrtRecordEvent(event, stream_); }, [&] { return Query(event); });
  EXPECT_OK(aclrtDestroyEvent(event));
}

TEST_F(FullQueueTest, EventsThatAreWaitedForCanBeQueried) {
  aclrtEvent event = nullptr;
  ASSERT_OK(aclrtCreateEventExWithFlag(&event, ACL_EVENT_SYNC));
  ASSERT_OK(aclrtRecordEvent(event, other_));
  UseWhileFull([&] { return aclrtStreamWaitEvent(stream_, event); }, [&] { return Query(event); });
  EXPECT_OK(aclrtDestroyEvent(event));
}

TEST_F(FullQueueTest, EventsThatAreResetCanBeQueried) {
  aclrtEvent event = nullptr;
  ASSERT_OK(aclrtCreateEventWithFlag(&event, ACL_EVENT_SYNC));
  ASSERT_OK(aclrtRecordEvent(event, other_));
  UseWhileFull([&] { return aclrtResetEvent(event, stream_); }, [&] { return Query(event); });
  EXPECT_OK(aclrtDestroyEvent(event));
}

TEST_F(FullQueueTest, EventsBetweenProcessesCanBeQueried) {
  aclrtEvent event = nullptr;
  ASSERT_OK(aclrtCreateEventExWithFlag(&event, ACL_EVENT_IPC));
  UseWhileFull([&] { return aclrtRecordEvent(event, stream_); }, [&] { return Query(event); });
  EXPECT_OK(aclrtDestroyEvent(event));
}

// A record of another stream may be what the full queue waits for.
TEST_F(FullQueueTest, EventsCanBeRecordedElsewhere) {
  aclrtEvent event = nullptr;
  ASSERT_OK(aclrtCreateEventExWithFlag(&event, ACL_EVENT_SYNC));
  ASSERT_OK(aclrtRecordEvent(event, other_));
  UseWhileFull([&] { return aclrtStreamWaitEvent(stream_, event); },
               [&] { return aclrtRecordEvent(event, other_); });
  EXPECT_OK(aclrtDestroyEvent(event));
}

TEST_F(FullQueueTest, NotifiesCanBeRecordedElsewhere) {
  aclrtNotify notify = nullptr;
  ASSERT_OK(aclrtCreateNotify(&notify, ACL_NOTIFY_DEFAULT));
  UseWhileFull([&] { return aclrtRecordNotify(notify, stream_); },
               [&] { return aclrtRecordNotify(notify, other_); });
  EXPECT_OK(aclrtSynchronizeStream(other_));
  EXPECT_OK(aclrtDestroyNotify(notify));
}

}  // namespace
}  // namespace vnpu::test
