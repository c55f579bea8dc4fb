// The log: one line a message on stderr (or stdout), with level, process and time.
//
// ASCEND_GLOBAL_LOG_LEVEL: 0 debug, 1 info, 2 warning, 3 error (default), 4 nothing.
// ASCEND_LOG_PRINT_TO_STDOUT or ASCEND_SLOG_PRINT_TO_STDOUT = 1: stdout.
#ifndef VNPU_LIBRUNTIME_SRC_BASE_LOG_H_
#define VNPU_LIBRUNTIME_SRC_BASE_LOG_H_

#include <spdlog/spdlog.h>

#include <string_view>
#include <utility>

namespace vnpu::runtime {

// The process's logger; never destroyed, so it works during exit. Any thread.
spdlog::logger& Log();

}  // namespace vnpu::runtime

#endif  // VNPU_LIBRUNTIME_SRC_BASE_LOG_H_
