#include "libruntime/src/base/log.h"

#include <spdlog/sinks/stdout_sinks.h>

#include <cstdlib>
#include <cstring>
#include <memory>

namespace vnpu::runtime {
namespace {

bool IsOne(const char* value) { return value != nullptr && std::strcmp(value, "1") == 0; }

spdlog::level::level_enum LevelFromEnvironment() {
  const char* value = std::getenv("ASCEND_GLOBAL_LOG_LEVEL");
  if (value == nullptr || std::strlen(value) != 1) {
    return spdlog::level::err;
  }
  switch (*value) {
    case '0':
      return spdlog::level::debug;
    case '1':
      return spdlog::level::info;
    case '2':
      return spdlog::level::warn;
    case '4':
      return spdlog::level::off;
    default:
      return spdlog::level::err;
  }
}

bool ToStdout() {
  const char* current = std::getenv("ASCEND_LOG_PRINT_TO_STDOUT");
  return IsOne(current != nullptr ? current : std::getenv("ASCEND_SLOG_PRINT_TO_STDOUT"));
}

spdlog::logger* MakeLogger() {
  spdlog::sink_ptr sink;
  if (ToStdout()) {
    sink = std::make_shared<spdlog::sinks::stdout_sink_mt>();
  } else {
    sink = std::make_shared<spdlog::sinks::stderr_sink_mt>();
  }
  auto* logger = new spdlog::logger("acl_rt", std::move(sink));
  logger->set_level(LevelFromEnvironment());
  logger->set_pattern("[%l] VNPU(%P,%t):%Y-%m-%d-%H:%M:%S.%e %v");
  logger->flush_on(spdlog::level::debug);
  return logger;
}

}  // namespace

spdlog::logger& Log() {
  static spdlog::logger* const logger = MakeLogger();
  return *logger;
}

}  // namespace vnpu::runtime
