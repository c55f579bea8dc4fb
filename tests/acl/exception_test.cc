// Kernels that fail: the error reaches the host, others are not hurt.
#include <signal.h>
#include <unistd.h>

#include <atomic>
#include <string_view>
#include <vector>

#include "tests/acl/support.h"

namespace vnpu::test {
namespace {

class ExceptionTest : public KernelTest {
 protected:
  // The device goes on with the next kernel.
  void ExpectDeviceWorks() {
    DeviceArray<int> counter(1);
    EXPECT_OK(Launch("increment", 1, counter.get(), stream_));
    EXPECT_OK(aclrtSynchronizeStream(stream_));
    EXPECT_EQ(counter.Read()[0], 1);
  }
};

TEST_F(ExceptionTest, StrayStoreNamesTheAddress) {
  ASSERT_OK(Launch("store_to", 1, uint64_t{0x1230}, stream_));
  aclGetRecentErrMsg();
  EXPECT_EQ(aclrtSynchronizeStream(stream_), ACL_ERROR_RT_AICORE_EXCEPTION);
  EXPECT_EQ(aclrtPeekAtLastError(ACL_RT_THREAD_LEVEL), ACL_ERROR_RT_AICORE_EXCEPTION);
  const char* message = aclGetRecentErrMsg();
  ASSERT_NE(message, nullptr);
  EXPECT_NE(std::string_view(message).find("0x1230"), std::string_view::npos) << message;
  EXPECT_NE(std::string_view(message).find("store_to"), std::string_view::npos) << message;
  EXPECT_OK(aclrtSynchronizeStream(stream_));  // reported once
  ExpectDeviceWorks();
}

struct SeenException {
  int calls = 0;
  uint32_t task = 0;
  uint32_t stream = 0;
  uint32_t thread = 0;
};
SeenException seen_exception;
void NoteException(aclrtExceptionInfo* info) {
  seen_exception = {.calls = seen_exception.calls + 1,
                    .task = aclrtGetTaskIdFromExceptionInfo(info),
                    .stream = aclrtGetStreamIdFromExceptionInfo(info),
                    .thread = aclrtGetThreadIdFromExceptionInfo(info)};
}

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wdeprecated-declarations"
TEST_F(ExceptionTest, TheOneCallbackIsToldTaskStreamAndThread) {
  seen_exception = {};
  ASSERT_OK(aclrtSetExceptionInfoCallback(&NoteException));
  ASSERT_OK(Launch("nothing", 1, stream_));
  ASSERT_OK(Launch("device_trap", 1, stream_));
  uint32_t task = 0;
  ASSERT_OK(aclrtGetThreadLastTaskId(&task));
  int32_t stream = -1;
  ASSERT_OK(aclrtStreamGetId(stream_, &stream));
  EXPECT_NE(aclrtSynchronizeStream(stream_), ACL_SUCCESS);
  EXPECT_EQ(seen_exception.calls, 1);
  EXPECT_EQ(seen_exception.task, task);
  EXPECT_EQ(seen_exception.stream, static_cast<uint32_t>(stream));
  EXPECT_EQ(seen_exception.thread, static_cast<uint32_t>(gettid()));
  // Who only asks whether the stream is through is told as well.
  ASSERT_OK(Launch("device_trap", 1, stream_));
  while (seen_exception.calls < 2) {
    aclrtStreamStatus status = ACL_STREAM_STATUS_RESERVED;
    ASSERT_OK(aclrtStreamQuery(stream_, &status));
  }
  EXPECT_NE(aclrtSynchronizeStream(stream_), ACL_SUCCESS);
  EXPECT_EQ(seen_exception.calls, 2);
  ASSERT_OK(aclrtSetExceptionInfoCallback(nullptr));
  ASSERT_OK(Launch("device_trap", 1, stream_));
  EXPECT_NE(aclrtSynchronizeStream(stream_), ACL_SUCCESS);
  EXPECT_EQ(seen_exception.calls, 2) << "there is none any more";
  EXPECT_EQ(aclrtGetTaskIdFromExceptionInfo(nullptr), UINT32_MAX);
  EXPECT_EQ(aclrtGetStreamIdFromExceptionInfo(nullptr), UINT32_MAX);
  EXPECT_EQ(aclrtGetThreadIdFromExceptionInfo(nullptr), UINT32_MAX);
}
#pragma GCC diagnostic pop

void AskForNothing(aclrtExceptionInfo* /*info*/) { aclrtGetRunMode(nullptr); }

TEST_F(ExceptionTest, MessageNamesTheCallAndNotThoseOfCallbacks) {
  ASSERT_OK(aclrtExceptionInfoCallbackRegister(&AskForNothing));
  ASSERT_OK(Launch("device_trap", 1, stream_));
  EXPECT_NE(aclrtSynchronizeStream(stream_), ACL_SUCCESS);
  EXPECT_OK(aclrtExceptionInfoCallbackUnregister(&AskForNothing));
  const std::string_view messages = aclGetRecentErrMsg();
  EXPECT_TRUE(messages.starts_with("aclrtSynchronizeStream: ")) << messages;
}

TEST_F(ExceptionTest, CodesTellTheKindOfCore) {
  ASSERT_OK(Launch("vector_store_to", 1, uint64_t{8}, stream_));
  EXPECT_EQ(aclrtSynchronizeStream(stream_), ACL_ERROR_RT_VECTOR_CORE_EXCEPTION);
  DeviceArray<int> out(1);
  struct {
    int* out;
    int by;
  } args{.out = out.get(), .by = 0};
  ASSERT_OK(Launch("divide", 1, args, stream_));
  EXPECT_EQ(aclrtSynchronizeStream(stream_), ACL_ERROR_RT_AICORE_EXCEPTION);
  ASSERT_OK(Launch("device_trap", 1, stream_));
  EXPECT_EQ(aclrtSynchronizeStream(stream_), ACL_ERROR_RT_AICORE_TRAP_EXCEPTION);
  ExpectDeviceWorks();
}

TEST_F(ExceptionTest, EndlessKernelHitsItsLimit) {
  aclrtLaunchKernelAttr attribute{};
  attribute.id = ACL_RT_LAUNCH_KERNEL_ATTR_TIMEOUT_US;
  attribute.value.timeoutUs = {.timeoutLow = 50000, .timeoutHigh = 0};
  aclrtLaunchKernelCfg config{.attrs = &attribute, .numAttrs = 1};
  ASSERT_OK(aclrtLaunchKernelWithHostArgs(Kernel("spin_forever"), 1, stream_, &config, nullptr, 0,
                                          nullptr, 0));
  EXPECT_EQ(aclrtSynchronizeStream(stream_), ACL_ERROR_RT_AICORE_TIMEOUT);
  ExpectDeviceWorks();
}

TEST_F(ExceptionTest, FollowingTasksRunUnlessStopped) {
  DeviceArray<int> counter(1);
  ASSERT_OK(Launch("store_to", 1, uint64_t{8}, stream_));
  ASSERT_OK(Launch("increment", 1, counter.get(), stream_));
  EXPECT_EQ(aclrtSynchronizeStream(stream_), ACL_ERROR_RT_AICORE_EXCEPTION);
  EXPECT_EQ(counter.Read()[0], 1);
}

TEST_F(ExceptionTest, StopOnFailureStopsTheContext) {
  aclrtStream other = nullptr;
  ASSERT_OK(aclrtCreateStream(&other));
  ASSERT_OK(aclrtSetStreamFailureMode(stream_, ACL_STOP_ON_FAILURE));
  EXPECT_EQ(aclrtSetStreamFailureMode(stream_, ACL_STOP_ON_FAILURE), ACL_ERROR_RT_PARAM_INVALID);
  EXPECT_EQ(aclrtSetStreamFailureMode(other, 5), ACL_ERROR_RT_PARAM_INVALID);
  DeviceArray<int> counter(1);
  ASSERT_OK(Launch("store_to", 1, uint64_t{8}, stream_));
  const aclError launched = Launch("increment", 1, counter.get(), stream_);
  EXPECT_TRUE(launched == ACL_SUCCESS || launched == ACL_ERROR_RT_AICORE_EXCEPTION) << launched;
  EXPECT_EQ(aclrtSynchronizeStream(stream_), ACL_ERROR_RT_AICORE_EXCEPTION);
  EXPECT_EQ(aclrtSynchronizeStream(stream_), ACL_ERROR_RT_AICORE_EXCEPTION);  // it stays
  EXPECT_EQ(Launch("increment", 1, counter.get(), stream_), ACL_ERROR_RT_AICORE_EXCEPTION);
  EXPECT_EQ(Launch("increment", 1, counter.get(), other), ACL_ERROR_RT_AICORE_EXCEPTION);
  EXPECT_EQ(counter.Read()[0], 0);
}

std::atomic<uint32_t> called_for{0};
std::atomic<int> calls{0};
void Callback(aclrtExceptionInfo* info) {
  called_for = aclrtGetErrorCodeFromExceptionInfo(info);
  EXPECT_EQ(aclrtGetDeviceIdFromExceptionInfo(info), 0u);
  ++calls;
}

TEST_F(ExceptionTest, CallbackIsCalled) {
  ASSERT_OK(aclrtExceptionInfoCallbackRegister(&Callback));
  ASSERT_OK(aclrtExceptionInfoCallbackRegister(&Callback));  // once is enough
  ASSERT_OK(Launch("store_to", 1, uint64_t{8}, stream_));
  EXPECT_EQ(aclrtSynchronizeStream(stream_), ACL_ERROR_RT_AICORE_EXCEPTION);
  EXPECT_EQ(calls, 1);
  EXPECT_EQ(called_for, static_cast<uint32_t>(ACL_ERROR_RT_AICORE_EXCEPTION));
  ASSERT_OK(aclrtExceptionInfoCallbackUnregister(&Callback));
  ASSERT_OK(aclrtExceptionInfoCallbackUnregister(&Callback));
  ASSERT_OK(Launch("store_to", 1, uint64_t{8}, stream_));
  EXPECT_EQ(aclrtSynchronizeStream(stream_), ACL_ERROR_RT_AICORE_EXCEPTION);
  EXPECT_EQ(calls, 1);
}

struct KernelFailure {
  int calls = 0;
  aclrtFuncHandle kernel = nullptr;
  std::vector<uint64_t> args;
  void* place = nullptr;
};
void NoteKernel(aclrtExceptionInfo* info, void* user) {
  auto& failure = *static_cast<KernelFailure*>(user);
  ++failure.calls;
  EXPECT_OK(aclrtGetFuncHandleFromExceptionInfo(info, &failure.kernel));
  uint32_t bytes = 0;
  EXPECT_OK(aclrtGetArgsFromExceptionInfo(info, &failure.place, &bytes));
  failure.args.resize(bytes / sizeof(uint64_t));
  EXPECT_OK(
      aclrtMemcpy(failure.args.data(), bytes, failure.place, bytes, ACL_MEMCPY_DEVICE_TO_HOST));
  EXPECT_EQ(aclrtGetErrorCodeFromExceptionInfo(info),
            static_cast<uint32_t>(ACL_ERROR_RT_AICORE_EXCEPTION));
}

TEST_F(ExceptionTest, CallbackOfTheImageIsToldKernelAndArguments) {
  KernelFailure failure;
  ASSERT_OK(aclrtBinarySetExceptionCallback(binary_, &NoteKernel, &failure));
  ASSERT_OK(Launch("nothing", 1, stream_));
  ASSERT_OK(Launch("store_to", 1, uint64_t{0x48}, stream_));
  EXPECT_EQ(aclrtSynchronizeStream(stream_), ACL_ERROR_RT_AICORE_EXCEPTION);
  EXPECT_EQ(failure.calls, 1);
  EXPECT_EQ(failure.kernel, Kernel("store_to"));
  EXPECT_EQ(failure.args, std::vector<uint64_t>{0x48});
  // Arguments beside the entry.
  struct {
    int64_t summands[6] = {1, 2, 3, 4, 5, 6};
    int64_t seventh = 7;
    uint64_t out = 0x50;
  } args;
  ASSERT_OK(Launch("sum_many", 1, args, stream_));
  EXPECT_EQ(aclrtSynchronizeStream(stream_), ACL_ERROR_RT_AICORE_EXCEPTION);
  EXPECT_EQ(failure.calls, 2);
  EXPECT_EQ(failure.args, (std::vector<uint64_t>{1, 2, 3, 4, 5, 6, 7, 0x50}));
  // Arguments in device memory.
  DeviceArray<uint64_t> device_args(1);
  device_args.Write({0x58});
  ASSERT_OK(aclrtLaunchKernelV2(Kernel("store_to"), 1, device_args.get(), sizeof(uint64_t), nullptr,
                                stream_));
  EXPECT_EQ(aclrtSynchronizeStream(stream_), ACL_ERROR_RT_AICORE_EXCEPTION);
  EXPECT_EQ(failure.place, device_args.get());
  EXPECT_EQ(failure.args, std::vector<uint64_t>{0x58});
}

TEST_F(ExceptionTest, CallbacksOfTheProcessAreToldTheKernelToo) {
  static KernelFailure failure;
  failure = {};
  const auto callback = [](aclrtExceptionInfo* info) { NoteKernel(info, &failure); };
  ASSERT_OK(aclrtExceptionInfoCallbackRegister(callback));
  ASSERT_OK(Launch("store_to", 1, uint64_t{8}, stream_));
  EXPECT_EQ(aclrtSynchronizeStream(stream_), ACL_ERROR_RT_AICORE_EXCEPTION);
  EXPECT_EQ(failure.calls, 1);
  EXPECT_EQ(failure.kernel, Kernel("store_to"));
  EXPECT_EQ(failure.args, std::vector<uint64_t>{8});
  ASSERT_OK(aclrtExceptionInfoCallbackUnregister(callback));
}

TEST_F(ExceptionTest, OtherTasksHaveNoKernel) {
  static aclError told = ACL_SUCCESS;
  const auto callback = [](aclrtExceptionInfo* info) {
    aclrtFuncHandle kernel = nullptr;
    told = aclrtGetFuncHandleFromExceptionInfo(info, &kernel);
  };
  ASSERT_OK(aclrtExceptionInfoCallbackRegister(callback));
  void* reserved = nullptr;
  ASSERT_OK(aclrtReserveMemAddress(&reserved, 2u << 20, 0, nullptr, 0));
  ASSERT_OK(aclrtMemsetAsync(reserved, 64, 0, 64, stream_));
  EXPECT_EQ(aclrtSynchronizeStream(stream_), ACL_ERROR_RT_SYS_DMA);
  EXPECT_EQ(told, ACL_ERROR_RT_PARAM_INVALID);
  ASSERT_OK(aclrtReleaseMemAddress(reserved));
  ASSERT_OK(aclrtExceptionInfoCallbackUnregister(callback));
  EXPECT_EQ(aclrtBinarySetExceptionCallback(binary_, nullptr, nullptr), ACL_ERROR_INVALID_PARAM);
  EXPECT_EQ(aclrtGetFuncHandleFromExceptionInfo(nullptr, nullptr), ACL_ERROR_INVALID_PARAM);
}

TEST_F(ExceptionTest, HardwareHasNoErrors) {
  aclrtMemUceInfo info[2] = {};
  size_t count = 7;
  ASSERT_OK(aclrtGetMemUceInfo(0, info, 2, &count));
  EXPECT_EQ(count, 0u);
  EXPECT_OK(aclrtMemUceRepair(0, info, 0));
  EXPECT_EQ(aclrtMemUceRepair(0, info, 1), ACL_ERROR_RT_PARAM_INVALID);
  EXPECT_EQ(aclrtGetMemUceInfo(1000, info, 2, &count), ACL_ERROR_RT_INVALID_DEVICEID);
  aclrtErrorInfo error{};
  ASSERT_OK(aclrtGetErrorVerbose(0, &error));
  EXPECT_EQ(error.errorType, ACL_RT_NO_ERROR);
  EXPECT_EQ(error.tryRepair, 0);
  EXPECT_OK(aclrtRepairError(0, &error));
}

TEST_F(ExceptionTest, DeadDeviceProcessIsAnErrorOfTheDevice) {
  ASSERT_OK(Launch("spin_forever", 1, stream_));
  const pid_t device = DeviceProcess();
  ASSERT_GT(device, 0);
  kill(device, SIGKILL);
  EXPECT_EQ(aclrtSynchronizeStream(stream_), ACL_ERROR_RT_LOST_HEARTBEAT);
  aclrtErrorInfo error{};
  ASSERT_OK(aclrtGetErrorVerbose(0, &error));
  EXPECT_EQ(error.errorType, ACL_RT_ERROR_OTHERS);
  EXPECT_EQ(aclrtRepairError(0, &error), ACL_ERROR_RT_FEATURE_NOT_SUPPORT);
}

TEST_F(ExceptionTest, FailuresOfOtherStreamsAreTheirs) {
  aclrtStream other = nullptr;
  ASSERT_OK(aclrtCreateStream(&other));
  ASSERT_OK(Launch("store_to", 1, uint64_t{8}, other));
  ASSERT_OK(Launch("nothing", 1, stream_));
  EXPECT_OK(aclrtSynchronizeStream(stream_));
  EXPECT_EQ(aclrtSynchronizeDevice(), ACL_ERROR_RT_AICORE_EXCEPTION);
}

TEST_F(ExceptionTest, ManyFailuresAreSurvived) {
  for (int i = 0; i < 300; ++i) {
    ASSERT_OK(Launch("store_to", 1, uint64_t{8}, stream_));
  }
  EXPECT_EQ(aclrtSynchronizeStream(stream_), ACL_ERROR_RT_AICORE_EXCEPTION);
  ExpectDeviceWorks();
}

}  // namespace
}  // namespace vnpu::test
