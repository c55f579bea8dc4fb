// Waits for words of memory: written by streams, by kernels, by the host.
#include <atomic>

#include "tests/acl/support.h"

namespace vnpu::test {
namespace {

class ValueWaitTest : public KernelTest {
 protected:
  void SetUp() override {
    KernelTest::SetUp();
    ASSERT_OK(aclrtCreateStream(&other_));
  }
  bool Waits() const {
    return aclrtSynchronizeStreamWithTimeout(other_, 30) == ACL_ERROR_RT_STREAM_SYNC_TIMEOUT;
  }

  aclrtStream other_ = nullptr;
};

TEST_F(ValueWaitTest, EndsWithAValueWrite) {
  DeviceArray<uint64_t> word(1);
  DeviceArray<int> counter(1);
  ASSERT_OK(aclrtValueWait(word.get(), 7, ACL_STREAM_WAIT_VALUE_EQ, other_));
  ASSERT_OK(Launch("increment", 1, counter.get(), other_));
  EXPECT_TRUE(Waits());
  ASSERT_OK(aclrtValueWrite(word.get(), 6, 0, stream_));
  EXPECT_TRUE(Waits());
  EXPECT_EQ(counter.Read()[0], 0);
  ASSERT_OK(aclrtValueWrite(word.get(), 7, 0, stream_));
  EXPECT_OK(aclrtSynchronizeStream(other_));
  EXPECT_EQ(counter.Read()[0], 1);
}

TEST_F(ValueWaitTest, ComparesAsTheFlagSays) {
  struct Case {
    uint32_t flag;
    uint64_t value;
    uint64_t too_early;
    uint64_t over;
  };
  const Case cases[] = {
      {ACL_STREAM_WAIT_VALUE_GEQ, 5, 4, 6},
      {ACL_STREAM_WAIT_VALUE_EQ, 5, 6, 5},
      {ACL_STREAM_WAIT_VALUE_AND, 6, 9, 4},
      {ACL_STREAM_WAIT_VALUE_NOR, 0xff, ~uint64_t{0xf}, ~uint64_t{0xff00}},
  };
  DeviceArray<uint64_t> word(1);
  for (const Case& c : cases) {
    word.Write({c.too_early});
    ASSERT_OK(aclrtValueWait(word.get(), c.value, c.flag, other_));
    EXPECT_TRUE(Waits()) << c.flag;
    word.Write({c.over});
    EXPECT_OK(aclrtSynchronizeStream(other_)) << c.flag;
  }
}

// Both kernels run at the same time: the first starts the second's stream, the second's stream ends
// the first.
TEST_F(ValueWaitTest, SynchronisesWithRunningKernels) {
  DeviceArray<uint64_t> word(2);
  ASSERT_OK(aclrtValueWait(word.get(), 1, ACL_STREAM_WAIT_VALUE_EQ, other_));
  ASSERT_OK(aclrtValueWrite(word.get() + 1, 1, 0, other_));
  ASSERT_OK(Launch("store_to", 1, word.get(), stream_));
  ASSERT_OK(Launch("wait_for", 1, word.get() + 1, stream_));
  EXPECT_OK(aclrtSynchronizeStream(stream_));
  EXPECT_OK(aclrtSynchronizeStream(other_));
}

TEST_F(ValueWaitTest, EndsWhenTheHostWritesPinnedMemory) {
  PinnedArray<uint64_t> word(1);
  word[0] = 0;
  ASSERT_OK(aclrtValueWait(word.get(), 1, ACL_STREAM_WAIT_VALUE_GEQ, other_));
  EXPECT_TRUE(Waits()) << "by now the device sleeps";
  std::atomic_ref(word[0]).store(1);
  EXPECT_OK(aclrtSynchronizeStream(other_));
}

TEST_F(ValueWaitTest, ManyStreamsInARow) {
  constexpr int kStreams = 40;
  DeviceArray<uint64_t> words(kStreams + 1);
  std::vector<aclrtStream> streams(kStreams);
  for (int i = 0; i < kStreams; ++i) {
    ASSERT_OK(aclrtCreateStream(&streams[i]));
    ASSERT_OK(aclrtValueWait(words.get() + i, 1, ACL_STREAM_WAIT_VALUE_EQ, streams[i]));
    ASSERT_OK(aclrtValueWrite(words.get() + i + 1, 1, 0, streams[i]));
  }
  ASSERT_OK(aclrtValueWrite(words.get(), 1, 0, stream_));
  EXPECT_OK(aclrtSynchronizeDevice());
  EXPECT_EQ(words.Read()[kStreams], 1u);
}

TEST_F(ValueWaitTest, AddressesOutOfRange) {
  DeviceArray<uint64_t> word(2);
  uint64_t host = 0;
  EXPECT_EQ(aclrtValueWait(nullptr, 1, 0, stream_), ACL_ERROR_INVALID_PARAM);
  EXPECT_EQ(aclrtValueWait(&host, 1, 0, stream_), ACL_ERROR_RT_PARAM_INVALID);
  EXPECT_EQ(aclrtValueWait(word.get(), 1, 4, stream_), ACL_ERROR_RT_PARAM_INVALID);
  EXPECT_EQ(aclrtValueWait(reinterpret_cast<char*>(word.get()) + 4, 1, 0, stream_),
            ACL_ERROR_RT_ADDR_UNALIGNED);
}

TEST_F(ValueWaitTest, AddressThatIsNotMappedIsTheErrorOfTheStream) {
  void* reserved = nullptr;
  ASSERT_OK(aclrtReserveMemAddress(&reserved, 2 << 20, 0, nullptr, 0));
  ASSERT_OK(aclrtValueWait(reserved, 1, ACL_STREAM_WAIT_VALUE_EQ, stream_));
  EXPECT_EQ(aclrtSynchronizeStream(stream_), ACL_ERROR_RT_SYS_DMA);
  EXPECT_OK(aclrtReleaseMemAddress(reserved));
}

TEST_F(ValueWaitTest, ForcedResetEndsAWaitThatNobodyEnds) {
  DeviceArray<uint64_t> word(1);
  ASSERT_OK(aclrtValueWait(word.get(), 1, ACL_STREAM_WAIT_VALUE_EQ, stream_));
  EXPECT_OK(aclrtDestroyStreamForce(stream_));
}

}  // namespace
}  // namespace vnpu::test
