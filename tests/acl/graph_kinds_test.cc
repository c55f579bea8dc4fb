// Every kind of task as a part of a model: captured once, run twice.
#include <functional>
#include <vector>

#include "tests/acl/graph_support.h"
#include "tests/acl/random_value.h"

namespace vnpu::test {
namespace {

class GraphKindsTest : public GraphTest {
 protected:
  // Captures what `submit` puts into stream_.
  template <class Fill>
  aclmdlRI Capture(Fill&& submit) {
    EXPECT_OK(aclmdlRICaptureBegin(stream_, kGlobal));
    submit(stream_);
    return EndCapture(stream_);
  }
  // And runs it twice.
  template <class Fill>
  void CaptureAndRun(Fill&& submit) {
    const aclmdlRI model = Capture(submit);
    ASSERT_OK(Run(model));
    ASSERT_OK(Run(model));
    EXPECT_OK(aclmdlRIDestroy(model));
  }
};

TEST_F(GraphKindsTest, KernelsWhoseArgumentsAreOnTheDevice) {
  struct {
    int64_t* value;
    int64_t factor;
    int64_t term;
  } host{value_->get(), 3, 2};
  const DeviceArray<uint64_t> args(3);
  ASSERT_OK(aclrtMemcpy(args.get(), sizeof(host), &host, sizeof(host), ACL_MEMCPY_HOST_TO_DEVICE));
  CaptureAndRun([&](aclrtStream stream) {
    EXPECT_OK(aclrtLaunchKernel(Kernel("affine"), 1, args.get(), sizeof(host), stream));
    EXPECT_OK(aclrtLaunchKernelV2(Kernel("affine"), 1, args.get(), sizeof(host), nullptr, stream));
  });
  EXPECT_EQ(value_->Read()[0], 80);
}

TEST_F(GraphKindsTest, KernelsWithListsAndArrays) {
  int64_t* value = value_->get();
  int64_t factor = 3;
  int64_t term = 2;
  aclrtArgsHandle list = nullptr;
  aclrtParamHandle param = nullptr;
  const aclrtFuncHandle affine = Kernel("affine");
  ASSERT_OK(aclrtKernelArgsInit(affine, &list));
  ASSERT_OK(aclrtKernelArgsAppend(list, &value, sizeof(value), &param));
  ASSERT_OK(aclrtKernelArgsAppend(list, &factor, sizeof(factor), &param));
  ASSERT_OK(aclrtKernelArgsAppend(list, &term, sizeof(term), &param));
  ASSERT_OK(aclrtKernelArgsFinalize(list));
  void* array[] = {&value, &factor, &term};
  CaptureAndRun([&](aclrtStream stream) {
    EXPECT_OK(aclrtLaunchKernelWithConfig(affine, 1, stream, nullptr, list, nullptr));
    EXPECT_OK(aclrtLaunchKernelWithArgsArray(affine, 1, stream, nullptr, array));
  });
  EXPECT_EQ(value_->Read()[0], 80);
}

TEST_F(GraphKindsTest, CopiesFillsAndReductions) {
  DeviceArray<int> from(8);
  const DeviceArray<int> to(8);
  const DeviceArray<int> sum(2);
  from.Write({1, 2, 3, 4, 5, 6, 7, 8});
  PinnedArray<int> pinned(2);
  CaptureAndRun([&](aclrtStream stream) {
    EXPECT_OK(
        aclrtMemcpyAsync(to.get(), 4, from.get() + 4, 4, ACL_MEMCPY_DEVICE_TO_DEVICE, stream));
    EXPECT_OK(aclrtMemcpy2dAsync(to.get() + 2, 8, from.get(), 16, 8, 2, ACL_MEMCPY_DEVICE_TO_DEVICE,
                                 stream));
    EXPECT_OK(aclrtMemsetAsync(to.get() + 6, 8, 1, 8, stream));
    EXPECT_OK(aclrtReduceAsync(sum.get(), from.get(), 8, ACL_RT_MEMCPY_SDMA_AUTOMATIC_SUM,
                               ACL_INT32, stream, nullptr));
    EXPECT_OK(aclrtMemcpyAsync(pinned.get(), 8, sum.get(), 8, ACL_MEMCPY_DEVICE_TO_HOST, stream));
  });
  EXPECT_EQ(to.Read(), (std::vector<int>{5, 0, 1, 2, 5, 6, 0x01010101, 0x01010101}));
  EXPECT_EQ(sum.Read(), (std::vector<int>{2, 4}));
  EXPECT_EQ(pinned[1], 4);
}

TEST_F(GraphKindsTest, CopiesByDescriptorAndOffsetFollowWhatStandsThere) {
  const DeviceArray<int> first(4, 1);
  const DeviceArray<int> second(4, 2);
  const DeviceArray<int> to(4);
  DeviceArray<uint64_t> ends(2);
  size_t size = 0;
  ASSERT_OK(aclrtGetMemcpyDescSize(kInnerDevice, &size));
  const DeviceArray<char> desc(size);
  const auto point_at = [&](const DeviceArray<int>& from) {
    ASSERT_OK(aclrtSetMemcpyDesc(desc.get(), kInnerDevice, from.get(), to.get(), 4, nullptr));
    ends.Write({reinterpret_cast<uint64_t>(to.get()), reinterpret_cast<uint64_t>(from.get())});
  };
  point_at(first);
  const aclmdlRI model = Capture([&](aclrtStream stream) {
    EXPECT_OK(aclrtMemcpyAsyncWithDesc(desc.get(), kInnerDevice, stream));
    EXPECT_OK(aclrtMemcpyAsyncWithOffset(
        reinterpret_cast<void**>(ends.get()), to.bytes(), 8,
        const_cast<const void**>(reinterpret_cast<void**>(ends.get() + 1)), 4, 4, kInnerDevice,
        stream));
  });
  ASSERT_OK(Run(model));
  EXPECT_EQ(to.Read(), (std::vector<int>{0x01010101, 0, 0x01010101, 0}));
  point_at(second);
  ASSERT_OK(Run(model));
  EXPECT_EQ(to.Read(), (std::vector<int>{0x02020202, 0, 0x02020202, 0}));
}

TEST_F(GraphKindsTest, CopiesInBatches) {
  const DeviceArray<int> from(2, 3);
  PinnedArray<int> pinned(2);
  void* dsts[] = {pinned.get(), pinned.get() + 1};
  size_t rooms[] = {4, 4};
  void* srcs[] = {from.get(), from.get() + 1};
  size_t sizes[] = {4, 4};
  const aclrtMemLocation device{.id = 0, .type = ACL_MEM_LOCATION_TYPE_DEVICE};
  const aclrtMemLocation host{.id = 0, .type = ACL_MEM_LOCATION_TYPE_HOST};
  aclrtMemcpyBatchAttr attrs[] = {{.dstLoc = host, .srcLoc = device, .rsv = {}}};
  size_t first = 0;
  size_t failed = 0;
  pinned[1] = 0;
  CaptureAndRun([&](aclrtStream stream) {
    EXPECT_OK(
        aclrtMemcpyBatchAsync(dsts, rooms, srcs, sizes, 2, attrs, &first, 1, &failed, stream));
  });
  EXPECT_EQ(pinned[1], 0x03030303);
}

TEST_F(GraphKindsTest, RandomNumbers) {
  const DeviceArray<uint64_t> counter(2);
  const DeviceArray<uint32_t> numbers(4);
  aclrtRandomNumTaskInfo task{};
  task.dataType = ACL_UINT32;
  task.randomNumFuncParaInfo.funcType = ACL_RT_RANDOM_NUM_FUNC_TYPE_UNIFORM_DIS;
  task.randomNumFuncParaInfo.paramInfo.uniformDisInfo = {.min = RandomValue(uint32_t{10}),
                                                         .max = RandomValue(uint32_t{1000})};
  task.randomResultAddr = numbers.get();
  task.randomCounterAddr = counter.get();
  task.randomSeed = RandomValue(uint64_t{1234});
  task.randomNum = RandomValue(uint64_t{4});
  CaptureAndRun(
      [&](aclrtStream stream) { EXPECT_OK(aclrtRandomNumAsync(&task, stream, nullptr)); });
  for (const uint32_t number : numbers.Read()) {
    EXPECT_GE(number, 10u);
    EXPECT_LT(number, 1000u);
  }
}

TEST_F(GraphKindsTest, ValuesAreWrittenAndWaitedFor) {
  const DeviceArray<uint64_t> word(2);
  PinnedArray<uint64_t> seen(1);
  CaptureAndRun([&](aclrtStream stream) {
    EXPECT_OK(aclrtValueWrite(word.get(), 7, 0, stream));
    EXPECT_OK(aclrtValueWait(word.get(), 7, ACL_STREAM_WAIT_VALUE_EQ, stream));
    EXPECT_OK(aclrtMemcpyAsync(seen.get(), 8, word.get(), 8, ACL_MEMCPY_DEVICE_TO_HOST, stream));
    EXPECT_OK(aclrtValueWrite(word.get(), 0, 0, stream));
  });
  EXPECT_EQ(seen[0], 7u);
}

TEST_F(GraphKindsTest, NotifiesOfBothKinds) {
  aclrtNotify notify = nullptr;
  aclrtCntNotify counting = nullptr;
  ASSERT_OK(aclrtCreateNotify(&notify, ACL_NOTIFY_DEFAULT));
  ASSERT_OK(aclrtCntNotifyCreate(&counting, 0));
  aclrtCntNotifyRecordInfo record{ACL_RT_CNT_NOTIFY_RECORD_ADD_MODE, 2};
  aclrtCntNotifyWaitInfo wait{ACL_RT_CNT_NOTIFY_WAIT_EQUAL_MODE, 2, 0, 1, {}};
  CaptureAndRun([&](aclrtStream stream) {
    EXPECT_OK(aclrtRecordNotify(notify, stream));
    EXPECT_OK(aclrtWaitAndResetNotify(notify, stream, 0));
    EXPECT_OK(aclrtCntNotifyRecord(counting, stream, &record));
    EXPECT_OK(aclrtCntNotifyWaitWithTimeout(counting, stream, &wait));
  });
  EXPECT_OK(aclrtDestroyNotify(notify));
  EXPECT_OK(aclrtCntNotifyDestroy(counting));
}

TEST_F(GraphKindsTest, CachesTracesAndOverflow) {
  const DeviceArray<char> status(64, 0xff);
  const DeviceArray<float> out(1);
  struct {
    float* out;
    float a;
    float b;
  } args{out.get(), 1e38F, 1e38F};
  aclrtStreamAttrValue overflow{};
  overflow.overflowSwitch = 1;
  ASSERT_OK(aclrtSetStreamAttribute(stream_, ACL_STREAM_ATTR_FLOAT_OVERFLOW_CHECK, &overflow));
  CaptureAndRun([&](aclrtStream stream) {
    EXPECT_OK(aclrtCmoAsync(out.get(), 4, ACL_RT_CMO_TYPE_PREFETCH, stream));
    EXPECT_OK(aclrtResetOverflowStatus(stream));
    EXPECT_OK(Launch("multiply", 1, args, stream));
    EXPECT_OK(aclrtGetOverflowStatus(status.get(), 64, stream));
  });
  EXPECT_NE(status.Read()[0] | status.Read()[1] | status.Read()[2] | status.Read()[3], 0);
}

}  // namespace
}  // namespace vnpu::test
