// Kernels that fault: the task fails with the right status, everything else goes on.
#include "tests/device/device_fixture.h"

namespace vnpu::test {
namespace {

class KernelFault : public DeviceTest {
 protected:
  void SetUp() override {
    DeviceTest::SetUp();
    queue_ = &device_.CreateQueue(7);
  }
  QueueClient* queue_ = nullptr;
};

TEST_F(KernelFault, BadAddresses) {
  const uint64_t nowhere = data_.va + data_.size + 16;
  const uint32_t write_at = Function("write_at");
  EXPECT_EQ(device_.Run(*queue_, Kernel(Function("read_at"), 1, Args1{nowhere})), VNPU_E_ADDRESS);
  EXPECT_EQ(LastException().address, nowhere);
  EXPECT_EQ(LastException().is_write, 0u);
  EXPECT_EQ(device_.Run(*queue_, Kernel(write_at, 1, Args1{0})), VNPU_E_ADDRESS);
  const vnpu_exception& record = LastException();
  EXPECT_EQ(record.address, 0u);
  EXPECT_EQ(record.is_write, 1u);
  EXPECT_EQ(record.queue_id, 7u);
  EXPECT_EQ(record.task, 1u);
  EXPECT_EQ(record.func_id, write_at);
  EXPECT_EQ(record.unit, VNPU_UNIT_AI_CORE);
  EXPECT_LT(record.pc, 1u << 20) << "relative to the module";
  EXPECT_NE(record.pc, 0u);
}

TEST_F(KernelFault, EveryKind) {
  const auto run = [&](const char* name) { return device_.Run(*queue_, Kernel(Function(name))); };
  EXPECT_EQ(run("do_trap"), VNPU_E_TRAP);
  EXPECT_EQ(run("do_illegal"), VNPU_E_ILLEGAL);
  EXPECT_EQ(device_.Run(*queue_, Kernel(Function("do_divide"), 1, Args2{1, data_.va})),
            VNPU_E_DIVIDE);
  EXPECT_EQ(device_.Run(*queue_, Kernel(Function("overflow"), 1, Args1{data_.va})), VNPU_E_STACK);
  const uint64_t depth = Word(data_, 0).load();
  EXPECT_GT(depth, 10u) << "it had a stack worth the name";
  Shared(device_.session()->kernel_stack_bytes).store(VNPU_KERNEL_STACK_MAX);
  EXPECT_EQ(device_.Run(*queue_, Kernel(Function("overflow"), 1, Args1{data_.va})), VNPU_E_STACK);
  EXPECT_GT(Word(data_, 0).load(), 5 * depth) << "and more of it when the client says so";
  EXPECT_EQ(device_.Run(*queue_, Kernel(Function("add_one"), 1, Args1{data_.va})), VNPU_OK);
}

TEST_F(KernelFault, OneBlockOfMany) {
  const uint32_t fail_in = Function("fail_in");
  EXPECT_EQ(device_.Run(*queue_, Kernel(fail_in, 1000, Args1{UINT64_MAX})), VNPU_OK);
  for (const uint64_t block : {0u, 1u, 500u, 999u}) {
    EXPECT_EQ(device_.Run(*queue_, Kernel(fail_in, 1000, Args1{block})), VNPU_E_TRAP);
    EXPECT_EQ(LastException().block, block);
  }
}

TEST_F(KernelFault, ThousandsInARow) {
  const uint32_t trap = Function("do_trap");
  const uint32_t add_one = Function("add_one");
  constexpr uint64_t kRounds = 5'000;
  uint64_t failed = 0;
  const auto consume = [&] {
    while (const auto cqe = queue_->Consume()) {
      EXPECT_EQ(cqe->status, VNPU_E_TRAP);
      EXPECT_EQ(cqe->task % 2, 0u);
      ++failed;
    }
  };
  for (uint64_t i = 0; i < kRounds; ++i) {
    ASSERT_TRUE(device_.Publish(*queue_, Kernel(trap)));
    ASSERT_TRUE(device_.Publish(*queue_, Kernel(add_one, 1, Args1{data_.va})));
    consume();
  }
  ASSERT_TRUE(device_.Wait(*queue_));
  consume();
  EXPECT_EQ(failed, kRounds);
  EXPECT_EQ(Word(data_, 0).load(), kRounds);
  EXPECT_EQ(Shared(device_.session()->exception_count).load(), kRounds);
}

TEST_F(KernelFault, OtherQueuesDoNotNotice) {
  QueueClient& good = device_.CreateQueue(8);
  const uint32_t add_one = Function("add_one");
  const uint32_t trap = Function("do_trap");
  for (int i = 0; i < 2'000; ++i) {
    ASSERT_TRUE(device_.Publish(*queue_, Kernel(trap, 3)));
    ASSERT_TRUE(device_.Publish(good, Kernel(add_one, 1, Args1{data_.va})));
    while (queue_->Consume()) {
    }
  }
  ASSERT_TRUE(device_.Wait(good));
  ASSERT_TRUE(device_.Wait(*queue_));
  EXPECT_FALSE(good.Consume());
  EXPECT_EQ(Word(data_, 0).load(), 2'000u);
}

}  // namespace
}  // namespace vnpu::test
