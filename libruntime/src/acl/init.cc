// aclInit and what ends it; versions.
#include <unistd.h>

#include <mutex>
#include <string>

#include "acl/acl_rt.h"
#include "libruntime/src/acl/init_callbacks.h"
#include "libruntime/src/base/guard.h"
#include "libruntime/src/base/log.h"
#include "libruntime/src/callback/host_calls.h"
#include "libruntime/src/config/config.h"
#include "libruntime/src/device/device.h"
#include "libruntime/src/device/driver.h"
#include "libruntime/src/stream/context.h"

namespace vnpu::runtime {
namespace {

struct InitState {
  std::mutex mutex;
  uint64_t references = 0;
  bool ever = false;
  std::string config;  // the text of the configuration file, or {}
};

InitState& State() {
  static auto* const state = new InitState;
  return *state;
}

aclError Init(const char* config) {
  InitState& state = State();
  std::string text = "{}";
  {
    const std::lock_guard lock(state.mutex);
    if (state.references > 0) {
      ++state.references;
      Log().warn("aclInit: called again; the configuration of the first call stays");
      return ACL_ERROR_REPEAT_INITIALIZE;
    }
    if (config != nullptr && *config != '\0') {
      VNPU_RETURN_IF_ERROR(LoadConfig(config, &text));
    }
    state.references = 1;
    state.ever = true;
    state.config = text;
  }
  const aclError error = RunInitCallbacks(text);
  if (error != ACL_SUCCESS) {
    const std::lock_guard lock(state.mutex);
    state.references = 0;
    ApplyDefaultConfig();
  }
  return error;
}

// Lets go of `all` references or of one; the last one ends everything.
aclError Finalize(bool all, uint64_t* left) {
  if (HostCalls::InCall()) {
    return Fail(ACL_ERROR_RT_FEATURE_NOT_SUPPORT,
                "a host function that a stream calls cannot end the interface");
  }
  InitState& state = State();
  {
    const std::lock_guard lock(state.mutex);
    if (state.references == 0) {
      return state.ever
                 ? Fail(ACL_ERROR_REPEAT_FINALIZE, "acl has been finalized already")
                 : Fail(ACL_ERROR_UNINITIALIZE, "acl was not initialized; call aclInit first");
    }
    state.references = all ? 0 : state.references - 1;
    if (left != nullptr) {
      *left = state.references;
    }
    if (state.references > 0) {
      return ACL_SUCCESS;
    }
  }
  const aclError error = RunFinalizeCallbacks();
  const std::lock_guard lock(state.mutex);
  if (state.references == 0) {  // nobody has initialised it again meanwhile
    CloseAllDevices();
    Driver::Release();
    ApplyDefaultConfig();
  }
  return error;
}

}  // namespace

bool ConfigText(std::string* config) {
  InitState& state = State();
  const std::lock_guard lock(state.mutex);
  *config = state.config;
  return state.references > 0;
}

}  // namespace vnpu::runtime

using vnpu::runtime::Guard;

aclError aclInit(const char* configPath) {
  return Guard(__func__, [&] { return vnpu::runtime::Init(configPath); });
}

aclError aclFinalize() {
  return Guard(__func__, [] { return vnpu::runtime::Finalize(/*all=*/true, nullptr); });
}

aclError aclFinalizeReference(uint64_t* refCount) {
  return Guard(__func__, [&] { return vnpu::runtime::Finalize(/*all=*/false, refCount); });
}

aclError aclrtGetVersion(int32_t* majorVersion, int32_t* minorVersion, int32_t* patchVersion) {
  return Guard(__func__, [&]() -> aclError {
    VNPU_REQUIRE_NOT_NULL(majorVersion);
    VNPU_REQUIRE_NOT_NULL(minorVersion);
    VNPU_REQUIRE_NOT_NULL(patchVersion);
    *majorVersion = ACL_MAJOR_VERSION;
    *minorVersion = ACL_MINOR_VERSION;
    *patchVersion = ACL_PATCH_VERSION;
    return ACL_SUCCESS;
  });
}
