// The compat parts of the firmware that one device has: which new sessions get, who uses which.
#ifndef VNPU_DRIVER_FIRMWARE_STORE_H_
#define VNPU_DRIVER_FIRMWARE_STORE_H_

#include <vnpu/ioctl.h>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <vector>

#include "driver/base/unique_fd.h"
#include "driver/firmware/self_test.h"

namespace vnpu::driver {

// One compat part; constant but for `sessions`.
struct Plugin {
  std::string version;
  UniqueFd image;  // memfd, sealed
  uint64_t bytes = 0;
  uint64_t installed_ns = 0;  // CLOCK_REALTIME
  std::atomic<uint32_t> sessions{0};
};

// A session's use of a plug-in, for as long as this lives. May be of none.
class PluginUse {
 public:
  PluginUse() = default;
  explicit PluginUse(std::shared_ptr<Plugin> plugin);
  PluginUse(PluginUse&& other) noexcept : plugin_(std::move(other.plugin_)) {}
  PluginUse& operator=(PluginUse&& other) noexcept {
    plugin_.swap(other.plugin_);
    return *this;
  }
  ~PluginUse();

  // Descriptor of the image, or -1: the device process has its own.
  int fd() const { return plugin_ != nullptr ? plugin_->image.get() : -1; }

 private:
  std::shared_ptr<Plugin> plugin_;
};

// Thread-safe.
class FirmwareStore {
 public:
  // Takes the file that came with the driver as the first plug-in. Without one, device processes
  // use what is built into them.
  void Ship(const std::string& path);

  // As VNPU_IOC_FIRMWARE_UPGRADE and VNPU_IOC_FIRMWARE: 0 or -errno.
  int Upgrade(const SelfTest& test, const UniqueFd& file, vnpu_ioc_firmware_upgrade* arg);
  int List(vnpu_ioc_firmware* arg) const;

  PluginUse Use() const;

 private:
  static constexpr size_t kNone = SIZE_MAX;

  int Install(std::shared_ptr<Plugin> plugin, uint32_t* index);
  size_t Find(const std::string& version) const;
  size_t FreePlace() const;

  mutable std::mutex mutex_;
  std::vector<std::shared_ptr<Plugin>> plugins_;
  size_t active_ = kNone;
};

// The version that a plug-in says it has; "": none, so it is no plug-in.
std::string VersionOf(std::span<const std::byte> image);

}  // namespace vnpu::driver

#endif  // VNPU_DRIVER_FIRMWARE_STORE_H_
