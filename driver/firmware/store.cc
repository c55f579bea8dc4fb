#include "driver/firmware/store.h"

#include <fcntl.h>
#include <spdlog/spdlog.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <string_view>

#include "driver/base/memfd.h"
#include "driver/base/time.h"
#include "firmware/compat/compat.h"

namespace vnpu::driver {
namespace {

template <size_t kSize>
void PutText(char (&out)[kSize], std::string_view text) {
  std::memset(out, 0, kSize);
  std::memcpy(out, text.data(), std::min(text.size(), kSize - 1));
}

// The first `bytes` bytes of a file: 0 or -errno, -EINVAL when it is shorter.
int ReadAll(int file, uint64_t bytes, std::vector<std::byte>* contents) {
  contents->resize(bytes);
  for (uint64_t at = 0; at < bytes;) {
    const ssize_t got = pread(file, contents->data() + at, bytes - at, static_cast<off_t>(at));
    if (got < 0 && errno == EINTR) {
      continue;
    }
    if (got <= 0) {
      return got < 0 ? -errno : -EINVAL;
    }
    at += static_cast<uint64_t>(got);
  }
  return 0;
}

// A memory file with these contents, which nobody can change. 0 or -errno.
int Seal(std::span<const std::byte> contents, UniqueFd* image) {
  UniqueFd copy;
  if (const int error = CreateMemfd("vnpu-compat", contents.size(), &copy); error != 0) {
    return error;
  }
  if (pwrite(copy.get(), contents.data(), contents.size(), 0) !=
      static_cast<ssize_t>(contents.size())) {
    return -ENOMEM;
  }
  if (fcntl(copy.get(), F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_SEAL) != 0) {
    return -errno;
  }
  *image = std::move(copy);
  return 0;
}

bool SameContents(const Plugin& a, const Plugin& b) {
  std::vector<std::byte> left;
  std::vector<std::byte> right;
  return a.bytes == b.bytes && ReadAll(a.image.get(), a.bytes, &left) == 0 &&
         ReadAll(b.image.get(), b.bytes, &right) == 0 && left == right;
}

// Copies a file and finds its version. 0 or -errno; -ENOEXEC: `*why` it is no plug-in.
int MakePlugin(int file, uint64_t bytes, std::shared_ptr<Plugin>* made, std::string* why) {
  struct stat status {};
  if (fstat(file, &status) != 0 || !S_ISREG(status.st_mode)) {
    return -EINVAL;
  }
  std::vector<std::byte> contents;
  if (const int error = ReadAll(file, bytes, &contents); error != 0) {
    return error;
  }
  constexpr std::string_view kElf = "\177ELF";
  if (bytes < kElf.size() || std::memcmp(contents.data(), kElf.data(), kElf.size()) != 0) {
    *why = "not a firmware plug-in: not an ELF file";
    return -ENOEXEC;
  }
  auto plugin = std::make_shared<Plugin>();
  plugin->version = VersionOf(contents);
  if (plugin->version.empty()) {
    *why = "not a firmware plug-in: it does not say its version";
    return -ENOEXEC;
  }
  plugin->bytes = bytes;
  plugin->installed_ns = NowNs(CLOCK_REALTIME);
  const int error = Seal(contents, &plugin->image);
  *made = std::move(plugin);
  return error;
}

}  // namespace

std::string VersionOf(std::span<const std::byte> image) {
  // The version follows the mark; code that mentions the mark alone has none.
  const std::string_view bytes(reinterpret_cast<const char*>(image.data()), image.size());
  constexpr std::string_view kMark = VNPU_COMPAT_IDENT;
  for (size_t at = bytes.find(kMark); at != std::string_view::npos;
       at = bytes.find(kMark, at + 1)) {
    const std::string_view rest = bytes.substr(at + kMark.size(), VNPU_COMPAT_VERSION_CHARS + 1);
    const size_t end = rest.find('\0');
    const std::string_view version = rest.substr(0, end);
    if (end != std::string_view::npos && end > 0 &&
        std::ranges::all_of(version, [](char c) { return c > ' ' && c < 0x7f; })) {
      return std::string(version);
    }
  }
  return "";
}

PluginUse::PluginUse(std::shared_ptr<Plugin> plugin) : plugin_(std::move(plugin)) {
  if (plugin_ != nullptr) {
    plugin_->sessions.fetch_add(1);
  }
}

PluginUse::~PluginUse() {
  if (plugin_ != nullptr) {
    plugin_->sessions.fetch_sub(1);
  }
}

void FirmwareStore::Ship(const std::string& path) {
  const UniqueFd file(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  struct stat status {};
  std::shared_ptr<Plugin> plugin;
  std::string why = "it cannot be read";
  if (!file.valid() || fstat(file.get(), &status) != 0 || status.st_size <= 0 ||
      status.st_size > VNPU_MAX_FIRMWARE_BYTES ||
      MakePlugin(file.get(), static_cast<uint64_t>(status.st_size), &plugin, &why) != 0) {
    spdlog::info("firmware plug-in {}: {}; device processes use the built-in one", path, why);
    return;
  }
  uint32_t index = 0;
  Install(std::move(plugin), &index);
}

int FirmwareStore::Upgrade(const SelfTest& test, const UniqueFd& file,
                           vnpu_ioc_firmware_upgrade* arg) {
  if (arg->bytes == 0 || arg->bytes > VNPU_MAX_FIRMWARE_BYTES) {
    return -EINVAL;
  }
  std::shared_ptr<Plugin> plugin;
  std::string why;
  int error = MakePlugin(file.get(), arg->bytes, &plugin, &why);
  if (error == 0) {
    PutText(arg->version, plugin->version);
    why = RunSelfTest(test, plugin->image.get());
    error = why.empty() ? 0 : -ENOEXEC;
  }
  if (error != 0) {
    PutText(arg->message, why);
    return error;
  }
  return Install(std::move(plugin), &arg->index);
}

int FirmwareStore::Install(std::shared_ptr<Plugin> plugin, uint32_t* index) {
  const std::lock_guard lock(mutex_);
  size_t place = Find(plugin->version);
  if (place != kNone) {
    if (!SameContents(*plugins_[place], *plugin)) {
      return -EEXIST;
    }
  } else {
    place = FreePlace();
    if (place == kNone) {
      return -ENOSPC;
    }
    plugins_.resize(std::max(plugins_.size(), place + 1));
    plugins_[place] = std::move(plugin);
  }
  active_ = place;
  *index = static_cast<uint32_t>(place);
  return 0;
}

size_t FirmwareStore::Find(const std::string& version) const {
  const auto found = std::ranges::find(plugins_, version, [](const auto& p) { return p->version; });
  return found != plugins_.end() ? static_cast<size_t>(found - plugins_.begin()) : kNone;
}

// A new place, or, when there are enough, the oldest that nobody uses.
size_t FirmwareStore::FreePlace() const {
  if (plugins_.size() < VNPU_MAX_FIRMWARE) {
    return plugins_.size();
  }
  size_t oldest = kNone;
  for (size_t i = 0; i < plugins_.size(); ++i) {
    if (i != active_ && plugins_[i]->sessions == 0 &&
        (oldest == kNone || plugins_[i]->installed_ns < plugins_[oldest]->installed_ns)) {
      oldest = i;
    }
  }
  return oldest;
}

int FirmwareStore::List(vnpu_ioc_firmware* arg) const {
  const std::lock_guard lock(mutex_);
  if (arg->index >= plugins_.size()) {
    return -ENOENT;
  }
  const Plugin& plugin = *plugins_[arg->index];
  arg->active = arg->index == active_ ? 1 : 0;
  arg->sessions = plugin.sessions;
  arg->installed_ns = plugin.installed_ns;
  arg->bytes = plugin.bytes;
  PutText(arg->version, plugin.version);
  return 0;
}

PluginUse FirmwareStore::Use() const {
  const std::lock_guard lock(mutex_);
  return active_ == kNone ? PluginUse() : PluginUse(plugins_[active_]);
}

}  // namespace vnpu::driver
