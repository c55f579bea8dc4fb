// Child processes and temporary files.
#ifndef TOOLS_NPUCC_PROCESS_H_
#define TOOLS_NPUCC_PROCESS_H_

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace vnpu::npucc {

struct CommandResult {
  int status = 0;  // exit status; 128 + number for a signal; 127 when it could not be started
  std::string out;
  std::string err;
};

// Runs a command, found along PATH, and collects what it writes. Its stdin is empty.
CommandResult RunCommand(const std::vector<std::string>& command);

// The command as a line for a shell.
std::string ShellLine(const std::vector<std::string>& command);

// A directory for intermediate files; goes away with the object unless it is kept.
class WorkDirectory {
 public:
  // Empty `keep`: a temporary directory. Otherwise that directory, created if need be and left.
  // Throws std::system_error.
  explicit WorkDirectory(const std::string& keep);
  ~WorkDirectory();
  WorkDirectory(const WorkDirectory&) = delete;
  WorkDirectory& operator=(const WorkDirectory&) = delete;

  std::string Path(std::string_view name) const { return (path_ / name).string(); }
  std::string directory() const { return path_.string(); }

 private:
  std::filesystem::path path_;
  bool keep_;
};

// Whole files as strings; throw std::system_error that names the file.
std::string ReadFile(const std::string& path);
void WriteFile(const std::string& path, std::string_view content);

}  // namespace vnpu::npucc

#endif  // TOOLS_NPUCC_PROCESS_H_
