#include "libruntime/src/base/error.h"

#include <gtest/gtest.h>
#include <vnpu/abi.h>

#include <cerrno>
#include <thread>

namespace vnpu::runtime {
namespace {

TEST(Error, StatusBecomesTheCodeOfTheUnit) {
  EXPECT_EQ(StatusToAcl(VNPU_OK, VNPU_UNIT_AI_CORE), ACL_SUCCESS);
  EXPECT_EQ(StatusToAcl(VNPU_E_ADDRESS, VNPU_UNIT_AI_CORE), 507015);
  EXPECT_EQ(StatusToAcl(VNPU_E_ADDRESS, VNPU_UNIT_VECTOR_CORE), 507035);
  EXPECT_EQ(StatusToAcl(VNPU_E_ADDRESS, VNPU_UNIT_AI_CPU), 507018);
  EXPECT_EQ(StatusToAcl(VNPU_E_TIMEOUT, VNPU_UNIT_MIX), 507014);
  EXPECT_EQ(StatusToAcl(VNPU_E_TRAP, VNPU_UNIT_AI_CORE), 507016);
  EXPECT_EQ(StatusToAcl(VNPU_E_DMA_HOST, VNPU_UNIT_DMA), 507013);
}

TEST(Error, EveryFailureHasACodeAndAText) {
  for (uint32_t status = 1; status < VNPU_STATUS_COUNT; ++status) {
    EXPECT_NE(StatusToAcl(status, VNPU_UNIT_AI_CORE), ACL_SUCCESS) << status;
    EXPECT_STRNE(StatusText(status), StatusText(VNPU_STATUS_COUNT)) << status;
  }
  for (int error = 1; error < 134; ++error) {
    EXPECT_NE(ErrnoToAcl(error), ACL_SUCCESS) << error;
  }
  EXPECT_EQ(ErrnoToAcl(ENOMEM), ACL_ERROR_RT_MEMORY_ALLOCATION);
}

TEST(Error, MessagesBelongToTheThread) {
  SetCurrentFunction("aclrtSomething");
  EXPECT_EQ(Fail(ACL_ERROR_RT_PARAM_INVALID, "first"), ACL_ERROR_RT_PARAM_INVALID);
  Fail(ACL_ERROR_RT_INVALID_HANDLE, "second");
  std::thread([] {
    EXPECT_EQ(PeekLastError(), ACL_SUCCESS);
    EXPECT_EQ(TakeErrorMessages(), nullptr);
  }).join();
  EXPECT_EQ(TakeLastError(), ACL_ERROR_RT_INVALID_HANDLE);
  const std::string text = TakeErrorMessages();
  EXPECT_LT(text.find("second"), text.find("first"));  // the newest on top
  EXPECT_NE(text.find("aclrtSomething"), std::string::npos);
}

}  // namespace
}  // namespace vnpu::runtime
