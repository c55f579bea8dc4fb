// Callbacks on initialisation, devices and streams.
#include <map>
#include <string>
#include <thread>
#include <vector>

#include "tests/acl/support.h"
#include "tests/support/temp_file.h"

namespace vnpu::test {
namespace {

struct DeviceStates {
  std::vector<std::pair<int32_t, aclrtDeviceState>> seen;
};
void NoteDevice(int32_t device, aclrtDeviceState state, void* args) {
  static_cast<DeviceStates*>(args)->seen.emplace_back(device, state);
}

TEST(StateCallback, DeviceIsSetAndReset) {
  DeviceStates states;
  ASSERT_OK(aclrtRegDeviceStateCallback("test", &NoteDevice, &states));
  EXPECT_EQ(aclrtRegDeviceStateCallback("test", &NoteDevice, &states), ACL_ERROR_RT_PARAM_INVALID);
  ASSERT_OK(aclrtSetDevice(0));
  EXPECT_EQ(states.seen, (std::vector<std::pair<int32_t, aclrtDeviceState>>{
                             {0, ACL_RT_DEVICE_STATE_SET_PRE}, {0, ACL_RT_DEVICE_STATE_SET_POST}}));
  states.seen.clear();
  ASSERT_OK(aclrtResetDevice(0));
  EXPECT_EQ(states.seen,
            (std::vector<std::pair<int32_t, aclrtDeviceState>>{
                {0, ACL_RT_DEVICE_STATE_RESET_PRE}, {0, ACL_RT_DEVICE_STATE_RESET_POST}}));
  states.seen.clear();
  EXPECT_NE(aclrtSetDevice(1000), ACL_SUCCESS);
  EXPECT_EQ(states.seen.size(), 1u) << "nothing was set";
  ASSERT_OK(aclrtRegDeviceStateCallback("test", nullptr, nullptr));
  states.seen.clear();
  ASSERT_OK(aclrtSetDevice(0));
  ASSERT_OK(aclrtResetDeviceForce(0));
  EXPECT_TRUE(states.seen.empty());
}

struct StreamStates {
  std::map<aclrtStream, int> made;
  std::map<aclrtStream, int> ended;
};
void NoteStream(aclrtStream stream, aclrtStreamState state, void* args) {
  auto& states = *static_cast<StreamStates*>(args);
  ++(state == ACL_RT_STREAM_STATE_CREATE_POST ? states.made : states.ended)[stream];
  aclrtStreamStatus status = ACL_STREAM_STATUS_RESERVED;
  EXPECT_OK(aclrtStreamQuery(stream, &status)) << "it is alive";
}

TEST(StateCallback, StreamsAreMadeAndDestroyed) {
  StreamStates states;
  ASSERT_OK(aclrtRegStreamStateCallback("test", &NoteStream, &states));
  ASSERT_OK(aclrtSetDevice(0));
  EXPECT_EQ(states.made.size(), 1u) << "the default stream";
  aclrtStream streams[3] = {};
  for (aclrtStream& stream : streams) {
    ASSERT_OK(aclrtCreateStream(&stream));
    EXPECT_EQ(states.made[stream], 1);
  }
  ASSERT_OK(aclrtDestroyStream(streams[0]));
  EXPECT_EQ(states.ended[streams[0]], 1);
  ASSERT_OK(aclrtDestroyStreamForce(streams[1]));
  EXPECT_EQ(states.ended[streams[1]], 1);
  ASSERT_OK(aclrtResetDevice(0));
  EXPECT_EQ(states.ended, states.made);
  ASSERT_OK(aclrtRegStreamStateCallback("test", nullptr, nullptr));
}

TEST(StateCallback, ContextsHaveADefaultStream) {
  ASSERT_OK(aclrtSetDevice(0));
  StreamStates states;
  ASSERT_OK(aclrtRegStreamStateCallback("test", &NoteStream, &states));
  aclrtContext context = nullptr;
  ASSERT_OK(aclrtCreateContext(&context, 0));
  EXPECT_EQ(states.made.size(), 1u);
  ASSERT_OK(aclrtDestroyContext(context));
  EXPECT_EQ(states.ended, states.made);
  ASSERT_OK(aclrtRegStreamStateCallback("test", nullptr, nullptr));
  EXPECT_EQ(aclrtRegStreamStateCallback("test", nullptr, nullptr), ACL_ERROR_RT_PARAM_INVALID);
  EXPECT_EQ(aclrtRegStreamStateCallback(nullptr, &NoteStream, nullptr), ACL_ERROR_INVALID_PARAM);
  ASSERT_OK(aclrtResetDevice(0));
}

struct Component {
  std::string config = "not called";
  int ended = 0;
  aclError answer = ACL_SUCCESS;
};
aclError OnInit(const char* config, size_t length, void* component) {
  static_cast<Component*>(component)->config = std::string(config, length);
  return static_cast<Component*>(component)->answer;
}
aclError OnEnd(void* component) {
  ++static_cast<Component*>(component)->ended;
  return static_cast<Component*>(component)->answer;
}

class InitCallback : public testing::Test {
 protected:
  void SetUp() override {
    ASSERT_OK(aclInitCallbackRegister(ACL_REG_TYPE_OTHER, &OnInit, &component_));
    ASSERT_OK(aclFinalizeCallbackRegister(ACL_REG_TYPE_OTHER, &OnEnd, &component_));
  }
  void TearDown() override {
    EXPECT_OK(aclInitCallbackUnRegister(ACL_REG_TYPE_OTHER, &OnInit));
    EXPECT_OK(aclFinalizeCallbackUnRegister(ACL_REG_TYPE_OTHER, &OnEnd));
    aclFinalize();
    aclGetRecentErrMsg();
  }
  Component component_;
};

TEST_F(InitCallback, CalledWithTheConfigurationAndAtTheEnd) {
  const std::string text = R"({ "err_msg_mode": "0" })";
  ASSERT_OK(aclInit(TempFile(text).path()));
  EXPECT_EQ(component_.config, text);
  EXPECT_EQ(aclInit(nullptr), ACL_ERROR_REPEAT_INITIALIZE);
  ASSERT_OK(aclFinalizeReference(nullptr));
  EXPECT_EQ(component_.ended, 0) << "one user is left";
  ASSERT_OK(aclFinalizeReference(nullptr));
  EXPECT_EQ(component_.ended, 1);
}

TEST_F(InitCallback, RegisteredLateCalledAtOnce) {
  ASSERT_OK(aclInit(nullptr));
  EXPECT_EQ(component_.config, "{}");
  Component late;
  ASSERT_OK(aclInitCallbackRegister(ACL_REG_TYPE_ACL_DVPP, &OnInit, &late));
  EXPECT_EQ(late.config, "{}");
  ASSERT_OK(aclInitCallbackUnRegister(ACL_REG_TYPE_ACL_DVPP, &OnInit));
}

TEST_F(InitCallback, ItsErrorIsThatOfTheCall) {
  component_.answer = ACL_ERROR_FAILURE;
  EXPECT_EQ(aclInit(nullptr), ACL_ERROR_FAILURE);
  EXPECT_NE(aclFinalize(), ACL_SUCCESS) << "it is not initialised";
  component_.answer = ACL_SUCCESS;
  ASSERT_OK(aclInit(nullptr));
  component_.answer = ACL_ERROR_FAILURE;
  EXPECT_EQ(aclFinalize(), ACL_ERROR_FAILURE);
  EXPECT_EQ(aclFinalize(), ACL_ERROR_REPEAT_FINALIZE) << "it ended all the same";
}

TEST_F(InitCallback, AfterAnErrorTheConfigurationHasNoEffect) {
  component_.answer = ACL_ERROR_FAILURE;
  EXPECT_EQ(aclInit(TempFile(R"({ "err_msg_mode": "1" })").path()), ACL_ERROR_FAILURE);
  aclGetRecentErrMsg();
  std::thread([] { aclrtGetRunMode(nullptr); }).join();
  EXPECT_EQ(aclGetRecentErrMsg(), nullptr) << "messages are each thread's own";
  component_.answer = ACL_SUCCESS;
}

TEST_F(InitCallback, BadArguments) {
  EXPECT_EQ(aclInitCallbackRegister(ACL_REG_TYPE_OTHER, nullptr, nullptr), ACL_ERROR_INVALID_PARAM);
  EXPECT_EQ(aclInitCallbackRegister(ACL_REG_TYPE_OTHER, &OnInit, nullptr),
            ACL_ERROR_RT_PARAM_INVALID);
  EXPECT_EQ(aclInitCallbackRegister(static_cast<aclRegisterCallbackType>(8), &OnInit, nullptr),
            ACL_ERROR_RT_PARAM_INVALID);
  EXPECT_EQ(aclFinalizeCallbackUnRegister(ACL_REG_TYPE_ACL_MODEL, &OnEnd),
            ACL_ERROR_RT_PARAM_INVALID);
}

}  // namespace
}  // namespace vnpu::test
