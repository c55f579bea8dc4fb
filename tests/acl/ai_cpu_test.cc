// How kernels for the AI CPU share the AI CPUs of a device, and what ends them.
#include <memory>
#include <string>
#include <thread>

#include "tests/acl/other_process.h"
#include "tests/acl/support.h"

namespace vnpu::test {
namespace {

// A kernel whose blocks come to AI CPUs and stay there while the door is shut.
class Room {
 public:
  explicit Room(bool open) {
    words_[0] = 0;
    words_[1] = open ? 1 : 0;
  }
  Room(const Room&) = delete;
  Room& operator=(const Room&) = delete;
  // Nothing of the kernel may read the words behind their end.
  ~Room() {
    Open();
    aclrtSynchronizeDevice();
  }

  aclError Launch(aclrtFuncHandle cpu_wait, uint32_t blocks, aclrtStream stream) {
    struct {
      int* came;
      int* door;
    } args{&words_[0], &words_[1]};
    return aclrtLaunchKernelWithHostArgs(cpu_wait, blocks, stream, nullptr, &args, sizeof(args),
                                         nullptr, 0);
  }
  void Open() const { __atomic_store_n(&words_[1], 1, __ATOMIC_SEQ_CST); }
  uint32_t came() const {
    return static_cast<uint32_t>(__atomic_load_n(&words_[0], __ATOMIC_SEQ_CST));
  }
  void Await(uint32_t blocks) const {
    while (came() < blocks) {
      std::this_thread::yield();
    }
  }

 private:
  PinnedArray<int> words_{2};
};

class AiCpuTest : public KernelTest {
 protected:
  void SetUp() override {
    KernelTest::SetUp();
    int64_t count = 0;
    ASSERT_OK(aclrtGetDeviceInfo(0, ACL_DEV_ATTR_AICPU_CORE_NUM, &count));
    ASSERT_GT(count, 0);
    cpus_ = static_cast<uint32_t>(count);
  }

  static aclrtStream MakeStream(uint32_t priority = 0) {
    aclrtStream stream = nullptr;
    EXPECT_OK(aclrtCreateStreamWithConfig(&stream, priority, 0));
    return stream;
  }
  aclError Enter(Room* room, uint32_t blocks, aclrtStream stream) {
    return room->Launch(Kernel("cpu_wait"), blocks, stream);
  }
  // A kernel that never ends by itself.
  aclError Spin(uint32_t limit_us, aclrtStream stream) {
    aclrtLaunchKernelAttr attribute{};
    attribute.id = ACL_RT_LAUNCH_KERNEL_ATTR_TIMEOUT_US;
    attribute.value.timeoutUs = {.timeoutLow = limit_us, .timeoutHigh = 0};
    aclrtLaunchKernelCfg config{.attrs = &attribute, .numAttrs = 1};
    return aclrtLaunchKernelWithHostArgs(Kernel("cpu_spin"), 1, stream, &config, nullptr, 0,
                                         nullptr, 0);
  }

