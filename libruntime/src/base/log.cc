#include "libruntime/src/base/log.h"

#include <fmt/format.h>
#include <spdlog/formatter.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <memory>
#include <string>

#include "libruntime/src/base/plog.h"

namespace vnpu::runtime {
namespace {

bool IsOne(const char* value) { return value != nullptr && std::strcmp(value, "1") == 0; }

spdlog::level::level_enum LevelOf(std::string_view text, spdlog::level::level_enum otherwise) {
  constexpr std::array kLevels = {spdlog::level::debug, spdlog::level::info, spdlog::level::warn,
                                  spdlog::level::err, spdlog::level::off};
  const bool known = text.size() == 1 && text[0] >= '0' && text[0] <= '4';
  return known ? kLevels[static_cast<size_t>(text[0] - '0')] : otherwise;
}

spdlog::level::level_enum LevelFromEnvironment(std::initializer_list<std::string_view> modules) {
  const char* global = std::getenv("ASCEND_GLOBAL_LOG_LEVEL");
  return ModuleLevel(std::getenv("ASCEND_MODULE_LOG_LEVEL"), modules,
                     LevelOf(global != nullptr ? global : "", spdlog::level::err));
}

bool ToStdout() {
  const char* current = std::getenv("ASCEND_LOG_PRINT_TO_STDOUT");
  return IsOne(current != nullptr ? current : std::getenv("ASCEND_SLOG_PRINT_TO_STDOUT"));
}

// Folder of log files; empty: none.
std::string LogFolder() {
  if (const char* path = std::getenv("ASCEND_PROCESS_LOG_PATH"); path != nullptr && *path != 0) {
    return path;
  }
  if (const char* path = std::getenv("ASCEND_WORK_PATH"); path != nullptr && *path != 0) {
    return std::string(path) + "/log";
  }
  return "";
}

// [LEVEL] MODULE(pid,program):YYYY-mm-dd-HH:MM:SS.mmm.uuu [tid] text
class LineFormatter final : public spdlog::formatter {
 public:
  void format(const spdlog::details::log_msg& message, spdlog::memory_buf_t& line) override {
    using std::chrono::duration_cast;
    using std::chrono::microseconds;
    constexpr int64_t kMicro = 1'000'000;
    const int64_t us = duration_cast<microseconds>(message.time.time_since_epoch()).count();
    const time_t seconds = us / kMicro;
    tm local{};
    localtime_r(&seconds, &local);
    fmt::format_to(std::back_inserter(line),
                   "[{}] {}({},{}):{:04}-{:02}-{:02}-{:02}:{:02}:{:02}.{:03}.{:03} [{}] {}\n",
                   LevelName(message.level),
                   std::string_view(message.logger_name.data(), message.logger_name.size()),
                   getpid(), program_invocation_short_name, local.tm_year + 1900, local.tm_mon + 1,
                   local.tm_mday, local.tm_hour, local.tm_min, local.tm_sec, us % kMicro / 1000,
                   us % 1000, message.thread_id,
                   std::string_view(message.payload.data(), message.payload.size()));
  }
  std::unique_ptr<spdlog::formatter> clone() const override {
    return std::make_unique<LineFormatter>();
  }

 private:
  static const char* LevelName(spdlog::level::level_enum level) {
    switch (level) {
      case spdlog::level::debug:
        return "DEBUG";
      case spdlog::level::info:
        return "INFO";
      case spdlog::level::warn:
        return "WARNING";
      default:
        return "ERROR";
    }
  }
};

spdlog::sink_ptr MakeSink() {
  spdlog::sink_ptr sink;
  if (ToStdout()) {
    sink = std::make_shared<spdlog::sinks::stdout_sink_mt>();
  } else if (const std::string folder = LogFolder(); !folder.empty()) {
    sink = std::make_shared<PlogSink>(folder + "/debug/plog", PlogFilesFromEnvironment());
  } else {
    sink = std::make_shared<spdlog::sinks::stderr_sink_mt>();
  }
  sink->set_formatter(std::make_unique<LineFormatter>());
  return sink;
}

spdlog::logger* MakeLogger(const char* module, std::initializer_list<std::string_view> names) {
  static const spdlog::sink_ptr sink = MakeSink();
  auto* logger = new spdlog::logger(module, sink);
  logger->set_level(LevelFromEnvironment(names));
  logger->flush_on(spdlog::level::debug);
  return logger;
}

}  // namespace

spdlog::level::level_enum ModuleLevel(const char* list,
                                      std::initializer_list<std::string_view> modules,
                                      spdlog::level::level_enum otherwise) {
  std::string_view rest = list != nullptr ? list : "";
  while (!rest.empty()) {
    const size_t end = std::min(rest.find(':'), rest.size());
    const std::string_view entry = rest.substr(0, end);
    rest.remove_prefix(std::min(end + 1, rest.size()));
    const size_t equals = entry.find('=');
    if (equals == std::string_view::npos) {
      continue;
    }
    for (const std::string_view module : modules) {
      constexpr auto kNone = spdlog::level::n_levels;
      const auto level = LevelOf(entry.substr(equals + 1), kNone);
      if (entry.substr(0, equals) == module && level != kNone) {
        return level;
      }
    }
  }
  return otherwise;
}

spdlog::logger& Log() {
  static spdlog::logger* const logger = MakeLogger("RUNTIME", {"RUNTIME", "ASCENDCL"});
  return *logger;
}

spdlog::logger& AppLog() {
  static spdlog::logger* const logger = MakeLogger("APP", {"APP"});
  return *logger;
}

}  // namespace vnpu::runtime
