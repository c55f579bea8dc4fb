// Starting and stopping the driver.
#ifndef VNPU_TOOLS_VNPU_CTL_LIFECYCLE_H_
#define VNPU_TOOLS_VNPU_CTL_LIFECYCLE_H_

#include <string>
#include <vector>

namespace vnpu::tools {

// Exit codes of vnpu-ctl.
inline constexpr int kFailed = 1;
inline constexpr int kNotRunning = 3;

// Starts vnpud with further options of its own; returns when the nodes answer. An exit code; what
// went wrong is on stderr.
int Start(const std::string& mount_point, const std::vector<std::string>& options);

// Ends the driver and waits until its process and its mount are gone; takes a dead mount away.
int Stop(const std::string& mount_point);

}  // namespace vnpu::tools

#endif  // VNPU_TOOLS_VNPU_CTL_LIFECYCLE_H_
