// A driver of the test's own: `vnpud --foreground` on a private mount point, or
// `vnpud --embedded` behind a socket.
#ifndef VNPU_TESTS_UAPI_SUPPORT_VNPUD_H_
#define VNPU_TESTS_UAPI_SUPPORT_VNPUD_H_

#include <fcntl.h>
#include <sys/types.h>
#include <vnpu/ioctl.h>

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "tests/uapi/support/raw_file.h"
#include "tests/uapi/support/system.h"

namespace vnpu::raw {

enum class Transport { kNode, kEmbedded };

// Why nodes cannot be mounted here; empty when they can.
std::string WhyNoNode();

// Functions throw std::runtime_error or std::system_error when the driver does not do what every
// test needs.
class Vnpud {
 public:
  explicit Vnpud(Transport transport, std::vector<std::string> options = {});
  ~Vnpud();
  Vnpud(const Vnpud&) = delete;
  Vnpud& operator=(const Vnpud&) = delete;

  // An open file on which nothing was negotiated yet. nullptr: errno says why.
  std::unique_ptr<RawFile> TryOpen(const std::string& node, int flags = O_RDWR) const;
  // The same, the version negotiated with all features.
  std::unique_ptr<RawFile> Open(const std::string& node, int flags = O_RDWR) const;
  vnpu_ioc_counters Counters(uint32_t device = 0) const;

  // Asks the driver to end and waits for it: its exit status, or the negative number of the signal
  // that ended it; nothing when it had to be killed after a while, or was stopped before.
  std::optional<int> Stop();
  // kill -9.
  void Kill();
  // Starts it again on the same mount point.
  void Restart();
  bool Running() const;

  Transport transport() const { return transport_; }
  pid_t pid() const { return pid_; }
  std::string NodePath(const std::string& node) const { return mount_point() + "/" + node; }
  std::string mount_point() const { return directory_ + "/mount"; }
  // What it has written to stderr.
  std::string Log() const { return ReadFile(directory_ + "/log"); }
  // Process ids of its children that are device processes.
  std::vector<pid_t> DeviceProcesses() const;

 private:
  void Start();
  void Exec(int embedded_fd) const;
  void WaitForMount() const;

  Transport transport_;
  std::vector<std::string> options_;
  std::string directory_;
  pid_t pid_ = -1;
  UniqueFd socket_;
};

// VNPU_IOC_VERSION with all features; throws std::system_error.
void Negotiate(RawFile* file);
// True when nothing is given out.
bool AllZero(const vnpu_ioc_counters& counters);
std::string ToString(const vnpu_ioc_counters& counters);

}  // namespace vnpu::raw

#endif  // VNPU_TESTS_UAPI_SUPPORT_VNPUD_H_
