// Files of one test.
#ifndef VNPU_TESTS_SUPPORT_TEMP_FILE_H_
#define VNPU_TESTS_SUPPORT_TEMP_FILE_H_

#include <gtest/gtest.h>
#include <unistd.h>

#include <fstream>
#include <string>
#include <string_view>

namespace vnpu::test {

// A file with this text that no other process has, as long as the object lives.
class TempFile {
 public:
  explicit TempFile(std::string_view text = "") : path_(testing::TempDir() + "vnpu-test-XXXXXX") {
    const int fd = mkstemp(path_.data());
    EXPECT_GE(fd, 0) << path_;
    close(fd);
    std::ofstream(path_) << text;
  }
  TempFile(const TempFile&) = delete;
  TempFile& operator=(const TempFile&) = delete;
  ~TempFile() { unlink(path_.c_str()); }

  const char* path() const { return path_.c_str(); }

 private:
  std::string path_;
};

}  // namespace vnpu::test

#endif  // VNPU_TESTS_SUPPORT_TEMP_FILE_H_
