// Log files of this process: plog-<pid>_<time>.log, each up to so many bytes, so many of them.
#ifndef VNPU_LIBRUNTIME_SRC_BASE_PLOG_H_
#define VNPU_LIBRUNTIME_SRC_BASE_PLOG_H_

#include <spdlog/sinks/base_sink.h>
#include <sys/types.h>

#include <cstdint>
#include <deque>
#include <mutex>
#include <string>

#include "libruntime/src/base/unique_fd.h"

namespace vnpu::runtime {

// Opens a file when there is something to write. A file that would grow over `file_bytes` is left
// for the next one, and the oldest goes when there are more than `files`. A forked child writes
// files of its own. What cannot be written goes to standard error.
class PlogSink final : public spdlog::sinks::base_sink<std::mutex> {
 public:
  static constexpr uint64_t kFileBytes = uint64_t{20} << 20;

  PlogSink(std::string folder, uint32_t files, uint64_t file_bytes = kFileBytes)
      : folder_(std::move(folder)), files_(files), file_bytes_(file_bytes) {}

 protected:
  void sink_it_(const spdlog::details::log_msg& message) override;
  void flush_() override {}

 private:
  bool OpenFile(size_t bytes);
  bool NextFile();

  const std::string folder_;
  const uint32_t files_;
  const uint64_t file_bytes_;
  pid_t pid_ = 0;  // whose file is open
  UniqueFd file_;
  uint64_t written_ = 0;
  std::string stamp_;              // time in the last file's name
  uint32_t same_stamp_ = 0;        // files with that time before it
  std::deque<std::string> paths_;  // of this process, the oldest first
};

// ASCEND_HOST_LOG_FILE_NUM: 1 to 1000, 10 by default.
uint32_t PlogFilesFromEnvironment();

}  // namespace vnpu::runtime

#endif  // VNPU_LIBRUNTIME_SRC_BASE_PLOG_H_
