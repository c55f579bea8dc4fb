// aclInit and what ends it; versions.
#include <unistd.h>

#include <atomic>
#include <charconv>
#include <fstream>
#include <mutex>
#include <nlohmann/json.hpp>
#include <sstream>
#include <string>

#include "acl/acl_rt.h"
#include "libruntime/src/acl/init_callbacks.h"
#include "libruntime/src/base/guard.h"
#include "libruntime/src/base/log.h"
#include "libruntime/src/callback/host_calls.h"
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

// Numbers stand in the file as numbers or as strings.
bool ReadNumber(const nlohmann::json& value, int32_t* number) {
  if (value.is_number_integer()) {
    *number = value.get<int32_t>();
    return true;
  }
  if (!value.is_string()) {
    return false;
  }
  const auto text = value.get<std::string>();
  const char* const end = text.data() + text.size();
  const auto [next, error] = std::from_chars(text.data(), end, *number);
  return error == std::errc() && next == end;
}

aclError ApplyConfig(const nlohmann::json& config) {
  if (const auto mode = config.find("err_msg_mode"); mode != config.end()) {
    int32_t number = 0;
    if (!ReadNumber(*mode, &number) || number < 0 || number > 1) {
      return Fail(ACL_ERROR_RT_PARAM_INVALID, "err_msg_mode takes 0 (thread) or 1 (process)");
    }
    SetErrorMessagesPerProcess(number == 1);
  }
  if (const auto device = config.find("defaultDevice"); device != config.end()) {
    int32_t number = -1;
    if (!device->is_object() || !device->contains("default_device") ||
        !ReadNumber((*device)["default_device"], &number) || number < 0) {
      return Fail(ACL_ERROR_RT_PARAM_INVALID,
                  "defaultDevice takes {{\"default_device\": \"N\"}} with N >= 0");
    }
    SetDefaultDevice(number);
  }
  for (const auto& [key, value] : config.items()) {
    if (key != "err_msg_mode" && key != "defaultDevice") {
      Log().info("aclInit: the setting '{}' has no effect on a virtual device", key);
    }
  }
  return ACL_SUCCESS;
}

aclError ReadConfig(const char* path, std::string* text) {
  std::ifstream file(path);
  if (!file) {
    return Fail(ACL_ERROR_INVALID_FILE, "cannot open the configuration file {}", path);
  }
  std::ostringstream content;
  content << file.rdbuf();
  *text = content.str();
  const nlohmann::json config = nlohmann::json::parse(*text, nullptr, /*allow_exceptions=*/false);
  if (!config.is_object()) {
    return Fail(ACL_ERROR_PARSE_FILE, "{} is not a JSON object", path);
  }
  return ApplyConfig(config);
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
      VNPU_RETURN_IF_ERROR(ReadConfig(config, &text));
    }
    state.references = 1;
    state.ever = true;
    state.config = text;
  }
  const aclError error = RunInitCallbacks(text);
  if (error != ACL_SUCCESS) {
    const std::lock_guard lock(state.mutex);
    state.references = 0;
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
    SetDefaultDevice(-1);
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
