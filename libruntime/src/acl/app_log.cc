// What the application writes to the log.
#include <array>
#include <cstdarg>
#include <cstdio>
#include <string_view>

#include "acl/acl_rt.h"
#include "libruntime/src/base/log.h"

namespace {

constexpr size_t kMostLogBytes = 1024;  // of one message; the rest is cut off

std::string_view WithoutFolder(const char* path) {
  const std::string_view text = path != nullptr ? path : "?";
  return text.substr(text.rfind('/') + 1);  // all of it where there is no slash
}

}  // namespace

void aclAppLog(aclLogLevel logLevel, const char* func, const char* file, uint32_t line,
               const char* fmt, ...) {
  constexpr std::array kLevels = {spdlog::level::debug, spdlog::level::info, spdlog::level::warn,
                                  spdlog::level::err};
  if (fmt == nullptr || logLevel < ACL_DEBUG || logLevel > ACL_ERROR) {
    return;
  }
  const auto level = kLevels[static_cast<size_t>(logLevel)];
  try {
    spdlog::logger& log = vnpu::runtime::AppLog();
    if (!log.should_log(level)) {
      return;
    }
    std::array<char, kMostLogBytes> text{};
    va_list arguments;
    va_start(arguments, fmt);
    std::vsnprintf(text.data(), text.size(), fmt, arguments);
    va_end(arguments);
    log.log(level, "[{}:{}] {}: {}", WithoutFolder(file), line, func != nullptr ? func : "?",
            text.data());
  } catch (...) {  // no memory for the line: it is lost
    return;
  }
}