  uint32_t cpus_ = 0;
};

TEST_F(AiCpuTest, AStreamGoesOnBehindAKernelThatIsOverItsLimit) {
  Room room(/*open=*/true);
  ASSERT_OK(Spin(20'000, stream_));
  ASSERT_OK(Enter(&room, 1, stream_));
  EXPECT_EQ(aclrtSynchronizeStream(stream_), ACL_ERROR_RT_AICPU_TIMEOUT);
  EXPECT_EQ(room.came(), 1u);
  EXPECT_OK(aclrtSynchronizeStream(stream_));
}

TEST_F(AiCpuTest, AStreamThatStopsOnFailureStops) {
  Room room(/*open=*/true);
  ASSERT_OK(aclrtSetStreamFailureMode(stream_, ACL_STOP_ON_FAILURE));
  ASSERT_OK(Spin(20'000, stream_));
  EXPECT_EQ(aclrtSynchronizeStream(stream_), ACL_ERROR_RT_AICPU_TIMEOUT);
  EXPECT_EQ(Enter(&room, 1, stream_), ACL_ERROR_RT_AICPU_TIMEOUT);
  EXPECT_EQ(room.came(), 0u);
}

TEST_F(AiCpuTest, OtherStreamsDoNotNoticeALimit) {
  Room room(/*open=*/false);
  const aclrtStream other = MakeStream();
  ASSERT_OK(Enter(&room, 1, other));
  room.Await(1);
  ASSERT_OK(Spin(20'000, stream_));
  EXPECT_EQ(aclrtSynchronizeStream(stream_), ACL_ERROR_RT_AICPU_TIMEOUT);
  room.Open();
  EXPECT_OK(aclrtSynchronizeStream(other));
}

TEST_F(AiCpuTest, LimitsHoldInModels) {
  ASSERT_OK(aclmdlRICaptureBegin(stream_, ACL_MODEL_RI_CAPTURE_MODE_RELAXED));
  ASSERT_OK(Spin(20'000, stream_));
  aclmdlRI model = nullptr;
  ASSERT_OK(aclmdlRICaptureEnd(stream_, &model));
  ASSERT_OK(aclmdlRIExecuteAsync(model, stream_));
  EXPECT_EQ(aclrtSynchronizeStream(stream_), ACL_ERROR_RT_AICPU_TIMEOUT);
  EXPECT_OK(aclmdlRIDestroy(model));
}

TEST_F(AiCpuTest, NoMoreBlocksRunThanThereAreAiCpus) {
  struct Crowd {
    int now;
    int most;
  };
  DeviceArray<Crowd> crowd(1);
  struct {
    Crowd* crowd;
    int turns;
  } args{.crowd = crowd.get(), .turns = 20'000};
  const aclrtStream other = MakeStream();
  for (const aclrtStream stream : {stream_, other}) {
    ASSERT_OK(Launch("cpu_crowd", 3 * cpus_, args, stream));
  }
  EXPECT_OK(aclrtSynchronizeDevice());
  EXPECT_LE(crowd.Read()[0].most, static_cast<int>(cpus_));
}

TEST_F(AiCpuTest, OtherCoresWorkWhileAllAreOccupied) {
  Room room(/*open=*/false);
  ASSERT_OK(Enter(&room, cpus_, stream_));
  room.Await(cpus_);
  DeviceArray<int> counter(1);
  const aclrtStream other = MakeStream(7);
  ASSERT_OK(Launch("increment", 1, counter.get(), other));
  EXPECT_OK(aclrtSynchronizeStream(other));
  EXPECT_EQ(counter.Read()[0], 1);
}

TEST_F(AiCpuTest, AStreamOfAHigherPriorityOvertakes) {
  Room first(/*open=*/false);
  Room low(/*open=*/true);
  Room high(/*open=*/false);
  const aclrtStream low_stream = MakeStream(6);
  const aclrtStream high_stream = MakeStream(1);
  ASSERT_OK(Enter(&first, cpus_, stream_));
  first.Await(cpus_);
  ASSERT_OK(Enter(&low, cpus_, low_stream));
  ASSERT_OK(Enter(&high, cpus_, high_stream));
  first.Open();
  high.Await(cpus_);
  EXPECT_EQ(low.came(), 0u) << "it was submitted before, and is less urgent";
  high.Open();
  EXPECT_OK(aclrtSynchronizeDevice());
  EXPECT_EQ(low.came(), cpus_);
}

TEST_F(AiCpuTest, BlocksThatHaveNotStartedAreOvertaken) {
  Room low(/*open=*/false);
  Room high(/*open=*/false);
  const aclrtStream low_stream = MakeStream(6);
  const aclrtStream high_stream = MakeStream(1);
  ASSERT_OK(Enter(&low, 3 * cpus_, low_stream));
  low.Await(cpus_);
  ASSERT_OK(Enter(&high, cpus_, high_stream));
  low.Open();
  high.Await(cpus_);
  EXPECT_EQ(low.came(), cpus_);
  high.Open();
  EXPECT_OK(aclrtSynchronizeDevice());
  EXPECT_EQ(low.came(), 3 * cpus_);
}

// Two processes on one device.
class AiCpuSessionsTest : public AiCpuTest {
 protected:
  void SetUp() override {
    AiCpuTest::SetUp();
    if (!OnNode()) {
      GTEST_SKIP() << "processes with embedded drivers share nothing";
    }
    other_ = std::make_unique<OtherProcess>();
    ASSERT_EQ(other_->Number("device 0"), 0);
  }

  std::unique_ptr<OtherProcess> other_;
};

TEST_F(AiCpuSessionsTest, SessionsShareTheAiCpus) {
  Room room(/*open=*/false);
  ASSERT_OK(Enter(&room, cpus_, stream_));
  room.Await(cpus_);
  ASSERT_EQ(other_->Number("cpu_count"), 0);
  EXPECT_EQ(other_->Number("pending"), 1) << "all AI CPUs are this process's";
  room.Open();
  EXPECT_OK(aclrtSynchronizeStream(stream_));
  EXPECT_EQ(other_->Number("finish"), 0);
}

TEST_F(AiCpuSessionsTest, AKernelThatNeverEndsLeavesThemAtItsLimit) {
  ASSERT_EQ(other_->Number("cpu_spin " + std::to_string(cpus_) + " 50000"), 0);
  Room room(/*open=*/true);
  ASSERT_OK(Enter(&room, 2 * cpus_, stream_));
  EXPECT_EQ(other_->Number("finish"), ACL_ERROR_RT_AICPU_TIMEOUT);
  EXPECT_OK(aclrtSynchronizeStream(stream_)) << "the limit of another session";
  EXPECT_EQ(room.came(), 2 * cpus_);
}

// The other session is the first to see an AI CPU become free, each time.
TEST_F(AiCpuSessionsTest, ASessionWithMuchWorkLeavesSomeToOthers) {
  ASSERT_EQ(other_->Number("cpu_work 65000 " + std::to_string(cpus_)), 0);
  Room room(/*open=*/true);
  ASSERT_OK(Enter(&room, 4 * cpus_, stream_));
  EXPECT_OK(aclrtSynchronizeStream(stream_));
  EXPECT_EQ(other_->Number("pending"), 1);
  other_->Kill();
}

TEST_F(AiCpuSessionsTest, ASessionThatIsKilledGivesThemBack) {
  ASSERT_EQ(other_->Number("cpu_spin " + std::to_string(cpus_) + " 0"), 0);
  Room room(/*open=*/true);
  ASSERT_OK(Enter(&room, 2 * cpus_, stream_));
  other_->Kill();
  EXPECT_OK(aclrtSynchronizeStream(stream_));
  EXPECT_EQ(room.came(), 2 * cpus_);
}

}  // namespace
}  // namespace vnpu::test
