#include "libruntime/src/config/config.h"

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>

#include "acl/acl_rt.h"
#include "libruntime/src/base/guard.h"
#include "libruntime/src/base/log.h"
#include "libruntime/src/device/process_limits.h"
#include "libruntime/src/stream/context.h"

namespace vnpu::runtime {
namespace {

using nlohmann::json;

// What a file says.
struct ConfigSettings {
  bool messages_per_process = false;
  int32_t default_device = -1;  // -1: none
  std::optional<size_t> core_stack;
  std::optional<size_t> core_printf;
};

// Numbers stand in the file as numbers or as strings.
std::optional<int64_t> ReadConfigNumber(const json& value) {
  if (value.is_number_integer()) {
    return value.get<int64_t>();
  }
  if (!value.is_string()) {
    return std::nullopt;
  }
  const auto& text = value.get_ref<const std::string&>();
  const char* const end = text.data() + text.size();
  int64_t number = 0;
  const auto [next, error] = std::from_chars(text.data(), end, number);
  return error == std::errc() && next == end ? std::optional(number) : std::nullopt;
}

// How messages call a setting of a section.
std::string Inside(const std::string& section, const std::string& name) {
  return fmt::format("{}.{}", section, name);
}

// One walk over a file: settings by name, errors and warnings that name key and file.
class ConfigReader {
 public:
  explicit ConfigReader(const char* path) : path_(path) {}

  aclError Read(const json& config, ConfigSettings* settings) {
    for (const auto& [key, value] : config.items()) {
      VNPU_RETURN_IF_ERROR(ReadKey(key, value, settings));
    }
    return ACL_SUCCESS;
  }

 private:
  aclError ReadKey(const std::string& key, const json& value, ConfigSettings* settings) {
    if (key == "err_msg_mode") {
      int64_t mode = 0;
      VNPU_RETURN_IF_ERROR(Number(key, value, 0, 1, &mode));
      settings->messages_per_process = mode == 1;
      return ACL_SUCCESS;
    }
    if (key == "defaultDevice") {
      return ReadDefaultDevice(key, value, settings);
    }
    if (key == "StackSize") {
      return ReadStackSize(key, value, settings);
    }
    if (key == "simd_printf_fifo_size_per_core") {
      return Size(key, value, &settings->core_printf);
    }
    if (key == "max_opqueue_num") {  // of the cache of an operator library, which is not there
      int64_t number = 0;
      return Number(key, value, 1, INT64_MAX, &number, ACL_ERROR_INVALID_MAX_OPQUEUE_NUM_CONFIG);
    }
    if (key == "simt_printf_fifo_size") {
      WarnNoEffect(key, "the devices do not have the SIMT model");
    } else if (key == "dump" || key == "profiler") {
      WarnNoEffect(key, "the library does not read this section");
    } else {
      WarnNoEffect(key, "unknown");
    }
    return ACL_SUCCESS;
  }

  aclError ReadDefaultDevice(const std::string& key, const json& value, ConfigSettings* settings) {
    VNPU_RETURN_IF_ERROR(Object(key, value, R"({"default_device": "N"})"));
    bool given = false;
    for (const auto& [name, inner] : value.items()) {
      if (name == "default_device") {
        int64_t device = -1;
        VNPU_RETURN_IF_ERROR(Number(Inside(key, name), inner, 0, INT32_MAX, &device));
        settings->default_device = static_cast<int32_t>(device);
        given = true;
      } else {
        WarnNoEffect(Inside(key, name), "unknown");
      }
    }
    return given ? ACL_SUCCESS
                 : Fail(ACL_ERROR_RT_PARAM_INVALID, "{}: '{}' lacks 'default_device'", path_, key);
  }

  aclError ReadStackSize(const std::string& key, const json& value, ConfigSettings* settings) {
    VNPU_RETURN_IF_ERROR(Object(key, value, R"({"aicore_stack_size": BYTES})"));
    for (const auto& [name, inner] : value.items()) {
      if (name == "aicore_stack_size") {
        VNPU_RETURN_IF_ERROR(Size(Inside(key, name), inner, &settings->core_stack));
      } else if (name == "simt_stack_size" || name == "simt_divergence_stack_size") {
        WarnNoEffect(Inside(key, name), "the devices do not have the SIMT model");
      } else {
        WarnNoEffect(Inside(key, name), "unknown");
      }
    }
    return ACL_SUCCESS;
  }

