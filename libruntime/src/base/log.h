// The log: one line a message with level, module, process, program and time.
//
// ASCEND_GLOBAL_LOG_LEVEL: 0 debug, 1 info, 2 warning, 3 error (default), 4 nothing.
// ASCEND_MODULE_LOG_LEVEL: levels of single modules, as "RUNTIME=1:APP=0". This library is RUNTIME
//   (and ASCENDCL), what the application logs by aclAppLog is APP.
// ASCEND_SLOG_PRINT_TO_STDOUT (or ASCEND_LOG_PRINT_TO_STDOUT) = 1: to standard output; else
// ASCEND_PROCESS_LOG_PATH: into files under this folder (plog.h); else
// ASCEND_WORK_PATH: into files under its folder "log"; else to standard error.
#ifndef VNPU_LIBRUNTIME_SRC_BASE_LOG_H_
#define VNPU_LIBRUNTIME_SRC_BASE_LOG_H_

#include <spdlog/spdlog.h>

#include <string_view>
#include <utility>

namespace vnpu::runtime {

// The library's logger; never destroyed, so it works during exit. Any thread.
spdlog::logger& Log();

// The application's, likewise.
spdlog::logger& AppLog();

// Level of the first of `modules` that `list` (of the form of ASCEND_MODULE_LOG_LEVEL, or null)
// names with a level that there is, else `otherwise`.
spdlog::level::level_enum ModuleLevel(const char* list,
                                      std::initializer_list<std::string_view> modules,
                                      spdlog::level::level_enum otherwise);

}  // namespace vnpu::runtime

#endif  // VNPU_LIBRUNTIME_SRC_BASE_LOG_H_
