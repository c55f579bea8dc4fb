// vnpud: the driver program.
#include <signal.h>
#include <spdlog/spdlog.h>
#include <unistd.h>

#include <cstdio>

#include "driver/config/config.h"
#include "driver/core/driver.h"
#include "driver/glue/daemon.h"
#include "driver/glue/embedded.h"
#include "driver/glue/fuse.h"

namespace vnpu::driver {
namespace {

int ServeMount(const Config& config, Background* background) {
  const UniqueFd signals = BlockSignals();
  PidFile pid_file;
  MountPoint mount_point;
  if (mount_point.Prepare(config.mount_point) != 0 || pid_file.Create(config.pid_file) != 0) {
    return 1;
  }
  Driver driver(config);
  if (driver.Probe() != 0) {
    return 1;
  }
  return ServeFuse(&driver, signals.get(), [background] { background->Ready(); }) == 0 ? 0 : 1;
}

// The client decides about our end: a terminal's Ctrl-C is for it.
int ServeClient(const Config& config) {
  setsid();
  const UniqueFd signals = BlockSignals();
  Driver driver(config);
  if (driver.Probe() != 0) {
    return 1;
  }
  return ServeEmbedded(&driver, config.embedded_fd, signals.get()) == 0 ? 0 : 1;
}

int Main(int argc, char** argv) {
  const ParsedConfig parsed = ParseConfig(argc, argv);
  if (!parsed.config) {
    std::fputs(parsed.output.c_str(), parsed.exit_code == 0 ? stdout : stderr);
    return parsed.exit_code;
  }
  const Config& config = *parsed.config;
  RaiseDescriptorLimit();
  if (config.embedded_fd >= 0) {
    return StartLog(config) ? ServeClient(config) : 1;
  }
  Background background;
  background.Enter(config.foreground);
  const int code = StartLog(config) ? ServeMount(config, &background) : 1;
  background.Failed(code);
  return code;
}

}  // namespace
}  // namespace vnpu::driver

int main(int argc, char** argv) { return vnpu::driver::Main(argc, argv); }
