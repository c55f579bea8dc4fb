// Running as a daemon: the background process, log, pid file, mount point.
#ifndef VNPU_DRIVER_GLUE_DAEMON_H_
#define VNPU_DRIVER_GLUE_DAEMON_H_

#include <string>

#include "driver/base/unique_fd.h"
#include "driver/config/config.h"

namespace vnpu::driver {

// Goes into the background, unless told not to. The process that was started stays until the
// background process says how its start went, and exits accordingly.
class Background {
 public:
  // Returns in the process that is to serve.
  void Enter(bool foreground);
  // Tells the waiting process that the nodes are there.
  void Ready();
  // Without Ready: the waiting process exits with this code.
  void Failed(int exit_code);

 private:
  UniqueFd report_;
};

// Sends the log to where the configuration says. False, with a line on stderr: cannot.
bool StartLog(const Config& config);

// Raises the limit of open descriptors as far as the process may.
void RaiseDescriptorLimit();

// Blocks the signals that end the driver, for all threads to come; they arrive at the descriptor.
UniqueFd BlockSignals();

// A file that holds the process number while the object lives.
class PidFile {
 public:
  // Returns 0 or -errno. No path: nothing.
  int Create(const std::string& path);
  ~PidFile();

 private:
  std::string path_;
};

// The directory that the nodes are mounted on: made when missing, and then removed again; a dead
// mount on it is taken away.
class MountPoint {
 public:
  // Returns 0, or -errno with one line in the log.
  int Prepare(const std::string& path);
  ~MountPoint();

 private:
  std::string made_;  // the directory, if it was made here
};

}  // namespace vnpu::driver

#endif  // VNPU_DRIVER_GLUE_DAEMON_H_
