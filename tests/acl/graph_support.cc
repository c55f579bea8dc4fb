#include "tests/acl/graph_support.h"

namespace vnpu::test {

void GraphTest::SetUp() {
  KernelTest::SetUp();
  ASSERT_OK(aclrtCreateStream(&other_));
  value_ = std::make_unique<DeviceArray<int64_t>>(4);
}

void GraphTest::TearDown() {
  aclmdlRICaptureMode mode = kGlobal;
  aclmdlRICaptureThreadExchangeMode(&mode);
  value_.reset();
  KernelTest::TearDown();
}

aclmdlRICaptureStatus GraphTest::CaptureStatus(aclrtStream stream) {
  auto status = ACL_MODEL_RI_CAPTURE_STATUS_NONE;
  aclmdlRI model = nullptr;
  EXPECT_OK(aclmdlRICaptureGetInfo(stream, &status, &model));
  EXPECT_EQ(status == ACL_MODEL_RI_CAPTURE_STATUS_NONE, model == nullptr);
  return status;
}

aclmdlRI GraphTest::BeginCapture(aclmdlRICaptureMode mode) {
  EXPECT_OK(aclmdlRICaptureBegin(stream_, mode));
  auto status = ACL_MODEL_RI_CAPTURE_STATUS_NONE;
  aclmdlRI model = nullptr;
  EXPECT_OK(aclmdlRICaptureGetInfo(stream_, &status, &model));
  return model;
}

aclmdlRI GraphTest::EndCapture(aclrtStream stream) {
  aclmdlRI model = nullptr;
  EXPECT_OK(aclmdlRICaptureEnd(stream, &model));
  return model;
}

aclError GraphTest::Run(aclmdlRI model) {
  const aclError error = aclmdlRIExecuteAsync(model, stream_);
  return error != ACL_SUCCESS ? error : aclrtSynchronizeStream(stream_);
}

aclrtEvent GraphTest::MakeEvent() {
  aclrtEvent event = nullptr;
  EXPECT_OK(aclrtCreateEventExWithFlag(&event, ACL_EVENT_SYNC));
  return event;
}

aclrtStream GraphTest::MakePersistent() {
  aclrtStream stream = nullptr;
  EXPECT_OK(aclrtCreateStreamWithConfig(&stream, 0, ACL_STREAM_PERSISTENT));
  return stream;
}

std::vector<aclrtStream> GraphTest::Streams(aclmdlRI model) {
  uint32_t count = 0;
  EXPECT_OK(aclmdlRIGetStreams(model, nullptr, &count));
  std::vector<aclrtStream> streams(count);
  EXPECT_OK(aclmdlRIGetStreams(model, streams.data(), &count));
  return streams;
}

std::vector<aclmdlRITask> GraphTest::Tasks(aclrtStream stream) {
  uint32_t count = 0;
  EXPECT_OK(aclmdlRIGetTasksByStream(stream, nullptr, &count));
  std::vector<aclmdlRITask> tasks(count);
  EXPECT_OK(aclmdlRIGetTasksByStream(stream, tasks.data(), &count));
  return tasks;
}

aclmdlRITaskType GraphTest::Type(aclmdlRITask task) {
  auto type = ACL_MODEL_RI_TASK_DEFAULT;
  EXPECT_OK(aclmdlRITaskGetType(task, &type));
  return type;
}

std::vector<aclmdlRITask> GraphTest::Kernels(aclmdlRI model) {
  std::vector<aclmdlRITask> kernels;
  for (const aclmdlRITask task : Tasks(Streams(model).front())) {
    if (Type(task) == ACL_MODEL_RI_TASK_KERNEL) {
      kernels.push_back(task);
    }
  }
  return kernels;
}

aclError GraphTest::Affine(int64_t* value, int64_t factor, int64_t term, aclrtStream stream) {
  struct {
    int64_t* value;
    int64_t factor;
    int64_t term;
  } args{value, factor, term};
  return Launch("affine", 1, args, stream);
}

}  // namespace vnpu::test
