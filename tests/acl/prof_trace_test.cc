// Marks for profiling.
#include <array>
#include <vector>

#include "tests/acl/support.h"
#include "vnpu/task_times.h"

namespace vnpu::test {
namespace {

using ProfTraceTest = KernelTest;

TEST_F(ProfTraceTest, MarkHasItsTimeBetweenTheTasksAroundIt) {
  char text[] = "step 1";
  DeviceArray<int> counter(1);
  ASSERT_OK(vnpuStreamRecordTaskTimes(stream_, 1));
  const uint64_t first = vnpuStreamGetTaskCount(stream_);
  ASSERT_OK(Launch("increment", 1, counter.get(), stream_));
  ASSERT_OK(aclrtProfTrace(text, sizeof(text), stream_));
  uint32_t mark = 0;
  ASSERT_OK(aclrtGetThreadLastTaskId(&mark));
  EXPECT_EQ(mark, first + 1);
  ASSERT_OK(Launch("increment", 1, counter.get(), stream_));
  ASSERT_OK(aclrtSynchronizeStream(stream_));
  std::array<uint64_t, 3> start{};
  std::array<uint64_t, 3> end{};
  ASSERT_OK(vnpuStreamGetTaskTimes(stream_, first, 3, start.data(), end.data()));
  EXPECT_GE(start[1], end[0]);
  EXPECT_GE(start[2], end[1]);
  EXPECT_EQ(counter.Read()[0], 2);
}

TEST_F(ProfTraceTest, TimesAreThereForFinishedTasksOfLate) {
  char text[] = "x";
  std::array<uint64_t, 2> start{};
  std::array<uint64_t, 2> end{};
  ASSERT_OK(vnpuStreamRecordTaskTimes(stream_, 1));
  const uint64_t first = vnpuStreamGetTaskCount(stream_);
  EXPECT_EQ(vnpuStreamGetTaskTimes(stream_, first, 1, start.data(), end.data()),
            ACL_ERROR_INVALID_PARAM)
      << "not submitted";
  for (int i = 0; i < 2000; ++i) {
    ASSERT_OK(aclrtProfTrace(text, 1, stream_));
  }
  ASSERT_OK(aclrtSynchronizeStream(stream_));
  EXPECT_EQ(vnpuStreamGetTaskTimes(stream_, first, 1, start.data(), end.data()),
            ACL_ERROR_INVALID_PARAM)
      << "too long ago";
  EXPECT_OK(vnpuStreamGetTaskTimes(stream_, first + 1998, 2, start.data(), end.data()));
  EXPECT_EQ(vnpuStreamGetTaskTimes(stream_, UINT64_MAX, 2, start.data(), end.data()),
            ACL_ERROR_INVALID_PARAM);
  EXPECT_GT(vnpuDeviceClockHz(0), 0u);
  EXPECT_EQ(vnpuDeviceClockHz(-1), 0u);
  EXPECT_EQ(vnpuDeviceClockHz(63), 0u);
  EXPECT_EQ(vnpuStreamGetTaskCount(reinterpret_cast<aclrtStream>(8)), 0u);
}

TEST_F(ProfTraceTest, TimesAreThereOnlyWhileTheyAreRecorded) {
  char text[] = "x";
  uint64_t start = 0;
  uint64_t end = 0;
  const auto run_one = [&] {
    const uint64_t task = vnpuStreamGetTaskCount(stream_);
    EXPECT_OK(aclrtProfTrace(text, 1, stream_));
    EXPECT_OK(aclrtSynchronizeStream(stream_));
    return task;
  };
  const auto ask = [&](uint64_t task) {
    return vnpuStreamGetTaskTimes(stream_, task, 1, &start, &end);
  };
  const uint64_t before = run_one();
  EXPECT_EQ(ask(before), ACL_ERROR_INVALID_PARAM) << "nobody wanted them";
  ASSERT_OK(vnpuStreamRecordTaskTimes(stream_, 1));
  EXPECT_EQ(ask(before), ACL_ERROR_INVALID_PARAM) << "it ran before";
  const uint64_t recorded = run_one();
  EXPECT_OK(ask(recorded));
  EXPECT_GT(start, 0u);
  EXPECT_LE(start, end);
  ASSERT_OK(vnpuStreamRecordTaskTimes(stream_, 1));
  EXPECT_OK(ask(recorded)) << "it was asked for already";
  ASSERT_OK(vnpuStreamRecordTaskTimes(stream_, 0));
  EXPECT_EQ(ask(recorded), ACL_ERROR_INVALID_PARAM) << "they are gone";
  EXPECT_EQ(ask(run_one()), ACL_ERROR_INVALID_PARAM);
  EXPECT_EQ(vnpuStreamRecordTaskTimes(stream_, 2), ACL_ERROR_INVALID_PARAM);
  EXPECT_EQ(vnpuStreamRecordTaskTimes(reinterpret_cast<aclrtStream>(8), 1),
            ACL_ERROR_RT_INVALID_HANDLE);
}

TEST_F(ProfTraceTest, ShortKernelsAreAllTimedWhenTimesAreRecorded) {
  constexpr uint64_t kTasks = 1000;
  DeviceArray<int> counter(1);
  ASSERT_OK(vnpuStreamRecordTaskTimes(stream_, 1));
  const uint64_t first = vnpuStreamGetTaskCount(stream_);
  for (uint64_t i = 0; i < kTasks; ++i) {
    ASSERT_OK(Launch("increment", 1, counter.get(), stream_));
  }
  ASSERT_OK(aclrtSynchronizeStream(stream_));
  std::vector<uint64_t> start(kTasks);
  std::vector<uint64_t> end(kTasks);
  ASSERT_OK(vnpuStreamGetTaskTimes(stream_, first, kTasks, start.data(), end.data()));
  for (uint64_t i = 0; i < kTasks; ++i) {
    ASSERT_LT(start[i], end[i]) << i;
    ASSERT_LE(i == 0 ? 0 : end[i - 1], start[i]) << i;
  }
}

// A stream may get the queue of one that is gone.
TEST_F(ProfTraceTest, NewStreamsDoNotRecordTimes) {
  char text[] = "x";
  for (int i = 0; i < 3; ++i) {
    aclrtStream stream = nullptr;
    ASSERT_OK(aclrtCreateStream(&stream));
    const uint64_t task = vnpuStreamGetTaskCount(stream);
    ASSERT_OK(aclrtProfTrace(text, 1, stream));
    ASSERT_OK(aclrtSynchronizeStream(stream));
    uint64_t start = 0;
    uint64_t end = 0;
    EXPECT_EQ(vnpuStreamGetTaskTimes(stream, task, 1, &start, &end), ACL_ERROR_INVALID_PARAM);
    ASSERT_OK(vnpuStreamRecordTaskTimes(stream, 1));
    ASSERT_OK(aclrtDestroyStream(stream));
  }
}

TEST_F(ProfTraceTest, MarksHaveEighteenBytesAtMost) {
  std::array<char, 19> data{};
  EXPECT_OK(aclrtProfTrace(data.data(), 1, stream_));
  EXPECT_OK(aclrtProfTrace(data.data(), 18, nullptr));
  EXPECT_EQ(aclrtProfTrace(data.data(), 19, stream_), ACL_ERROR_RT_PARAM_INVALID);
  EXPECT_EQ(aclrtProfTrace(data.data(), 0, stream_), ACL_ERROR_RT_PARAM_INVALID);
  EXPECT_EQ(aclrtProfTrace(data.data(), -1, stream_), ACL_ERROR_RT_PARAM_INVALID);
  EXPECT_EQ(aclrtProfTrace(nullptr, 18, stream_), ACL_ERROR_INVALID_PARAM);
  EXPECT_EQ(aclrtProfTrace(data.data(), 18, reinterpret_cast<aclrtStream>(8)),
            ACL_ERROR_RT_INVALID_HANDLE);
}

}  // namespace
}  // namespace vnpu::test
