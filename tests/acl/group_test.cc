// Groups of compute units: one, with all that the device has.
#include <thread>

#include "tests/acl/support.h"

namespace vnpu::test {
namespace {

class GroupTest : public DeviceTest {
 protected:
  void SetUp() override {
    DeviceTest::SetUp();
    info_ = aclrtCreateGroupInfo();
    ASSERT_NE(info_, nullptr);
  }
  void TearDown() override {
    EXPECT_OK(aclrtDestroyGroupInfo(info_));
    DeviceTest::TearDown();
  }
  int32_t Value(aclrtGroupAttr attr) {
    int32_t value = -1;
    size_t size = 0;
    EXPECT_OK(aclrtGetGroupInfoDetail(info_, 0, attr, &value, sizeof(value), &size));
    EXPECT_EQ(size, sizeof(value));
    return value;
  }
  static int64_t Device(aclrtDevAttr attr) {
    int64_t value = -2;
    EXPECT_OK(aclrtGetDeviceInfo(0, attr, &value));
    return value;
  }

  aclrtGroupInfo* info_ = nullptr;
};

TEST_F(GroupTest, HasAllUnits) {
  uint32_t count = 0;
  ASSERT_OK(aclrtGetGroupCount(&count));
  EXPECT_EQ(count, 1u);
  ASSERT_OK(aclrtGetAllGroupInfo(info_));
  EXPECT_EQ(Value(ACL_GROUP_AICORE_INT), Device(ACL_DEV_ATTR_AICORE_CORE_NUM));
  EXPECT_EQ(Value(ACL_GROUP_AIV_INT), Device(ACL_DEV_ATTR_VECTOR_CORE_NUM));
  EXPECT_EQ(Value(ACL_GROUP_AIC_INT), Device(ACL_DEV_ATTR_AICPU_CORE_NUM));
  EXPECT_GT(Value(ACL_GROUP_SDMANUM_INT), 0);
  EXPECT_LE(Value(ACL_GROUP_ASQNUM_INT), 32);
  EXPECT_OK(aclrtSetGroup(Value(ACL_GROUP_GROUPID_INT)));
  EXPECT_EQ(aclrtSetGroup(1), ACL_ERROR_RT_GROUP_NOT_CREATE);
}

TEST_F(GroupTest, ArgumentsAreChecked) {
  int32_t value = 0;
  size_t size = 0;
  const auto detail = [&](int32_t index, int attr, size_t bytes) {
    return aclrtGetGroupInfoDetail(info_, index, static_cast<aclrtGroupAttr>(attr), &value, bytes,
                                   &size);
  };
  EXPECT_EQ(detail(0, ACL_GROUP_AICORE_INT, 4), ACL_ERROR_RT_GROUP_NOT_SET) << "not filled in";
  ASSERT_OK(aclrtGetAllGroupInfo(info_));
  EXPECT_EQ(detail(1, ACL_GROUP_AICORE_INT, 4), ACL_ERROR_RT_PARAM_INVALID);
  EXPECT_EQ(detail(-1, ACL_GROUP_AICORE_INT, 4), ACL_ERROR_RT_PARAM_INVALID);
  EXPECT_EQ(detail(0, 6, 4), ACL_ERROR_INVALID_PARAM);
  EXPECT_EQ(detail(0, ACL_GROUP_AICORE_INT, 3), ACL_ERROR_RT_PARAM_INVALID);
  EXPECT_EQ(aclrtGetGroupInfoDetail(info_, 0, ACL_GROUP_AIV_INT, nullptr, 4, &size),
            ACL_ERROR_INVALID_PARAM);
  EXPECT_EQ(aclrtGetAllGroupInfo(nullptr), ACL_ERROR_INVALID_PARAM);
  EXPECT_EQ(aclrtGetGroupCount(nullptr), ACL_ERROR_INVALID_PARAM);
}

TEST_F(GroupTest, DestroyedOnce) {
  aclrtGroupInfo* info = aclrtCreateGroupInfo();
  ASSERT_NE(info, nullptr);
  EXPECT_OK(aclrtDestroyGroupInfo(info));
  EXPECT_EQ(aclrtDestroyGroupInfo(info), ACL_ERROR_RT_INVALID_HANDLE);
  EXPECT_EQ(aclrtDestroyGroupInfo(nullptr), ACL_ERROR_INVALID_PARAM);
}

TEST_F(GroupTest, BelongsToAContext) {
  std::thread([] {
    uint32_t count = 0;
    EXPECT_EQ(aclrtGetGroupCount(&count), ACL_ERROR_RT_CONTEXT_NULL);
    EXPECT_EQ(aclrtSetGroup(0), ACL_ERROR_RT_CONTEXT_NULL);
  }).join();
}

}  // namespace
}  // namespace vnpu::test
