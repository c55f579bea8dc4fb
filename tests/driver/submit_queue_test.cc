// The driver's end of a queue, with the test as the device and as a hostile client.
#include "driver/session/submit_queue.h"

#include <gtest/gtest.h>
#include <poll.h>
#include <sys/eventfd.h>

#include <cstdlib>
#include <memory>
#include <vector>

#include "driver/base/unique_fd.h"

namespace vnpu::driver {
namespace {

constexpr uint32_t kEntries = 4;
constexpr uint32_t kQueueId = 70;

class SubmitQueueTest : public testing::Test {
 protected:
  SubmitQueueTest()
      : memory_(vnpu_queue_bytes(kEntries, 0) / sizeof(uint64_t)),
        session_(static_cast<vnpu_session_mem*>(std::calloc(1, sizeof(vnpu_session_mem))),
                 std::free),
        kick_(eventfd(0, EFD_NONBLOCK)),
        queue_(reinterpret_cast<std::byte*>(memory_.data()), kQueueId, kEntries, session_.get(),
               kick_.get(), &signal_) {}

  vnpu_queue_hdr& header() { return *reinterpret_cast<vnpu_queue_hdr*>(memory_.data()); }
  const vnpu_sqe& sqe(size_t slot) {
    return reinterpret_cast<vnpu_sqe*>(reinterpret_cast<std::byte*>(memory_.data()) +
                                       VNPU_QUEUE_SQ_OFFSET)[slot];
  }
  vnpu_cqe& cqe(size_t slot) {
    return reinterpret_cast<vnpu_cqe*>(reinterpret_cast<std::byte*>(memory_.data()) +
                                       vnpu_queue_cq_offset(kEntries))[slot];
  }
  size_t Append(size_t count) {
    std::vector<vnpu_sqe> sqes(count);
    return queue_.Append(sqes, &task_);
  }
  bool Kicked() {
    pollfd state{kick_.get(), POLLIN, 0};
    return poll(&state, 1, 0) == 1;
  }

  std::vector<uint64_t> memory_;
  std::unique_ptr<vnpu_session_mem, decltype(&std::free)> session_;
  UniqueFd kick_;
  EventSignal signal_;
  SubmitQueue queue_;
  uint64_t task_ = 0;
};

TEST_F(SubmitQueueTest, AppendsUntilFull) {
  EXPECT_EQ(Append(3), 3u);
  EXPECT_EQ(Append(3), 1u);
  EXPECT_EQ(task_, 3u);
  EXPECT_FALSE(queue_.HasRoom());
  EXPECT_EQ(Append(1), 0u);
  EXPECT_EQ(header().sq_tail, 4u);
  EXPECT_EQ(sqe(2).seq, 2u);
  header().sq_head = 2;
  EXPECT_EQ(Append(3), 2u);
  EXPECT_EQ(sqe(1).seq, 5u);
}

TEST_F(SubmitQueueTest, RingsTheDoorbellOnlyWhenAsked) {
  Append(1);
  EXPECT_EQ(session_->doorbell_summary, 0u);
  header().need_doorbell = 1;
  Append(1);
  EXPECT_EQ(session_->doorbell[kQueueId / 64], uint64_t{1} << kQueueId % 64);
  EXPECT_EQ(session_->doorbell_summary, uint64_t{1} << kQueueId / 64);
  EXPECT_FALSE(Kicked());
}

TEST_F(SubmitQueueTest, KicksASleepingDeviceOnce) {
  session_->need_wakeup = 1;
  Append(1);
  EXPECT_TRUE(Kicked());
  EXPECT_EQ(session_->need_wakeup, 0u);
  uint64_t count = 0;
  ASSERT_EQ(read(kick_.get(), &count, sizeof(count)), 8);
  EXPECT_EQ(count, 1u);
  Append(1);
  EXPECT_FALSE(Kicked());
}

TEST_F(SubmitQueueTest, AFullKickEventDoesNotBlock) {
  const UniqueFd blocking(eventfd(0, 0));
  const uint64_t most = UINT64_MAX - 1;
  ASSERT_EQ(write(blocking.get(), &most, sizeof(most)), 8);
  signal_.Signal(blocking.get());  // would hang here
}

TEST_F(SubmitQueueTest, TakesCompletions) {
  cqe(0).task = 11;
  cqe(1).task = 12;
  cqe(1).queue_id = 3;  // the device's word for it is not taken
  header().cq_tail = 2;
  EXPECT_TRUE(queue_.HasCompletions());
  std::vector<vnpu_cqe> out(4);
  EXPECT_EQ(queue_.Take(out), 2u);
  EXPECT_EQ(out[1].task, 12u);
  EXPECT_EQ(out[1].queue_id, kQueueId);
  EXPECT_EQ(header().cq_head, 2u);
  EXPECT_EQ(queue_.Take(out), 0u);
}

TEST_F(SubmitQueueTest, HostileIndexesAreBounded) {
  std::vector<vnpu_cqe> out(4096);
  for (const uint64_t hostile : {uint64_t{5}, UINT64_MAX, uint64_t{1} << 63}) {
    header().cq_tail = hostile;
    EXPECT_EQ(queue_.Take(out), 0u);
  }
  for (const uint64_t hostile : {uint64_t{5}, uint64_t{1} << 63}) {
    header().sq_head = hostile;
    EXPECT_EQ(Append(100), 0u);
  }
  // Indexes of the driver's own are not read back.
  header().sq_head = 0;
  header().sq_tail = 1000;
  header().cq_head = 1000;
  header().cq_tail = 1;
  EXPECT_EQ(Append(1), 1u);
  EXPECT_EQ(queue_.tail(), 1u);
  EXPECT_EQ(queue_.Take(out), 1u);
}

TEST_F(SubmitQueueTest, CompletionsNotYetTakenCountAsUsed) {
  EXPECT_EQ(Append(4), 4u);
  header().cq_tail = 3;
  header().sq_head = 3;
  EXPECT_EQ(Append(4), 0u);
  std::vector<vnpu_cqe> out(2);
  EXPECT_EQ(queue_.Take(out), 2u);
  EXPECT_EQ(Append(4), 2u);
}

TEST_F(SubmitQueueTest, ArmsTheDevice) {
  queue_.ArmDriverWait();
  EXPECT_EQ(header().driver_wait, 1u);
}

}  // namespace
}  // namespace vnpu::driver
