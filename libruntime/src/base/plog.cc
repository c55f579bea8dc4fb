#include "libruntime/src/base/plog.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <charconv>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <filesystem>

namespace vnpu::runtime {
namespace {

// YYYYmmddHHMMSSmmm
std::string PlogTime() {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  const int64_t ms = std::chrono::duration_cast<std::chrono::milliseconds>(now).count();
  const time_t seconds = ms / 1000;
  tm local{};
  localtime_r(&seconds, &local);
  return fmt::format("{:04}{:02}{:02}{:02}{:02}{:02}{:03}", local.tm_year + 1900, local.tm_mon + 1,
                     local.tm_mday, local.tm_hour, local.tm_min, local.tm_sec, ms % 1000);
}

bool WriteLine(int fd, const char* data, size_t bytes) {
  while (bytes > 0) {
    const ssize_t put = write(fd, data, bytes);
    if (put < 0 && errno != EINTR) {
      return false;
    }
    data += std::max<ssize_t>(put, 0);
    bytes -= static_cast<size_t>(std::max<ssize_t>(put, 0));
  }
  return true;
}

}  // namespace

void PlogSink::sink_it_(const spdlog::details::log_msg& message) {
  spdlog::memory_buf_t line;
  formatter_->format(message, line);
  if (OpenFile(line.size()) && WriteLine(file_.get(), line.data(), line.size())) {
    written_ += line.size();
  } else {
    WriteLine(STDERR_FILENO, line.data(), line.size());
  }
}

bool PlogSink::OpenFile(size_t bytes) {
  if (pid_ != getpid()) {
    pid_ = getpid();
    file_.Reset();
    paths_.clear();  // the parent's
  }
  if (file_.valid() && written_ + bytes <= file_bytes_) {
    return true;
  }
  return NextFile();
}

bool PlogSink::NextFile() {
  std::error_code ignored;
  std::filesystem::create_directories(folder_, ignored);
  const std::string stamp = PlogTime();
  same_stamp_ = stamp == stamp_ ? same_stamp_ + 1 : 0;
  stamp_ = stamp;
  const std::string number = same_stamp_ == 0 ? "" : fmt::format(".{}", same_stamp_);
  std::string path = fmt::format("{}/plog-{}_{}{}.log", folder_, pid_, stamp, number);
  const int fd = open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0640);
  if (fd < 0) {
    return false;
  }
  file_.Reset(fd);
  written_ = 0;
  paths_.push_back(std::move(path));
  while (paths_.size() > files_) {
    unlink(paths_.front().c_str());
    paths_.pop_front();
  }
  return true;
}

uint32_t PlogFilesFromEnvironment() {
  constexpr uint32_t kDefault = 10;
  constexpr uint32_t kMost = 1000;
  const char* text = std::getenv("ASCEND_HOST_LOG_FILE_NUM");
  if (text == nullptr) {
    return kDefault;
  }
  uint32_t files = 0;
  const char* const end = text + std::strlen(text);
  const auto [next, error] = std::from_chars(text, end, files);
  const bool good = error == std::errc() && next == end && files >= 1 && files <= kMost;
  return good ? files : kDefault;
}

}  // namespace vnpu::runtime
