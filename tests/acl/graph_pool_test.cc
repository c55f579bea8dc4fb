// Memory of pools that tasks of models allocate and free.
#include <vector>

#include "acl/acl_rt_memory_soma.h"
#include "tests/acl/graph_support.h"
#include "tests/acl/pool_support.h"

namespace vnpu::test {
namespace {

class GraphPoolTest : public WithPool<GraphTest> {
 protected:
  void SetUp() override {
    GraphTest::SetUp();
    pool_ = Create(8 * kPoolMiB);
    ASSERT_NE(pool_, nullptr);
  }
  void* Malloc(size_t size, aclrtStream stream) { return WithPool::Malloc(pool_, size, stream); }
  // Gives back what is free.
  uint64_t Trimmed() {
    EXPECT_OK(aclrtMemPoolTrimTo(pool_, 0));
    return Reserved();
  }
};

TEST_F(GraphPoolTest, EachRunUsesTheMemory) {
  ASSERT_OK(aclmdlRICaptureBegin(stream_, kGlobal));
  auto* const memory = static_cast<int64_t*>(Malloc(8, stream_));
  ASSERT_OK(Affine(value_->get(), 1, 1, stream_));
  ASSERT_OK(aclrtMemcpyAsync(memory, 8, value_->get(), 8, ACL_MEMCPY_DEVICE_TO_DEVICE, stream_));
  ASSERT_OK(Affine(memory, 10, 0, stream_));
  ASSERT_OK(
      aclrtMemcpyAsync(value_->get() + 1, 8, memory, 8, ACL_MEMCPY_DEVICE_TO_DEVICE, stream_));
  ASSERT_OK(aclrtMemPoolFreeAsync(memory, stream_));
  const aclmdlRI model = EndCapture(stream_);
  EXPECT_EQ(Used(), 0u);
  for (int64_t run = 1; run <= 3; ++run) {
    ASSERT_OK(Run(model));
    EXPECT_EQ(value_->Read()[1], 10 * run);
  }
  EXPECT_NE(Trimmed(), 0u) << "the model still has the memory";
  ASSERT_OK(aclmdlRIDestroy(model));
  EXPECT_EQ(Trimmed(), 0u);
}

TEST_F(GraphPoolTest, NobodyElseGetsWhatAModelFreed) {
  ASSERT_OK(aclmdlRICaptureBegin(stream_, kGlobal));
  void* const memory = Malloc(3 * kPoolMiB, stream_);
  ASSERT_OK(aclrtMemPoolFreeAsync(memory, stream_));
  EXPECT_EQ(Malloc(3 * kPoolMiB, stream_), memory) << "but its stream";
  ASSERT_OK(aclrtMemPoolFreeAsync(memory, stream_));
  const aclmdlRI model = EndCapture(stream_);
  void* const other = Malloc(3 * kPoolMiB, stream_);
  EXPECT_NE(other, memory);
  ASSERT_OK(aclrtMemPoolFreeAsync(other, stream_));
  ASSERT_OK(aclmdlRIDestroy(model));
}

TEST_F(GraphPoolTest, OtherStreamsOfTheModelGetOtherMemory) {
  const aclrtEvent fork = MakeEvent();
  const aclrtEvent join = MakeEvent();
  ASSERT_OK(aclmdlRICaptureBegin(stream_, kGlobal));
  ASSERT_OK(aclrtRecordEvent(fork, stream_));
  ASSERT_OK(aclrtStreamWaitEvent(other_, fork));
  void* const memory = Malloc(2 * kPoolMiB, stream_);
  ASSERT_OK(aclrtMemPoolFreeAsync(memory, stream_));
  EXPECT_NE(Malloc(2 * kPoolMiB, other_), memory);
  ASSERT_OK(aclrtRecordEvent(join, other_));
  ASSERT_OK(aclrtStreamWaitEvent(stream_, join));
  ASSERT_OK(aclmdlRIDestroy(EndCapture(stream_)));
}

TEST_F(GraphPoolTest, WhatAModelDoesNotFreeIsFreedByAStream) {
  ASSERT_OK(aclmdlRICaptureBegin(stream_, kGlobal));
  auto* const memory = static_cast<int64_t*>(Malloc(8, stream_));
  ASSERT_OK(aclrtMemsetAsync(memory, 8, 0, 8, stream_));
  const aclmdlRI model = EndCapture(stream_);
  ASSERT_OK(Run(model));
  EXPECT_NE(Used(), 0u);
  ASSERT_OK(aclrtMemPoolFreeAsync(memory, stream_));
  EXPECT_EQ(aclrtMemPoolFreeAsync(memory, stream_), ACL_ERROR_RT_PARAM_INVALID) << "twice";
  ASSERT_OK(Run(model));
  EXPECT_NE(Trimmed(), 0u);
  ASSERT_OK(aclmdlRIDestroy(model));
  EXPECT_EQ(Trimmed(), 0u);
}

TEST_F(GraphPoolTest, OrStaysWhenTheModelIsGone) {
  ASSERT_OK(aclmdlRICaptureBegin(stream_, kGlobal));
  void* const memory = Malloc(8, stream_);
  ASSERT_OK(aclmdlRIDestroy(EndCapture(stream_)));
  EXPECT_NE(Trimmed(), 0u);
  ASSERT_OK(aclrtMemcpy(memory, 8, value_->get(), 8, ACL_MEMCPY_DEVICE_TO_DEVICE));
  ASSERT_OK(aclrtMemPoolFreeAsync(memory, stream_));
  ASSERT_OK(aclrtSynchronizeStream(stream_));
  EXPECT_EQ(Trimmed(), 0u);
}

TEST_F(GraphPoolTest, AModelFreesWhatAStreamAllocated) {
  auto* const memory = static_cast<int64_t*>(Malloc(8, stream_));
  ASSERT_OK(aclrtMemsetAsync(memory, 8, 0, 8, stream_));
  ASSERT_OK(aclmdlRICaptureBegin(other_, kGlobal));
  ASSERT_OK(Affine(memory, 1, 1, other_));
  ASSERT_OK(aclrtMemPoolFreeAsync(memory, other_));
  EXPECT_EQ(aclrtMemPoolFreeAsync(memory, other_), ACL_ERROR_RT_PARAM_INVALID) << "twice";
  const aclmdlRI model = EndCapture(other_);
  ASSERT_OK(Run(model));
  ASSERT_OK(Run(model));
  EXPECT_NE(Trimmed(), 0u);
  ASSERT_OK(aclmdlRIDestroy(model));
  EXPECT_EQ(Trimmed(), 0u);
}

TEST_F(GraphPoolTest, ThePoolMayGoBeforeTheModel) {
  ASSERT_OK(aclmdlRICaptureBegin(stream_, kGlobal));
  auto* const memory = static_cast<int64_t*>(Malloc(8, stream_));
  ASSERT_OK(aclrtMemsetAsync(memory, 8, 0, 8, stream_));
  ASSERT_OK(aclrtMemPoolFreeAsync(memory, stream_));
  const aclmdlRI model = EndCapture(stream_);
  ASSERT_OK(aclrtMemPoolDestroy(pool_));
  ASSERT_OK(Run(model));
  ASSERT_OK(aclmdlRIDestroy(model));
}

TEST_F(GraphPoolTest, APoolThatIsFullSaysSo) {
  ASSERT_OK(aclmdlRICaptureBegin(stream_, kGlobal));
  void* const memory = Malloc(6 * kPoolMiB, stream_);
  void* more = nullptr;
  EXPECT_EQ(aclrtMemPoolMallocAsync(&more, 6 * kPoolMiB, pool_, stream_),
            ACL_ERROR_RT_MEMORY_ALLOCATION);
  EXPECT_EQ(aclrtMemPoolMallocAsync(&more, 9 * kPoolMiB, pool_, stream_),
            ACL_ERROR_RT_MEMORY_ALLOCATION);
  ASSERT_OK(aclrtMemPoolFreeAsync(memory, stream_));
  EXPECT_EQ(Malloc(4 * kPoolMiB, stream_), memory);
  ASSERT_OK(aclmdlRIDestroy(EndCapture(stream_)));
}

TEST_F(GraphPoolTest, ACaptureThatFailedTakesNoMore) {
  ASSERT_OK(aclmdlRICaptureBegin(stream_, kGlobal));
  void* const memory = Malloc(8, stream_);
  EXPECT_EQ(aclrtSynchronizeStream(stream_), ACL_ERROR_RT_STREAM_CAPTURED);
  void* more = nullptr;
  EXPECT_EQ(aclrtMemPoolMallocAsync(&more, 8, pool_, stream_),
            ACL_ERROR_RT_STREAM_CAPTURE_INVALIDATED);
  EXPECT_EQ(aclrtMemPoolFreeAsync(memory, stream_), ACL_ERROR_RT_STREAM_CAPTURE_INVALIDATED);
  aclmdlRI model = nullptr;
  EXPECT_EQ(aclmdlRICaptureEnd(stream_, &model), ACL_ERROR_RT_STREAM_CAPTURE_INVALIDATED);
  ASSERT_OK(aclrtMemPoolFreeAsync(memory, stream_));
}

TEST_F(GraphPoolTest, PersistentStreamsToo) {
  const aclrtStream persistent = MakePersistent();
  aclmdlRI model = nullptr;
  ASSERT_OK(aclmdlRIBuildBegin(&model, 0));
  ASSERT_OK(aclmdlRIBindStream(model, persistent, kHeadStream));
  auto* const memory = static_cast<int64_t*>(Malloc(8, persistent));
  ASSERT_OK(aclrtMemsetAsync(memory, 8, 0, 8, persistent));
  ASSERT_OK(Affine(memory, 1, 7, persistent));
  ASSERT_OK(aclrtMemcpyAsync(value_->get(), 8, memory, 8, ACL_MEMCPY_DEVICE_TO_DEVICE, persistent));
  ASSERT_OK(aclrtMemPoolFreeAsync(memory, persistent));
  ASSERT_OK(aclmdlRIEndTask(model, persistent));
  ASSERT_OK(aclmdlRIBuildEnd(model, nullptr));
  ASSERT_OK(Run(model));
  EXPECT_EQ(value_->Read()[0], 7);
  ASSERT_OK(aclmdlRIUnbindStream(model, persistent));
  ASSERT_OK(aclmdlRIDestroy(model));
  EXPECT_NE(Trimmed(), 0u) << "the stream still has its tasks";
  ASSERT_OK(aclrtDestroyStream(persistent));
  EXPECT_EQ(Trimmed(), 0u);
}

}  // namespace
}  // namespace vnpu::test