  aclError Object(const std::string& key, const json& value, const char* form) {
    return value.is_object()
               ? ACL_SUCCESS
               : Fail(ACL_ERROR_RT_PARAM_INVALID, "{}: '{}' takes {}", path_, key, form);
  }

  aclError Number(const std::string& key, const json& value, int64_t least, int64_t most,
                  int64_t* number, aclError code = ACL_ERROR_RT_PARAM_INVALID) {
    const std::optional<int64_t> read = ReadConfigNumber(value);
    if (!read.has_value() || *read < least || *read > most) {
      return Fail(code, "{}: '{}' is {}; it takes a number, {} to {}", path_, key, value.dump(),
                  least, most);
    }
    *number = *read;
    return ACL_SUCCESS;
  }

  aclError Size(const std::string& key, const json& value, std::optional<size_t>* size) {
    int64_t bytes = 0;
    VNPU_RETURN_IF_ERROR(Number(key, value, 0, INT64_MAX, &bytes));
    *size = static_cast<size_t>(bytes);
    return ACL_SUCCESS;
  }

  void WarnNoEffect(const std::string& key, const char* why) {
    Log().warn("aclInit: the setting '{}' in {} has no effect: {}", key, path_, why);
  }

  const char* path_;
};

// Watches how deep objects and arrays nest, while the parser, which does not recurse, goes along.
class DepthWatch {
 public:
  static constexpr int kMost = 10;

  bool operator()(json::parse_event_t event) {
    switch (event) {
      case json::parse_event_t::object_start:
        deepest_ = std::max(deepest_, ++braces_);
        break;
      case json::parse_event_t::object_end:
        --braces_;
        break;
      case json::parse_event_t::array_start:
        deepest_ = std::max(deepest_, ++brackets_);
        break;
      case json::parse_event_t::array_end:
        --brackets_;
        break;
      default:
        break;
    }
    return true;
  }
  bool too_deep() const { return deepest_ > kMost; }

 private:
  int braces_ = 0;
  int brackets_ = 0;
  int deepest_ = 0;
};

aclError ParseFile(const char* path, json* config) {
  std::error_code ignored;
  std::ifstream file(path);
  if (!file || !std::filesystem::is_regular_file(path, ignored)) {
    return Fail(
        ACL_ERROR_INVALID_FILE,
        "cannot open the configuration file {}; give a JSON file that this process may read", path);
  }
  DepthWatch depth;
  try {
    *config = json::parse(file, [&](int /*depth*/, json::parse_event_t event, json& /*parsed*/) {
      return depth(event);
    });
  } catch (const json::parse_error& error) {
    return Fail(ACL_ERROR_PARSE_FILE, "{} is not JSON: {}", path, error.what());
  }
  if (depth.too_deep()) {
    return Fail(ACL_ERROR_PARSE_FILE, "{} nests objects or arrays more than {} deep", path,
                DepthWatch::kMost);
  }
  if (!config->is_object()) {
    return Fail(ACL_ERROR_PARSE_FILE, "{} holds no JSON object; put the settings into {{}}", path);
  }
  return ACL_SUCCESS;
}

}  // namespace

aclError LoadConfig(const char* path) {
  json config;
  ConfigSettings settings;
  VNPU_RETURN_IF_ERROR(ParseFile(path, &config));
  VNPU_RETURN_IF_ERROR(ConfigReader(path).Read(config, &settings));
  for (const auto apply : {CheckProcessLimit, SetProcessLimit}) {
    if (settings.core_stack.has_value()) {
      VNPU_RETURN_IF_ERROR(apply(ACL_RT_DEV_LIMIT_SIMD_STACK_SIZE, *settings.core_stack));
    }
    if (settings.core_printf.has_value()) {
      VNPU_RETURN_IF_ERROR(
          apply(ACL_RT_DEV_LIMIT_SIMD_PRINTF_FIFO_SIZE_PER_CORE, *settings.core_printf));
    }
  }
  SetErrorMessagesPerProcess(settings.messages_per_process);
  SetDefaultDevice(settings.default_device);
  return ACL_SUCCESS;
}

void ApplyDefaultConfig() {
  SetErrorMessagesPerProcess(false);
  SetDefaultDevice(-1);
}

}  // namespace vnpu::runtime
