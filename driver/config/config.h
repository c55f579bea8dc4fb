// What vnpud is told: command line over environment over configuration file over defaults.
#ifndef VNPU_DRIVER_CONFIG_CONFIG_H_
#define VNPU_DRIVER_CONFIG_CONFIG_H_

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>

#include "driver/config/soc_profile.h"

namespace vnpu::driver {

struct Config {
  // Devices.
  uint32_t devices = 1;
  const SocProfile* soc = nullptr;  // never nullptr once parsed
  uint64_t hbm_bytes = 0;           // of one device
  int numa_node = -1;               // -1: not bound

  // Nodes.
  std::string mount_point = "/dev/vnpu";
  uid_t owner = 0;
  gid_t group = 0;
  mode_t mode = 0666;

  // Running.
  int embedded_fd = -1;  // >= 0: serve this socket instead of a mount
  bool foreground = false;
  std::string log_level;  // "info"; "warn" with --embedded
  std::string log_file;   // empty: stderr in the foreground, else the system log
  std::string pid_file;
  std::string device_program;              // empty: vnpu-device beside this program
  std::string firmware;                    // empty: vnpu-compat.so of this installation
  uint32_t control_timeout_ms = 20'000;    // for a device process's reply, on busy machines too
  uint64_t pin_limit = uint64_t{8} << 30;  // pinned host memory, bytes a session
};

// The result of reading arguments: a configuration, or how to exit.
struct ParsedConfig {
  std::optional<Config> config;
  int exit_code = 0;
  std::string output;  // help, version, or one line saying what is wrong
};

// Reads options, the VNPU_* environment and the configuration file.
ParsedConfig ParseConfig(int argc, const char* const* argv);

// "64G", "512M", "4096" to bytes; nothing when malformed or too large.
std::optional<uint64_t> ParseBytes(const std::string& text);

}  // namespace vnpu::driver

#endif  // VNPU_DRIVER_CONFIG_CONFIG_H_
